//! Free text that people supply: how long it may be.

use crate::Rejection;

/// Most characters of a name, a code or a key that somebody supplies.
pub const NAME_MAX: usize = 80;
/// Most characters of a value, a place or a line that somebody supplies.
pub const LINE_MAX: usize = 200;
/// Most characters of a reason or a note that somebody writes.
pub const NOTE_MAX: usize = 1_000;

/// Whether `text` says something, in at most `max` characters.
///
/// Errors: `INVALID_FIELD`; the text itself is not repeated.
pub fn check_text(field: &str, text: &str, max: usize, example: &str) -> Result<(), Rejection> {
    if !text.trim().is_empty() && text.chars().count() <= max {
        return Ok(());
    }
    Err(Rejection::invalid(field, format!("1 to {max} characters"), example))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_an_end_and_a_beginning() {
        for (text, good) in [
            ("a", true),
            ("abcd", true),
            ("abcde", false),
            ("", false),
            (" \t", false),
            ("\u{963f}\u{514b}\u{62c9}\u{5e02}", true),
        ] {
            let checked = check_text("note", text, 4, "as agreed");
            assert_eq!(checked.is_ok(), good, "{text:?}");
            assert!(checked.err().is_none_or(|refusal| refusal.code == "INVALID_FIELD"));
        }
    }
}
