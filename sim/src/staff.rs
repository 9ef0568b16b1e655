//! What the lender's people do: they decide what the rules refer to them, and take up work orders.

use sycee_contract::{
    CloseWorkOrder, Command, CreditApplicationId, CreditApplicationReferred, LoanApplicationReferred, LoanId,
    RetryEffect, ReviewCreditApplication, ReviewLoanApplication,
};
use sycee_post_loan_operations::{WorkOrder, WorkOrderStatus};
use sycee_runtime::{Executed, Stimulus};

use crate::agenda::Act;
use crate::world::{SimError, World};

/// Seconds until a reviewer has decided: from, to. A risk decision about a loan holds for 72 hours.
const REVIEW_SECONDS: (i64, i64) = (1_800, 30 * 3_600);
/// Applications for credit that a reviewer grants, of 1000.
const CREDIT_PER_MILLE: u32 = 700;
/// Applications for a loan that a reviewer approves, of 1000.
const LOAN_PER_MILLE: u32 = 850;
/// Most work orders that are taken up in one morning.
const WORK_ORDERS_MAX: usize = 10_000;
/// The least a reviewer grants, in major units.
const LIMIT_MIN: i64 = 100;

impl World {
    /// A case that the rules refer lands on a desk.
    pub(crate) fn hear_referred(&mut self, done: &Executed) {
        for event in done.events::<CreditApplicationReferred>() {
            if let Some(nr) = self.person_of(event.customer) {
                self.put_on_desk(nr, Act::ReviewCredit { application: event.application });
            }
        }
        for event in done.events::<LoanApplicationReferred>() {
            if let Some(nr) = self.person_of(event.customer) {
                self.put_on_desk(nr, Act::ReviewLoan { loan: event.loan });
            }
        }
    }

    fn put_on_desk(&mut self, nr: usize, act: Act) {
        self.funnel.referred += 1;
        let seconds = self.desk.between(REVIEW_SECONDS.0, REVIEW_SECONDS.1);
        self.plan_in(seconds, nr, act);
    }

    /// Grants half of what was asked for, or nothing.
    pub(crate) fn review_credit(&mut self, nr: usize, application: CreditApplicationId) -> Result<(), SimError> {
        let grants = self.desk.hits(CREDIT_PER_MILLE);
        let half = (self.people[nr].applicant.amount / 20 * 10).max(LIMIT_MIN).min(self.people[nr].applicant.amount);
        let limit = if grants { Some(self.major(half)?) } else { None };
        let note = if grants { "income seen on a payslip" } else { "income could not be shown" }.to_owned();
        self.decide("staff:reviewer", grants, ReviewCreditApplication { application, limit, note })
    }

    pub(crate) fn review_loan(&mut self, loan: LoanId) -> Result<(), SimError> {
        let approve = self.desk.hits(LOAN_PER_MILLE);
        let note = if approve { "employer reached by phone" } else { "employer knows nobody of that name" }.to_owned();
        self.decide("staff:reviewer", approve, ReviewLoanApplication { loan, approve, note })
    }

    fn decide<C: Command>(&mut self, who: &str, approves: bool, command: C) -> Result<(), SimError> {
        let done = self.stimulate(Stimulus::command(who, command))?;
        match &done.outcome {
            Ok(_) => self.funnel.review_approved += u64::from(approves),
            Err(rejection) => *self.refusals.entry(rejection.code.clone()).or_default() += 1,
        }
        Ok(())
    }

    /// Every morning: effects that were given up are executed once more, funders are told what they have to know. What
    /// needs somebody to think stays open.
    pub(crate) fn take_up_work_orders(&mut self) -> Result<(), SimError> {
        let open = WorkOrder::by_status(WorkOrderStatus::Open).limit(WORK_ORDERS_MAX);
        for order in self.writer().find::<WorkOrder>(&open)? {
            let Some(stimulus) = answer_to(&order) else { continue };
            let done = self.stimulate(stimulus)?;
            done.outcome.map_err(|rejection| SimError::Broken(format!("{}: {rejection}", order.topic)))?;
        }
        Ok(())
    }
}

/// What somebody does about a work order without thinking. A password of yesterday is of no use to anybody.
fn answer_to(order: &WorkOrder) -> Option<Stimulus> {
    let closed = |note: &str| {
        let close = CloseWorkOrder { work_order: order.id, note: note.to_owned() };
        Some(Stimulus::command("staff:operations", close))
    };
    match order.kind.as_str() {
        "parked-effect" if order.text.starts_with("send-otp") => closed("the password has lapsed"),
        "parked-effect" => {
            let effect = order.topic.strip_prefix("effect-")?.parse().ok()?;
            let note = "the other side answers again".to_owned();
            Some(Stimulus::command("staff:operations", RetryEffect { effect, note }))
        }
        "fund-account-low" | "partner-quota-nearly-used" => closed("the funder was told"),
        _ => None,
    }
}
