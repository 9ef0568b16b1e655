//! A market under load: every service on a durable database, funders with plenty of money, and a channel in this
//! process that answers at once.
//!
//! Invariant: the outside hears of an effect, and a person of an answer, only when the batch that caused it is durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use sycee_contract::{
    ChannelOutcome, ChannelPayment, Date, PartnerPayout, RecordKycResult, RecordPartnerDisbursement,
    RecordPaymentResult, SendOtp, VerifyIdentity,
};
use sycee_markets::{FunderFile, MarketFiles};
use sycee_money::Money;
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{EffectEnvelope, Executed, MarketOptions, MarketWriter, Secrets, Stimulus};
use sycee_transaction::LoanPolicy;

use super::place::GONE;
use crate::interrupt;
use crate::output::Failure;

/// Cascades of a group commit.
const BATCH: usize = 500;
/// Business date on which the market opens.
const FIRST_DAY: Date = Date::constant(2026, 1, 5);
/// Secret of a market that holds invented people only.
const MASTER: &[u8] = b"a bench has nothing to hide";
/// What each funder brings, and may have outstanding, in minor units.
const FUNDS_MINOR: i64 = 10_000_000_000_000;

/// The market, and what it is about to be told.
pub struct BenchMarket {
    writer: MarketWriter,
    todo: VecDeque<Todo>,
    /// Run since the last batch was sealed.
    executed: Vec<Executed>,
    /// In the batches that are being written, oldest first.
    writing: VecDeque<Vec<Executed>>,
    /// One-time passwords that were sent, by challenge.
    pub passwords: Vec<SendOtp>,
    answers: u64,
}

enum Todo {
    Stimulus(Stimulus),
    Answer(EffectEnvelope, Stimulus),
}

impl BenchMarket {
    /// Opens the market that is at `url`, or makes it. Contracts are signed without passwords: a crowd of few people who
    /// sign often would be sent more than a phone may get.
    pub fn open(url: &DatabaseUrl) -> Result<Self, Failure> {
        let files = files()?;
        let options = MarketOptions {
            url: url.clone(),
            market: files.market().map_err(broken)?,
            configs: files
                .configs()
                .map_err(broken)?
                .with(LoanPolicy { max_open_loans: 1_000, ..LoanPolicy::default() }),
            secrets: Secrets::derive(MASTER, "gh"),
            first_day: FIRST_DAY,
        };
        let writer = MarketWriter::open(sycee_markets::registry(), options)?;
        Ok(Self {
            writer,
            todo: VecDeque::new(),
            executed: Vec::new(),
            writing: VecDeque::new(),
            passwords: Vec::new(),
            answers: 0,
        })
    }

    /// Publishes products, registers funders and their money.
    pub fn set_up(&mut self) -> Result<(), Failure> {
        let files = files()?;
        let market = files.market().map_err(broken)?;
        let plenty = Money::from_minor(FUNDS_MINOR, market.currency).map_err(broken)?;
        let rich = |funder: &mut FunderFile| (funder.quota, funder.arrival) = (plenty, plenty);
        for stimulus in files.foundation(rich).map_err(broken)? {
            self.tell(stimulus);
        }
        self.run(&mut |_, done, _| must(done))
    }

    /// Queues what somebody says.
    pub fn tell(&mut self, stimulus: Stimulus) {
        self.todo.push_back(Todo::Stimulus(stimulus));
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut MarketWriter {
        &mut self.writer
    }

    /// Runs until nothing is queued and everything is durable; `hear` is told what became durable, and when.
    pub fn run(
        &mut self,
        hear: &mut dyn FnMut(&mut Self, &Executed, Instant) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            self.read_ahead()?;
            while let Some(todo) = self.todo.pop_front() {
                let executed = match todo {
                    Todo::Stimulus(stimulus) => self.writer.execute(stimulus)?,
                    Todo::Answer(effect, answer) => self.writer.effect_answered(&effect, answer)?,
                };
                self.executed.push(executed);
                if self.executed.len() >= BATCH {
                    self.seal()?;
                    self.hear(hear)?;
                    self.read_ahead()?;
                }
            }
            // Who hears that something is durable may have more to say: a batch that is not full waits for it.
            if !self.writing.is_empty() {
                self.writer.pump(true)?;
            } else if !self.executed.is_empty() {
                self.seal()?;
            } else {
                return Ok(());
            }
            self.hear(hear)?;
        }
    }

    /// What the next batch will read, at once.
    fn read_ahead(&mut self) -> Result<(), Failure> {
        let next = self.todo.iter().take(BATCH).map(|todo| match todo {
            Todo::Stimulus(stimulus) | Todo::Answer(_, stimulus) => stimulus,
        });
        Ok(self.writer.prefetch(next)?)
    }

    /// Ends the batch.
    fn seal(&mut self) -> Result<(), Failure> {
        self.writer.seal()?;
        self.writing.push_back(std::mem::take(&mut self.executed));
        self.writer.set_now(self.writer.now().plus_seconds(1));
        Ok(())
    }

    /// Who waited for a batch that is durable now hears of it, and the outside of its effects.
    fn hear(
        &mut self,
        hear: &mut dyn FnMut(&mut Self, &Executed, Instant) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        interrupt::check(GONE)?;
        self.writer.pump(false)?;
        if self.writer.stats().recoveries > 0 {
            return Err(broken("a batch was lost and run again: what was heard is not what is durable"));
        }
        let now = Instant::now();
        while self.writing.len() > self.writer.batches_writing() {
            for executed in self.writing.pop_front().into_iter().flatten() {
                hear(self, &executed, now)?;
            }
        }
        for effect in self.writer.take_effects() {
            self.execute_effect(effect)?;
        }
        Ok(())
    }

    fn execute_effect(&mut self, effect: EffectEnvelope) -> Result<(), Failure> {
        self.answers += 1;
        let reference = format!("ref-{}", self.answers);
        let answer = if let Some(otp) = effect.get::<SendOtp>() {
            self.passwords.push(otp.clone());
            return Ok(self.writer.effect_done(effect.id)?);
        } else if let Some(payment) = effect.get::<ChannelPayment>() {
            Stimulus::command(
                "channel",
                RecordPaymentResult {
                    request_id: payment.request_id.clone(),
                    channel_reference: reference,
                    outcome: ChannelOutcome::Successful,
                    reason: None,
                    amount: Some(payment.amount),
                    paid_at: None,
                },
            )
        } else if let Some(payout) = effect.get::<PartnerPayout>() {
            Stimulus::command(
                "partner",
                RecordPartnerDisbursement {
                    order: payout.order,
                    partner: payout.funder,
                    partner_reference: reference,
                    outcome: ChannelOutcome::Successful,
                    reason: None,
                    amount: Some(payout.amount),
                },
            )
        } else if let Some(check) = effect.get::<VerifyIdentity>() {
            Stimulus::command(
                "identity-provider",
                RecordKycResult {
                    case: check.case,
                    ocr_confidence_bps: 9_900,
                    liveness_score_bps: 9_900,
                    register_match: true,
                    provider_reference: reference,
                },
            )
        } else {
            return Err(Failure::Fault(format!("nobody executes {}", effect.kind)));
        };
        self.todo.push_back(Todo::Answer(effect, answer));
        Ok(())
    }
}

/// The built-in market, with limits that a crowd of few people borrowing often does not reach.
fn files() -> Result<Arc<MarketFiles>, Failure> {
    let unlimited = |text: &str| {
        text.replace("loans_open, at_least: 5", "loans_open, at_least: 1000")
            .replace("drawdown_reviews_24h, at_least: 3", "drawdown_reviews_24h, at_least: 1000")
    };
    MarketFiles::ghana().with_change("strategy.yaml", unlimited).map(Arc::new).map_err(broken)
}

/// Errors: a Fault that shows the rejection.
pub fn must(done: &Executed) -> Result<(), Failure> {
    done.outcome.as_ref().map(|_| ()).map_err(broken)
}

/// Something that a bench did not expect.
pub fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Fault(error.to_string())
}
