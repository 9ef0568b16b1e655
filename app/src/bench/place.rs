//! Where a bench's database lives: a folder of its own on a real disk, or a schema of its own.
//!
//! Invariant: what a place made is gone when it is dropped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sycee_runtime::storage::{Claim, DatabaseUrl, SqliteDurability, Store, migrate, open_store};

use super::EngineChoice;
use crate::Context;
use crate::output::Failure;

/// Names the server that is measured when `--db` names none.
const POSTGRES_VARIABLE: &str = "SYCEE_TEST_POSTGRES";
/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(30);
/// What a bench that was stopped leaves.
pub const GONE: &str = ": its databases are removed";

/// What keeps databases: a folder, or a PostgreSQL server.
#[derive(Clone)]
pub enum Server {
    /// Databases are files under this folder.
    Folder(PathBuf),
    /// Connection string.
    Postgres(String),
}

impl Server {
    /// The servers that the caller wants measured.
    ///
    /// Errors: `Input` when PostgreSQL is wanted and nothing names a server.
    pub fn chosen(engine: Option<EngineChoice>, context: &Context) -> Result<Vec<Self>, Failure> {
        let (folder, named) = match &context.database.url {
            DatabaseUrl::Sqlite { path, .. } => (path.parent().map(Path::to_owned).unwrap_or_default(), None),
            DatabaseUrl::Postgres { config, .. } => (PathBuf::new(), Some(config.clone())),
        };
        let engine = engine.unwrap_or(if named.is_some() { EngineChoice::Postgres } else { EngineChoice::Sqlite });
        let postgres = || -> Result<Self, Failure> {
            let config = named.clone().or_else(|| std::env::var(POSTGRES_VARIABLE).ok());
            config.map(Self::Postgres).ok_or_else(|| {
                let text = format!("no PostgreSQL server: name it with --db postgres://… or in {POSTGRES_VARIABLE}");
                Failure::input(text)
            })
        };
        let folder = Self::Folder(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder });
        Ok(match engine {
            EngineChoice::Sqlite => vec![folder],
            EngineChoice::Postgres => vec![postgres()?],
            EngineChoice::Both => vec![folder, postgres()?],
        })
    }

    /// Whether it is a folder.
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

/// A database that lives as long as this value.
pub struct Place {
    /// The database.
    pub url: DatabaseUrl,
}

impl Place {
    /// A new, empty place.
    pub fn new(server: &Server) -> Result<Self, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let url = match server {
            Server::Folder(folder) => {
                let folder = folder.join(format!(".sycee-bench-{name}"));
                std::fs::create_dir_all(&folder).map_err(|error| Failure::file("made", &folder, error))?;
                DatabaseUrl::Sqlite { path: folder.join("market.db"), durability: SqliteDurability::Full, vfs: None }
            }
            Server::Postgres(config) => {
                DatabaseUrl::Postgres { config: config.clone(), schema: format!("bench_{name}") }
            }
        };
        Ok(Self { url })
    }

    /// The database's store.
    pub fn store(&self) -> Result<Box<dyn Store>, Failure> {
        Ok(open_store(&self.url, BUSY)?)
    }

    /// The store of a market, with all its tables, and its last batch.
    pub fn market_store(&self) -> Result<(Box<dyn Store>, i64), Failure> {
        migrate(&self.url, sycee_markets::migrations().of(self.url.engine()))?;
        let mut store = self.store()?;
        let (_, batch) = store.take_over(Claim::default())?;
        Ok((store, batch))
    }

    /// The folder it lives in, when it is a file.
    pub fn folder(&self) -> Option<&Path> {
        match &self.url {
            DatabaseUrl::Sqlite { path, .. } => path.parent(),
            DatabaseUrl::Postgres { .. } => None,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A bench that ends with an error has said why; what it leaves is named after it.
        match &self.url {
            DatabaseUrl::Sqlite { .. } => drop(self.folder().map(std::fs::remove_dir_all)),
            DatabaseUrl::Postgres { schema, .. } => {
                let dropped = open_store(&self.url, BUSY)
                    .map(|mut store| store.run_script(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE;")));
                drop(dropped);
            }
        }
    }
}
