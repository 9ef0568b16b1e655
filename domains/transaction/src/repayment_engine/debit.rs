//! Direct debits: an installment is pulled on its due date, and again when it bounced.
//!
//! Invariant: at most one direct debit of a loan is open; each installment begins one series of tries.
//! Invariant: an installment that falls due while a debit is under way is pulled when that ends.
//! Invariant: a pull ends when nothing is left for it to pay; one that has left by then is taken all the same.

use sycee_contract::{
    CalculateRepaymentPosting, InstallmentDueNotice, RepaymentKind, RepaymentMethodKind, RepaymentOrderId,
    RepaymentOrderStatus,
};
use sycee_money::Money;
use sycee_runtime::{Halt, Handled, Work};

use super::machine::OrderSignal;
use super::model::{LoanLink, RepaymentOrder};
use super::order::{self, Wanted, open};
use super::{ALARM_RETRY, set_alarm};
use crate::RepaymentPolicy;

/// An installment is due today: what is due or overdue is pulled, when a mandate allows.
pub(super) fn on_installment_due(work: &mut Work, event: &InstallmentDueNotice) -> Handled<()> {
    if event.in_days > 0 || !event.amount.is_positive() {
        return Ok(());
    }
    let Some(mut link) = work.get::<LoanLink>(event.loan)? else { return Ok(()) };
    if event.nr <= link.debited_nr || link.mandate.is_none() || link.settled {
        return Ok(());
    }
    if link.open_debit.is_some() {
        link.waiting_nr = event.nr;
        work.save(link);
        return Ok(());
    }
    link.debited_nr = event.nr;
    pull(work, &mut link, event.amount, 1);
    work.save(link);
    Ok(())
}

fn can_pull(link: &LoanLink) -> bool {
    link.mandate.is_some() && link.open_debit.is_none() && !link.settled
}

fn pull(work: &mut Work, link: &mut LoanLink, amount: Money, debit_try: u32) {
    let (kind, method) = (RepaymentKind::Normal, RepaymentMethodKind::DirectDebit);
    open(work, link, Wanted { kind, amount, in_advance: false, method, mandate: link.mandate, debit_try });
}

/// Pulls what fell due while a direct debit was under way that has ended.
pub(super) fn go_on(work: &mut Work, link: &mut LoanLink) -> Handled<()> {
    if link.waiting_nr <= link.debited_nr || !can_pull(link) {
        return Ok(());
    }
    link.debited_nr = link.waiting_nr;
    pull_due(work, link, 1)
}

/// Pulls what is due today or overdue, if anything is.
fn pull_due(work: &mut Work, link: &mut LoanLink, debit_try: u32) -> Handled<()> {
    if let Some(amount) = due_now(work, link)? {
        pull(work, link, amount, debit_try);
        work.save(link.clone());
    }
    Ok(())
}

/// Ends the pull under way of what was due, whoever ordered it, when that was paid another way; any pull of a settled loan.
/// One that pays in advance has something left to pay.
pub(super) fn end_if_paid(work: &mut Work, link: &LoanLink, pull: RepaymentOrderId) -> Handled<()> {
    let Some(order) = work.get::<RepaymentOrder>(pull)? else { return Ok(()) };
    let is_of_dues = order.kind == RepaymentKind::Normal && !order.in_advance;
    if link.settled || (is_of_dues && due_now(work, link)?.is_none()) {
        order::close(work, pull, OrderSignal::Expire, "PAID_ANOTHER_WAY")?;
    }
    Ok(())
}

/// What is due today or overdue; none when nothing is.
fn due_now(work: &mut Work, link: &LoanLink) -> Handled<Option<Money>> {
    let due = CalculateRepaymentPosting {
        customer: link.customer,
        loan: link.loan,
        kind: RepaymentKind::Normal,
        amount: None,
        as_of: None,
    };
    match work.ask(due) {
        Ok(quote) => Ok(Some(quote.amount).filter(|amount| amount.is_positive())),
        Err(Halt::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Sets the alarm for the next try of a bounced debit; says whether there will be one.
pub(super) fn schedule_retry(work: &mut Work, link: &LoanLink, order: &RepaymentOrder) -> bool {
    let policy = work.config::<RepaymentPolicy>();
    let will_retry = order.status == RepaymentOrderStatus::Failed
        && (1..policy.max_debits).contains(&order.debit_try)
        && link.mandate.is_some()
        && !link.settled;
    if will_retry {
        let due = work.now().plus_days(i64::from(policy.debit_retry_days));
        set_alarm(work, order.id, ALARM_RETRY, due);
    }
    will_retry
}

/// Tries a bounced debit again, for what is due by then; a day later while another one is under way.
pub(super) fn retry(work: &mut Work, bounced: RepaymentOrderId) -> Handled<()> {
    let Some(bounced) = work.get::<RepaymentOrder>(bounced)? else { return Ok(()) };
    let Some(mut link) = work.get::<LoanLink>(bounced.loan)? else { return Ok(()) };
    if link.mandate.is_some() && link.open_debit.is_some() && !link.settled {
        let due = work.now().plus_days(1);
        set_alarm(work, bounced.id, ALARM_RETRY, due);
    }
    if !can_pull(&link) {
        return Ok(());
    }
    link.debited_nr = link.debited_nr.max(link.waiting_nr);
    pull_due(work, &mut link, bounced.debit_try + 1)
}
