//! Rows of the German credit data with the points that the published scorecard gives them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::support::default_strategy;

#[derive(Deserialize)]
struct Row {
    row: u32,
    attributes: BTreeMap<String, String>,
    score: i64,
    parts: Vec<(String, i64)>,
    tier: String,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("../data/scorecard_rows.json")).unwrap()
}

fn of<'a>(attributes: &'a BTreeMap<String, String>) -> impl Fn(&str) -> Option<Cow<'a, str>> {
    |name| attributes.get(name).map(Cow::from)
}

#[test]
fn golden_rows_have_their_points() {
    let strategy = default_strategy();
    for row in rows() {
        let score = strategy.scorecard.score(of(&row.attributes));
        assert_eq!(score.parts, row.parts, "row {}", row.row);
        assert_eq!((score.points, score.known), (row.score, row.parts.len()), "row {}", row.row);
        assert_eq!(strategy.bands.tier(score.points).label(), row.tier, "row {}", row.row);
    }
}

#[test]
fn an_empty_file_scores_the_odds_of_the_sample() {
    let score = default_strategy().scorecard.score(|_| None);
    assert_eq!((score.points, score.known), (600, 0));
}

#[test]
fn protected_attributes_are_not_scored() {
    let strategy = default_strategy();
    for row in rows() {
        let mut changed = row.attributes.clone();
        changed.insert("personal_status_and_sex".to_owned(), "other".to_owned());
        changed.insert("foreign_worker".to_owned(), "other".to_owned());
        assert_eq!(strategy.scorecard.score(of(&changed)).points, row.score);
    }
}
