//! Where a market is kept: `sqlite:///path/to/market.db`, or `postgres://…?schema=market_gh`.
//!
//! `sqlite:///path/to/market.db?vfs=name` opens the file through a virtual file system that the process has registered.
//! `postgres://…?durability=off` takes a PostgreSQL server as it is, even one that loses what it acknowledged.

use std::path::PathBuf;

use crate::Fault;

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqliteDurability {
    /// `synchronous=FULL`: a commit survives power loss.
    Full,
    /// `synchronous=OFF`: for tests that do not test durability.
    Off,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of its own.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Whether a commit waits for the disk.
        durability: SqliteDurability,
        /// SQLite's virtual file system; the default one when none is named.
        vfs: Option<String>,
    },
    /// A schema of a PostgreSQL database.
    Postgres {
        /// Connection string, as libpq takes it (key=value or URL); besides, `durability=off` (see the module).
        config: String,
        /// Schema of the market.
        schema: String,
    },
}

impl DatabaseUrl {
    /// Parses a database URL. A plain path is SQLite; `schema=` in a PostgreSQL URL names the schema (`sycee`).
    ///
    /// Errors: a Fault that shows the accepted forms.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return Ok(match path.split_once("?vfs=") {
                Some((path, vfs)) => Self::sqlite_through(path, Some(vfs.to_owned())),
                None => Self::sqlite(path),
            });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let (config, schema) = take_schema(text);
            return Ok(Self::Postgres { config, schema });
        }
        if text.contains("host=") || text.contains("dbname=") {
            let (config, schema) = take_schema(text);
            return Ok(Self::Postgres { config, schema });
        }
        if text.contains("://") || text.is_empty() {
            return Err(Fault::outage(format!(
                "{text:?} is no database: use sqlite:///path/market.db, a path, or postgres://user@host/db?schema=market_gh"
            )));
        }
        Ok(Self::sqlite(text))
    }

    /// A durable SQLite file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::sqlite_through(path, None)
    }

    fn sqlite_through(path: impl Into<PathBuf>, vfs: Option<String>) -> Self {
        Self::Sqlite { path: path.into(), durability: SqliteDurability::Full, vfs }
    }

    /// Engine name for people.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// Takes `name=value` out of a connection string in either of libpq's forms.
pub(super) fn take_parameter(config: &str, name: &str) -> (String, Option<String>) {
    let separators: &[char] = if config.contains("://") { &['?', '&'] } else { &[' '] };
    let named = format!("{name}=");
    let found = config
        .match_indices(&named)
        .map(|(at, _)| at)
        .find(|at| *at == 0 && separators == [' '] || config[..*at].ends_with(separators));
    let Some(at) = found else { return (config.to_owned(), None) };
    let rest = &config[at + named.len()..];
    let end = rest.find(['&', ' ']).unwrap_or(rest.len());
    let without = format!("{}{}", &config[..at], rest[end..].trim_start_matches(['&', ' ']));
    (without.trim_end_matches(['?', '&', ' ']).to_owned(), Some(rest[..end].to_owned()))
}

fn take_schema(text: &str) -> (String, String) {
    let (config, schema) = take_parameter(text, "schema");
    (config, schema.unwrap_or_else(|| "sycee".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_engine_and_schema() {
        let postgres =
            |config: &str, schema: &str| DatabaseUrl::Postgres { config: config.into(), schema: schema.into() };
        for (text, url) in [
            ("sqlite:///a/b.db", DatabaseUrl::sqlite("/a/b.db")),
            ("sqlite:///a/b.db?vfs=x", DatabaseUrl::sqlite_through("/a/b.db", Some("x".to_owned()))),
            ("b.db", DatabaseUrl::sqlite("b.db")),
            ("postgres://u@h/d?schema=gh", postgres("postgres://u@h/d", "gh")),
            ("postgres://u@h/d?a=b&schema=gh&c=d", postgres("postgres://u@h/d?a=b&c=d", "gh")),
            ("host=/tmp user=me schema=gh", postgres("host=/tmp user=me", "gh")),
            ("host=/tmp user=me", postgres("host=/tmp user=me", "sycee")),
            ("schema=gh host=/tmp", postgres("host=/tmp", "gh")),
            ("postgres://u@h/d?my_schema=x", postgres("postgres://u@h/d?my_schema=x", "sycee")),
        ] {
            assert_eq!(DatabaseUrl::parse(text).unwrap(), url, "{text}");
        }
        assert!(DatabaseUrl::parse("mysql://x").is_err());
    }

    #[test]
    fn a_parameter_is_taken_out_whole() {
        for (config, without, value) in [
            ("postgres://u@h/d?durability=off&a=b", "postgres://u@h/d?a=b", Some("off")),
            ("host=/tmp durability=off user=me", "host=/tmp user=me", Some("off")),
            ("host=/tmp user=durability", "host=/tmp user=durability", None),
        ] {
            assert_eq!(
                take_parameter(config, "durability"),
                (without.to_owned(), value.map(str::to_owned)),
                "{config}"
            );
        }
    }
}
