//! Puts a table's description together from an entity's fields.

use crate::Field;
use crate::field::columns_of;
use crate::storage::{IndexSpec, TableSpec};

/// Collects fields, key and indexes; used by `entity!`.
pub struct TableBuilder {
    spec: TableSpec,
    fields: Vec<(&'static str, usize, usize)>,
}

impl TableBuilder {
    /// A table without columns.
    pub const fn new(name: &'static str) -> Self {
        Self {
            spec: TableSpec { name, columns: Vec::new(), key: Vec::new(), indexes: Vec::new(), money: Vec::new() },
            fields: Vec::new(),
        }
    }

    /// Adds the columns of a field.
    pub fn field<F: Field>(&mut self, name: &'static str) {
        let start = self.spec.columns.len();
        self.spec.columns.extend(columns_of::<F>(name));
        self.fields.push((name, start, self.spec.columns.len()));
        if F::MONEY {
            self.spec.money.push((start, start + 1));
        }
    }

    fn columns_named(&self, field: &str) -> std::ops::Range<usize> {
        self.fields.iter().find(|(name, ..)| *name == field).map_or(0..0, |(_, start, end)| *start..*end)
    }

    /// Adds a field to the key.
    pub fn key(&mut self, field: &str) {
        let columns = self.columns_named(field);
        self.spec.key.extend(columns);
    }

    /// Adds an index over fields.
    pub fn index(&mut self, name: &'static str, fields: &[&str], unique: bool) {
        let columns = fields
            .iter()
            .flat_map(|field| self.columns_named(field))
            .map(|at| self.spec.columns[at].name.clone())
            .collect();
        self.spec.indexes.push(IndexSpec { name, columns, unique });
    }

    /// The finished description.
    pub fn build(self) -> TableSpec {
        self.spec
    }
}
