//! State that lives whole in the writer's memory and keeps its own append-only tables: the ledger.

use std::any::Any;

use crate::Fault;
use crate::storage::{Reader, TableRows, TableSpec};

/// A service's state that is loaded once and then only appended to.
///
/// Invariant: `load` after `flush`es gives the same logical state as the memory had.
pub trait Resident: Send + Sized + 'static {
    /// The service that may touch it.
    const OWNER: &'static str;
    /// Its tables.
    fn tables() -> &'static [&'static TableSpec];
    /// The state that the tables hold.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when the tables hold no such state.
    fn load(reader: &mut dyn Reader) -> Result<Self, Fault>;
    /// The position in the undo log.
    fn savepoint(&self) -> usize;
    /// Undoes everything after `to`.
    fn rollback(&mut self, to: usize);
    /// What this batch appends; forgets the undo log.
    fn flush(&mut self) -> Vec<TableRows>;
    /// Hash of the logical state.
    fn digest(&self) -> [u8; 32];
}

pub(crate) trait AnyResident: Send {
    fn as_any(&mut self) -> &mut dyn Any;
    fn savepoint(&self) -> usize;
    fn rollback(&mut self, to: usize);
    fn flush(&mut self) -> Vec<TableRows>;
    fn digest(&self) -> [u8; 32];
}

impl<R: Resident> AnyResident for R {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
    fn savepoint(&self) -> usize {
        Resident::savepoint(self)
    }
    fn rollback(&mut self, to: usize) {
        Resident::rollback(self, to);
    }
    fn flush(&mut self) -> Vec<TableRows> {
        Resident::flush(self)
    }
    fn digest(&self) -> [u8; 32] {
        Resident::digest(self)
    }
}
