//! Tables in PostgreSQL's own types.

use tokio_postgres::types::Type;

use crate::storage::{ColumnKind, TableSpec, quoted};

pub(super) const fn column_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Int => "bigint",
        ColumnKind::Bool => "boolean",
        ColumnKind::Date => "date",
        ColumnKind::Timestamp => "timestamptz",
        ColumnKind::Text => "text",
        ColumnKind::Json => "jsonb",
        ColumnKind::Bytes => "bytea",
    }
}

/// The statements that create a table with its indexes and its view of decimal amounts.
pub(in crate::storage) fn ddl(table: &TableSpec) -> Vec<String> {
    let mut columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let collation = if column.kind == ColumnKind::Text { " COLLATE \"C\"" } else { "" };
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("{} {}{collation}{null}", quoted(&column.name), column_type(column.kind))
        })
        .collect();
    columns.push(format!("PRIMARY KEY ({})", table.key_names().join(", ")));
    let mut statements = vec![format!("CREATE TABLE {} (\n  {}\n)", table.name, columns.join(",\n  "))];
    statements.extend(table.index_ddl());
    statements.extend(table.view_ddl(|_, units, currency| {
        format!(
            "CASE WHEN {currency} IN ('USDT','USDC') THEN {units}::numeric / 1000000 ELSE {units}::numeric / 10000 END"
        )
    }));
    statements
}

pub(super) const fn pg_type(kind: ColumnKind) -> Type {
    match kind {
        ColumnKind::Int => Type::INT8,
        ColumnKind::Bool => Type::BOOL,
        ColumnKind::Date => Type::DATE,
        ColumnKind::Timestamp => Type::TIMESTAMPTZ,
        ColumnKind::Text => Type::TEXT,
        ColumnKind::Json => Type::JSONB,
        ColumnKind::Bytes => Type::BYTEA,
    }
}
