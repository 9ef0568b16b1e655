//! `sycee migrate`: what it makes, that it can run again, and what it refuses.

use std::time::Duration;

use sycee_runtime::storage::{ColumnKind, DatabaseUrl, collect, migrate, open_store};
use sycee_runtime::testing::{generated_migrations, test_control, test_databases};

use crate::support::{Run, on_each_engine, sycee_on, sycee_with};

fn run_sql(url: &DatabaseUrl, sql: &str) {
    open_store(url, Duration::from_secs(5)).unwrap().run_script(sql).unwrap();
}

fn states(run: &Run) -> Vec<String> {
    run.json().as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_database_is_made_once() {
    on_each_engine(|url| {
        let before = sycee_on(url, &["migrate", "--status", "--json"]);
        assert_eq!((before.code, states(&before)), (1, vec!["missing".to_owned(), "missing".to_owned()]));
        let first = sycee_on(url, &["migrate", "--json"]);
        assert_eq!(first.code, 0, "{first:?}");
        assert_eq!(first.json()["applied"], serde_json::json!([1]));
        assert_eq!(first.json()["control"]["applied"], serde_json::json!([1]));
        let again = sycee_on(url, &["migrate", "--json"]);
        assert_eq!((again.code, again.json()["applied"].clone()), (0, serde_json::json!([])));
        assert_eq!(again.json()["control"]["applied"], serde_json::json!([]));
        let after = sycee_on(url, &["migrate", "--status", "--json"]);
        assert_eq!((after.code, states(&after)), (0, vec!["applied".to_owned(), "applied".to_owned()]));
        assert_eq!(sycee_on(url, &["migrate"]).out.matches("is at version 1").count(), 2);
    });
}

#[test]
fn several_processes_at_once_apply_it_once() {
    on_each_engine(|url| {
        let runs: Vec<Run> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| sycee_on(url, &["migrate", "--json"]))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(runs.iter().all(|run| run.code == 0), "{runs:?}");
        let applied: usize = runs.iter().map(|run| run.json()["applied"].as_array().unwrap().len()).sum();
        assert_eq!(applied, sycee_markets::migrations().of(url.engine()).len());
    });
}

/// Columns and indexes of everything, one a line.
fn shape(url: &DatabaseUrl) -> Vec<String> {
    let sql = if url.engine() == "postgres" {
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, collation_name) \
         FROM information_schema.columns WHERE table_schema = current_schema() \
         UNION ALL SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = current_schema()"
    } else {
        "SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk \
         FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type <> 'index' \
         UNION ALL SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    };
    let mut reader = open_store(url, Duration::from_secs(5)).unwrap().reader().unwrap();
    let rows = collect(&mut *reader, sql, &[], &[ColumnKind::Text]).unwrap();
    let mut lines: Vec<String> = rows.iter().map(|row| row[0].as_text().unwrap().to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn what_it_makes_is_what_the_services_register() {
    on_each_engine(|url| {
        assert_eq!(sycee_on(url, &["migrate"]).code, 0);
        let (others, _guard) = test_databases();
        let registered = others.iter().find(|other| other.engine() == url.engine()).unwrap();
        let tables = sycee_markets::registry().tables();
        migrate(registered, generated_migrations(&tables).of(url.engine())).unwrap();
        assert_eq!(shape(url), shape(registered));
        let books = sycee_on(url, &["ledger", "verify", "--json"]);
        assert_eq!((books.code, books.json()["clean"].clone()), (0, serde_json::json!(true)), "{books:?}");
    });
}

#[test]
fn a_changed_file_and_an_unknown_one_are_refused() {
    on_each_engine(|url| {
        assert_eq!(sycee_on(url, &["migrate"]).code, 0);
        run_sql(url, "INSERT INTO schema_migration SELECT 2, 'later', checksum, applied_at FROM schema_migration");
        let newer = sycee_on(url, &["migrate"]);
        assert_eq!(newer.code, 3);
        assert!(newer.err.contains("migration 2 (later)") && newer.err.contains("newer binary"), "{}", newer.err);
        let status = sycee_on(url, &["migrate", "--status", "--json"]);
        assert_eq!((status.code, states(&status)), (1, ["applied", "unknown", "applied"].map(str::to_owned).to_vec()));

        run_sql(url, "DELETE FROM schema_migration WHERE number = 2; UPDATE schema_migration SET checksum = 'other'");
        let changed = sycee_on(url, &["migrate"]);
        assert_eq!(changed.code, 3);
        assert!(changed.err.contains("another text"), "{}", changed.err);
        assert_eq!(states(&sycee_on(url, &["migrate", "--status", "--json"])), ["changed", "applied"]);
    });
}

#[test]
fn a_changed_file_of_the_control_store_is_refused_too() {
    on_each_engine(|url| {
        assert_eq!(sycee_on(url, &["migrate"]).code, 0);
        run_sql(&test_control(url), "UPDATE schema_migration SET checksum = 'other'");
        let changed = sycee_on(url, &["migrate"]);
        assert_eq!(changed.code, 3);
        assert!(changed.err.contains("another text"), "{}", changed.err);
        assert_eq!(states(&sycee_on(url, &["migrate", "--status", "--json"])), ["applied", "changed"]);
    });
}

#[test]
fn a_key_is_made_with_a_file_and_never_made_up_later() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("new").join("gh.db"));
    let key = folder.path().join("new").join("gh.db.key");
    let made = sycee_on(&url, &["migrate"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.err.contains("gh.db.key"), "{}", made.err);
    let secret = std::fs::read_to_string(&key).unwrap();
    assert_eq!(secret.trim().len(), 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(sycee_on(&url, &["migrate"]).err, "");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), secret);
    std::fs::remove_file(&key).unwrap();
    assert_eq!(sycee_on(&url, &["migrate"]).code, 0, "tables need no key");
    assert!(!key.exists(), "another key would not open what the lost one sealed");
}

#[test]
fn a_missing_file_is_not_made_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nothing.db");
    let url = DatabaseUrl::sqlite(&file);
    assert_eq!(sycee_with(&["migrate", "--status"], "", Some(&url)).code, 1);
    assert_eq!(sycee_with(&["ledger", "verify"], "", Some(&url)).code, 2);
    assert!(!file.exists() && !folder.path().join("control.db").exists());
}
