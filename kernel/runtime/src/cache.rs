//! The writer's memory of one entity type: what is read, what is written and not yet durable, and how to undo it.
//!
//! Invariant: an entity that is not durable is never evicted, so memory plus database is always the whole truth.
//! Invariant: a row is appended only when the database surely holds none of its key.
//! Invariant: undoing the journal to a mark restores exactly what stood there at the mark.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::seal::KeyRing;
use crate::storage::{ColumnKind, Commit, Query, Reader, TableRows, TableSpec, Value, Write};
use crate::{Entity, Fault, Find, Key, RowReader};

/// Most rows a statement can be asked for: what every engine takes for a number.
const ROWS_MAX: usize = i32::MAX as usize;

struct Slot<E> {
    value: Option<Arc<E>>,
    /// The batch whose durability lets this slot be evicted; 0 when it came from the database unchanged.
    pinned: i64,
    dirty: bool,
    /// Whether the database may hold a row of this key; if not, what is saved is appended, which is cheaper.
    stored: bool,
    /// Whether it was touched again in a later batch than the one it came with: such an entity is worth keeping.
    reused: bool,
    /// The tick of the last touch; ticks wrap, and only differences are looked at.
    used: u32,
}

impl<E> Slot<E> {
    fn touch(&mut self, tick: u32) {
        self.reused |= self.used != tick;
        self.used = tick;
    }

    /// Whether memory and database say the same of it, once batch `durable` is durable.
    fn may_leave(&self, durable: i64) -> bool {
        !self.dirty && self.pinned <= durable
    }
}

type PendingIndex<K> = FxHashMap<(usize, Vec<Value>), BTreeSet<K>>;

/// One entity type's cache.
pub(crate) struct Table<E: Entity> {
    spec: &'static TableSpec,
    select: Arc<str>,
    kinds: Arc<[ColumnKind]>,
    slots: FxHashMap<E::Key, Slot<E>>,
    dirty: Vec<E::Key>,
    undo: Vec<(E::Key, Option<Slot<E>>)>,
    /// Keys by index values: of this batch, then of those that are being written, newest first.
    pending: VecDeque<PendingIndex<E::Key>>,
    /// Keys whose number is above this were never evicted and never stored before this writer opened the market.
    known_above: i64,
    tick: u32,
    /// What scouts missed, and will be read for all of them at once.
    wanted_keys: FxHashSet<E::Key>,
    wanted_pages: FxHashSet<Page<E>>,
    /// Pages of look-ups that were read ahead. They hold until a batch becomes durable.
    pages: FxHashMap<Page<E>, Vec<Arc<E>>>,
}

/// A look-up by an index: position, values, the key after which it begins, the most it gives.
type Page<E> = (usize, Vec<Value>, Option<<E as Entity>::Key>, usize);

/// Where a table reads what is not in memory.
pub(crate) struct Source<'a> {
    pub reader: &'a mut dyn Reader,
    pub keys: &'a Arc<KeyRing>,
    /// Whether a scout reads: what is missing is noted, and halts it.
    pub scouting: bool,
    /// Whether a scout missed something.
    pub missed: &'a mut bool,
    /// Counts queries.
    pub queries: &'a mut u64,
}

/// What halts a scout: nothing is wrong, something is not in memory.
fn missing() -> Fault {
    Fault::outage("a scout misses something")
}

/// What the writer does with every entity type alike.
pub(crate) trait AnyTable: Send {
    fn as_any(&mut self) -> &mut dyn Any;
    fn undo_one(&mut self);
    fn forget_undo(&mut self);
    fn take_dirty(&mut self, batch: i64) -> Option<Box<dyn DirtyRows>>;
    fn has_dirty(&self) -> bool;
    fn batch_durable(&mut self);
    /// How many batches ago what may leave was last touched: of what was touched once, and of what was touched again.
    fn ages(&self, durable: i64, once: &mut Vec<u32>, again: &mut Vec<u32>);
    /// Forgets what may leave and was touched at least so many batches ago: once, or again.
    fn evict(&mut self, durable: i64, once: u32, again: u32);
    fn len(&self) -> usize;
    fn tick(&mut self);
    /// What scouts missed, as queries.
    fn wanted(&self) -> Vec<Query>;
    /// Takes the answers to [`Self::wanted`], in its order.
    fn supply(&mut self, answers: &mut dyn Iterator<Item = Vec<Vec<Value>>>, keys: &Arc<KeyRing>) -> Result<(), Fault>;
}

/// Rows on their way to the database, encoded on the flush thread.
pub(crate) trait DirtyRows: Send {
    fn encode(self: Box<Self>, keys: &Arc<KeyRing>, commit: &mut Commit) -> Result<(), Fault>;
}

struct Dirty<E: Entity> {
    spec: &'static TableSpec,
    saved: Vec<Arc<E>>,
    appended: Vec<Arc<E>>,
    deleted: Vec<E::Key>,
}

impl<E: Entity> DirtyRows for Dirty<E> {
    fn encode(self: Box<Self>, keys: &Arc<KeyRing>, commit: &mut Commit) -> Result<(), Fault> {
        // What goes away goes first: what comes may carry a value that only one may have.
        if !self.deleted.is_empty() {
            let mut rows = Vec::with_capacity(self.deleted.len());
            for key in &self.deleted {
                key.write_key(&mut rows);
            }
            commit.tables.push(TableRows { table: self.spec, write: Write::Delete, rows });
        }
        for (entities, write) in [(&self.saved, Write::Upsert), (&self.appended, Write::Append)] {
            if entities.is_empty() {
                continue;
            }
            let mut rows = Vec::with_capacity(entities.len() * self.spec.columns.len());
            for entity in entities {
                match entity.subject() {
                    Some(subject) => keys.sealing(Some(subject), || entity.write(&mut rows))?,
                    None => entity.write(&mut rows),
                }
            }
            commit.tables.push(TableRows { table: self.spec, write, rows });
        }
        Ok(())
    }
}

impl<E: Entity> Table<E> {
    pub(crate) fn new(spec: &'static TableSpec, known_above: i64) -> Self {
        Self {
            spec,
            select: spec.select_by_key().into(),
            kinds: spec.kinds().into(),
            slots: FxHashMap::default(),
            dirty: Vec::new(),
            undo: Vec::new(),
            pending: [FxHashMap::default()].into(),
            known_above,
            tick: 0,
            wanted_keys: FxHashSet::default(),
            wanted_pages: FxHashSet::default(),
            pages: FxHashMap::default(),
        }
    }

    /// The entity with this key, from memory or from the database.
    pub(crate) fn get(&mut self, key: &E::Key, source: Source<'_>) -> Result<Option<Arc<E>>, Fault> {
        let tick = self.tick;
        if let Some(slot) = self.slots.get_mut(key) {
            slot.touch(tick);
            return Ok(slot.value.clone());
        }
        if self.is_unknown(key) {
            return Ok(None);
        }
        if source.scouting {
            *source.missed = true;
            self.wanted_keys.insert(key.clone());
            return Err(missing());
        }
        *source.queries += 1;
        let mut params = Vec::new();
        key.write_key(&mut params);
        let mut found = None;
        source.reader.query(&self.select, &params, &self.kinds, &mut |row| {
            found = Some(read_row::<E>(row, source.keys)?);
            Ok(())
        })?;
        self.keep(key.clone(), found.clone());
        Ok(found)
    }

    /// Keeps in memory what the database holds under a key that memory does not know.
    fn keep(&mut self, key: E::Key, found: Option<Arc<E>>) {
        let (stored, used) = (found.is_some(), self.tick);
        let fresh = || Slot { value: found, pinned: 0, dirty: false, stored, reused: false, used };
        self.slots.entry(key).or_insert_with(fresh).touch(used);
    }

    /// Whether the database surely holds no row of a key that is not in memory.
    fn is_unknown(&self, key: &E::Key) -> bool {
        key.sequence_number().is_some_and(|number| number > self.known_above)
    }

    /// Puts a value (or its absence) in place; the caller journals.
    pub(crate) fn put(&mut self, key: E::Key, value: Option<Arc<E>>) {
        if let (Some(entity), Some(pending)) = (&value, self.pending.front_mut()) {
            for index in 0..E::INDEXES {
                let values = entity.index_values(index);
                pending.entry((index, values)).or_default().insert(key.clone());
            }
        }
        let (was_dirty, stored, reused) = match self.slots.get(&key) {
            Some(slot) => (slot.dirty, slot.stored, slot.reused || slot.used != self.tick),
            None => (false, !self.is_unknown(&key), false),
        };
        if !was_dirty {
            self.dirty.push(key.clone());
        }
        let slot = Slot { value, pinned: i64::MAX, dirty: true, stored, reused, used: self.tick };
        let before = self.slots.insert(key.clone(), slot);
        self.undo.push((key, before));
    }

    /// The entities an index names, ordered by key.
    pub(crate) fn find(&mut self, by: &Find<E>, mut source: Source<'_>) -> Result<Vec<Arc<E>>, Fault> {
        let mut found: std::collections::BTreeMap<E::Key, Arc<E>> = std::collections::BTreeMap::new();
        let place = (by.index, by.values.clone());
        for pending in &self.pending {
            // Only the first matches can be in the answer, whatever the database adds.
            let matches = pending.get(&place).into_iter().flat_map(|keys| later(keys, &by.after));
            let matches = matches.filter_map(|key| {
                let entity = self.slots.get(key).and_then(|slot| slot.value.clone())?;
                (entity.index_values(by.index) == by.values).then(|| (key.clone(), entity))
            });
            found.extend(matches.take(by.limit));
        }
        let mut after = by.after.clone();
        loop {
            let page = (by.index, by.values.clone(), after, by.limit);
            let rows = self.page(page, &mut source)?;
            let exhausted = rows.len() < by.limit;
            after = rows.last().map(|entity| entity.key());
            for entity in rows {
                let key = entity.key();
                self.keep(key.clone(), Some(entity));
                let Some(slot) = self.slots.get(&key) else { continue };
                if let Some(current) = &slot.value
                    && current.index_values(by.index) == by.values
                {
                    found.insert(key, Arc::clone(current));
                }
            }
            // A full page is complete up to its last key even where memory has changed or removed some of it.
            let complete = after.as_ref().map_or(0, |last| found.keys().filter(|key| *key <= last).count());
            if exhausted || complete >= by.limit {
                break;
            }
        }
        Ok(found.into_values().take(by.limit).collect())
    }

    /// One page of a look-up as the database has it.
    fn page(&mut self, page: Page<E>, source: &mut Source<'_>) -> Result<Vec<Arc<E>>, Fault> {
        if let Some(rows) = self.pages.get(&page) {
            return Ok(rows.clone());
        }
        if source.scouting {
            *source.missed = true;
            self.wanted_pages.insert(page);
            return Err(missing());
        }
        *source.queries += 1;
        let query = self.page_query(&page);
        let mut rows = Vec::new();
        source.reader.query(&query.sql, &query.params, &query.kinds, &mut |row| {
            rows.push(read_row::<E>(row, source.keys)?);
            Ok(())
        })?;
        Ok(rows)
    }

    fn page_query(&self, (index, values, after, limit): &Page<E>) -> Query {
        let is_null: Vec<bool> = values.iter().map(|value| *value == Value::Null).collect();
        let sql = self.spec.select_by_index(*index, &is_null, after.is_some(), (*limit).min(ROWS_MAX));
        let mut params: Vec<Value> = values.iter().filter(|value| **value != Value::Null).cloned().collect();
        if let Some(after) = after {
            after.write_key(&mut params);
        }
        Query { sql: sql.into(), params, kinds: Arc::clone(&self.kinds) }
    }
}

/// The keys after `after`, in order.
fn later<'a, K: Ord>(keys: &'a BTreeSet<K>, after: &'a Option<K>) -> impl Iterator<Item = &'a K> {
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    keys.range((from, Bound::Unbounded))
}

pub(crate) fn read_row<E: Entity>(row: &[Value], keys: &Arc<KeyRing>) -> Result<Arc<E>, Fault> {
    keys.opening(|| E::read(&mut RowReader::new(row)))?.map(Arc::new)
}

impl<E: Entity> AnyTable for Table<E> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn undo_one(&mut self) {
        let Some((key, before)) = self.undo.pop() else { return };
        let was_dirty = before.as_ref().is_some_and(|slot| slot.dirty);
        match before {
            Some(slot) => {
                self.slots.insert(key.clone(), slot);
            }
            None => {
                self.slots.remove(&key);
            }
        }
        if !was_dirty && self.dirty.last() == Some(&key) {
            self.dirty.pop();
        }
    }

    fn forget_undo(&mut self) {
        self.undo.clear();
    }

    fn take_dirty(&mut self, batch: i64) -> Option<Box<dyn DirtyRows>> {
        let size = self.pending.front().map_or(0, FxHashMap::len);
        self.pending.push_front(FxHashMap::with_capacity_and_hasher(size, Default::default()));
        self.pages.clear();
        if self.dirty.is_empty() {
            return None;
        }
        let mut rows = Dirty { spec: self.spec, saved: Vec::new(), appended: Vec::new(), deleted: Vec::new() };
        for key in self.dirty.drain(..) {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.dirty = false;
            slot.pinned = batch;
            match &slot.value {
                Some(entity) if slot.stored => rows.saved.push(Arc::clone(entity)),
                Some(entity) => rows.appended.push(Arc::clone(entity)),
                None => rows.deleted.push(key),
            }
            slot.stored = slot.value.is_some();
        }
        Some(Box::new(rows))
    }

    fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    fn batch_durable(&mut self) {
        if self.pending.len() > 1 {
            self.pending.pop_back();
        }
        self.pages.clear();
    }

    fn ages(&self, durable: i64, once: &mut Vec<u32>, again: &mut Vec<u32>) {
        for slot in self.slots.values().filter(|slot| slot.may_leave(durable)) {
            if slot.reused { &mut *again } else { &mut *once }.push(self.tick.wrapping_sub(slot.used));
        }
    }

    fn evict(&mut self, durable: i64, once: u32, again: u32) {
        let Self { known_above, slots, tick, .. } = self;
        slots.retain(|key, slot| {
            let limit = if slot.reused { again } else { once };
            let keep = !slot.may_leave(durable) || tick.wrapping_sub(slot.used) < limit;
            if !keep && let Some(number) = key.sequence_number() {
                *known_above = (*known_above).max(number);
            }
            keep
        });
        slots.shrink_to(slots.len() * 2);
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn wanted(&self) -> Vec<Query> {
        let by_key = |key: &E::Key| {
            let mut params = Vec::new();
            key.write_key(&mut params);
            Query { sql: Arc::clone(&self.select), params, kinds: Arc::clone(&self.kinds) }
        };
        let pages = self.wanted_pages.iter().map(|page| self.page_query(page));
        self.wanted_keys.iter().map(by_key).chain(pages).collect()
    }

    fn supply(&mut self, answers: &mut dyn Iterator<Item = Vec<Vec<Value>>>, keys: &Arc<KeyRing>) -> Result<(), Fault> {
        let mut next = || -> Result<Vec<Arc<E>>, Fault> {
            let rows = answers.next().ok_or_else(|| Fault::bug("a query was not answered"))?;
            rows.iter().map(|row| read_row::<E>(row, keys)).collect()
        };
        // A set that nobody touches in between gives its members in the same order again.
        for key in std::mem::take(&mut self.wanted_keys) {
            let found = next()?.pop();
            self.keep(key, found);
        }
        for page in std::mem::take(&mut self.wanted_pages) {
            self.pages.insert(page, next()?);
        }
        Ok(())
    }

    fn tick(&mut self) {
        self.tick = self.tick.wrapping_add(1);
    }
}
