//! Help that teaches, errors that say what to do, exit codes for scripts.

use crate::support::{sycee, sycee_with};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["sim"],
    &["bench"],
    &["migrate"],
    &["catalog", "check"],
    &["catalog", "export"],
    &["ledger", "verify"],
    &["ledger", "statement"],
    &["ledger", "trial-balance"],
    &["trace"],
    &["calc"],
];

#[test]
fn every_help_teaches_by_example() {
    for command in COMMANDS {
        let help = sycee(&[command, &["--help"][..]].concat());
        assert_eq!(help.code, 0, "{command:?}");
        assert!(help.out.contains("Examples:\n") && help.out.contains("  sycee "), "{command:?}: {}", help.out);
        assert!(help.out.contains("--json") && help.out.contains("--db"), "{command:?}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_would_be_right() {
    for (arguments, word) in [
        (&["no-such-command"][..], "Usage"),
        (&["trace", "loan-x"], "invalid value"),
        (&["ledger", "statement", "1100", "--limit", "0"], "limit"),
        (&["ledger", "trial-balance", "--as-of", "2026-02-30"], "as-of"),
        (&["--db", "mysql://x", "ledger", "verify"], "sqlite:///path"),
        (&["ledger", "verify"], "sycee migrate"),
        (&["trace", "7"], "sycee migrate"),
        (&["migrate", "--write"], "workspace"),
        (&["catalog", "check", "--write"], "workspace"),
    ] {
        let run = sycee(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(word), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn an_error_is_json_where_json_is_asked_for() {
    let run = sycee_with(&["--json", "ledger", "verify"], "", None);
    let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(error["error"]["kind"], "input");
    assert!(error["error"]["message"].as_str().unwrap().contains("sycee.db"));
}
