//! Breaking what a market has stored, row by row, and mending it.

use std::fmt::Display;

use sycee_money::Money;
use sycee_runtime::storage::{ColumnKind, DatabaseUrl, Store, TableSpec, Value, open_store, quoted};
use sycee_runtime::{Entity, Fault};
use sycee_sim::World;
use sycee_sim::oracles::{Statements, Verdict};

/// What has to be found: the oracle that finds it, and what its findings name. Every one of them is looked for.
pub type Culprits<'a> = &'a [(u32, &'a dyn Display)];

/// A change of some tables, as SQL for one engine.
#[derive(Clone)]
pub struct Mutation {
    tables: Vec<&'static str>,
    sql: String,
}

impl Mutation {
    pub fn of(table: &'static str, sql: String) -> Self {
        Self { tables: vec![table], sql }
    }

    /// Both at once; of different tables.
    pub fn and(&self, other: &Self) -> Self {
        let tables = [self.tables.as_slice(), &other.tables].concat();
        Self { tables, sql: format!("{}; {}", self.sql, other.sql) }
    }
}

/// A market after a run.
pub struct Bench {
    pub world: World,
    pub missed: Vec<String>,
    store: Box<dyn Store>,
    engine: &'static str,
}

impl Bench {
    pub fn new(world: World, url: &DatabaseUrl) -> Self {
        let store = open_store(url, std::time::Duration::from_secs(30)).unwrap();
        Self { world, missed: Vec::new(), store, engine: url.engine() }
    }

    /// The first entity, in key order, that `pick` takes.
    pub fn first<E: Entity>(&mut self, pick: impl Fn(&E) -> bool) -> E {
        let mut found = None;
        let scanned = self.world.writer().scan::<E>(&mut |entity| {
            if found.is_none() && pick(entity) {
                found = Some(entity.clone());
            }
            Ok(())
        });
        scanned.unwrap();
        found.unwrap_or_else(|| panic!("the run left no {} like that: let it be longer", E::NAME))
    }

    /// Sets the columns that `change` changes.
    pub fn changed<E: Entity>(&self, before: &E, change: impl FnOnce(&mut E)) -> Mutation {
        let (spec, mut after) = (E::spec(), before.clone());
        change(&mut after);
        let (old, new) = (values(before), values(&after));
        let set: Vec<String> = (0..old.len())
            .filter(|at| old[*at] != new[*at])
            .map(|at| format!("{} = {}", quoted(&spec.columns[at].name), self.literal(&new[at], spec.columns[at].kind)))
            .collect();
        assert!(!set.is_empty(), "nothing of {} is changed", E::NAME);
        let sql = format!("UPDATE {} SET {} WHERE {}", E::TABLE, set.join(", "), self.key(&spec, &old));
        Mutation::of(E::TABLE, sql)
    }

    /// Adds a row.
    pub fn added<E: Entity>(&self, entity: &E) -> Mutation {
        let spec = E::spec();
        let literals: Vec<String> =
            values(entity).iter().zip(&spec.columns).map(|(value, column)| self.literal(value, column.kind)).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", E::TABLE, spec.column_list(), literals.join(", "));
        Mutation::of(E::TABLE, sql)
    }

    /// Takes a row away.
    pub fn removed<E: Entity>(&self, entity: &E) -> Mutation {
        let sql = format!("DELETE FROM {} WHERE {}", E::TABLE, self.key(&E::spec(), &values(entity)));
        Mutation::of(E::TABLE, sql)
    }

    /// Breaks, asks every oracle, mends. Exactly the `expected` oracles have to be broken, naming every culprit.
    pub fn catches(&mut self, mutation: &Mutation, expected: Culprits<'_>) {
        self.apply(mutation).unwrap();
        let verdicts = self.world.ask_oracles(true).unwrap();
        self.mend(mutation);
        self.compare(&mutation.sql, &verdicts, expected);
    }

    /// Asks every oracle as if channels and partners said `statements`; otherwise as [`Self::catches`].
    pub fn catches_told(&mut self, what: &str, statements: &Statements, expected: Culprits<'_>) {
        let verdicts = self.world.ask_oracles_about(statements, true).unwrap();
        self.compare(what, &verdicts, expected);
    }

    fn compare(&mut self, what: &str, verdicts: &[Verdict], expected: Culprits<'_>) {
        for Verdict { nr, findings, found, .. } in verdicts {
            let culprits: Vec<String> =
                expected.iter().filter(|(of, _)| of == nr).map(|(_, culprit)| culprit.to_string()).collect();
            let is_named = |culprit: &String| findings.iter().any(|finding| finding.contains(culprit.as_str()));
            let fine = if culprits.is_empty() { *found == 0 } else { culprits.iter().all(is_named) };
            if !fine {
                let engine = self.engine;
                self.missed.push(format!("{engine}: {what}\n  oracle {nr} finds {findings:?}, expected {culprits:?}"));
            }
        }
    }

    /// Breaks, and keeps the tables as they were beside them.
    pub fn apply(&mut self, Mutation { tables, sql }: &Mutation) -> Result<(), Fault> {
        let keep = |table: &&str| format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}; ");
        self.store.run_script(&format!("{}{sql};", tables.iter().map(keep).collect::<String>()))
    }

    /// Puts the tables back that [`Self::apply`] kept.
    pub fn mend(&mut self, Mutation { tables, .. }: &Mutation) {
        let mend = |table: &&str| {
            format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}; DROP TABLE kept_{table};")
        };
        self.store.run_script(&tables.iter().map(mend).collect::<String>()).unwrap();
    }

    fn key(&self, spec: &TableSpec, row: &[Value]) -> String {
        let of = |at: &usize| {
            format!("{} = {}", quoted(&spec.columns[*at].name), self.literal(&row[*at], spec.columns[*at].kind))
        };
        spec.key.iter().map(of).collect::<Vec<_>>().join(" AND ")
    }

    fn literal(&self, value: &Value, kind: ColumnKind) -> String {
        let is_postgres = self.engine == "postgres";
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                if is_postgres { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
            }
            Value::Int(number) => match kind {
                ColumnKind::Bool if is_postgres => (*number != 0).to_string(),
                ColumnKind::Date if is_postgres => format!("(DATE '1970-01-01' + {number})"),
                ColumnKind::Timestamp if is_postgres => {
                    format!("(TIMESTAMPTZ '1970-01-01 00:00:00+00' + {number} * INTERVAL '1 microsecond')")
                }
                _ => number.to_string(),
            },
        }
    }
}

fn values<E: Entity>(entity: &E) -> Vec<Value> {
    let mut row = Vec::new();
    entity.write(&mut row);
    row
}

/// An amount some units more, or less.
pub fn plus(amount: Money, units: i64) -> Money {
    Money::from_units(amount.units() + units, amount.currency())
}
