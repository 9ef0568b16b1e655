//! What to do with a due date that is not a business day.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MoneyError;

/// A business day convention (ISDA 2006 §4.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BusinessDayConvention {
    /// The day stays.
    Unadjusted,
    /// The next business day.
    Following,
    /// The next business day, unless it is in another month: then the one before.
    ModifiedFollowing,
    /// The business day before.
    Preceding,
}

impl BusinessDayConvention {
    /// The name used in product versions and JSON: `modified-following`.
    pub const fn name(self) -> &'static str {
        match self {
            BusinessDayConvention::Unadjusted => "unadjusted",
            BusinessDayConvention::Following => "following",
            BusinessDayConvention::ModifiedFollowing => "modified-following",
            BusinessDayConvention::Preceding => "preceding",
        }
    }
}

impl fmt::Display for BusinessDayConvention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BusinessDayConvention {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<BusinessDayConvention, MoneyError> {
        [
            BusinessDayConvention::Unadjusted,
            BusinessDayConvention::Following,
            BusinessDayConvention::ModifiedFollowing,
            BusinessDayConvention::Preceding,
        ]
        .into_iter()
        .find(|convention| convention.name() == text)
        .ok_or_else(|| MoneyError::UnknownName {
            what: "business day convention",
            input: MoneyError::excerpt(text),
            allowed: "unadjusted, following, modified-following, preceding",
        })
    }
}
