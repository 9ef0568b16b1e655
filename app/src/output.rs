//! What commands print, and how they end.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;
use sycee_runtime::Fault;
use sycee_runtime::control::ControlError;

use crate::interrupt;

/// How a command that ran to its end ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything holds.
    Fine,
    /// What was checked does not hold.
    CheckFailed,
}

impl Verdict {
    /// [`Verdict::Fine`] when the check holds.
    pub const fn of(holds: bool) -> Self {
        if holds { Self::Fine } else { Self::CheckFailed }
    }
}

/// Why a command did not run to its end.
#[derive(Debug)]
pub enum Failure {
    /// The command line cannot be read; the text says what would be right.
    Usage(String),
    /// The caller gave something that cannot be used; the text says what to do.
    Input(String),
    /// What was checked on the way does not hold.
    Check(String),
    /// A bug or an outage.
    Fault(String),
    /// Somebody asked it to stop, with this signal; the text says what is left of what it did.
    Stopped {
        /// Number of the signal.
        signal: i32,
        /// What happened.
        text: String,
    },
}

impl Failure {
    /// The caller gave something that cannot be used: what, why, and what to do.
    pub fn input(text: impl Display) -> Self {
        Self::Input(text.to_string())
    }

    /// A file could not be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: std::io::Error) -> Self {
        Self::Fault(format!("{} cannot be {doing}: {error}", path.display()))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault.to_string())
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Fault(fault) => fault.into(),
            ControlError::Held { .. } | ControlError::Lost { .. } => Self::Fault(error.to_string()),
            ControlError::Elsewhere { .. } | ControlError::LoginTaken { .. } => Self::Input(error.to_string()),
        }
    }
}

/// Prints text to stdout. A reader that has seen enough (`| head`) is no error.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Fault(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints one JSON document to stdout.
pub fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Fault(format!("the result cannot be written as JSON: {error}")))?;
    say(&format!("{text}\n"))
}

/// The exit code for a result; a failure is printed to stderr.
pub fn exit(result: Result<Verdict, Failure>, json: bool) -> ExitCode {
    let (kind, code, text) = match result {
        Ok(Verdict::Fine) => return ExitCode::SUCCESS,
        Ok(Verdict::CheckFailed) => return ExitCode::from(1),
        Err(Failure::Usage(text)) => ("usage", 2, text.trim_end().to_owned()),
        Err(Failure::Input(text)) => ("input", 2, text),
        Err(Failure::Check(text)) => ("check", 1, text),
        Err(Failure::Fault(text)) => ("fault", 3, text),
        Err(Failure::Stopped { signal, text }) => ("stopped", interrupt::exit_code(signal), text),
    };
    if json {
        eprintln!("{}", serde_json::json!({ "error": { "kind": kind, "message": text } }));
    } else if kind == "stopped" {
        eprintln!("{text}");
    } else {
        eprintln!("error: {text}");
    }
    ExitCode::from(code)
}

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A table for people: columns as wide as their widest cell, two spaces between.
pub struct TextTable {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these headings.
    pub fn new(headings: &[(&str, Side)]) -> Self {
        Self {
            sides: headings.iter().map(|(_, side)| *side).collect(),
            rows: vec![headings.iter().map(|(heading, _)| (*heading).to_owned()).collect()],
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines of the table.
    pub fn text(&self) -> String {
        let width = |at: usize| self.rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.sides.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&self.sides).zip(&widths).map(|((cell, side), width)| match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = TextTable::new(&[("account", Side::Left), ("balance", Side::Right)]);
        table.row(["1100".to_owned(), "12.00".to_owned()]);
        table.row(["2100|par-1".to_owned(), "-1,234.50".to_owned()]);
        assert_eq!(table.text(), "account       balance\n1100            12.00\n2100|par-1  -1,234.50\n");
    }
}
