//! A points scorecard: each characteristic of an applicant falls into one bin, each bin has points, points are added.

use std::borrow::Cow;

use rust_decimal::Decimal;

/// A scorecard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scorecard {
    /// Name, for people.
    pub name: String,
    /// Points before any characteristic.
    pub base: i64,
    /// Characteristics, in the order their points are told.
    pub characteristics: Vec<Characteristic>,
}

/// One characteristic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Characteristic {
    /// The feature it looks at.
    pub feature: String,
    /// Points when the feature is not known, or falls into no bin.
    pub missing: i64,
    /// Bins; the first that takes the value counts.
    pub bins: Vec<Bin>,
}

/// One bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// What falls into it.
    pub test: Test,
    /// Its points.
    pub points: i64,
}

/// What falls into a bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One of these texts.
    In(Vec<String>),
    /// A number below this one.
    Below(Decimal),
    /// Any number.
    Number,
}

/// A score and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Sum, in points.
    pub points: i64,
    /// Points of each characteristic, in the scorecard's order.
    pub parts: Vec<(String, i64)>,
    /// How many characteristics fell into a bin.
    pub known: usize,
}

impl Scorecard {
    /// Scores an applicant whose features `feature` tells by name.
    pub fn score<'a>(&self, feature: impl Fn(&str) -> Option<Cow<'a, str>>) -> Score {
        let mut score = Score { points: self.base, parts: Vec::with_capacity(self.characteristics.len()), known: 0 };
        for characteristic in &self.characteristics {
            let bin = feature(&characteristic.feature).and_then(|value| characteristic.bin(&value));
            let points = bin.map_or(characteristic.missing, |bin| bin.points);
            score.points = score.points.saturating_add(points);
            score.known += usize::from(bin.is_some());
            score.parts.push((characteristic.feature.clone(), points));
        }
        score
    }
}

impl Characteristic {
    fn bin(&self, value: &str) -> Option<&Bin> {
        let number = value.parse::<Decimal>().ok();
        self.bins.iter().find(|bin| match &bin.test {
            Test::In(texts) => texts.iter().any(|text| text == value),
            Test::Below(limit) => number.is_some_and(|number| number < *limit),
            Test::Number => number.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration() -> Scorecard {
        let bin = |test, points| Bin { test, points };
        Scorecard {
            name: "test".to_owned(),
            base: 600,
            characteristics: vec![Characteristic {
                feature: "duration".to_owned(),
                missing: -3,
                bins: vec![
                    bin(Test::Below(Decimal::from(8)), 27),
                    bin(Test::In(vec!["open-ended".to_owned()]), -50),
                    bin(Test::Number, -24),
                ],
            }],
        }
    }

    #[test]
    fn the_first_bin_that_takes_the_value_counts() {
        for (value, points, known) in [
            (Some("7.99"), 627, 1),
            (Some("8"), 576, 1),
            (Some("-1"), 627, 1),
            (Some("open-ended"), 550, 1),
            (Some("long"), 597, 0),
            (Some(""), 597, 0),
            (None, 597, 0),
        ] {
            let score = duration().score(|name| value.filter(|_| name == "duration").map(Cow::from));
            assert_eq!((score.points, score.known), (points, known), "{value:?}");
            assert_eq!(score.points, 600 + score.parts.iter().map(|part| part.1).sum::<i64>());
        }
    }
}
