//! credit-limit-center: keeps every customer's line and what loans hold of it.
//!
//! Money effects on the line come from `disbursement-succeeded` (reserved to used) and `asset-posting-applied` (used to
//! available). `repayment-succeeded` counts behaviour and grows the limit; it moves no principal.
//!
//! Invariant: every save goes through `save_line`, which checks the line's balance.

mod hold;
mod model;

pub use hold::{CreditReservation, HoldStatus};
pub use model::{BLACKLISTED, CreditLine, RepaymentOutcome, Unbalanced};

use sycee_contract::{
    AssetPostingApplied, BlacklistEntryAdded, BlacklistEntryRemoved, CheckCustomerBlacklist, CreditLimitChanged,
    CreditLineApproved, CreditLineFigures, CreditLineFrozen, CreditReleased, CreditReserved, DisbursementSucceeded,
    FreezeCreditLine, LoanId, NAME_MAX, OpenWorkOrder, OverdueBucketChanged, QueryCreditLine, Rejection,
    ReleaseCreditLine, RepaymentKind, RepaymentSucceeded, ReserveCreditLine, check_text,
};
use sycee_runtime::{Fault, Halt, Handled, Registry, Work};

use crate::CreditPolicy;

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("credit-limit-center")
        .entity::<CreditLine>()
        .entity::<CreditReservation>()
        .handles::<QueryCreditLine>(query_credit_line)
        .handles::<ReserveCreditLine>(reserve_credit_line)
        .handles::<ReleaseCreditLine>(release_credit_line)
        .handles::<FreezeCreditLine>(freeze_credit_line)
        .on::<CreditLineApproved>(grant_line)
        .on::<DisbursementSucceeded>(draw_line)
        .on::<AssetPostingApplied>(restore_line)
        .on::<RepaymentSucceeded>(count_repayment)
        .on::<OverdueBucketChanged>(note_delinquency)
        .on::<BlacklistEntryAdded>(freeze_blacklisted)
        .on::<BlacklistEntryRemoved>(ask_for_thaw)
        .emits::<CreditLimitChanged>()
        .emits::<CreditLineFrozen>()
        .emits::<CreditReleased>()
        .emits::<CreditReserved>()
        .sends::<CheckCustomerBlacklist>()
        .sends::<OpenWorkOrder>();
}

fn query_credit_line(work: &mut Work, cmd: &QueryCreditLine) -> Handled<Option<CreditLineFigures>> {
    Ok(work.read::<CreditLine>(cmd.customer)?.map(|line| line.figures()))
}

fn reserve_credit_line(work: &mut Work, cmd: &ReserveCreditLine) -> Handled<CreditLineFigures> {
    let mut line = work.require::<CreditLine>(cmd.customer)?;
    if let Some(hold) = work.get::<CreditReservation>(cmd.loan)? {
        hold.repeated(cmd.customer, cmd.amount)?;
        return Ok(line.figures());
    }
    let hold = line.reserve(cmd.loan, cmd.amount, work.now())?;
    let figures = line.figures();
    save_line(work, line)?;
    work.save(hold);
    work.emit(CreditReserved { loan: cmd.loan, amount: cmd.amount, line: figures.clone() });
    Ok(figures)
}

/// A loan that holds nothing has nothing to give back: the answer to a release after a refused reservation.
fn release_credit_line(work: &mut Work, cmd: &ReleaseCreditLine) -> Handled<()> {
    let Some(mut hold) = work.get::<CreditReservation>(cmd.loan)?.filter(|hold| hold.customer == cmd.customer) else {
        return Ok(());
    };
    if work.is_stimulus() && hold.status == HoldStatus::Held {
        // The loan engine would pay out what nothing holds any more: it releases when it ends the loan.
        let way = "a loan that ended: cancel the loan application, which gives the hold back";
        return Err(Rejection::unexpected_state("hold of the credit line", cmd.loan, hold.status, way).into());
    }
    let mut line = work.require::<CreditLine>(cmd.customer)?;
    if let Some(amount) = line.release(&mut hold)? {
        work.emit(CreditReleased { loan: cmd.loan, amount, reason: cmd.reason.clone(), line: line.figures() });
        save_line(work, line)?;
        work.save(hold);
    }
    Ok(())
}

fn freeze_credit_line(work: &mut Work, cmd: &FreezeCreditLine) -> Handled<()> {
    check_text("reason", &cmd.reason, NAME_MAX, "fraud-suspected")?;
    let mut line = work.require::<CreditLine>(cmd.customer)?;
    let changed = if cmd.frozen { line.freeze(&cmd.reason)? } else { line.unfreeze()? };
    if changed {
        work.emit(CreditLineFrozen { line: line.figures(), frozen: cmd.frozen, reason: cmd.reason.clone() });
    }
    save_line(work, line)
}

fn grant_line(work: &mut Work, event: &CreditLineApproved) -> Handled<()> {
    let mut line = match work.get::<CreditLine>(event.customer)? {
        Some(mut line) => {
            let from = line.credit_limit;
            line.renew(event)?;
            if line.credit_limit != from {
                work.emit(CreditLimitChanged { from, reason: "renewed".to_owned(), line: line.figures() });
            }
            line
        }
        None => CreditLine::open(event),
    };
    // Whoever was listed while the application waited had no line to freeze.
    if !work.ask(CheckCustomerBlacklist { customer: event.customer })?.is_empty() {
        freeze(work, &mut line)?;
    }
    save_line(work, line)
}

fn draw_line(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    let Some((mut line, mut hold)) = line_and_hold(work, event.loan)? else { return Ok(()) };
    let drawn = line
        .draw(&mut hold, event.principal, event.disbursed_on)
        .map_err(|refusal| fault("draw a credit line", refusal))?;
    if drawn {
        save_line(work, line)?;
        work.save(hold);
    }
    Ok(())
}

fn restore_line(work: &mut Work, event: &AssetPostingApplied) -> Handled<()> {
    let Some((mut line, mut hold)) = line_and_hold(work, event.loan)? else { return Ok(()) };
    let Some(amount) = line.restore(&mut hold, event.principal_outstanding)? else { return Ok(()) };
    let least = work.config::<CreditPolicy>().least_share(line.credit_limit)?;
    hold.note_exposure(least, work.today())?;
    work.emit(CreditReleased { loan: event.loan, amount, reason: "repaid".to_owned(), line: line.figures() });
    if hold.status == HoldStatus::Settled {
        settle_delinquency(work, &mut line, event.loan, 0)?;
    }
    save_line(work, line)?;
    work.save(hold);
    Ok(())
}

fn count_repayment(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let Some((mut line, mut hold)) = line_and_hold(work, event.loan)? else { return Ok(()) };
    let policy = work.config::<CreditPolicy>();
    let outcome = RepaymentOutcome {
        settled: event.settled,
        cancelled: event.kind == RepaymentKind::Cancel,
        worst_days_past_due: event.worst_days_past_due,
        on: work.today(),
    };
    if let Some(from) = line.count_repayment(&mut hold, outcome, &policy)? {
        work.emit(CreditLimitChanged { from, reason: "settled-well".to_owned(), line: line.figures() });
    }
    save_line(work, line)?;
    if event.settled {
        work.save(hold);
    }
    Ok(())
}

fn note_delinquency(work: &mut Work, event: &OverdueBucketChanged) -> Handled<()> {
    let Some(mut line) = work.get::<CreditLine>(event.customer)? else { return Ok(()) };
    let days_past_due = if event.to == "current" { 0 } else { event.days_past_due };
    settle_delinquency(work, &mut line, event.loan, days_past_due)?;
    save_line(work, line)
}

/// Freezes the lines of customers who came onto the blacklist; only an order of staff thaws them.
fn freeze_blacklisted(work: &mut Work, event: &BlacklistEntryAdded) -> Handled<()> {
    for customer in &event.customers {
        let Some(mut line) = work.get::<CreditLine>(*customer)? else { continue };
        freeze(work, &mut line)?;
        save_line(work, line)?;
    }
    Ok(())
}

fn freeze(work: &mut Work, line: &mut CreditLine) -> Handled<()> {
    if line.freeze(BLACKLISTED)? {
        work.emit(CreditLineFrozen { line: line.figures(), frozen: true, reason: BLACKLISTED.to_owned() });
    }
    Ok(())
}

/// Nothing of these customers is listed any more: whether their lines are thawed, people decide.
fn ask_for_thaw(work: &mut Work, event: &BlacklistEntryRemoved) -> Handled<()> {
    for customer in &event.customers {
        let line = work.read::<CreditLine>(*customer)?;
        if line.and_then(|line| line.freeze_reason()).as_deref() != Some(BLACKLISTED) {
            continue;
        }
        let text = format!(
            "nothing of {customer} is on the blacklist any more ({}), and the credit line is frozen for it: look, and thaw \
             it with freeze-credit-line if nothing else speaks against it",
            event.reason
        );
        work.send(OpenWorkOrder {
            kind: "credit-line-frozen-without-entry".to_owned(),
            loan: None,
            text,
            key: format!("thaw-{customer}"),
        });
    }
    Ok(())
}

fn settle_delinquency(work: &mut Work, line: &mut CreditLine, loan: LoanId, days_past_due: u32) -> Handled<()> {
    let policy = work.config::<CreditPolicy>();
    if let Some(frozen) = line.note_delinquency(loan, days_past_due, &policy)? {
        let reason = if frozen { "overdue" } else { "current" };
        work.emit(CreditLineFrozen { line: line.figures(), frozen, reason: reason.to_owned() });
    }
    Ok(())
}

fn line_and_hold(work: &mut Work, loan: LoanId) -> Handled<Option<(CreditLine, CreditReservation)>> {
    let Some(hold) = work.get::<CreditReservation>(loan)? else { return Ok(None) };
    Ok(Some((work.require::<CreditLine>(hold.customer)?, hold)))
}

fn save_line(work: &mut Work, line: CreditLine) -> Handled<()> {
    line.balanced().map_err(|broken| fault("save a credit line", broken))?;
    work.save(line);
    Ok(())
}

fn fault(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Halt {
    Fault::bug(what).because(source).into()
}
