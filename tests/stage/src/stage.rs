//! Drives a market: requests, answers from outside, days.

use std::panic::AssertUnwindSafe;

use sycee_contract::{
    Command, CreateRepaymentOrder, CreditLineApproved, CustomerId, CustomerStageChanged, DisbursementSucceeded, Event,
    LoanApplicationApproved, LoanId, Offer, OtpChallengeId, ProductOfferDistributed, QueryProductOffer, Rejection,
    RenderedDocument, RepaymentOrderAnswer, RequestOtp, SetFundRouteStatus, SignLoanContract,
};
use sycee_markets::{CalendarDays, MarketFiles};
use sycee_money::Money;
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::test_databases;
use sycee_runtime::{BusinessDays as _, Executed, MarketOptions, MarketWriter, Stimulus};

use crate::{Borrower, Outside, cedis, options};

/// A market on virtual time with its outside.
pub struct Stage {
    /// The market.
    pub writer: MarketWriter,
    /// What is outside it.
    pub outside: Outside,
    heard: Vec<Executed>,
    trace: Option<i64>,
}

/// How far a borrower has come.
#[derive(Clone, Debug)]
pub struct Life {
    /// Who it is.
    pub borrower: Borrower,
    /// Under which id.
    pub customer: CustomerId,
}

impl Stage {
    /// Runs `body` on a market of its own on SQLite, and on PostgreSQL when a server is named.
    pub fn each(body: impl Fn(&mut Self)) {
        Self::each_with(|_| {}, body);
    }

    /// As [`Self::each`], in a market that differs.
    pub fn each_with(differs: impl Fn(&mut MarketOptions), body: impl Fn(&mut Self)) {
        let (urls, _guard) = test_databases();
        for url in urls {
            let engine = url.engine();
            let mut options = options(url);
            differs(&mut options);
            let mut stage = Self::with(MarketWriter::open(sycee_markets::registry(), options).unwrap());
            stage.found();
            if let Err(cause) = std::panic::catch_unwind(AssertUnwindSafe(|| body(&mut stage))) {
                eprintln!("the test failed on {engine}");
                std::panic::resume_unwind(cause);
            }
        }
    }

    /// A new market at `url`, founded.
    pub fn open(url: DatabaseUrl) -> Self {
        let mut stage = Self::reopen(url);
        stage.found();
        stage
    }

    /// The market that is at `url`.
    pub fn reopen(url: DatabaseUrl) -> Self {
        Self::with(MarketWriter::open(sycee_markets::registry(), options(url)).unwrap())
    }

    /// A stage around an open market.
    pub fn with(writer: MarketWriter) -> Self {
        Self { writer, outside: Outside::new(7), heard: Vec::new(), trace: None }
    }

    /// Publishes products, registers funders and their money.
    pub fn found(&mut self) {
        for stimulus in MarketFiles::ghana().foundation(|_| {}).unwrap() {
            self.run(stimulus).outcome.unwrap();
        }
        self.settle();
    }

    /// Every request from here on belongs to `trace`; to a trace of its own each, when none. What the outside answers
    /// finds its trace by itself.
    pub fn set_trace(&mut self, trace: Option<i64>) {
        self.trace = trace;
    }

    /// Runs a stimulus and forgets what was heard before it.
    pub fn run(&mut self, stimulus: Stimulus) -> Executed {
        self.heard.clear();
        self.execute(stimulus)
    }

    fn execute(&mut self, stimulus: Stimulus) -> Executed {
        let stimulus = match self.trace {
            Some(trace) => stimulus.trace(trace),
            None => stimulus,
        };
        let done = self.writer.execute(stimulus).unwrap();
        self.heard.push(done.clone());
        done
    }

    /// Somebody asks through the app.
    pub fn ask<C: Command>(&mut self, actor: &str, command: C) -> Result<C::Answer, Rejection> {
        self.run(Stimulus::command(actor, command).through("bff-system")).answer::<C>()
    }

    /// Somebody asks without any of our services in between.
    pub fn ask_directly<C: Command>(&mut self, actor: &str, command: C) -> Result<C::Answer, Rejection> {
        self.run(Stimulus::command(actor, command)).answer::<C>()
    }

    /// Something happens outside.
    pub fn happens<E: Event>(&mut self, actor: &str, event: E) {
        self.run(Stimulus::event(actor, event));
    }

    /// Hands over effects and lets the outside answer, until nothing is on its way. Timers wait for [`Self::wait`].
    pub fn settle(&mut self) {
        loop {
            self.writer.sync().unwrap();
            let now = self.writer.now();
            let effects = self.writer.take_effects();
            let idle = effects.is_empty();
            for effect in effects {
                match self.outside.take(now, &effect) {
                    Some(answer) => {
                        let done = self.writer.effect_answered(&effect, answer).unwrap();
                        self.heard.push(done);
                    }
                    None => self.writer.effect_done(effect.id).unwrap(),
                }
            }
            match self.outside.next_due() {
                Some(due) => {
                    self.writer.set_now(due);
                    for answer in self.outside.answers(due) {
                        let done = self.writer.execute(answer).unwrap();
                        self.heard.push(done);
                    }
                }
                None if idle => return,
                None => {}
            }
        }
    }

    /// Lets time pass, with the timers that fall due in it.
    pub fn wait(&mut self, seconds: i64) {
        let end = self.writer.now().plus_seconds(seconds);
        while let Some(due) = self.writer.next_timer().filter(|due| *due <= end) {
            self.writer.set_now(due);
            let fired = self.writer.fire_timer().unwrap();
            self.heard.extend(fired);
            self.settle();
        }
        self.writer.set_now(end);
    }

    /// Ends the business day and closes it.
    pub fn next_day(&mut self) {
        let closed = self.writer.today();
        let opened = closed.saturating_add(jiff::Span::new().days(1));
        let days = CalendarDays::of(self.writer.market());
        let end = days.starts(opened).plus_seconds(-1);
        self.wait(end.seconds_since(self.writer.now()).max(0));
        self.writer.set_now(days.starts(opened));
        let done = self.writer.advance(opened, days.event(closed, opened)).unwrap();
        self.heard.push(done);
        self.wait(3_600);
    }

    /// Events of type `E` since the last stimulus, answers from outside included.
    pub fn heard<E: Event>(&self) -> Vec<E> {
        self.heard.iter().flat_map(Executed::events::<E>).cloned().collect()
    }

    fn heard_one<E: Event>(&self) -> E {
        let mut all = self.heard::<E>();
        assert_eq!(all.len(), 1, "{} was heard {} times", E::ID, all.len());
        all.remove(0)
    }

    /// Asks for a password, and reads it.
    pub fn password(&mut self, borrower: &Borrower, request: RequestOtp) -> (OtpChallengeId, String) {
        let issued = self.ask(&borrower.actor, request).unwrap();
        self.settle();
        let code = self.outside.sms.take_code(&issued.challenge.to_string()).expect("the password came");
        (issued.challenge, code)
    }

    /// Registers a borrower, up to the consents.
    pub fn register(&mut self, nr: u64) -> Life {
        let borrower = Borrower::new(nr);
        let (challenge, code) = self.password(&borrower, borrower.request_otp());
        let customer = self.ask(&borrower.actor, borrower.register(challenge, &code)).unwrap().customer;
        let borrower = borrower.logged_in(customer);
        self.ask(&borrower.actor, borrower.details(customer)).unwrap();
        Life { borrower, customer }
    }

    /// Has a registered borrower identified and admitted.
    pub fn admit(&mut self, life: &Life) {
        let (borrower, customer) = (&life.borrower, life.customer);
        self.ask(&borrower.actor, borrower.kyc(customer)).unwrap();
        self.settle();
        self.ask(&borrower.actor, borrower.consent(customer)).unwrap();
        self.settle();
        assert_eq!(self.heard_one::<CustomerStageChanged>().to.to_lowercase(), "admitted");
    }

    /// Gives an admitted borrower a credit line.
    pub fn grant(&mut self, life: &Life, limit: Money) {
        self.ask(&life.borrower.actor, life.borrower.credit(life.customer, limit)).unwrap();
        assert_eq!(self.heard_one::<CreditLineApproved>().limit, limit);
    }

    /// A borrower with a credit line of 6,000 cedis.
    pub fn borrower(&mut self, nr: u64) -> Life {
        let life = self.register(nr);
        self.admit(&life);
        self.grant(&life, cedis(6_000));
        life
    }

    /// Offers of all products.
    pub fn offers(&mut self, life: &Life) -> Vec<Offer> {
        let query = QueryProductOffer { customer: life.customer, preview: false, detail: None };
        self.ask(&life.borrower.actor, query).unwrap();
        self.heard_one::<ProductOfferDistributed>().offers
    }

    /// An offer of one product.
    pub fn offer(&mut self, life: &Life, product: &str) -> Offer {
        let offers = self.offers(life);
        offers.into_iter().find(|offer| offer.product == product).expect("the product is offered")
    }

    /// An approved loan whose contract waits for its signature.
    pub fn approved(&mut self, life: &Life, offer: &Offer, amount: Money) -> (LoanId, RenderedDocument) {
        let command = life.borrower.application(life.customer, offer, amount);
        let loan = self.ask(&life.borrower.actor, command).unwrap().loan;
        (loan, self.heard_one::<LoanApplicationApproved>().contract)
    }

    /// Signs the contract, and waits for the money.
    pub fn sign(&mut self, life: &Life, loan: LoanId, contract: &RenderedDocument) -> DisbursementSucceeded {
        let challenge = Some(self.confirm(life, loan, &contract.hash));
        let document_hash = contract.hash.clone();
        let sign = SignLoanContract { loan, customer: life.customer, document_hash, challenge };
        self.ask(&life.borrower.actor, sign).unwrap();
        self.settle();
        self.heard_one::<DisbursementSucceeded>()
    }

    /// Confirms with a password that the borrower signs this text.
    pub fn confirm(&mut self, life: &Life, loan: LoanId, hash: &str) -> OtpChallengeId {
        // Three passwords in a quarter of an hour are all that a phone gets.
        self.wait(5 * 60 + 1);
        let person = &life.borrower;
        let (challenge, code) = self.password(person, person.request_signature(loan, hash));
        self.ask(&person.actor, person.confirmation(life.customer, challenge, &code, loan, hash)).unwrap();
        challenge
    }

    /// A loan that runs.
    pub fn loan(&mut self, life: &Life, product: &str, amount: Money) -> LoanId {
        let offer = self.offer(life, product);
        let (loan, contract) = self.approved(life, &offer, amount);
        self.sign(life, loan, &contract);
        loan
    }

    /// Orders a repayment, which the outside pays when the stage settles.
    pub fn order(&mut self, life: &Life, order: CreateRepaymentOrder) -> RepaymentOrderAnswer {
        self.ask(&life.borrower.actor, order).unwrap()
    }

    /// Opens or closes a funder's route.
    pub fn set_route(&mut self, funder: &str, open: bool) {
        let command = SetFundRouteStatus { funder: Some(funder.to_owned()), channel: None, open };
        self.ask_directly("staff:treasury", command).unwrap();
    }
}
