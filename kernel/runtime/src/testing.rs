//! A stage for one domain's tests: its services on a real engine, everybody else recorded.

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
pub(crate) mod toy;

use std::any::TypeId;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sycee_contract::{Command, Date, Effect, Event, Message, Rejection, Timestamp, Zone};
use sycee_money::Currency;

use crate::opening::open_watched;
use crate::payload::Answer;
use crate::storage::{
    Claim, ColumnKind, DatabaseUrl, Migration, MigrationTree, Reader, SqliteDurability, TableSpec, Value, schema_script,
};
use crate::{
    Configs, EffectEnvelope, Entity, Executed, Fault, Market, MarketOptions, MarketWriter, Registry, Secrets, Stimulus,
};

/// Environment variable that names a PostgreSQL server for tests.
pub const POSTGRES_VARIABLE: &str = "SYCEE_TEST_POSTGRES";

/// A market for tests: Ghana, cedi.
pub fn test_market() -> Market {
    Market {
        id: "gh".to_owned(),
        country: "GH".to_owned(),
        currency: Currency::GHS,
        zone: Zone::utc(),
        manual_review: false,
    }
}

/// The databases that a test runs on: a new SQLite file, and a new PostgreSQL schema when a server is named.
///
/// The guard removes them when it is dropped.
pub fn test_databases() -> (Vec<DatabaseUrl>, TestGuard) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nr = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("sycee_test_{}_{nr}", std::process::id());
    let folder = std::env::temp_dir().join(&name);
    // Another process of this number may have been killed before it tidied up.
    drop(std::fs::remove_dir_all(&folder));
    let path = folder.join("market.db");
    let mut urls = vec![DatabaseUrl::Sqlite { path, durability: SqliteDurability::Off, vfs: None }];
    let mut schema = None;
    if let Ok(config) = std::env::var(POSTGRES_VARIABLE) {
        urls.push(DatabaseUrl::Postgres { config: config.clone(), schema: name.clone() });
        schema = Some((config, name));
    }
    (urls, TestGuard { folder, schema })
}

/// One migration that makes `tables` as they are registered: for tests, and for what has no released schema.
pub fn generated_migrations(tables: &[&TableSpec]) -> MigrationTree {
    let of = |engine| vec![Migration { number: 1, name: "generated".to_owned(), sql: schema_script(tables, engine) }];
    MigrationTree { sqlite: of("sqlite"), postgres: of("postgres") }
}

/// Has a test's registry make its tables as they are registered.
pub fn generate_schema(registry: &mut Registry) {
    registry.migrated_by(generated_migrations(&registry.tables()));
}

/// A query and what it is asked with.
pub type AskedQuery = (String, Vec<Value>);

/// Every query that opening a market runs, with what it is asked with, in order.
///
/// Errors: as [`MarketWriter::open`].
pub fn queries_of_opening(registry: &Arc<Registry>, options: &MarketOptions) -> Result<Vec<AskedQuery>, Fault> {
    struct Watched(Box<dyn Reader>, Arc<Mutex<Vec<AskedQuery>>>);
    impl Reader for Watched {
        fn query(
            &mut self,
            sql: &str,
            params: &[Value],
            kinds: &[ColumnKind],
            each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
        ) -> Result<(), Fault> {
            self.1.lock().unwrap_or_else(PoisonError::into_inner).push((sql.to_owned(), params.to_vec()));
            self.0.query(sql, params, kinds, each)
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    open_watched(registry, options, Claim::default(), &|reader| Box::new(Watched(reader, Arc::clone(&seen))))?;
    let mut queries = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *queries))
}

/// The control store of a test's market: beside it, and of no other test.
pub fn test_control(market: &DatabaseUrl) -> DatabaseUrl {
    match market {
        DatabaseUrl::Sqlite { .. } => market.control(),
        DatabaseUrl::Postgres { config, schema } => {
            DatabaseUrl::Postgres { config: config.clone(), schema: format!("{schema}_control") }
        }
    }
}

/// Removes what a test left.
pub struct TestGuard {
    folder: std::path::PathBuf,
    schema: Option<(String, String)>,
}

impl Drop for TestGuard {
    fn drop(&mut self) {
        // A test's leftovers in the temporary folder are harmless.
        drop(std::fs::remove_dir_all(&self.folder));
        if let Some((config, schema)) = &self.schema {
            crate::storage::drop_schema(config, schema);
            crate::storage::drop_schema(config, &format!("{schema}_control"));
        }
    }
}

/// One domain on a real engine.
pub struct Scene {
    writer: MarketWriter,
    last: Vec<Executed>,
    effects: Vec<EffectEnvelope>,
}

impl Scene {
    /// Runs `body` on SQLite, and on PostgreSQL when a server is named.
    pub fn each(register: impl Fn(&mut Registry), configs: Configs, body: impl Fn(&mut Self)) {
        Self::each_in(&test_market(), register, configs, body);
    }

    /// As [`Self::each`], in a market of one's own.
    pub fn each_in(market: &Market, register: impl Fn(&mut Registry), configs: Configs, body: impl Fn(&mut Self)) {
        let (urls, _guard) = test_databases();
        for url in urls {
            let engine = url.engine();
            let mut registry = Registry::new();
            registry.lenient = true;
            register(&mut registry);
            generate_schema(&mut registry);
            let options = MarketOptions {
                url,
                market: market.clone(),
                configs: configs.clone(),
                secrets: Secrets::derive(b"test", "gh"),
                first_day: Date::constant(2026, 1, 5),
            };
            let writer = match MarketWriter::open(Arc::new(registry), options) {
                Ok(writer) => writer,
                #[allow(clippy::panic, reason = "a test's stage that does not stand ends the test")]
                Err(fault) => panic!("on {engine}: {fault}"),
            };
            let mut scene = Self { writer, last: Vec::new(), effects: Vec::new() };
            let result = std::panic::catch_unwind(AssertUnwindSafe(|| body(&mut scene)));
            if let Err(cause) = result {
                eprintln!("the test failed on {engine}");
                std::panic::resume_unwind(cause);
            }
        }
    }

    /// Gives the answer to queries of a service that is not on the stage.
    pub fn answers<C: Command>(&mut self, answer: impl Fn(&C) -> Result<C::Answer, Rejection> + Send + Sync + 'static) {
        let run: crate::registry::CommandFn =
            Arc::new(move |_, payload| Ok(Answer::of::<C>(answer(crate::registry::typed::<C>(payload)?)?)));
        self.writer.stand_in(TypeId::of::<C>(), run);
    }

    fn run(&mut self, stimulus: Stimulus) -> Executed {
        let result = self.writer.execute(stimulus).and_then(|done| self.writer.sync().map(|()| done));
        match result {
            Ok(executed) => {
                self.last = vec![executed.clone()];
                self.effects = self.writer.take_effects();
                executed
            }
            #[allow(clippy::panic, reason = "a fault ends the test")]
            Err(fault) => panic!("{fault}"),
        }
    }

    /// A person or service asks.
    pub fn request<C: Command>(&mut self, command: C) -> Result<C::Answer, Rejection> {
        self.run(Stimulus::command("staff:test", command)).answer::<C>()
    }

    /// As [`Self::request`], by somebody.
    pub fn request_by<C: Command>(&mut self, actor: &str, command: C) -> Result<C::Answer, Rejection> {
        self.run(Stimulus::command(actor, command)).answer::<C>()
    }

    /// A fact from outside.
    pub fn fact<C: Command>(&mut self, command: C) {
        self.run(Stimulus::command("staff:test", command));
    }

    /// An event from elsewhere.
    pub fn happened<E: Event>(&mut self, event: E) {
        self.run(Stimulus::event("staff:test", event));
    }

    /// Events of type `E` emitted since the last stimulus.
    pub fn emitted<E: Event>(&self) -> Vec<E> {
        self.last.iter().flat_map(Executed::payloads::<E>).cloned().collect()
    }

    /// Commands of type `C` sent or asked since the last stimulus.
    pub fn sent<C: Command>(&self) -> Vec<C> {
        self.last.iter().flat_map(Executed::payloads::<C>).cloned().collect()
    }

    /// Message ids of every hop since the last stimulus.
    pub fn hops(&self) -> Vec<&'static str> {
        self.last.iter().flat_map(Executed::hops).map(|hop| hop.message).collect()
    }

    /// Effects of type `F` since the last stimulus.
    pub fn effects<F: Effect>(&self) -> Vec<F> {
        self.effects.iter().filter_map(EffectEnvelope::get::<F>).cloned().collect()
    }

    /// All effects since the last stimulus, as whoever executes them gets them.
    pub fn outgoing(&self) -> Vec<EffectEnvelope> {
        self.effects.clone()
    }

    /// An entity, whoever owns it.
    pub fn load<E: Entity>(&mut self, key: E::Key) -> Option<E> {
        match self.writer.load::<E>(&key) {
            Ok(found) => found.map(|entity| E::clone(&entity)),
            #[allow(clippy::panic, reason = "a fault ends the test")]
            Err(fault) => panic!("{fault}"),
        }
    }

    /// Every entity of a type, in key order.
    pub fn all<E: Entity>(&mut self) -> Vec<E> {
        let mut all = Vec::new();
        let result = self.writer.scan::<E>(&mut |entity| {
            all.push(entity.clone());
            Ok(())
        });
        match result {
            Ok(()) => all,
            #[allow(clippy::panic, reason = "a fault ends the test")]
            Err(fault) => panic!("{fault}"),
        }
    }

    /// The writer itself.
    pub fn writer(&mut self) -> &mut MarketWriter {
        &mut self.writer
    }

    /// The business clock.
    pub fn now(&self) -> Timestamp {
        self.writer.now()
    }

    /// The business date.
    pub fn today(&self) -> Date {
        self.writer.today()
    }

    /// Moves the business clock on.
    pub fn advance_seconds(&mut self, seconds: i64) {
        let now = self.writer.now().plus_seconds(seconds);
        self.writer.set_now(now);
    }

    /// Sets the business date and moves the clock to its start if it is later.
    pub fn set_today(&mut self, today: Date) {
        self.writer.set_today(today);
        self.writer.set_now(Timestamp::start_of(today));
    }

    /// Runs the timers that are due; what they did counts as one stimulus.
    pub fn fire_timers(&mut self) {
        let mut all = Vec::new();
        loop {
            match self.writer.fire_timer() {
                Ok(Some(executed)) => all.push(executed),
                Ok(None) => break,
                #[allow(clippy::panic, reason = "a fault ends the test")]
                Err(fault) => panic!("{fault}"),
            }
        }
        if let Err(fault) = self.writer.sync() {
            #[allow(clippy::panic, reason = "a fault ends the test")]
            {
                panic!("{fault}");
            }
        }
        self.effects = self.writer.take_effects();
        self.last = all;
    }
}

/// The message id of `M`, for assertions over hops.
pub const fn id_of<M: Message>() -> &'static str {
    M::ID
}
