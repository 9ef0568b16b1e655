//! A refused request: a stable code, a message that says what to do, and details a program can read.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a request was refused. An answer, not a fault: the requester can act on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Stable UPPER_SNAKE code, one of the command's declared errors.
    pub code: String,
    /// What happened, to whom, and what to do; never carries personal data.
    pub message: String,
    /// Values a program can read: field names, limits, states.
    pub details: BTreeMap<String, String>,
}

impl Rejection {
    /// A rejection with a code and a message.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), details: BTreeMap::new() }
    }

    /// The same rejection with one more detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.details.insert(key.to_owned(), value.to_string());
        self
    }

    /// `NOT_FOUND`: nothing of this kind has this id.
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new("NOT_FOUND", format!("there is no {what} {id}: check the id, or list what exists"))
            .with("what", what)
            .with("id", id)
    }

    /// `INVALID_FIELD`: a field breaks a rule; `example` shows a value that does not.
    pub fn invalid(field: &str, rule: impl fmt::Display, example: impl fmt::Display) -> Self {
        Self::new("INVALID_FIELD", format!("{field}: {rule}; for example {example}")).with("field", field)
    }

    /// `UNEXPECTED_STATE`: the thing exists but is not in a state that allows this.
    pub fn unexpected_state(what: &str, id: impl fmt::Display, state: impl fmt::Debug, wanted: &str) -> Self {
        Self::new("UNEXPECTED_STATE", format!("{what} {id} is {state:?}; this needs {wanted}"))
            .with("state", format!("{state:?}"))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Rejection {}

impl From<sycee_money::MoneyError> for Rejection {
    fn from(error: sycee_money::MoneyError) -> Self {
        Self::new("INVALID_AMOUNT", error.to_string())
    }
}
