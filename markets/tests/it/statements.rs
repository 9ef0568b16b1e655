//! Every statement that is generated from the registered tables runs on every engine, and opening scans nothing that grows.

use std::time::Duration;

use sycee_contract::Date;
use sycee_markets::{MarketFiles, migrations, registry};
use sycee_runtime::storage::{
    Claim, ColumnKind, Commit, DatabaseUrl, Reader, Store, TableRows, TableSpec, Value, Write, collect, migrate,
    open_store, quoted,
};
use sycee_runtime::testing::{queries_of_opening, test_databases};
use sycee_runtime::{MarketOptions, MarketWriter, Secrets};

/// Tables that are read whole on purpose: they are as large as what is kept in memory of them, and stay so.
const READ_WHOLE: [&str; 7] =
    ["market_state", "log_name", "runtime_timer", "ledger_account", "ledger_hold", "ledger_reversal", "a"];

fn on_each_engine(body: impl Fn(&DatabaseUrl)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(&url);
    }
}

/// A row with something in every column that may be empty, or with nothing in those.
fn row(table: &TableSpec, filled: bool) -> Vec<Value> {
    let is_currency = |at: usize| table.money.iter().any(|(_, currency)| *currency == at);
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(at, column)| match column.kind {
            _ if column.nullable && !filled => Value::Null,
            ColumnKind::Text if is_currency(at) => Value::text("GHS"),
            ColumnKind::Text => Value::text("x"),
            ColumnKind::Json => Value::text("{}"),
            ColumnKind::Bytes => Value::bytes(b"x"),
            ColumnKind::Int | ColumnKind::Bool | ColumnKind::Date | ColumnKind::Timestamp => Value::Int(1),
        })
        .collect()
}

fn key(table: &TableSpec, row: &[Value]) -> Vec<Value> {
    table.key.iter().map(|at| row[*at].clone()).collect()
}

fn by_index(reader: &mut dyn Reader, table: &TableSpec, row: &[Value], index: usize, after: bool) -> usize {
    let at = |name: &String| table.columns.iter().position(|column| column.name == *name).unwrap();
    let values: Vec<&Value> = table.indexes[index].columns.iter().map(|name| &row[at(name)]).collect();
    let is_null: Vec<bool> = values.iter().map(|value| **value == Value::Null).collect();
    let mut params: Vec<Value> = values.into_iter().filter(|value| **value != Value::Null).cloned().collect();
    if after {
        params.extend(key(table, row));
    }
    let sql = table.select_by_index(index, &is_null, after, 10);
    collect(reader, &sql, &params, &table.kinds()).unwrap().len()
}

fn exercise(store: &mut dyn Store, reader: &mut dyn Reader, table: &'static TableSpec, batch: &mut i64) {
    let mut write = |write, rows| {
        *batch += 1;
        store.commit(&Commit { tables: vec![TableRows { table, write, rows }], batch: *batch }).unwrap();
    };
    let select = table.select_by_key();
    for (filled, first) in [(true, Write::Append), (false, Write::Upsert)] {
        let row = row(table, filled);
        let key = key(table, &row);
        let mut rows = |sql: &str| collect(reader, sql, &key, &table.kinds()).unwrap();
        write(first, row.clone());
        write(Write::Upsert, row.clone());
        assert_eq!(rows(&select), std::slice::from_ref(&row), "{}", table.name);
        for index in 0..table.indexes.len() {
            assert_eq!(by_index(reader, table, &row, index, false), 1, "{} {index}", table.name);
            assert_eq!(by_index(reader, table, &row, index, true), 0, "{} {index}", table.name);
        }
        for (units, _) in &table.money {
            let name = quoted(table.columns[*units].name.trim_end_matches("_units"));
            let sql = format!("SELECT CAST({name} AS text) FROM {}_decimal", table.name);
            let shown = collect(reader, &sql, &[], &[ColumnKind::Text]).unwrap().remove(0).remove(0);
            let expected = if row[*units] == Value::Null { None } else { Some("0.0001") };
            assert_eq!(shown.as_text().map(|text| text.trim_end_matches('0')), expected, "{} {name}", table.name);
        }
        let times = table.columns.iter().enumerate().filter(|(_, column)| {
            !table.money.is_empty() && matches!(column.kind, ColumnKind::Date | ColumnKind::Timestamp)
        });
        for (at, column) in times {
            let sql = format!("SELECT CAST({} AS text) FROM {}_decimal", quoted(&column.name), table.name);
            let shown = collect(reader, &sql, &[], &[ColumnKind::Text]).unwrap().remove(0).remove(0);
            let year = shown.as_text().map(|text| &text[..2]);
            let expected = if row[at] == Value::Null { None } else { Some("19") };
            assert_eq!(year, expected, "{} {}: {shown:?} is no day near 1970", table.name, column.name);
        }
        write(Write::Delete, key.clone());
        assert!(collect(reader, &select, &key, &table.kinds()).unwrap().is_empty(), "{}", table.name);
    }
}

#[test]
fn every_generated_statement_runs() {
    on_each_engine(|url| {
        migrate(url, migrations().of(url.engine())).unwrap();
        let mut store = open_store(url, Duration::from_secs(5)).unwrap();
        let (_, mut batch) = store.take_over(Claim::default()).unwrap();
        let mut reader = store.reader().unwrap();
        for table in registry().tables() {
            exercise(&mut *store, &mut *reader, table, &mut batch);
        }
    });
}

fn options(url: DatabaseUrl) -> MarketOptions {
    let files = MarketFiles::ghana();
    MarketOptions {
        url,
        market: files.market().unwrap(),
        configs: files.configs().unwrap(),
        secrets: Secrets::derive(b"statements", "gh"),
        first_day: Date::constant(2026, 1, 5),
    }
}

/// The tables that `sql` reads from end to end.
fn scanned(url: &DatabaseUrl, reader: &mut dyn Reader, sql: &str, params: &[Value]) -> Vec<String> {
    let (explain, kinds, marks): (_, &[ColumnKind], [&str; 2]) = if url.engine() == "postgres" {
        ("EXPLAIN", &[ColumnKind::Text], ["Seq Scan on ", "Parallel Seq Scan on "])
    } else {
        let kinds = &[ColumnKind::Int, ColumnKind::Int, ColumnKind::Int, ColumnKind::Text];
        ("EXPLAIN QUERY PLAN", kinds, ["SCAN ", "SCAN TABLE "])
    };
    let lines = collect(reader, &format!("{explain} {sql}"), params, kinds).unwrap();
    let lines = lines.iter().filter_map(|line| line.last().and_then(Value::as_text));
    lines
        .filter_map(|line| marks.iter().find_map(|mark| line.split_once(mark)))
        .map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn opening_a_market_scans_no_table_that_grows() {
    on_each_engine(|url| {
        let url = match url.clone() {
            // Small tables are scanned although there is an index.
            DatabaseUrl::Postgres { config, schema } => {
                DatabaseUrl::Postgres { config: format!("{config} options='-c enable_seqscan=off'"), schema }
            }
            sqlite @ DatabaseUrl::Sqlite { .. } => sqlite,
        };
        drop(MarketWriter::open(registry(), options(url.clone())).unwrap());
        let queries = queries_of_opening(&registry(), &options(url.clone())).unwrap();
        for wanted in ["FROM message_log", "FROM runtime_effect", "FROM ledger_transfer", "SELECT max("] {
            assert!(queries.iter().any(|(sql, _)| sql.contains(wanted)), "opening reads nothing {wanted}");
        }
        let mut reader = open_store(&url, Duration::from_secs(5)).unwrap().reader().unwrap();
        // One row from the end of a table: SQLite calls that a scan, too.
        let last_row = |sql: &str| sql.ends_with("DESC LIMIT 1");
        for (sql, params) in queries.iter().filter(|(sql, _)| !last_row(sql)) {
            for table in scanned(&url, &mut *reader, sql, params) {
                assert!(READ_WHOLE.contains(&table.as_str()), "{table} is scanned by {sql}");
            }
        }
        let unindexed = "SELECT id FROM message_log WHERE outcome = $1";
        assert_eq!(scanned(&url, &mut *reader, unindexed, &[Value::text("x")]), ["message_log"]);
    });
}
