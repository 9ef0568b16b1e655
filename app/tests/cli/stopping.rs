//! Ctrl-C and SIGTERM: a run ends cleanly, says what is left of it, and leaves nothing that nobody looks for.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sycee_runtime::control::{ControlLease, ControlStore};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::test_control;

use crate::support::{Run, command, on_each_engine, sycee_on};

/// How long a process may take until it is where the test wants it.
const PATIENCE: Duration = Duration::from_secs(120);
/// Nobody waits for the end of these.
const LONG: [&str; 5] = ["demo", "--applicants", "1000", "--months", "120"];

/// The process is asked, and how it ended.
fn stop(child: Child, signal: &str) -> Run {
    let told = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(told.success());
    Run::of(child.wait_with_output().unwrap())
}

/// Waits while the process gets there; false when it ends before.
fn gets(child: &mut Child, mut there: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !there() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "it never got there");
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn left_in(folder: &Path) -> Vec<std::ffi::OsString> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_temporary_market_is_gone_with_whoever_stopped_it() {
    let sim = ["sim", "--applicants", "1000", "--days", "3650", "--every", "3650"];
    let json = [&["--json"][..], &LONG[..]].concat();
    for (arguments, signal, code, name) in
        [(&LONG[..], "TERM", 143, "SIGTERM"), (&sim[..], "INT", 130, "Ctrl-C"), (&json[..], "TERM", 143, "SIGTERM")]
    {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = command(temporary.path(), arguments, None).env("TMPDIR", temporary.path()).spawn().unwrap();
        let market = temporary.path().join(format!("sycee-demo-{}", child.id())).join("demo.db");
        assert!(gets(&mut child, || market.exists()));
        let run = stop(child, signal);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{run:?}");
        assert!(run.err.contains(&format!("stopped by {name} on 2")), "{}", run.err);
        assert!(run.err.contains("its temporary market is removed") && run.err.lines().count() == 1, "{}", run.err);
        if arguments[0] == "--json" {
            let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
            assert_eq!(error["error"]["kind"], "stopped");
        }
        assert_eq!(left_in(temporary.path()), [""; 0]);
    }
}

#[test]
fn a_kept_market_is_whole_and_free_after_it_was_stopped() {
    on_each_engine(|url| {
        let market = match url {
            DatabaseUrl::Sqlite { .. } => "demo:market.db".to_owned(),
            DatabaseUrl::Postgres { schema, .. } => format!("demo:{schema}"),
        };
        let mut control = ControlStore::open(&test_control(url)).unwrap();
        let mut holder = |market: &String| control.get::<ControlLease>(market).unwrap().map(|lease| lease.holder);
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(folder.path(), &LONG, Some(url)).spawn().unwrap();
        assert!(gets(&mut child, || matches!(holder(&market), Some(Some(_)))));
        let run = stop(child, "INT");
        assert_eq!((run.code, run.out.as_str()), (130, ""), "{run:?}");
        assert!(
            run.err.contains("stopped by Ctrl-C on 2") && run.err.contains("its lease is given back"),
            "{}",
            run.err
        );
        assert_eq!(holder(&market), Some(None), "somebody holds it");
        let books = sycee_on(url, &["ledger", "verify"]);
        assert!(books.code == 0 && books.out.contains("the books hold"), "{books:?}");
    });
}

#[test]
fn a_bench_takes_its_databases_along() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut child = command(folder.path(), &["bench", "growth", "--loans", "1000000"], None).spawn().unwrap();
    let is_made = |name: &std::ffi::OsString| folder.path().join(name).join("market.db-wal").exists();
    if gets(&mut child, || left_in(folder.path()).iter().any(is_made)) {
        let run = stop(child, "TERM");
        assert!(run.code == 143 && run.err.contains("its databases are removed"), "{run:?}");
    } else {
        // A bench does not run in memory.
        let run = Run::of(child.wait_with_output().unwrap());
        assert!(run.code == 2 && run.err.contains("lie in memory"), "{run:?}");
    }
    assert_eq!(left_in(folder.path()), [""; 0]);
}
