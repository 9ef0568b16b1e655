//! Oracle 4: the installments of the active schedule sum to the loan, and what is paid and unpaid of them to the note; every
//! running loan is closed through yesterday, and a loan that ended owes nothing.

use std::collections::BTreeMap;

use sycee_asset::{AssetClose, LoanInstallments, LoanNote, NoteStatus, RepaymentSchedule};
use sycee_contract::{Date, LoanId};
use sycee_money::Money;
use sycee_runtime::{Fault, MarketWriter};

use super::Verdict;

/// What a note says, in units.
struct Figures {
    principal: i64,
    outstanding: i64,
    paid: [i64; 3],
    penalty: i64,
    interest_accrued: i64,
    /// Interest that the note's running period has earned by its last close; for an open note all that is booked.
    interest_earned: Option<i64>,
    plan: Option<blake3::Hash>,
    has_installments: bool,
}

pub(super) fn schedules(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(4, "installments sum to the loan, unpaid principal to what is outstanding");
    let mut notes: BTreeMap<LoanId, Figures> = BTreeMap::new();
    let mut is_closing = false;
    writer.scan::<AssetClose>(&mut |close| {
        is_closing = close.closing.is_some();
        Ok(())
    })?;
    let yesterday = writer.today().saturating_sub(jiff::Span::new().days(1));
    writer.scan::<LoanNote>(&mut |note| {
        life(note, (!is_closing).then_some(yesterday), &mut verdict);
        notes.insert(note.loan, figures(note)?);
        Ok(())
    })?;
    active_schedules(writer, &mut notes, &mut verdict)?;
    installments(writer, &mut notes, &mut verdict)?;
    for (loan, note) in &notes {
        verdict.check(note.plan.is_some(), || format!("{loan} has no active schedule"));
        verdict.check(note.has_installments, || format!("{loan} has no installments"));
        if let Some(earned) = note.interest_earned {
            let accrued = note.interest_accrued;
            verdict.check(accrued == earned, || format!("{loan}: {accrued} interest booked, {earned} earned (units)"));
        }
    }
    Ok(verdict)
}

/// A note's state, its place in the daily close, and what it owes go together.
fn life(note: &LoanNote, closed_through: Option<Date>, verdict: &mut Verdict) {
    let runs = matches!(note.status, NoteStatus::Active | NoteStatus::Overdue);
    verdict.check(note.is_open == runs, || format!("{} is {:?}, open: {}", note.loan, note.status, note.is_open));
    let owes = !note.principal_outstanding.is_zero();
    verdict.check(!note.is_settled() || !owes, || format!("{} is {:?} and owes principal", note.loan, note.status));
    if let Some(date) = closed_through.filter(|_| runs) {
        let through = note.accrued_through;
        verdict.check(through == date, || format!("{} is closed through {through}, not {date}", note.loan));
    }
}

fn figures(note: &LoanNote) -> Result<Figures, Fault> {
    let earned =
        note.earned_to(note.accrued_through).map_err(|error| Fault::corrupt(format!("{}: {error}", note.loan)))?;
    Ok(Figures {
        principal: note.principal.units(),
        outstanding: note.principal_outstanding.units(),
        paid: [note.interest_paid, note.fee_paid, note.penalty_paid].map(Money::units),
        penalty: note.penalty_accrued.units(),
        interest_accrued: note.interest_accrued.units(),
        interest_earned: note.is_open.then_some(earned.units()),
        plan: None,
        has_installments: false,
    })
}

/// A schedule repays what was lent, and each balance follows from the one before.
fn active_schedules(
    writer: &mut MarketWriter,
    notes: &mut BTreeMap<LoanId, Figures>,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    writer.scan::<RepaymentSchedule>(&mut |schedule| {
        if schedule.active_marker != Some(true) {
            return Ok(());
        }
        let (loan, lines) = (schedule.loan, schedule.installments.iter());
        let planned = sum(lines.clone().map(|line| line.principal));
        let note = notes.get_mut(&loan);
        let principal = note.as_ref().map(|note| i128::from(note.principal));
        verdict.check(principal == Some(planned), || {
            format!("{loan}: the schedule plans {planned}, the note lent {principal:?} (units)")
        });
        let mut balance = planned;
        for line in lines.clone() {
            balance -= i128::from(line.principal.units());
            let parts = [line.principal, line.interest, line.fee];
            let holds = balance == i128::from(line.balance.units()) && !parts.iter().any(|part| part.is_negative());
            verdict.check(holds, || format!("{loan} installment {}: the balance does not follow", line.nr));
        }
        if let Some(note) = note {
            verdict.check(note.plan.is_none(), || format!("{loan} has several active schedules"));
            let planned = |line: &sycee_contract::PlannedInstallment| {
                (line.nr, [line.from, line.to, line.due_date], [line.principal, line.interest, line.fee])
            };
            note.plan = Some(print_of(lines.map(planned)));
        }
        Ok(())
    })
}

/// Installments ask for what the active schedule plans, and sum to what the note says is paid and outstanding.
fn installments(
    writer: &mut MarketWriter,
    notes: &mut BTreeMap<LoanId, Figures>,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    writer.scan::<LoanInstallments>(&mut |dues| {
        let (loan, lines) = (dues.loan, dues.lines.iter());
        let Some(note) = notes.get_mut(&loan) else {
            verdict.check(false, || format!("{loan} has installments and no note"));
            return Ok(());
        };
        note.has_installments = true;
        let asked = lines
            .clone()
            .map(|line| (line.nr, [line.from, line.to, line.due_date], [line.principal, line.interest, line.fee]));
        let asked = Some(print_of(asked));
        verdict.check(asked == note.plan, || format!("{loan}: installments ask for other than the schedule plans"));
        let unpaid = sum(lines.clone().map(|line| line.principal)) - sum(lines.clone().map(|line| line.principal_paid));
        let [interest, fee, penalty] = note.paid;
        let pairs = [
            ("unpaid principal", unpaid, note.outstanding),
            ("paid interest", sum(lines.clone().map(|line| line.interest_paid)), interest),
            ("paid fees", sum(lines.clone().map(|line| line.fee_paid)), fee),
            ("paid penalties", sum(lines.clone().map(|line| line.penalty_paid)), penalty),
            ("penalties", sum(lines.clone().map(|line| line.penalty)), note.penalty),
        ];
        for (what, sum, noted) in pairs {
            verdict.check(sum == i128::from(noted), || {
                format!("{loan}: {what} {sum} by installments, {noted} by the note (units)")
            });
        }
        for line in lines {
            let due = line.due().map_err(|error| Fault::corrupt(format!("{loan}: {error}")))?;
            let overpaid = [due.principal, due.interest, due.fee, due.penalty].iter().any(|part| part.is_negative());
            verdict.check(!overpaid, || format!("{loan} installment {}: more is paid than it asks for", line.nr));
        }
        Ok(())
    })
}

fn sum(amounts: impl Iterator<Item = Money>) -> i128 {
    amounts.map(|amount| i128::from(amount.units())).sum()
}

/// A hash of what installments ask for: number, period, and parts.
fn print_of(lines: impl Iterator<Item = (u32, [Date; 3], [Money; 3])>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (nr, dates, parts) in lines {
        hasher.update(&nr.to_le_bytes());
        for date in dates {
            hasher.update(&sycee_runtime::days_of(date).to_le_bytes());
        }
        for part in parts {
            hasher.update(&part.units().to_le_bytes());
        }
    }
    hasher.finalize()
}
