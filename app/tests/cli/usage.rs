//! Help that teaches, errors that say what to do, exit codes for scripts.

use crate::support::{self, sycee, sycee_with};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["sim"],
    &["bench"],
    &["migrate"],
    &["catalog"],
    &["ledger"],
    &["catalog", "check"],
    &["catalog", "export"],
    &["ledger", "verify"],
    &["ledger", "statement"],
    &["ledger", "trial-balance"],
    &["ledger", "accrual"],
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
        (&["trace", "loan-x"], "an id such as loan-1042"),
        (&["sim", "--runs", "2", "--db", "two.db"], "a new database for each run"),
        (&["ledger", "statement", "1100", "--limit", "0"], "limit"),
        (&["ledger", "trial-balance", "--as-of", "2026-02-30"], "as-of"),
        (&["--db", "mysql://x", "ledger", "verify"], "sqlite:///path"),
        (&["--db", "file:x.db", "ledger", "verify"], "--db: file:x.db is no database URL: use the path x.db"),
        (&["--db", "sqlite:rel.db", "trace", "7"], "or sqlite://rel.db"),
        (&["--db", ":memory:", "demo"], "--db: what is in memory"),
        (
            &["--db", "postgres://u@localhost/d?colour=red", "ledger", "verify"],
            "--db: the PostgreSQL URL cannot be read",
        ),
        (&["--db", "postgres://u@localhost/d?colour=red", "ledger", "verify"], "`colour`"),
        (&["--db", "postgres://u@localhost/d?schema=GH", "demo"], "use lower case, digits and _"),
        (&["--db", ".", "ledger", "verify"], "--db: . is a folder"),
        (&["--db", "nothing.db", "ledger", "verify"], "there is no database nothing.db: name it with --db"),
        (&["demo", "--faults", "none,all"], "\"none\" stands alone"),
        (&["sim", "--faults", "crashes, usual"], "\"usual\" stands alone"),
        (&["sim", "--faults", "rain"], "none, usual, all, or a list of channel"),
        (&["ledger", "verify"], "sycee migrate"),
        (&["trace", "7"], "sycee migrate"),
        (&["trace", "7", "--since", "2026-01-05"], "goes with an id"),
        (&["trace", "7", "--payloads", "--envelopes"], "cannot be used with"),
        (
            &["sim", "--seed", "18446744073709551615", "--runs", "2", "--days", "1", "--applicants", "1"],
            "no seeds beyond",
        ),
        (&["demo", "--market", "."], "has no market.yaml"),
        (&["migrate", "--write"], "workspace"),
        (&["catalog", "check", "--write"], "workspace"),
    ] {
        let run = sycee(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(word), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn what_needs_no_database_does_not_mind_a_wrong_one() {
    let check = sycee(&["--db", "mysql://x", "catalog", "check"]);
    assert_eq!(check.code, 0, "{}", check.err);
}

#[test]
fn a_file_of_another_kind_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "what to buy, and where").unwrap();
    let path = notes.to_str().unwrap();
    for arguments in [
        &["ledger", "verify"][..],
        &["ledger", "statement", "1100"],
        &["trace", "7"],
        &["migrate"],
        &["migrate", "--status"],
        &["demo", "--applicants", "1", "--months", "1"],
    ] {
        let run = sycee(&[arguments, &["--db", path]].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(&format!("--db: {path} is no SQLite database")), "{arguments:?}: {}", run.err);
    }
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "what to buy, and where");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made beside it");
}

#[test]
fn help_fits_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        for (columns, wide) in [(None, 100), (Some("80"), 80)] {
            let mut run = support::command(folder.path(), &[command, &["--help"][..]].concat(), None);
            run.envs(columns.map(|columns| ("COLUMNS", columns)));
            let help = String::from_utf8(run.output().unwrap().stdout).unwrap();
            for line in help.lines() {
                assert!(line.chars().count() <= wide, "{command:?} in {wide} columns: {line}");
            }
            // Beside its name, or below it where an option of the command has values to explain.
            let of_db: Vec<&str> =
                help.lines().skip_while(|line| !line.trim_start().starts_with("--db")).take(2).collect();
            assert!(columns.is_some() || of_db.concat().contains("see sycee --help"), "one line: {of_db:?}");
        }
    }
    let long = sycee(&["--help"]).out;
    for form in ["sqlite:///srv/gh.db", "postgres://me@host/db?schema=market_gh&sslmode=verify-full", "temporary"] {
        assert!(long.contains(form), "{form}: {long}");
    }
}

#[test]
fn an_error_is_json_where_json_is_asked_for() {
    let run = sycee_with(&["--json", "ledger", "verify"], "", None);
    let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(error["error"]["kind"], "input");
    assert!(error["error"]["message"].as_str().unwrap().contains("sycee.db"));
}

#[test]
fn a_market_is_a_folder_that_can_be_copied_and_changed() {
    let built_in = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../markets/gh");
    let copy = tempfile::tempdir().unwrap();
    for folder in ["", "templates", "products", "contracts"] {
        std::fs::create_dir_all(copy.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(built_in.join(folder)).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                std::fs::copy(entry.path(), copy.path().join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    let change = |from: &str, to: &str| {
        let file = copy.path().join("policies.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        std::fs::write(&file, text.replace(from, to)).unwrap();
    };
    let place = copy.path().to_str().unwrap();
    let sim = |market: &[&str]| {
        let run =
            sycee(&[&["--json", "sim", "--days", "8", "--applicants", "12", "--faults", "none"], market].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        let report = run.json()["runs"][0].clone();
        (
            report["funnel"]["registered"].as_u64().unwrap(),
            report["funnel"]["identified"].as_u64().unwrap(),
            report["hash"].clone(),
        )
    };
    let usual = sim(&[]);
    assert!(usual.1 > 0, "{usual:?}");
    assert_eq!(sim(&["--market", place]), usual, "the folder is what is built in");
    change("ageMin: 18", "ageMin: 130");
    let strict = sim(&["--market", place]);
    assert_eq!((strict.0, strict.1), (usual.0, 0), "nobody is old enough");

    for command in ["sim", "demo"] {
        change("ageMin: 130", "ageMax: 130");
        let run = sycee(&[command, "--market", place]);
        assert_eq!(run.code, 2, "{}", run.err);
        for word in ["policies.yaml", "ageMax", "line"] {
            assert!(run.err.contains(word), "{word}: {}", run.err);
        }
        change("ageMax: 130", "ageMin: 130");
    }
    let run = sycee(&["sim", "--market", "no-such-folder"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("no-such-folder"), "{}", run.err);
}

#[test]
fn wrong_usage_is_json_where_json_is_asked_for() {
    for arguments in [&["demo", "--months", "0", "--json"][..], &["--json", "no-such-command"], &["trace", "--json"]] {
        let run = sycee(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        let error: serde_json::Value =
            serde_json::from_str(&run.err).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        assert_eq!(error["error"]["kind"], "usage");
        assert!(error["error"]["message"].as_str().unwrap().contains("Usage") || arguments.contains(&"0"), "{run:?}");
    }
    assert!(sycee(&["--json", "--help"]).out.contains("Examples:"), "help is no error");
}

#[test]
fn what_a_run_does_without_a_database_is_said() {
    for command in ["demo", "sim", "bench"] {
        let help = sycee(&[command, "--help"]).out;
        assert!(help.contains("temporary") && !help.contains("[default: sycee.db]"), "{help}");
    }
}
