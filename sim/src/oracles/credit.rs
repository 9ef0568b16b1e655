//! Oracle 5: credit lines. Limit = available + reserved + used + frozen; reserved and used are what loans hold.

use std::collections::BTreeMap;

use sycee_asset::LoanNote;
use sycee_contract::CustomerId;
use sycee_credit::credit_limit_center::{CreditLine, CreditReservation, HoldStatus};
use sycee_runtime::{Fault, MarketWriter};

use super::Verdict;

pub(super) fn credit_lines(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(5, "credit line: limit = available + reserved + used + frozen");
    let mut reserved: BTreeMap<CustomerId, i128> = BTreeMap::new();
    writer.scan::<CreditReservation>(&mut |hold| {
        if hold.status == HoldStatus::Held {
            *reserved.entry(hold.customer).or_default() += i128::from(hold.amount.units());
        }
        Ok(())
    })?;
    let mut used: BTreeMap<CustomerId, i128> = BTreeMap::new();
    writer.scan::<LoanNote>(&mut |note| {
        *used.entry(note.customer).or_default() += i128::from(note.principal_outstanding.units());
        Ok(())
    })?;
    writer.scan::<CreditLine>(&mut |line| {
        let parts = [line.available, line.reserved, line.used, line.frozen];
        let sum: i128 = parts.iter().map(|part| i128::from(part.units())).sum();
        let limit = i128::from(line.credit_limit.units());
        verdict.check(limit == sum, || format!("{}: limit {limit}, parts {sum} (units)", line.customer));
        let negative = parts.iter().any(|part| part.is_negative());
        verdict.check(!negative, || format!("{}: a part is negative", line.customer));
        for (name, part, held) in [("reserved", line.reserved, &reserved), ("used", line.used, &used)] {
            let (part, held) = (i128::from(part.units()), held.get(&line.customer).copied().unwrap_or(0));
            verdict.check(part == held, || format!("{}: {name} {part}, loans hold {held} (units)", line.customer));
        }
        Ok(())
    })?;
    Ok(verdict)
}
