//! SQLite: one file, WAL, one writer connection that waits for the disk, readers of their own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, OptionalExtension as _, Statement, TransactionBehavior};

use super::{
    Claim, ColumnKind, ColumnSpec, Commit, Reader, Script, SqliteDurability, Store, TableRows, TableSpec, Value, Write,
    quoted,
};
use crate::{Fault, FaultKind};

/// Frames in the WAL after which SQLite copies them back, after the commit that is already durable; a copy that fails, as
/// on a full disk, comes again with the next. Few: nobody waits long for a copy (p99 of `bench ledger`: 10 and 14 ms at 500
/// frames, 25 and 27 at 2,000, 7 and 28 at 10,000; throughput is the same). The WAL is never truncated: overwriting is faster.
const CHECKPOINT_FRAMES: i64 = 500;
/// Page size for new files, bytes.
const PAGE_BYTES: u32 = 8_192;
/// Page cache of the writing connection, KiB: what one batch dirties. The operating system caches the rest.
const WRITER_CACHE_KIB: i32 = 16_384;
/// Page cache of a reading connection, KiB: the writer's memory answers most reads.
const READER_CACHE_KIB: i32 = 8_192;
/// Rows of one INSERT statement.
const ROWS_PER_INSERT: usize = 40;
/// How a file is opened by who writes it; its path is a path, whatever it looks like.
const WRITING: OpenFlags = READING.union(OpenFlags::SQLITE_OPEN_CREATE);
/// How a file is opened by who reads beside others.
const READING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

pub(super) struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    durability: SqliteDurability,
    vfs: Option<String>,
    busy: Duration,
    epoch: i64,
}

fn fault(error: rusqlite::Error) -> Fault {
    fault_saying("sqlite", error)
}

fn fault_saying(text: impl Into<String>, error: rusqlite::Error) -> Fault {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => FaultKind::Bug,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => FaultKind::Corrupt,
        _ => FaultKind::Outage,
    };
    Fault::new(kind, text).because(error)
}

/// Which file could not be opened, and why.
fn unopened(path: &Path, error: rusqlite::Error) -> Fault {
    let name = path.display();
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => format!("{name} is no SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => format!("{name} is broken: restore it from a backup"),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if !is_whole(path) => format!(
            "{name} cannot be read where nothing can be written beside it, for its -wal file holds more: copy both files \
             to a folder of your own"
        ),
        _ => format!("{name} cannot be opened"),
    };
    fault_saying(text, error)
}

/// The same fault with the file it is about, where the engine found it.
fn in_file(path: &Path, fault: Fault) -> Fault {
    if !fault.source.as_ref().is_some_and(|source| source.is::<rusqlite::Error>()) {
        return fault;
    }
    Fault { message: format!("{}: {}", path.display(), fault.message), ..fault }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn connect(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> rusqlite::Result<Connection> {
    match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    }
}

/// Of several that make the same file at once the engine refuses all but one, without letting them wait.
fn switch_to_wal(connection: &Connection, busy: Duration) -> rusqlite::Result<()> {
    let deadline = Instant::now() + busy;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

impl SqliteStore {
    pub(super) fn open(
        path: &Path,
        durability: SqliteDurability,
        vfs: Option<&str>,
        busy: Duration,
    ) -> Result<Self, Fault> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)
                .map_err(|error| Fault::outage(format!("{} cannot be made", parent.display())).because(error))?;
        }
        let connection = connect(path, WRITING, vfs).map_err(|error| unopened(path, error))?;
        connection.busy_timeout(busy).map_err(fault)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(|error| unopened(path, error))?;
        switch_to_wal(&connection, busy).map_err(|error| unopened(path, error))?;
        let synchronous = match durability {
            SqliteDurability::Full => "FULL",
            SqliteDurability::Off => "OFF",
        };
        connection.pragma_update(None, "synchronous", synchronous).map_err(fault)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_FRAMES).map_err(fault)?;
        connection.pragma_update(None, "journal_size_limit", -1).map_err(fault)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(512);
        let vfs = vfs.map(str::to_owned);
        Ok(Self { path: path.to_owned(), connection, durability, vfs, busy, epoch: 0 })
    }
}

/// A connection that only reads.
///
/// SQLite opens a file in WAL mode only where it can write beside it. One that we may not write, or in such a folder, is
/// read as it stands: a backup, which nobody changes. Not while a `-wal` holds more: then somebody writes it, or it is
/// half of what was copied. Nor are files made beside one that we may not write: its owner could not write them.
pub(super) fn open_reader(path: &Path, vfs: Option<&str>, busy: Duration) -> Result<Box<dyn Reader>, Fault> {
    let look = |connection: Connection| -> rusqlite::Result<Connection> {
        connection.busy_timeout(busy)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(512);
        // What is no database, or cannot be read, is known at the first look.
        connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    };
    let opened = match connect(path, READING, vfs) {
        Ok(connection) if connection.is_readonly(MAIN_DB).unwrap_or(false) && is_whole(path) => {
            drop(connection);
            connect_as_it_stands(path, vfs).and_then(look)
        }
        connected => connected.and_then(look).or_else(|error| match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if path.exists() && is_whole(path) => {
                connect_as_it_stands(path, vfs).and_then(look)
            }
            _ => Err(error),
        }),
    };
    let connection = opened.map_err(|error| unopened(path, error))?;
    Ok(Box::new(SqliteReader { connection, path: path.to_owned() }))
}

/// Whether everything that was committed stands in the file itself.
fn is_whole(path: &Path) -> bool {
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    !["-wal", "-journal"].iter().any(|end| {
        let mut beside = file.clone().into_os_string();
        beside.push(end);
        std::fs::metadata(beside).is_ok_and(|beside| beside.len() > 0)
    })
}

/// Opens a file that nobody changes: without locks, and with nothing beside it.
fn connect_as_it_stands(path: &Path, vfs: Option<&str>) -> rusqlite::Result<Connection> {
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut uri = "file:".to_owned();
    for byte in file.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    connect(Path::new(&uri), flags, vfs)
}

fn column_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Int | ColumnKind::Bool | ColumnKind::Date | ColumnKind::Timestamp => "INTEGER",
        ColumnKind::Text | ColumnKind::Json => "TEXT",
        ColumnKind::Bytes => "BLOB",
    }
}

/// The statements that create a table with its indexes and its view of decimal amounts.
pub(super) fn ddl(table: &TableSpec) -> Vec<String> {
    let rowid = table.key.len() == 1 && table.columns[table.key[0]].kind == ColumnKind::Int;
    let mut columns: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            if rowid && at == table.key[0] {
                return format!("{} INTEGER PRIMARY KEY", quoted(&column.name));
            }
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("{} {}{null}", quoted(&column.name), column_type(column.kind))
        })
        .collect();
    if !rowid {
        columns.push(format!("PRIMARY KEY ({})", table.key_names().join(", ")));
    }
    let without = if rowid { "" } else { " WITHOUT ROWID" };
    let mut statements = vec![format!("CREATE TABLE {} (\n  {}\n){without}", table.name, columns.join(",\n  "))];
    statements.extend(table.index_ddl());
    let decimal = |at: usize, units: &str, currency: &str| {
        let sign = format!("CASE WHEN {units} < 0 THEN '-' ELSE '' END");
        // `printf` would show an amount that is not there as 0.
        let is_nullable = table.columns[at].nullable;
        let absent = if is_nullable { format!("{units} IS NULL THEN NULL WHEN ") } else { String::new() };
        format!(
            "CASE WHEN {absent}{currency} IN ('USDT','USDC') THEN printf('%s%d.%06d', {sign}, abs({units})/1000000, abs({units})%1000000) \
             ELSE printf('%s%d.%04d', {sign}, abs({units})/10000, abs({units})%10000) END"
        )
    };
    statements.extend(table.view_ddl_showing(decimal, readable));
    statements
}

/// A column as a view shows it to people: days and moments as ISO 8601, moments in UTC to the second.
fn readable(column: &ColumnSpec) -> String {
    let name = quoted(&column.name);
    match column.kind {
        ColumnKind::Date => format!("date({name} * 86400, 'unixepoch') AS {name}"),
        ColumnKind::Timestamp => {
            format!("strftime('%Y-%m-%dT%H:%M:%SZ', {name} / 1000000, 'unixepoch') AS {name}")
        }
        ColumnKind::Int | ColumnKind::Bool | ColumnKind::Text | ColumnKind::Json | ColumnKind::Bytes => name,
    }
}

/// `INSERT` of `rows` rows, replacing what has the same key if `upsert`.
fn insert_sql(table: &TableSpec, rows: usize, upsert: bool) -> String {
    let width = table.columns.len();
    let mut sql = format!("INSERT INTO {} ({}) VALUES ", table.name, table.column_list());
    for row in 0..rows {
        if row > 0 {
            sql.push(',');
        }
        sql.push('(');
        for column in 0..width {
            if column > 0 {
                sql.push(',');
            }
            sql.push('?');
            sql.push_str(&(row * width + column + 1).to_string());
        }
        sql.push(')');
    }
    if upsert {
        let key = table.key_names();
        let set: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !table.key.contains(at))
            .map(|(_, column)| format!("{0}=excluded.{0}", quoted(&column.name)))
            .collect();
        let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(",")) };
        sql.push_str(&format!(" ON CONFLICT ({}) DO {action}", key.join(",")));
    }
    sql
}

fn write_rows(connection: &Connection, rows: &TableRows) -> Result<(), Fault> {
    let table = rows.table;
    if rows.write == Write::Delete {
        let width = table.key.len();
        let places: Vec<String> =
            table.key_names().iter().enumerate().map(|(nr, name)| format!("{name} = ?{}", nr + 1)).collect();
        let sql = format!("DELETE FROM {} WHERE {}", table.name, places.join(" AND "));
        let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
        for key in rows.rows.chunks(width) {
            statement.execute(rusqlite::params_from_iter(key)).map_err(fault)?;
        }
        return Ok(());
    }
    let width = table.columns.len();
    let upsert = rows.write == Write::Upsert;
    let per_insert = if upsert { 1 } else { ROWS_PER_INSERT.min(30_000 / width) };
    let mut many = rows.rows.chunks_exact(width * per_insert);
    if many.len() > 0 {
        let mut statement = connection.prepare_cached(&insert_sql(table, per_insert, upsert)).map_err(fault)?;
        for chunk in &mut many {
            statement.execute(rusqlite::params_from_iter(chunk)).map_err(fault)?;
        }
    }
    let rest = many.remainder();
    if !rest.is_empty() {
        let mut statement = connection.prepare_cached(&insert_sql(table, 1, upsert)).map_err(fault)?;
        for row in rest.chunks(width) {
            statement.execute(rusqlite::params_from_iter(row)).map_err(fault)?;
        }
    }
    Ok(())
}

impl Store for SqliteStore {
    fn take_over(&mut self, claim: Claim) -> Result<(i64, i64), Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let take = "UPDATE market_fence SET epoch = epoch + 1, lease = coalesce(?2, lease) \
                    WHERE id = 1 AND epoch = coalesce(?1, epoch) AND lease <= coalesce(?2, lease) \
                    RETURNING epoch, batch";
        let taken = transaction
            .query_row(take, [claim.held, claim.lease], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(fault)?;
        let (epoch, batch): (i64, i64) = taken.ok_or_else(|| claim.refused())?;
        transaction.commit().map_err(fault)?;
        self.epoch = epoch;
        Ok((epoch, batch))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let fenced = transaction
            .prepare_cached("UPDATE market_fence SET batch = ?1 WHERE id = 1 AND epoch = ?2 AND batch < ?1")
            .and_then(|mut statement| statement.execute([commit.batch, self.epoch]))
            .map_err(fault)?;
        if fenced != 1 {
            return Err(Fault::new(FaultKind::Fenced, format!("another writer took over after epoch {}", self.epoch)));
        }
        for rows in &commit.tables {
            write_rows(&transaction, rows)?;
        }
        transaction.commit().map_err(fault)?;
        Ok(())
    }

    fn run_alone(&mut self, script: Script<'_>) -> Result<bool, Fault> {
        let mut reader = self.reader()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let Some(sql) = script(&mut *reader)? else { return Ok(false) };
        transaction.execute_batch(&sql).map_err(fault)?;
        transaction.commit().map_err(fault)?;
        Ok(true)
    }

    fn run(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind]) -> Result<Vec<Vec<Value>>, Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let mut rows = Vec::new();
        {
            let mut statement = transaction.prepare_cached(&numbered(sql)).map_err(fault)?;
            read_rows(&mut statement, params, kinds, &mut |row| {
                rows.push(row.to_vec());
                Ok(())
            })?;
        }
        transaction.commit().map_err(fault)?;
        Ok(rows)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Fault> {
        open_reader(&self.path, self.vfs.as_deref(), self.busy)
    }

    fn describe(&mut self) -> Result<Vec<(String, String)>, Fault> {
        let pragma = |name: &str| -> Result<String, Fault> {
            self.connection
                .query_row(&format!("PRAGMA {name}"), [], |row| {
                    row.get_ref(0).map(|value| match value {
                        ValueRef::Integer(number) => number.to_string(),
                        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                        _ => String::new(),
                    })
                })
                .map_err(fault)
        };
        Ok(vec![
            ("engine".to_owned(), format!("sqlite {}", rusqlite::version())),
            ("file".to_owned(), self.path.display().to_string()),
            ("journal_mode".to_owned(), pragma("journal_mode")?),
            ("synchronous".to_owned(), pragma("synchronous")?),
            ("page_size".to_owned(), pragma("page_size")?),
            ("durable".to_owned(), (self.durability == SqliteDurability::Full).to_string()),
        ])
    }
}

struct SqliteReader {
    connection: Connection,
    path: PathBuf,
}

impl Reader for SqliteReader {
    fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        kinds: &[ColumnKind],
        each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let named = |fault| in_file(&self.path, fault);
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(fault).map_err(named)?;
        read_rows(&mut statement, params, kinds, each).map_err(named)
    }
}

/// `$1` is a named parameter to SQLite, numbered by first appearance; `?1` is what is meant.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn read_rows(
    statement: &mut Statement<'_>,
    params: &[Value],
    kinds: &[ColumnKind],
    each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(fault)?;
    let mut values = Vec::with_capacity(kinds.len());
    while let Some(row) = rows.next().map_err(fault)? {
        values.clear();
        for at in 0..kinds.len() {
            values.push(match row.get_ref(at).map_err(fault)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Text(text) => Value::text(
                    std::str::from_utf8(text).map_err(|error| Fault::corrupt("a text column").because(error))?,
                ),
                ValueRef::Blob(bytes) => Value::bytes(bytes),
                ValueRef::Real(_) => return Err(Fault::corrupt("a floating point number in the database")),
            });
        }
        each(&values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_changes_is_read_as_it_stands_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c=1&d%20#é.db");
        let writer = SqliteStore::open(&path, SqliteDurability::Off, None, Duration::from_secs(1)).unwrap();
        writer.connection.execute_batch("CREATE TABLE kept (n INTEGER); INSERT INTO kept VALUES (7)").unwrap();
        assert!(!is_whole(&path), "the -wal holds more than the file");
        drop(writer);
        assert!(is_whole(&path));
        let reader = connect_as_it_stands(&path, None).unwrap();
        assert_eq!(reader.query_row("SELECT n FROM kept", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made beside it");
    }

    #[test]
    fn what_is_no_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.db");
        std::fs::write(&path, "a list of things to remember, which is no database at all").unwrap();
        let read = open_reader(&path, None, Duration::from_secs(1)).err().unwrap();
        let written = SqliteStore::open(&path, SqliteDurability::Off, None, Duration::from_secs(1)).err().unwrap();
        for fault in [read, written] {
            assert_eq!(fault.kind, FaultKind::Corrupt);
            assert!(fault.message.contains("notes.db is no SQLite database"), "{fault}");
        }
    }

    #[test]
    fn a_file_that_is_broken_inside_is_named_by_who_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("torn.db");
        let writer = SqliteStore::open(&path, SqliteDurability::Off, None, Duration::from_secs(1)).unwrap();
        writer.connection.execute_batch("CREATE TABLE kept (n INTEGER); INSERT INTO kept VALUES (7)").unwrap();
        drop(writer);
        let mut bytes = std::fs::read(&path).unwrap();
        // The second page is the table's.
        bytes[PAGE_BYTES as usize..].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        let mut reader = open_reader(&path, None, Duration::from_secs(1)).unwrap();
        let fault = super::super::collect(&mut *reader, "SELECT n FROM kept", &[], &[ColumnKind::Int]).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Corrupt);
        assert!(fault.message.contains("torn.db: sqlite: "), "{fault}");
    }

    #[test]
    fn the_view_shows_amounts_days_and_moments_as_people_write_them() {
        let column = |name: &str, kind, nullable| ColumnSpec { name: name.to_owned(), kind, nullable };
        let table = TableSpec {
            name: "debt",
            columns: vec![
                column("id", ColumnKind::Int, false),
                column("amount_units", ColumnKind::Int, false),
                column("amount_currency", ColumnKind::Text, false),
                column("due", ColumnKind::Date, false),
                column("paid", ColumnKind::Date, true),
                column("created_at", ColumnKind::Timestamp, false),
                column("paid_at", ColumnKind::Timestamp, true),
            ],
            key: vec![0],
            indexes: Vec::new(),
            money: vec![(1, 2)],
        };
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&ddl(&table).join(";")).unwrap();
        let insert = "INSERT INTO debt VALUES (7, 123400, 'GHS', 20527, NULL, 1773567000999999, NULL)";
        connection.execute(insert, []).unwrap();
        let select = "SELECT id, amount, amount_currency, due, paid, created_at, paid_at FROM debt_decimal";
        let shown = connection
            .query_row(select, [], |row| {
                (1..7_usize).map(|at| row.get::<_, Option<String>>(at)).collect::<rusqlite::Result<Vec<_>>>()
            })
            .unwrap();
        let expected = [Some("12.3400"), Some("GHS"), Some("2026-03-15"), None, Some("2026-03-15T09:30:00Z"), None];
        assert_eq!(shown.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }
}
