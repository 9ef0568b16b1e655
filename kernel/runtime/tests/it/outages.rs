//! PostgreSQL goes away in the middle of something: what was acknowledged is there, nothing is there twice, and the
//! writer goes on by itself or says clearly why it cannot.

use std::time::Duration;

use sycee_runtime::storage::{Claim, ColumnKind, Commit, DatabaseUrl, collect, open_store};
use sycee_runtime::{FaultKind, MarketWriter};

use crate::proxy::{Cut, Proxy, Session, schema_at, server};
use crate::shop::{Step, open, please, times};

/// Has the market count once more, and whoever asked told so once.
fn count(shop: &mut MarketWriter, during: impl FnOnce()) {
    let (ticket, done) = shop.submit(please(&[Step::Count(1)]));
    done.unwrap();
    shop.seal().unwrap();
    during();
    shop.sync().unwrap();
    let told: Vec<_> = shop.take_completed().into_iter().map(|(ticket, done)| (ticket, done.is_ok())).collect();
    assert_eq!(told, [(ticket, true)]);
}

/// Reads what the database holds over a line that works.
fn assert_counted(url: &DatabaseUrl, expected: i64) {
    let session = Session::in_schema_of(url);
    assert_eq!(session.number("SELECT times FROM toy_item WHERE id = 1"), expected);
    assert_eq!(session.number("SELECT count(*) FROM message_log"), expected);
    assert_eq!(session.number("SELECT last_cascade FROM market_state"), expected);
}

#[test]
fn a_commit_that_is_cut_anywhere_is_made_once() {
    let Some(server) = server() else { return };
    let proxy = Proxy::start(&server);
    let (url, _guard) = schema_at(&proxy.config());
    let mut shop = open(&url);
    count(&mut shop, || {});
    let mut counted = 1;
    let mut points = (0..).map(Cut::Before);
    loop {
        let cut = points.next().unwrap();
        proxy.cut_at(cut);
        count(&mut shop, || {});
        counted += 1;
        assert_counted(&url, counted);
        if !proxy.was_cut() {
            break;
        }
    }
    assert!(proxy.cuts() > 8, "a commit is {} messages", proxy.cuts());
    for _ in 0..3 {
        proxy.cut_at(Cut::AfterCommit);
        count(&mut shop, || {});
        counted += 1;
        assert!(proxy.was_cut());
        assert_counted(&url, counted);
    }
    assert_eq!(times(&mut shop, 1), counted);
    drop(shop);
    assert_eq!(times(&mut open(&url), 1), counted);
}

#[test]
fn a_server_that_stays_away_is_a_fault_in_the_end() {
    let Some(server) = server() else { return };
    let proxy = Proxy::start(&server);
    let (url, _guard) = schema_at(&proxy.config());
    drop(open(&url));
    for cut in [Cut::Before(2), Cut::AfterCommit] {
        let proxy = Proxy::start(&server);
        let DatabaseUrl::Postgres { schema, .. } = url.clone() else { return };
        let mut store =
            open_store(&DatabaseUrl::Postgres { config: proxy.config(), schema }, Duration::from_millis(50)).unwrap();
        let (_, batch) = store.take_over(Claim::default()).unwrap();
        proxy.cut_at(cut);
        proxy.close();
        let fault = store.commit(&Commit { tables: Vec::new(), batch: batch + 1 }).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Outage);
        assert!(fault.message.contains("nobody says whether batch"), "{fault}");
    }
}

#[test]
fn connections_that_are_ended_while_the_market_works_cost_nothing() {
    let Some(server) = server() else { return };
    let name = format!("sycee_ended_{}", std::process::id());
    let (url, _guard) = schema_at(&format!("{server} application_name={name}"));
    let session = Session::in_schema_of(&url);
    let end =
        format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{name}'");
    let mut shop = open(&url);
    for round in 0..40 {
        count(&mut shop, || {
            // Later and later into the commit.
            (0..round % 10).for_each(|_| session.run("SELECT 1"));
            while session.number(&end) == 0 {}
        });
        assert_eq!(times(&mut shop, 1), round + 1);
    }
    assert_counted(&url, 40);
}

#[test]
fn a_reader_goes_on_over_a_new_connection() {
    let Some(server) = server() else { return };
    let (url, _guard) = schema_at(&server);
    let mut reader = open_store(&url, Duration::from_secs(5)).unwrap().reader().unwrap();
    let mut ask = |sql: &str| collect(&mut *reader, sql, &[], &[ColumnKind::Int]).unwrap()[0][0].as_int().unwrap();
    let session = Session::in_schema_of(&url);
    for _ in 0..3 {
        let pid = ask("SELECT pg_backend_pid()");
        session.run(&format!("SELECT pg_terminate_backend({pid})"));
        assert_ne!(ask("SELECT pg_backend_pid()"), pid);
    }
}

#[test]
fn a_reader_keeps_a_bounded_number_of_statements() {
    let Some(server) = server() else { return };
    let (url, _guard) = schema_at(&server);
    let mut reader = open_store(&url, Duration::from_secs(5)).unwrap().reader().unwrap();
    let mut ask = |sql: &str| collect(&mut *reader, sql, &[], &[ColumnKind::Int]).unwrap()[0][0].as_int().unwrap();
    for nr in 0..600 {
        assert_eq!(ask(&format!("SELECT {nr}::bigint")), nr);
        assert_eq!(ask("SELECT 7::bigint"), 7);
    }
    let kept = ask("SELECT count(*) FROM pg_prepared_statements");
    assert!((256..=512).contains(&kept), "{kept}");
    assert_eq!(ask("SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 7::bigint'"), 1);
    assert_eq!(ask("SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 0::bigint'"), 0);
}

#[test]
fn a_commit_that_loses_a_deadlock_is_made_again() {
    let Some(server) = server() else { return };
    let (url, _guard) = schema_at(&server);
    let mut shop = open(&url);
    count(&mut shop, || {});
    let session = Session::in_schema_of(&url);
    // The writer looks for a deadlock first, and is the one that gives way.
    session.run("SET deadlock_timeout TO '1min'; BEGIN; UPDATE toy_item SET shelf = 1");
    count(&mut shop, || {
        session.somebody_waits();
        session.run("UPDATE market_fence SET id = 1; ROLLBACK");
    });
    assert_counted(&url, 2);
}

#[test]
fn a_commit_that_cannot_be_serialized_is_made_again() {
    let Some(server) = server() else { return };
    let (url, _guard) = schema_at(&format!("{server} options='-c default_transaction_isolation=serializable'"));
    let mut shop = open(&url);
    count(&mut shop, || {});
    let session = Session::in_schema_of(&url);
    session.run("BEGIN; UPDATE toy_item SET shelf = 1");
    count(&mut shop, || {
        session.somebody_waits();
        session.run("COMMIT");
    });
    assert_counted(&url, 2);
}

#[test]
fn a_commit_waits_for_the_disk_whatever_the_servers_default_is() {
    let Some(server) = server() else { return };
    for (default, wanted) in [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
    {
        let (url, _guard) = schema_at(&format!("{server} options='-c synchronous_commit={default}'"));
        let settings = open(&url).describe_store().unwrap();
        let value = |name: &str| &settings.iter().find(|(key, _)| key == name).unwrap().1;
        assert_eq!((value("synchronous_commit").as_str(), value("durable").as_str()), (wanted, "true"));
    }
    let careless = format!("{server} durability=off options='-c synchronous_commit=off'");
    let (url, _guard) = schema_at(&careless);
    let settings = open(&url).describe_store().unwrap();
    assert!(settings.contains(&("durable".to_owned(), "false".to_owned())), "{settings:?}");
}
