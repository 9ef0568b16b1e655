//! The released schema: numbered files, embedded, one tree per engine. They make what the services register.

use sycee_runtime::storage::{Migration, MigrationTree};

/// Number, name, text for SQLite, text for PostgreSQL.
const FILES: &[(i64, &str, &str, &str)] = &[(
    1,
    "initial",
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/postgres/0001_initial.sql"),
)];

/// Every migration of a market.
pub fn migrations() -> MigrationTree {
    let of = |number: i64, name: &str, sql: &str| Migration { number, name: name.to_owned(), sql: sql.to_owned() };
    MigrationTree {
        sqlite: FILES.iter().map(|(number, name, sqlite, _)| of(*number, name, sqlite)).collect(),
        postgres: FILES.iter().map(|(number, name, _, postgres)| of(*number, name, postgres)).collect(),
    }
}
