//! What the lender's people do: they decide what the rules refer to them, and take up work orders.

use sycee_contract::{
    CloseWorkOrder, Command, CreditApplicationId, CreditApplicationReferred, DecidePayment, LoanApplicationReferred,
    LoanId, PaymentId, RetryEffect, ReviewCreditApplication, ReviewLoanApplication,
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
/// Who takes up work orders.
const OPERATIONS: &str = "staff:operations";

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

    /// Every morning: effects that were given up are executed once more, funders and payers are told what they have to
    /// know, a channel's statement decides a payout that its callback misstated, and somebody looks at doubted documents. What
    /// needs somebody to think stays open.
    pub(crate) fn take_up_work_orders(&mut self) -> Result<(), SimError> {
        let open = WorkOrder::by_status(WorkOrderStatus::Open).limit(WORK_ORDERS_MAX);
        for order in self.writer().find::<WorkOrder>(&open)? {
            for stimulus in self.answers_to(&order) {
                let done = self.stimulate(stimulus)?;
                done.outcome.map_err(|rejection| SimError::Broken(format!("{}: {rejection}", order.topic)))?;
            }
        }
        Ok(())
    }

    fn answers_to(&mut self, order: &WorkOrder) -> Vec<Stimulus> {
        if let Some(decide) = self.decision_on(order) {
            return vec![decide, closed(order, "the channel's statement decided it")];
        }
        // The decision closes the work order.
        if let Some(decide) = self.decision_on_identity(order) {
            return vec![Stimulus::command(OPERATIONS, decide)];
        }
        answer_to(order).into_iter().collect()
    }

    /// What the statement of its channel says about a disputed payment.
    fn decision_on(&mut self, order: &WorkOrder) -> Option<Stimulus> {
        let payment: PaymentId = order.topic.strip_prefix("payment-disputed-")?.parse().ok()?;
        let now = self.writer().now();
        let row = self.outside.booked(&payment.to_string(), now)?;
        let decide = DecidePayment {
            payment,
            paid: true,
            amount: None,
            channel_reference: Some(row.channel_reference),
            paid_at: Some(row.at),
            note: "the channel's statement has what was ordered".to_owned(),
        };
        Some(Stimulus::command(OPERATIONS, decide))
    }
}

fn closed(order: &WorkOrder, note: &str) -> Stimulus {
    Stimulus::command(OPERATIONS, CloseWorkOrder { work_order: order.id, note: note.to_owned() })
}

/// What somebody does about a work order without thinking. A password of yesterday is of no use to anybody.
fn answer_to(order: &WorkOrder) -> Option<Stimulus> {
    let closed = |note| Some(closed(order, note));
    match order.kind.as_str() {
        "parked-effect" if order.text.starts_with("send-otp") => closed("the password has lapsed"),
        "parked-effect" => {
            let effect = order.topic.strip_prefix("effect-")?.parse().ok()?;
            let note = "the other side answers again".to_owned();
            Some(Stimulus::command(OPERATIONS, RetryEffect { effect, note }))
        }
        "fund-account-low" | "partner-quota-nearly-used" => closed("the funder was told"),
        "payment-amount-differs" => closed("the payer was told"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sycee_contract::PaymentDirection;
    use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
    use sycee_runtime::testing::test_databases;

    use super::*;
    use crate::Faults;
    use crate::testing::{count, live, small_world};

    /// Everybody has the number whose payouts are told with one minor unit less: each payout waits for the morning, when the
    /// statement decides it, and what is missing of a repayment is paid the same day.
    #[test]
    fn a_misstated_payout_is_decided_by_the_statement() {
        let (urls, _guard) = test_databases();
        for url in &urls {
            println!("on {}", url.engine());
            let mut world = small_world(url, 17, 40, Faults::default());
            for (nr, person) in world.people.iter_mut().enumerate() {
                person.phone = format!("+23324{nr:03}9911");
            }
            live(&mut world, 45);
            let report = world.report().unwrap();
            assert!(report.holds() && report.funnel.disbursed > 5, "{:?} {:?}", report.funnel, report.oracles);
            let closed = |order: &WorkOrder| order.status == WorkOrderStatus::Closed;
            let decided = count::<WorkOrder>(&mut world, |it| it.kind == "payment-disputed" && closed(it));
            let paid = |it: &PaymentOrder| {
                it.direction == PaymentDirection::Payout
                    && it.status == PaymentStatus::Succeeded
                    && it.moved == Some(it.amount)
            };
            assert!(decided > 3 && count::<PaymentOrder>(&mut world, paid) >= decided, "{decided}");
            let short = |it: &PaymentOrder| {
                it.direction == PaymentDirection::Collection
                    && it.moved.is_some_and(|moved| moved.units() < it.amount.units())
            };
            let told = count::<WorkOrder>(&mut world, |it| it.kind == "payment-amount-differs" && closed(it));
            assert!(told > 0 && count::<PaymentOrder>(&mut world, short) > 0, "{told}");
        }
    }
}
