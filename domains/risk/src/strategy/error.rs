//! What is wrong with a strategy document, and where.

/// Why a strategy was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// The text is not a document of this form; the source says which field, and in which line.
    #[error("the strategy cannot be read: {0}")]
    Form(#[source] serde_yaml_ng::Error),
    /// A field breaks a rule.
    #[error("{field}: {rule}; for example {example}")]
    Field {
        /// Path of the field, such as `purposes.credit.tiers.low.limit.fraction`.
        field: String,
        /// The rule.
        rule: String,
        /// A value that keeps it.
        example: &'static str,
    },
}

impl StrategyError {
    /// The path of the field that broke a rule, when the document could be read at all.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Form(_) => None,
            Self::Field { field, .. } => Some(field),
        }
    }
}
