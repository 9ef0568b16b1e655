//! Oracle 5: credit lines. Limit = available + reserved + used + frozen; reserved and used are what loans hold.

use std::collections::BTreeMap;

use sycee_asset::LoanNote;
use sycee_contract::{CustomerId, LoanId};
use sycee_credit::credit_limit_center::{CreditLine, CreditReservation, HoldStatus};
use sycee_runtime::{Fault, MarketWriter};

use super::Verdict;

pub(super) fn credit_lines(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(5, "credit line: limit = available + reserved + used + frozen");
    let mut used: BTreeMap<CustomerId, i128> = BTreeMap::new();
    let mut outstanding: BTreeMap<LoanId, i64> = BTreeMap::new();
    writer.scan::<LoanNote>(&mut |note| {
        let units = note.principal_outstanding.units();
        *used.entry(note.customer).or_default() += i128::from(units);
        outstanding.insert(note.loan, units);
        Ok(())
    })?;
    let mut reserved: BTreeMap<CustomerId, i128> = BTreeMap::new();
    writer.scan::<CreditReservation>(&mut |hold| {
        let (units, loan) = (hold.outstanding.units(), outstanding.remove(&hold.loan));
        let expected = match hold.status {
            HoldStatus::Held => Some(hold.amount.units()),
            HoldStatus::Used => loan,
            HoldStatus::Released | HoldStatus::Settled => Some(0),
        };
        verdict.check(expected == Some(units), || {
            format!("{}: {:?} holds {units}, the loan says {expected:?} (units)", hold.loan, hold.status)
        });
        if hold.status == HoldStatus::Held {
            *reserved.entry(hold.customer).or_default() += i128::from(units);
        }
        Ok(())
    })?;
    for loan in outstanding.keys() {
        verdict.check(false, || format!("{loan} holds nothing of a credit line"));
    }
    writer.scan::<CreditLine>(&mut |line| {
        let parts = [line.available, line.reserved, line.used, line.frozen];
        let sum: i128 = parts.iter().map(|part| i128::from(part.units())).sum();
        let limit = i128::from(line.credit_limit.units());
        verdict.check(limit == sum, || format!("{}: limit {limit}, parts {sum} (units)", line.customer));
        let negative = parts.iter().any(|part| part.is_negative());
        verdict.check(!negative, || format!("{}: a part is negative", line.customer));
        let is_frozen = line.freeze_order.is_some() || !line.overdue_loans.is_empty();
        let wrong_side = if is_frozen { line.available } else { line.frozen };
        verdict.check(wrong_side.units() == 0, || {
            format!("{}: frozen is {is_frozen}, available {}, frozen {}", line.customer, line.available, line.frozen)
        });
        for (name, part, held) in [("reserved", line.reserved, &mut reserved), ("used", line.used, &mut used)] {
            let (part, held) = (i128::from(part.units()), held.remove(&line.customer).unwrap_or(0));
            verdict.check(part == held, || format!("{}: {name} {part}, loans hold {held} (units)", line.customer));
        }
        Ok(())
    })?;
    for customer in reserved.keys().chain(used.keys()) {
        verdict.check(false, || format!("{customer} has loans and no credit line"));
    }
    Ok(verdict)
}
