//! Personal data that cannot leak by accident: it prints, and serializes, as `***` unless a sealer says otherwise.
//!
//! Invariant: without a [`Sealer`] in force on this thread no serializer ever sees the plain value.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What stands where personal data was hidden.
pub const fn redacted() -> &'static str {
    "***"
}

/// Turns personal data into what may be stored, and back.
pub trait Sealer {
    /// The stored form of `plain`.
    fn seal(&self, plain: &str) -> String;
    /// The plain form of `sealed`; `None` when the key is gone or the text was not sealed by it.
    fn open(&self, sealed: &str) -> Option<String>;
}

thread_local! {
    static SEALER: RefCell<Vec<Arc<dyn Sealer>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `body` with `sealer` deciding how [`Sensitive`] values serialize and deserialize on this thread.
pub fn with_sealer<R>(sealer: Arc<dyn Sealer>, body: impl FnOnce() -> R) -> R {
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            SEALER.with_borrow_mut(Vec::pop);
        }
    }
    SEALER.with_borrow_mut(|stack| stack.push(sealer));
    let _pop = Pop;
    body()
}

fn current() -> Option<Arc<dyn Sealer>> {
    SEALER.with_borrow(|stack| stack.last().cloned())
}

/// A name, phone, document number or account number. `Debug`, `Display` and plain serialization show `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sensitive(Arc<str>);

impl Sensitive {
    /// Wraps `plain`.
    pub fn new(plain: impl AsRef<str>) -> Self {
        Self(Arc::from(plain.as_ref()))
    }

    /// The plain value; the call site is where a reviewer looks.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What may be stored: sealed when a sealer is in force on this thread, else `***`.
    pub fn sealed(&self) -> String {
        current().map_or_else(|| redacted().to_owned(), |sealer| sealer.seal(&self.0))
    }

    /// The value behind a stored text: opened when a sealer is in force on this thread, `***` when its key is gone.
    pub fn from_sealed(text: &str) -> Self {
        match current() {
            Some(sealer) => sealer.open(text).map_or_else(|| Self::new(redacted()), Self::new),
            None => Self::new(text),
        }
    }

    /// Whether the value was erased (its key is gone).
    pub fn is_erased(&self) -> bool {
        &*self.0 == redacted()
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(redacted())
    }
}

impl fmt::Display for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(redacted())
    }
}

impl Serialize for Sensitive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match current() {
            Some(sealer) => serializer.serialize_str(&sealer.seal(&self.0)),
            None => serializer.serialize_str(redacted()),
        }
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).map_err(de::Error::custom)?;
        Ok(match current() {
            Some(sealer) => sealer.open(&text).map_or_else(|| Self::new(redacted()), Self::new),
            None => Self::new(text),
        })
    }
}

impl JsonSchema for Sensitive {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sensitive".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "Personal data: sealed at rest, shown as *** in logs" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_without_a_sealer() {
        let phone = Sensitive::new("+233201234567");
        assert_eq!(format!("{phone:?} {phone}"), "*** ***");
        assert_eq!(serde_json::to_string(&phone).unwrap(), "\"***\"");
    }
}
