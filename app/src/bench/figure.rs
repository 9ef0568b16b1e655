//! What a bench found, beside the goal it had.

use serde::Serialize;

use crate::output::{Side, TextTable};

/// Whether more or less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// A speed.
    More,
    /// A time, a size.
    Less,
}

/// A measured number.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was run, such as `ledger`.
    pub bench: &'static str,
    /// Under which conditions, such as `batch 1000`.
    pub case: String,
    /// The number, in `unit`.
    pub value: u64,
    /// Its unit, such as `transfers/s`.
    pub unit: &'static str,
    /// The goal on two cores, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<u64>,
    /// Which way the goal is.
    pub better: Better,
}

impl Figure {
    /// A speed: more is better.
    pub fn speed(bench: &'static str, case: impl Into<String>, value: u64, unit: &'static str) -> Self {
        Self { bench, case: case.into(), value, unit, goal: None, better: Better::More }
    }

    /// A time or a size: less is better.
    pub fn cost(bench: &'static str, case: impl Into<String>, value: u64, unit: &'static str) -> Self {
        Self { better: Better::Less, ..Self::speed(bench, case, value, unit) }
    }

    /// With the goal it had.
    #[must_use]
    pub fn goal(mut self, goal: impl Into<Option<u64>>) -> Self {
        self.goal = goal.into();
        self
    }

    fn verdict(&self) -> String {
        match (self.goal, self.better) {
            (None, _) => String::new(),
            (Some(goal), Better::More) if self.value >= goal => format!("goal {} met", grouped(goal)),
            (Some(goal), Better::Less) if self.value <= goal => format!("goal {} met", grouped(goal)),
            (Some(goal), _) => format!("goal {} MISSED", grouped(goal)),
        }
    }
}

/// The figures as a table.
pub fn figures_text(figures: &[Figure]) -> String {
    let mut table = TextTable::new(&[
        ("bench", Side::Left),
        ("case", Side::Left),
        ("figure", Side::Right),
        ("unit", Side::Left),
        ("", Side::Left),
    ]);
    for figure in figures {
        table.row([
            figure.bench.to_owned(),
            figure.case.clone(),
            grouped(figure.value),
            figure.unit.to_owned(),
            figure.verdict(),
        ]);
    }
    format!("{}\n", table.text())
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_goal_is_met_or_missed_the_right_way_round() {
        let speed = Figure::speed("ledger", "batch 100", 10, "transfers/s");
        assert_eq!(speed.verdict(), "");
        assert_eq!(speed.clone().goal(10).verdict(), "goal 10 met");
        assert_eq!(speed.goal(11).verdict(), "goal 11 MISSED");
        let cost = Figure::cost("ledger", "p99", 10, "us");
        assert_eq!(cost.clone().goal(10).verdict(), "goal 10 met");
        assert_eq!(cost.goal(9).verdict(), "goal 9 MISSED");
    }
}
