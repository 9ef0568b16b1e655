//! Opens a market: reads what the writer keeps in memory, and starts the flush thread.

use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use sycee_contract::Timestamp;

use crate::cache::AnyTable;
use crate::commit::Flusher;
use crate::control::latest_lease_of;
use crate::core::Core;
use crate::idempotency::{Asked, RecentKeys, oldest_day};
use crate::log::Names;
use crate::market::MarketOptions;
use crate::seal::KeyRing;
use crate::stimulus::EffectEnvelope;
use crate::storage::{Claim, ColumnKind, Reader, TableSpec, Value, bring_up, collect, open_store};
use crate::system::{MarketState, RuntimeEffect, log_name};
use crate::{Entity, Fault, Registry};

/// Pending effects that this program cannot read, and why.
type Unreadable = Vec<(i64, Fault)>;

/// What opening gives.
pub(crate) struct Opened {
    pub core: Core,
    pub flusher: Flusher,
    pub recent: RecentKeys,
    pub effects: VecDeque<EffectEnvelope>,
    pub unreadable: Unreadable,
    /// The last batch.
    pub batch: i64,
    /// The last batch that a writer of before committed.
    pub committed: i64,
    /// The fencing epoch taken.
    pub epoch: i64,
}

impl Opened {
    /// Every effect that is pending.
    pub(crate) fn pending(&self) -> BTreeSet<i64> {
        let unreadable = self.unreadable.iter().map(|(id, _)| *id);
        self.effects.iter().map(|effect| effect.id).chain(unreadable).collect()
    }
}

/// Opens the store under a new fencing epoch and reads what the writer keeps in memory.
///
/// Errors: `Fenced` when another writer has taken over, by the epoch or the lease that `claim` names.
pub(crate) fn open_parts(registry: &Arc<Registry>, options: &MarketOptions, claim: Claim) -> Result<Opened, Fault> {
    open_watched(registry, options, claim, &|reader| reader)
}

/// As [`open_parts`], with whoever reads put through `watch`.
pub(crate) fn open_watched(
    registry: &Arc<Registry>,
    options: &MarketOptions,
    claim: Claim,
    watch: &dyn Fn(Box<dyn Reader>) -> Box<dyn Reader>,
) -> Result<Opened, Fault> {
    let mut store = open_store(&options.url, Duration::from_secs(30))?;
    if claim.held.is_none() {
        // Who holds an old lease must not even bring the tables up: that fences off the writer that runs.
        if claim.lease.is_some() {
            claim.check(latest_lease_of(&options.url, &mut *store.reader()?)?)?;
        }
        bring_up(&options.url, &mut *store, registry.migrations().of(options.url.engine()))?;
    }
    let (epoch, committed) = store.take_over(claim)?;
    let mut reader = watch(store.reader()?);
    let state = read_state(&mut *reader)?.unwrap_or(MarketState {
        id: 1,
        last_id: 1_000,
        last_cascade: 0,
        now: options.market.zone.start_of(options.first_day),
        today: options.first_day,
        pending_from: 0,
        secrets: options.secrets.fingerprint(),
    });
    if state.secrets != options.secrets.fingerprint() {
        let why =
            "the market was made under another master secret, or under another id: give it the one it was made under";
        return Err(Fault::corrupt(why));
    }
    let names = read_names(&mut *store, &mut *reader, registry, committed)?;
    let batch = committed.max(names.1);
    let known = highest_key(&mut *reader, crate::system::person_key())?.max(state.last_id);
    let keys = KeyRing::new(options.secrets.clone(), store.reader()?, known);
    let mut residents = Vec::new();
    let mut resident_by_type = FxHashMap::default();
    for info in &registry.residents {
        resident_by_type.insert(info.type_id, residents.len());
        residents.push((info.load)(&mut *reader)?);
    }
    let mut by_type = FxHashMap::default();
    let mut caches: Vec<Box<dyn AnyTable>> = Vec::new();
    for info in &registry.entities {
        by_type.insert(info.type_id, caches.len());
        // Not every number comes from the sequence: configuration and tests give their own.
        let known = highest_key(&mut *reader, info.spec)?.max(state.last_id);
        caches.push((info.table)(info.spec, known));
    }
    let recent = read_recent(&mut *reader, &state)?;
    let mut core = Core {
        registry: Arc::clone(registry),
        configs: options.configs.clone(),
        market: options.market.clone(),
        keys: Arc::clone(&keys),
        state,
        fault: None,
        tables: caches,
        by_type,
        residents,
        resident_by_type,
        journal: Vec::new(),
        reader,
        timers: BinaryHeap::new(),
        asking: 0,
        scouting: false,
        missed: false,
        queries: 0,
    };
    let rows = collect(
        &mut *core.reader,
        "SELECT due, id FROM runtime_timer",
        &[],
        &[ColumnKind::Timestamp, ColumnKind::Text],
    )?;
    for row in rows {
        if let (Some(due), Some(id)) = (row[0].as_int(), row[1].as_text()) {
            core.timer_set(Timestamp::from_micros(due), id);
        }
    }
    let (effects, unreadable) = read_effects(&mut core)?;
    let flusher = Flusher::spawn(store, keys, names.0)?;
    Ok(Opened { core, flusher, recent, effects, unreadable, batch, committed, epoch })
}

/// The greatest number that begins a key of `table`; 0 where keys begin with no number.
fn highest_key(reader: &mut dyn Reader, table: &TableSpec) -> Result<i64, Fault> {
    let numbered = table.key.first().is_some_and(|at| table.columns[*at].kind == ColumnKind::Int);
    let Some(first) = table.key_names().into_iter().next().filter(|_| numbered) else { return Ok(0) };
    let sql = format!("SELECT max({first}) FROM {}", table.name);
    let rows = collect(reader, &sql, &[], &[ColumnKind::Int])?;
    Ok(rows.first().and_then(|row| row[0].as_int()).unwrap_or(0))
}

fn read_state(reader: &mut dyn Reader) -> Result<Option<MarketState>, Fault> {
    let spec = MarketState::spec();
    let sql = format!("SELECT {} FROM market_state", spec.column_list());
    let rows = collect(reader, &sql, &[], &spec.kinds())?;
    rows.first().map(|row| MarketState::read(&mut crate::RowReader::new(row))).transpose()
}

/// Codes of all names, new ones committed; and the batch that committed them.
fn read_names(
    store: &mut dyn crate::storage::Store,
    reader: &mut dyn Reader,
    registry: &Registry,
    batch: i64,
) -> Result<(Names, i64), Fault> {
    let sql = "SELECT code, name FROM log_name";
    let rows = collect(reader, sql, &[], &[ColumnKind::Int, ColumnKind::Text])?;
    let mut names = Names::default();
    for row in &rows {
        if let (Some(code), Some(name)) = (row[0].as_int(), row[1].as_text()) {
            names.insert(name.to_owned(), u16::try_from(code).unwrap_or(0));
        }
    }
    let mut wanted: Vec<&str> = sycee_contract::all_messages().iter().map(|info| info.id).collect();
    wanted.extend(registry.by_id.keys());
    wanted.extend(registry.services.iter());
    wanted.push("actor");
    wanted.sort_unstable();
    wanted.dedup();
    let mut fresh = Vec::new();
    let mut next = names.values().copied().max().unwrap_or(0);
    for name in wanted {
        if !names.contains_key(name) {
            next += 1;
            names.insert(name.to_owned(), next);
            fresh.extend([Value::Int(i64::from(next)), Value::text(name)]);
        }
    }
    if fresh.is_empty() {
        return Ok((names, batch));
    }
    let rows = crate::storage::TableRows { table: log_name(), write: crate::storage::Write::Append, rows: fresh };
    store.commit(&crate::storage::Commit { tables: vec![rows], batch: batch + 1 })?;
    Ok((names, batch + 1))
}

/// The first cascade that is not older than `oldest`. Numbers and times rise together, so the log needs no index by time.
fn first_since(reader: &mut dyn Reader, last: i64, oldest: Timestamp) -> Result<i64, Fault> {
    let sql = "SELECT id, at FROM message_log WHERE id >= $1 ORDER BY id LIMIT 1";
    let (mut from, mut until) = (0, last + 1);
    while from < until {
        let middle = from + (until - from) / 2;
        let rows = collect(reader, sql, &[Value::Int(middle)], &[ColumnKind::Int, ColumnKind::Timestamp])?;
        match rows.first().map(|row| (row[0].as_int(), row[1].as_int())) {
            Some((Some(id), Some(at))) if at < oldest.as_micros() => from = id + 1,
            _ => until = middle,
        }
    }
    Ok(from)
}

fn read_recent(reader: &mut dyn Reader, state: &MarketState) -> Result<RecentKeys, Fault> {
    let sql =
        "SELECT id, at, fingerprint, body_hash FROM message_log WHERE id >= $1 AND fingerprint IS NOT NULL ORDER BY id";
    let oldest = Timestamp::start_of(oldest_day(state.now));
    let first = first_since(reader, state.last_cascade, oldest)?;
    let kinds = [ColumnKind::Int, ColumnKind::Timestamp, ColumnKind::Bytes, ColumnKind::Bytes];
    let mut recent = RecentKeys::default();
    reader.query(sql, &[Value::Int(first)], &kinds, &mut |row| {
        let fingerprint = row[2].as_bytes().and_then(|bytes| bytes.try_into().ok());
        let body = row[3].as_bytes().and_then(|bytes| bytes.try_into().ok());
        if let (Some(id), Some(at), Some(fingerprint), Some(body)) =
            (row[0].as_int(), row[1].as_int(), fingerprint, body)
        {
            let asked = Asked { fingerprint: u128::from_le_bytes(fingerprint), body };
            recent.insert(asked, id, Timestamp::from_micros(at));
        }
        Ok(())
    })?;
    Ok(recent)
}

/// Effects that are pending, and those of them that wait for a program that can read them.
fn read_effects(core: &mut Core) -> Result<(VecDeque<EffectEnvelope>, Unreadable), Fault> {
    let spec = RuntimeEffect::spec();
    let sql =
        format!("SELECT {} FROM runtime_effect WHERE id >= $1 AND state = 'Pending' ORDER BY id", spec.column_list());
    let rows = collect(&mut *core.reader, &sql, &[Value::Int(core.state.pending_from)], &spec.kinds())?;
    let (mut effects, mut unreadable) = (VecDeque::new(), Vec::new());
    for row in rows {
        let row = RuntimeEffect::read(&mut crate::RowReader::new(&row))?;
        let Some((kind, decode)) = core.registry.effects.get_key_value(row.kind.as_str()) else {
            unreadable.push((row.id, Fault::corrupt(format!("{} is no kind of effect that is known", row.kind))));
            continue;
        };
        match core.keys.opening(|| decode(&row.payload))? {
            Ok(payload) => {
                // The writer of before may have executed it and not come to note that: it counts as tried.
                let attempts = row.attempts.max(1);
                effects.push_back(EffectEnvelope { attempts, ..row.envelope(kind, payload) });
            }
            Err(fault) => unreadable.push((row.id, fault)),
        }
    }
    Ok((effects, unreadable))
}
