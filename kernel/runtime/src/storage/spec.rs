//! How tables are described, and the SQL that follows from the description.

use std::fmt::Write as _;

/// Native type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// bigint / INTEGER.
    Int,
    /// boolean / INTEGER 0 or 1.
    Bool,
    /// date / INTEGER days since 1970-01-01.
    Date,
    /// timestamptz / INTEGER microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// text, C collation / TEXT.
    Text,
    /// jsonb / TEXT.
    Json,
    /// bytea / BLOB.
    Bytes,
}

/// One column.
#[derive(Clone, Debug)]
pub struct ColumnSpec {
    /// Name.
    pub name: String,
    /// Type.
    pub kind: ColumnKind,
    /// Whether NULL is allowed.
    pub nullable: bool,
}

/// One index besides the key.
#[derive(Clone, Debug)]
pub struct IndexSpec {
    /// Name, unique in its table.
    pub name: &'static str,
    /// Columns.
    pub columns: Vec<String>,
    /// Whether the database enforces uniqueness (NULLs are distinct).
    pub unique: bool,
}

/// One table.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// Name.
    pub name: &'static str,
    /// Columns, in row order.
    pub columns: Vec<ColumnSpec>,
    /// Positions of the key columns.
    pub key: Vec<usize>,
    /// Further indexes.
    pub indexes: Vec<IndexSpec>,
    /// Columns that hold money units: position of the units column and of its currency column.
    pub money: Vec<(usize, usize)>,
}

impl TableSpec {
    /// Names of all columns, quoted, comma separated.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// Names of the key columns, quoted.
    pub fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|&at| quoted(&self.columns[at].name)).collect()
    }

    /// Kinds of all columns.
    pub fn kinds(&self) -> Vec<ColumnKind> {
        self.columns.iter().map(|column| column.kind).collect()
    }

    /// The statements that create its indexes.
    pub(super) fn index_ddl(&self) -> impl Iterator<Item = String> {
        self.indexes.iter().map(|index| {
            let unique = if index.unique { "UNIQUE " } else { "" };
            let columns: Vec<String> = index.columns.iter().map(|column| quoted(column)).collect();
            format!("CREATE {unique}INDEX {0}_{1} ON {0} ({2})", self.name, index.name, columns.join(", "))
        })
    }

    /// The statement that creates its view of decimal amounts, if it holds money: `decimal` says how an engine shows
    /// the units of column `at`, given the names of the units' column and of their currency's.
    pub(super) fn view_ddl(&self, decimal: impl Fn(usize, &str, &str) -> String) -> Option<String> {
        self.view_ddl_showing(decimal, |column| quoted(&column.name))
    }

    /// The same for an engine that keeps other columns too as people do not read them: `plain` says how it shows them.
    pub(super) fn view_ddl_showing(
        &self,
        decimal: impl Fn(usize, &str, &str) -> String,
        plain: impl Fn(&ColumnSpec) -> String,
    ) -> Option<String> {
        if self.money.is_empty() {
            return None;
        }
        let shown = self.columns.iter().enumerate().map(|(at, column)| {
            let Some((_, currency)) = self.money.iter().find(|(units, _)| *units == at) else {
                return plain(column);
            };
            let currency = quoted(&self.columns[*currency].name);
            let decimal = decimal(at, &quoted(&column.name), &currency);
            format!("{decimal} AS {}", quoted(column.name.trim_end_matches("_units")))
        });
        let shown: Vec<String> = shown.collect();
        Some(format!("CREATE VIEW {0}_decimal AS SELECT {1} FROM {0}", self.name, shown.join(", ")))
    }

    /// `SELECT` of all columns for one key.
    pub fn select_by_key(&self) -> String {
        let mut sql = format!("SELECT {} FROM {} WHERE ", self.column_list(), self.name);
        for (nr, name) in self.key_names().iter().enumerate() {
            let and = if nr == 0 { "" } else { " AND " };
            let _ = write!(sql, "{and}{name} = ${}", nr + 1);
        }
        sql
    }

    /// `SELECT` of all columns by index, in the order of the keys: `is_null` says which of the index's columns are NULL,
    /// `after` whether keys come after a key, whose parts are the last parameters.
    pub fn select_by_index(&self, index: usize, is_null: &[bool], after: bool, limit: usize) -> String {
        let mut sql = format!("SELECT {} FROM {} WHERE ", self.column_list(), self.name);
        let mut params = 0;
        for (nr, (column, is_null)) in self.indexes[index].columns.iter().zip(is_null).enumerate() {
            let and = if nr == 0 { "" } else { " AND " };
            let column = quoted(column);
            if *is_null {
                let _ = write!(sql, "{and}{column} IS NULL");
            } else {
                params += 1;
                let _ = write!(sql, "{and}{column} = ${params}");
            }
        }
        let key = self.key_names();
        if after {
            let places: Vec<String> = (1..=key.len()).map(|nr| format!("${}", params + nr)).collect();
            let _ = write!(sql, " AND ({}) > ({})", key.join(", "), places.join(", "));
        }
        let _ = write!(sql, " ORDER BY {} LIMIT {limit}", key.join(", "));
        sql
    }
}

/// A name as SQL takes it whatever it is: entities may have fields called `order` or `limit`.
pub fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
