//! Oracle 4: the installments of the active schedule sum to the loan.

use std::collections::BTreeMap;

use sycee_asset::{LoanInstallments, LoanNote, RepaymentSchedule};
use sycee_contract::LoanId;
use sycee_runtime::{Fault, MarketWriter};

use super::Verdict;

pub(super) fn schedules(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(4, "installments sum to the loan, unpaid principal to what is outstanding");
    let mut notes: BTreeMap<LoanId, (i128, i128)> = BTreeMap::new();
    writer.scan::<LoanNote>(&mut |note| {
        let (principal, outstanding) = (note.principal.units(), note.principal_outstanding.units());
        notes.insert(note.loan, (i128::from(principal), i128::from(outstanding)));
        Ok(())
    })?;
    let mut active: BTreeMap<LoanId, u32> = BTreeMap::new();
    writer.scan::<RepaymentSchedule>(&mut |schedule| {
        if schedule.active_marker != Some(true) {
            return Ok(());
        }
        *active.entry(schedule.loan).or_default() += 1;
        let planned: i128 = schedule.installments.iter().map(|it| i128::from(it.principal.units())).sum();
        let principal = notes.get(&schedule.loan).map(|note| note.0);
        verdict.check(principal == Some(planned), || {
            format!("{}: the schedule plans {planned}, the note lent {principal:?} (units)", schedule.loan)
        });
        let mut balance = planned;
        for line in schedule.installments.iter() {
            balance -= i128::from(line.principal.units());
            let holds = balance == i128::from(line.balance.units()) && !line.principal.is_negative();
            verdict.check(holds, || format!("{} installment {}: the balance does not follow", schedule.loan, line.nr));
        }
        Ok(())
    })?;
    writer.scan::<LoanInstallments>(&mut |dues| {
        let unpaid: i128 = dues
            .lines
            .iter()
            .map(|line| i128::from(line.principal.units()) - i128::from(line.principal_paid.units()))
            .sum();
        let outstanding = notes.get(&dues.loan).map(|note| note.1);
        verdict.check(outstanding == Some(unpaid), || {
            format!("{}: {unpaid} unpaid by installments, {outstanding:?} by the note (units)", dues.loan)
        });
        Ok(())
    })?;
    for loan in notes.keys() {
        let count = active.get(loan).copied().unwrap_or(0);
        verdict.check(count == 1, || format!("{loan} has {count} active schedules"));
    }
    Ok(verdict)
}
