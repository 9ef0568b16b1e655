//! Reading ahead: what a batch of stimuli will ask the database for is asked at once.
//!
//! Handlers are pure, so they can be run in vain. A *scout* runs a stimulus until it misses something in memory; that is
//! noted, and everything it did is undone. What all scouts of a batch missed is read in one round trip, and those who were
//! halted go again. So a batch pays for the depth of its reads, not for their number, and nobody declares keys.
//!
//! Invariant: a scout leaves nothing behind but what the database holds, in memory.

use std::sync::Arc;
use std::time::Duration;

use crate::cascade::{Cascade, Delivery, Queued};
use crate::market::MarketWriter;
use crate::storage::Query;
use crate::system::RuntimeEffect;
use crate::{Fault, Stimulus};

/// Rounds of scouting; what is still missing then is read when it is met.
const ROUNDS_MAX: usize = 32;
/// A round trip to a database on another machine takes at least this. Over a socket of the same machine a query costs less
/// than running its handler in vain: `bench origination` was a fifth slower with scouts.
const LONG_WAY: Duration = Duration::from_micros(300);

impl MarketWriter {
    /// As [`Self::read_ahead`] where that pays: the way to the database is long, and there is more than one stimulus.
    ///
    /// Errors: `Outage` when the database does not answer.
    pub fn prefetch<'a>(&mut self, stimuli: impl ExactSizeIterator<Item = &'a Stimulus>) -> Result<(), Fault> {
        let pays = stimuli.len() > 1 && self.core.reader.round_trip() >= LONG_WAY;
        if pays { self.read_ahead(stimuli) } else { Ok(()) }
    }

    /// Reads what the handlers of `stimuli` will need and memory lacks, in few round trips.
    ///
    /// Errors: `Outage` when the database does not answer.
    pub fn read_ahead<'a>(&mut self, stimuli: impl Iterator<Item = &'a Stimulus>) -> Result<(), Fault> {
        self.not_stopped()?;
        let mut halted: Vec<&Stimulus> = stimuli.collect();
        self.core.scouting = true;
        let mut read = Ok(());
        for _ in 0..ROUNDS_MAX {
            halted.retain(|stimulus| self.scout(stimulus));
            if halted.is_empty() || read.is_err() {
                break;
            }
            read = self.read_wanted();
        }
        self.core.scouting = false;
        read
    }

    /// Whether the scout of `stimulus` was halted because something is not in memory.
    fn scout(&mut self, stimulus: &Stimulus) -> bool {
        let Ok(root) = self.root_hop(stimulus) else { return false };
        let state = self.core.state.clone();
        let mut cascade = Cascade {
            id: state.last_cascade + 1,
            trace: state.last_cascade + 1,
            cause: None,
            actor: Arc::clone(&stimulus.actor),
            subject: None,
            queue: [Queued { hop: 0, delivery: Delivery::Message }].into(),
            hops: Vec::with_capacity(32),
            effects: Vec::new(),
            withdrawn: Vec::new(),
            sticky: Vec::new(),
        };
        let before = self.core.mark(&cascade);
        cascade.hops.push(root);
        self.core.state.today = stimulus.advance.map_or(state.today, |today| state.today.max(today));
        self.core.missed = false;
        if let Some(effect) = stimulus.effect_done {
            drop(self.core.get::<RuntimeEffect>(&effect));
        }
        // Whatever came of it will come again when the stimulus is run in earnest.
        drop(self.drain(&mut cascade));
        cascade.sticky.clear();
        self.core.rollback(&mut cascade, &before);
        self.core.forget_undo();
        self.core.state = state;
        self.core.missed
    }

    fn read_wanted(&mut self) -> Result<(), Fault> {
        let wanted: Vec<Vec<Query>> = self.core.tables.iter().map(|table| table.wanted()).collect();
        let queries: Vec<Query> = wanted.into_iter().flatten().collect();
        if queries.is_empty() {
            return Ok(());
        }
        let answers = self.core.reader.query_all(&queries)?;
        self.core.keys.prepare(&answers)?;
        let mut answers = answers.into_iter();
        self.core.tables.iter_mut().try_for_each(|table| table.supply(&mut answers, &self.core.keys))
    }
}
