//! A market on virtual time with everything outside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sycee_contract::{
    Command, CustomerId, Date, EntryId, LoanId, PartnerId, RepaymentKind, RepaymentOrderId, Timestamp,
};
use sycee_markets::{CalendarDays, MarketError, MarketFiles};
use sycee_money::{Money, MoneyError};
use sycee_psp::SplitMix64;
use sycee_runtime::control::Lease;
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{
    BusinessDays as _, EffectEnvelope, Executed, Fault, MarketOptions, MarketWriter, Registry, Secrets, Stimulus,
};

use crate::agenda::{Act, Agenda};
use crate::oracles::{self, Requests, Statements, Verdict, answer_of};
use crate::outside::{Handed, Outside};
use crate::person::{FirstDue, Person};
use crate::report::{Declined, Funnel};
use crate::{Applicant, Faults};

/// Things due within so many seconds of each other share a batch.
const WINDOW_SECONDS: i64 = 120;
/// Stimuli of one batch, unless somebody sets another number.
const BATCH_MAX: usize = 200;
/// Second of the day at which the lender's people look at work orders: half past seven.
const OFFICE_SECOND: i64 = 27_000;
/// Days with a crash, of 1000, unless somebody sets another number.
const CRASHES_PER_MILLE: u32 = 100;
/// Requests that are remembered to be asked again, of 1000.
const REMEMBERED_PER_MILLE: u32 = 100;

/// Why a simulation stopped.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The market broke.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The market's files are wrong.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The simulator itself miscalculated.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// Something that must hold did not.
    #[error("{0}")]
    Broken(String),
}

/// What to simulate.
#[derive(Clone)]
pub struct WorldSettings {
    /// Where the market is kept.
    pub url: DatabaseUrl,
    /// The market.
    pub files: MarketFiles,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// First business day.
    pub first_day: Date,
    /// The people, one for each.
    pub applicants: Vec<Applicant>,
    /// Whether people decide about what the rules refer.
    pub manual_review: bool,
    /// Days over which people register.
    pub arrival_days: u32,
    /// Master secret of the market.
    pub master: Vec<u8>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The day that was finished.
    pub date: Date,
    /// Days finished.
    pub days: u32,
    /// Loans paid out.
    pub loans: u64,
    /// Messages so far.
    pub messages: u64,
}

/// A market and everything outside it.
pub struct World {
    pub(crate) settings: WorldSettings,
    registry: Arc<Registry>,
    lease: Option<Lease>,
    pub(crate) days_here: CalendarDays,
    writer: Option<MarketWriter>,
    pub(crate) outside: Outside,
    pub(crate) agenda: Agenda,
    pub(crate) people: Vec<Person>,
    pub(crate) by_customer: BTreeMap<CustomerId, usize>,
    pub(crate) self_collecting: BTreeMap<RepaymentOrderId, PartnerId>,
    /// What open orders to repay ask for, and of whom.
    pub(crate) asked: BTreeMap<RepaymentOrderId, (usize, RepaymentKind, Money)>,
    pub(crate) mandates: BTreeSet<LoanId>,
    pub(crate) first_due: BTreeMap<LoanId, FirstDue>,
    pub(crate) funnel: Funnel,
    /// What reviewers decide.
    pub(crate) desk: SplitMix64,
    /// An entry that the finance desk posted twice and did not take back yet.
    pub(crate) booked_twice: Option<EntryId>,
    effect_failures: u64,
    pub(crate) declined: BTreeMap<&'static str, Declined>,
    pub(crate) refusals: BTreeMap<String, u64>,
    waiting: Vec<(Timestamp, EffectEnvelope)>,
    random: SplitMix64,
    date: Date,
    days: u32,
    earlier: (u64, u64),
    requests: Requests,
    batch_max: usize,
    crashes_per_mille: u32,
    /// The process dies when effects are about to leave at or after this.
    crash_after: Option<Timestamp>,
    crashes: u32,
}

impl World {
    /// Opens the market, publishes products, registers funders and their money, and invites the people.
    ///
    /// Errors: `Market` when its files are wrong; `Fault` when the database cannot be opened or written; `Money` for an amount
    /// that its currency does not have; `Broken` when the market refuses its own products or funders.
    pub fn new(settings: WorldSettings) -> Result<Self, SimError> {
        Self::leased(settings, None)
    }

    /// As [`Self::new`]; the market is opened under a lease of the control store, also after a crash.
    ///
    /// Errors: as [`Self::new`].
    pub fn leased(settings: WorldSettings, lease: Option<Lease>) -> Result<Self, SimError> {
        let registry = sycee_markets::registry();
        let market = settings.files.market()?;
        let (currency, days_here) = (market.currency, CalendarDays::of(&market));
        let float = Money::from_minor(1_000_000_000_000, currency)?;
        let products = settings.files.products()?;
        let largest = products.iter().map(|product| product.terms.amount_max).max_by_key(|amount| amount.units());
        let people = settings
            .applicants
            .iter()
            .enumerate()
            .map(|(nr, applicant)| Person::new(nr, Arc::new(applicant.clone()), settings.seed))
            .collect();
        let mut world = Self {
            outside: Outside::new(settings.seed, float, largest.unwrap_or(float), settings.faults),
            writer: None,
            agenda: Agenda::default(),
            people,
            by_customer: BTreeMap::new(),
            self_collecting: BTreeMap::new(),
            asked: BTreeMap::new(),
            mandates: BTreeSet::new(),
            first_due: BTreeMap::new(),
            funnel: Funnel::default(),
            desk: SplitMix64::new(settings.seed ^ 0xde5c),
            booked_twice: None,
            effect_failures: 0,
            declined: BTreeMap::new(),
            refusals: BTreeMap::new(),
            waiting: Vec::new(),
            random: SplitMix64::new(settings.seed ^ 0xfa17),
            date: settings.first_day,
            days_here,
            days: 0,
            earlier: (0, 0),
            requests: Requests::new(settings.seed),
            batch_max: BATCH_MAX,
            crashes_per_mille: CRASHES_PER_MILLE,
            crash_after: None,
            crashes: 0,
            lease,
            registry,
            settings,
        };
        world.open()?;
        world.bootstrap()?;
        world.invite();
        Ok(world)
    }

    fn open(&mut self) -> Result<(), SimError> {
        let mut market = self.settings.files.market()?;
        market.manual_review |= self.settings.manual_review;
        let secrets = Secrets::derive(&self.settings.master, &market.id);
        let options = MarketOptions {
            url: self.settings.url.clone(),
            market,
            configs: self.settings.files.configs()?,
            secrets,
            first_day: self.settings.first_day,
        };
        let registry = Arc::clone(&self.registry);
        self.writer = Some(match &self.lease {
            Some(lease) => MarketWriter::open_leased(registry, options, lease)?,
            None => MarketWriter::open(registry, options)?,
        });
        // Batches are small here: that they queue all the same is what has to be seen.
        self.writer().queue_batches_from(1);
        Ok(())
    }

    /// The market's writer.
    pub fn writer(&mut self) -> &mut MarketWriter {
        #[allow(clippy::expect_used, reason = "it is only absent inside `crash`, between closing and opening")]
        self.writer.as_mut().expect("the market is open") // absent only inside `crash`
    }

    /// Seals a batch at so many stimuli. What is computed does not depend on it.
    pub fn set_batch_max(&mut self, batch_max: usize) {
        self.batch_max = batch_max.max(1);
    }

    /// Crashes on so many of 1000 days, in a world whose faults include crashes.
    pub fn set_crashes_per_mille(&mut self, crashes_per_mille: u32) {
        self.crashes_per_mille = crashes_per_mille;
    }

    fn bootstrap(&mut self) -> Result<(), SimError> {
        for stimulus in self.settings.files.foundation(|_| {})? {
            self.must(stimulus)?;
        }
        self.settle()
    }

    pub(crate) fn must(&mut self, stimulus: Stimulus) -> Result<(), SimError> {
        let done = self.stimulate(stimulus)?;
        done.outcome.map(|_| ()).map_err(|rejection| SimError::Broken(rejection.to_string()))
    }

    fn invite(&mut self) {
        let days = i64::from(self.settings.arrival_days.max(1));
        let start = self.days_here.starts(self.settings.first_day);
        for nr in 0..self.people.len() {
            let day = i64::try_from(nr).unwrap_or(0) * days / i64::try_from(self.people.len()).unwrap_or(1).max(1);
            self.agenda.plan(start.plus_days(day).plus_seconds(9 * 3_600), nr, Act::RequestOtp);
        }
    }

    /// What happened to people so far.
    pub fn funnel(&self) -> Funnel {
        let mut funnel = self.funnel;
        // What falls due today may still be paid today.
        for first in self.first_due.values().filter(|first| first.date < self.date) {
            funnel.first_due += 1;
            funnel.first_overdue += u64::from(!first.is_paid);
        }
        funnel
    }

    /// The business date.
    pub fn date(&self) -> Date {
        self.date
    }

    /// Days lived.
    pub const fn days(&self) -> u32 {
        self.days
    }

    /// How often the process died.
    pub const fn crashes(&self) -> u32 {
        self.crashes
    }

    /// How often an effect could not be executed.
    pub const fn effect_failures(&self) -> u64 {
        self.effect_failures
    }

    /// Cascades and messages, over crashes.
    pub fn volume(&mut self) -> (u64, u64) {
        let stats = self.writer().stats();
        (self.earlier.0 + stats.cascades, self.earlier.1 + stats.messages)
    }

    /// Lives one business day, then closes it.
    ///
    /// Errors: `Fault` when the market cannot go on; `Market` when its files are wrong as it comes back after a crash; `Money` for a sum
    /// out of range; `Broken` when a request that is repeated gets another answer, or the market refuses its own staff.
    pub fn run_day(&mut self) -> Result<Progress, SimError> {
        let closed = self.date;
        let opened = closed.saturating_add(day());
        if self.settings.faults.crashes && self.random.hits(self.crashes_per_mille) {
            let second = i64::try_from(self.random.below(86_400)).unwrap_or(0);
            self.crash_after = Some(self.days_here.starts(closed).plus_seconds(second));
        }
        let morning = self.days_here.starts(closed).plus_seconds(OFFICE_SECOND);
        self.run_until(morning)?;
        self.writer().set_now(morning);
        self.take_up_work_orders()?;
        self.settle()?;
        let midnight = self.days_here.starts(opened);
        self.run_until(midnight.plus_seconds(-1))?;
        self.date = opened;
        self.days += 1;
        self.writer().set_now(midnight);
        let event = self.days_here.event(closed, opened);
        let done = self.writer().advance(opened, event)?;
        self.hear(&done)?;
        self.run_until(midnight.plus_seconds(3_600))?;
        self.finance_desk()?;
        // Nobody waits for the close of the day: it is written while the next day begins.
        self.writer().seal()?;
        if self.crash_after.is_some() {
            self.crash()?;
        }
        let (_, messages) = self.volume();
        Ok(Progress { date: closed, days: self.days, loans: self.funnel.loans, messages })
    }

    /// Runs everything that is due up to and including `end`.
    fn run_until(&mut self, end: Timestamp) -> Result<(), SimError> {
        while let Some(next) = self.next_due().filter(|next| *next <= end) {
            let window = next.max(self.writer().now()).plus_seconds(WINDOW_SECONDS).min(end);
            while let Some(at) = self.next_due().filter(|at| *at <= window) {
                self.writer().set_now(at);
                self.step()?;
            }
            self.writer().set_now(window);
            if self.crash_after.is_some_and(|at| at <= window) && self.writer().has_effects() {
                self.crash()?;
            }
            self.settle()?;
        }
        Ok(())
    }

    fn next_due(&mut self) -> Option<Timestamp> {
        let timer = self.writer().next_timer();
        let waiting = self.waiting.iter().map(|(due, _)| *due).min();
        [timer, waiting, self.outside.next_due(), self.agenda.next_at()].into_iter().flatten().min()
    }

    /// Does what is due at the market's clock: timers first, then what comes from outside, then people.
    fn step(&mut self) -> Result<(), SimError> {
        let now = self.writer().now();
        if let Some(done) = self.writer().fire_timer()? {
            self.hear(&done)?;
            return self.seal_when_full();
        }
        let answers = self.outside.take_due(now);
        if !answers.is_empty() {
            for answer in answers {
                self.stimulate(answer)?;
            }
            return Ok(());
        }
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(at, _)| *at <= now);
        self.waiting = later;
        if !due.is_empty() {
            // In an order that a crash, which reads them again by number, does not change.
            due.sort_by_key(|(at, effect)| (*at, effect.id));
            return self.execute_effects(due.into_iter().map(|(_, effect)| effect).collect());
        }
        if let Some((nr, act)) = self.agenda.pop_due(now) {
            self.act(nr, act)?;
        }
        Ok(())
    }

    /// Makes what caused effects durable and hands the effects over, until none is left.
    pub(crate) fn settle(&mut self) -> Result<(), SimError> {
        while self.writer().has_effects() {
            self.writer().sync()?;
            let effects = self.writer().take_effects();
            self.execute_effects(effects)?;
        }
        Ok(())
    }

    fn execute_effects(&mut self, effects: Vec<EffectEnvelope>) -> Result<(), SimError> {
        let now = self.writer().now();
        for effect in effects {
            if !self.writer().effect_stands(effect.id)? {
                continue;
            }
            let due = self.writer().effect_due(&effect)?;
            if due > now {
                self.waiting.push((due, effect));
                continue;
            }
            match self.outside.hand_over(now, &effect) {
                Handed::Taken => self.writer().effect_done(effect.id)?,
                Handed::Answered(answer) => {
                    let done = self.writer().effect_answered(&effect, *answer)?;
                    self.hear(&done)?;
                }
                Handed::Failed { error, attempts_max } => {
                    self.effect_failures += 1;
                    self.writer().effect_failed(&effect, attempts_max, error)?;
                }
            }
        }
        Ok(())
    }

    /// Runs a stimulus and lets people hear what it did.
    pub(crate) fn stimulate(&mut self, stimulus: Stimulus) -> Result<Executed, SimError> {
        let done = self.writer().execute(stimulus)?;
        self.hear(&done)?;
        self.seal_when_full()?;
        Ok(done)
    }

    fn seal_when_full(&mut self) -> Result<(), SimError> {
        if self.writer().unsealed() >= self.batch_max {
            self.writer().seal()?;
        }
        Ok(())
    }

    /// A person asks through the app, with an idempotency key; perhaps twice.
    pub(crate) fn ask<C: Command>(&mut self, nr: usize, command: C) -> Result<Executed, SimError> {
        let key = self.people[nr].next_key();
        let stimulus = Stimulus::command(&self.people[nr].actor, command).through("bff-system").key(&key);
        let done = self.stimulate(stimulus.clone())?;
        if let Err(rejection) = &done.outcome {
            *self.refusals.entry(rejection.code.clone()).or_default() += 1;
        }
        if self.settings.faults.duplicates && self.random.hits(15) {
            self.ask_again::<C>(&stimulus, &done)?;
        }
        if self.random.hits(REMEMBERED_PER_MILLE) {
            let at = self.writer().now();
            self.requests.remember::<C>(stimulus, &self.people[nr].actor, at, &done);
        }
        Ok(done)
    }

    fn ask_again<C: Command>(&mut self, stimulus: &Stimulus, first: &Executed) -> Result<(), SimError> {
        let again = self.writer().execute(stimulus.clone())?;
        if !again.replayed || answer_of::<C>(&again) != answer_of::<C>(first) {
            return Err(SimError::Broken(format!("{} was asked twice and not answered with the first answer", C::ID)));
        }
        Ok(())
    }

    /// What channels and partners say was moved so far.
    pub fn statements(&mut self) -> Statements {
        let now = self.writer().now();
        self.outside.statements(now)
    }

    /// Asks every oracle but the seventh, with what channels and partners say; see [`oracles::ask_all`].
    ///
    /// Errors: as [`oracles::ask_all`].
    pub fn ask_oracles(&mut self, whole_ledger: bool) -> Result<Vec<Verdict>, SimError> {
        let statements = self.statements();
        self.ask_oracles_about(&statements, whole_ledger)
    }

    /// As [`Self::ask_oracles`], as if these were the statements of channels and partners.
    ///
    /// Errors: as [`oracles::ask_all`].
    pub fn ask_oracles_about(&mut self, statements: &Statements, whole_ledger: bool) -> Result<Vec<Verdict>, SimError> {
        let mut verdicts = oracles::ask_all(self.writer(), whole_ledger)?;
        if let Some(funds) = verdicts.iter_mut().find(|verdict| verdict.nr == 3) {
            oracles::reconcile(self.writer(), statements, funds)?;
        }
        Ok(verdicts)
    }

    /// Opens the market again and repeats requests of the past: each must get its first answer (oracle 7).
    ///
    /// Errors: `Fault` and `Market` when the market cannot be opened again.
    pub fn repeat_requests(&mut self) -> Result<Verdict, SimError> {
        self.writer().sync()?;
        self.reopen()?;
        let Self { requests, writer: Some(writer), .. } = self else {
            return Err(SimError::Broken("the market is closed".to_owned()));
        };
        Ok(requests.repeat(writer)?)
    }

    /// The process dies after effects were handed over and before it could note that they were, and comes back.
    fn crash(&mut self) -> Result<(), SimError> {
        self.crash_after = None;
        self.crashes += 1;
        self.writer().sync()?;
        let now = self.writer().now();
        for effect in self.writer().take_effects() {
            if self.writer().effect_due(&effect)? <= now {
                self.outside.hand_over(now, &effect);
            }
        }
        self.reopen()?;
        self.settle()
    }

    /// Another writer takes over from what is durable.
    fn reopen(&mut self) -> Result<(), SimError> {
        let now = self.writer().now();
        self.earlier = self.volume();
        self.waiting.clear();
        self.writer = None;
        self.open()?;
        self.writer().set_now(now);
        Ok(())
    }

    pub(crate) fn plan_in(&mut self, seconds: i64, nr: usize, act: Act) {
        let at = self.writer().now().plus_seconds(seconds);
        self.agenda.plan(at, nr, act);
    }

    pub(crate) fn customer(&self, nr: usize) -> Result<CustomerId, SimError> {
        self.people[nr].customer.ok_or_else(|| SimError::Broken(format!("person {nr} is not registered")))
    }

    /// An amount of whole major units in the market's currency.
    pub(crate) fn major(&self, units: i64) -> Result<Money, SimError> {
        let currency = self.settings.files.market()?.currency;
        Ok(Money::from_minor(units * 10i64.pow(currency.minor_digits()), currency)?)
    }
}

fn day() -> jiff::Span {
    jiff::Span::new().days(1)
}
