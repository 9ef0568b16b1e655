//! What can go wrong: a refusal is an answer, a fault is a bug or an outage.

use std::collections::BTreeMap;
use std::fmt;

use sycee_contract::Rejection;

/// What kind of fault it is; decides what the writer does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The program did what it must not do.
    Bug,
    /// Stored data is not what it must be.
    Corrupt,
    /// The database, or what it stands on, does not answer.
    Outage,
    /// Another writer has taken over the market.
    Fenced,
    /// The writer was asked to stop.
    Stopped,
}

/// A bug or an outage: never the requester's doing.
#[derive(Debug, thiserror::Error)]
#[error("{kind:?}: {message}")]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// What happened; never carries personal data.
    pub message: String,
    /// What is behind it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The program did what it must not do.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Bug, message)
    }

    /// Stored data is not what it must be.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Corrupt, message)
    }

    /// Something that the writer stands on does not answer.
    pub fn outage(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Outage, message)
    }

    /// The same fault with what is behind it.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.message = format!("{}: {source}", self.message);
        self.source = Some(Box::new(source));
        self
    }
}

/// Why a handler stopped.
#[derive(Debug)]
pub enum Halt {
    /// The request is refused.
    Refused(Rejection),
    /// Something is broken.
    Fault(Fault),
}

/// What a handler gives back.
pub type Handled<T> = Result<T, Halt>;

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(rejection) => rejection.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl From<Rejection> for Halt {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<sycee_money::MoneyError> for Halt {
    fn from(error: sycee_money::MoneyError) -> Self {
        Self::Refused(error.into())
    }
}

/// A domain's typed rejection with its stable code.
pub trait Coded: std::error::Error {
    /// Stable UPPER_SNAKE code.
    fn code(&self) -> &'static str;
    /// Values a program can read.
    fn details(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// The answer that a coded rejection becomes.
pub fn rejection_of(error: &impl Coded) -> Rejection {
    Rejection { code: error.code().to_owned(), message: error.to_string(), details: error.details() }
}

/// Lets `?` turn a [`Coded`] error into a refusal.
#[macro_export]
macro_rules! refusable {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for $crate::Halt {
            fn from(error: $error) -> Self {
                $crate::Halt::Refused($crate::rejection_of(&error))
            }
        }

        impl From<$error> for $crate::contract::Rejection {
            fn from(error: $error) -> Self {
                $crate::rejection_of(&error)
            }
        }
    )*};
}
