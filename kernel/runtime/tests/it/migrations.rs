//! How a database comes to the binary's version, whichever version it has and whoever else is at it.

use std::sync::Arc;
use std::time::Duration;

use sycee_runtime::storage::{
    Applied, ColumnKind, DatabaseUrl, Migration, MigrationTree, applied, collect, has_table, migrate, open_store,
};
use sycee_runtime::testing::test_databases;
use sycee_runtime::{Fault, FaultKind, MarketWriter, Registry};

use crate::bank::{balance, options, put, registry};
use crate::proxy::{Session, schema_at, server};

const LATER: &str = "ALTER TABLE toy_account ADD COLUMN note text;
CREATE INDEX toy_account_by_note ON toy_account (note);
CREATE TABLE toy_note (id bigint PRIMARY KEY);
INSERT INTO toy_note SELECT id FROM toy_account;";

/// The bank's first migration, followed by `later` ones.
fn tree(engine: &str, later: &[&str]) -> Vec<Migration> {
    let mut all = registry().migrations().of(engine).to_vec();
    let later = later.iter().zip(2..);
    all.extend(later.map(|(sql, number)| Migration { number, name: "later".to_owned(), sql: (*sql).to_owned() }));
    all
}

fn open(url: &DatabaseUrl, later: &[&str]) -> Result<MarketWriter, Fault> {
    let mut registry = registry();
    registry.migrated_by(MigrationTree { sqlite: tree("sqlite", later), postgres: tree("postgres", later) });
    MarketWriter::open(Arc::new(registry), options(url.clone()))
}

fn done(url: &DatabaseUrl) -> Vec<Applied> {
    applied(url, &mut *open_store(url, Duration::from_secs(5)).unwrap().reader().unwrap()).unwrap()
}

fn count(url: &DatabaseUrl, table: &str) -> Option<i64> {
    let mut reader = open_store(url, Duration::from_secs(5)).unwrap().reader().unwrap();
    if !has_table(url, &mut *reader, table).unwrap() {
        return None;
    }
    let rows = collect(&mut *reader, &format!("SELECT count(*) FROM {table}"), &[], &[ColumnKind::Int]).unwrap();
    rows[0][0].as_int()
}

fn on_each_engine(body: impl Fn(&DatabaseUrl)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(&url);
    }
}

#[test]
fn opening_a_market_brings_its_database_up_and_keeps_its_rows() {
    on_each_engine(|url| {
        let mut bank = open(url, &[]).unwrap();
        put(&mut bank, 1, 7);
        put(&mut bank, 2, 8);
        bank.sync().unwrap();
        drop(bank);
        assert_eq!(done(url).len(), 1);

        let mut bank = open(url, &[LATER]).unwrap();
        assert_eq!((balance(&mut bank, 1), balance(&mut bank, 2)), (7, 8));
        put(&mut bank, 1, 1);
        bank.sync().unwrap();
        drop(bank);
        assert_eq!(count(url, "toy_note"), Some(2));
        let files = tree(url.engine(), &[LATER]);
        let recorded: Vec<_> = done(url).into_iter().map(|it| (it.number, it.name, it.checksum)).collect();
        let expected: Vec<_> = files.iter().map(|it| (it.number, it.name.clone(), it.checksum())).collect();
        assert_eq!(recorded, expected);
        assert!(migrate(url, &files).unwrap().is_empty());
        assert_eq!(balance(&mut open(url, &[LATER]).unwrap(), 1), 8);
    });
}

#[test]
fn a_file_that_changed_after_it_was_applied_is_refused() {
    on_each_engine(|url| {
        drop(open(url, &[LATER]).unwrap());
        let fault = open(url, &["CREATE TABLE toy_note (id bigint)"]).err().unwrap();
        assert_eq!(fault.kind, FaultKind::Corrupt);
        assert!(fault.message.contains("migration 2 (later) was applied on 20"), "{fault}");
        assert!(fault.message.contains("with another text: restore the file"), "{fault}");
    });
}

#[test]
fn an_older_binary_leaves_a_newer_database_alone() {
    on_each_engine(|url| {
        let mut bank = open(url, &[LATER]).unwrap();
        put(&mut bank, 1, 7);
        let fault = open(url, &[]).err().unwrap();
        assert_eq!(fault.kind, FaultKind::Corrupt);
        assert!(fault.message.contains("migration 2 (later), which this binary does not know"), "{fault}");
        assert!(fault.message.contains("use the newer binary"), "{fault}");
        bank.sync().unwrap();
    });
}

#[test]
fn a_file_that_fails_in_the_middle_leaves_nothing() {
    on_each_engine(|url| {
        let mut bank = open(url, &[]).unwrap();
        put(&mut bank, 1, 7);
        bank.sync().unwrap();
        let fault = migrate(url, &tree(url.engine(), &[&format!("{LATER} INSERT INTO toy_note VALUES (1);")]));
        let fault = fault.unwrap_err();
        assert!(fault.message.starts_with("migration 2 (later) was not applied, and left nothing"), "{fault}");
        assert_eq!((done(url).len(), count(url, "toy_note")), (1, None));
        put(&mut bank, 1, 1);
        bank.sync().unwrap();
        drop(bank);
        assert_eq!(balance(&mut open(url, &[LATER]).unwrap(), 1), 8);
    });
}

#[test]
fn several_at_once_apply_every_file_once() {
    on_each_engine(|url| {
        let files = tree(url.engine(), &[LATER, "CREATE TABLE toy_third (id bigint);"]);
        let mut ran: Vec<i64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| migrate(url, &files).unwrap())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        ran.sort_unstable();
        assert_eq!((ran, done(url).len()), (vec![1, 2, 3], 3));
    });
}

#[test]
fn a_writer_does_not_write_after_a_migration_that_it_does_not_know() {
    on_each_engine(|url| {
        let mut bank = open(url, &[]).unwrap();
        put(&mut bank, 1, 7);
        bank.sync().unwrap();
        put(&mut bank, 1, 1);
        assert_eq!(migrate(url, &tree(url.engine(), &[LATER])).unwrap(), [2]);
        assert_eq!(bank.sync().unwrap_err().kind, FaultKind::Fenced);
        drop(bank);
        assert_eq!(balance(&mut open(url, &[LATER]).unwrap(), 1), 7);
    });
}

#[test]
fn numbers_without_gaps_are_demanded() {
    on_each_engine(|url| {
        let gap = [Migration { number: 2, name: "second".to_owned(), sql: String::new() }];
        for files in [&gap[..], &[]] {
            assert_eq!(migrate(url, files).unwrap_err().kind, FaultKind::Bug);
        }
        let unnumbered = MarketWriter::open(Arc::new(Registry::new()), options(url.clone()));
        assert_eq!(unnumbered.err().unwrap().kind, FaultKind::Bug);
    });
}

#[test]
fn tables_that_nobody_recorded_are_not_taken_for_ours() {
    on_each_engine(|url| {
        let mut store = open_store(url, Duration::from_secs(5)).unwrap();
        store.run_script("CREATE TABLE toy_account (id bigint);").unwrap();
        let fault = open(url, &[]).err().unwrap();
        assert!(fault.message.contains("such as toy_account: name another"), "{fault}");
        assert_eq!((done(url).len(), count(url, "market_fence")), (0, None));
    });
}

#[test]
fn a_market_that_is_up_to_date_opens_without_the_right_to_make_tables() {
    let Some(server) = server() else { return };
    let (url, _guard) = schema_at(&server);
    let mut bank = open(&url, &[]).unwrap();
    put(&mut bank, 1, 7);
    bank.sync().unwrap();
    let DatabaseUrl::Postgres { schema, .. } = url.clone() else { return };
    let owner = Session::in_schema_of(&url);
    owner.run(&format!(
        "CREATE ROLE {schema}_clerk; GRANT USAGE ON SCHEMA {schema} TO {schema}_clerk;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}_clerk"
    ));
    let config = format!("{server} options='-c role={schema}_clerk'");
    let clerk = DatabaseUrl::Postgres { config, schema: schema.clone() };
    let refused = open(&clerk, &[LATER]).err().unwrap();
    let opened = open(&clerk, &[]).map(|mut bank| {
        put(&mut bank, 1, 1);
        bank.sync().map(|()| balance(&mut bank, 1))
    });
    owner.run(&format!("DROP OWNED BY {schema}_clerk; DROP ROLE {schema}_clerk"));
    assert!(refused.message.contains("must be owner of table toy_account"), "{refused}");
    assert_eq!(opened.unwrap().unwrap(), 8);
}

#[test]
fn a_database_of_somebody_else_is_not_taken_over() {
    on_each_engine(|url| {
        let theirs = "CREATE TABLE bird (name text); INSERT INTO bird VALUES ('hornbill');";
        open_store(url, Duration::from_secs(5)).unwrap().run_script(theirs).unwrap();
        let refused = open(url, &[]).err().unwrap();
        assert_eq!(refused.kind, FaultKind::Corrupt);
        assert!(refused.message.contains("such as bird: name another"), "{refused}");
        assert_eq!((count(url, "bird"), count(url, "toy_account")), (Some(1), None));
    });
}
