//! Oracle 3: fund accounts. What came in equals what is there plus what went out; nothing is reserved twice; what is not
//! a funder's is in suspense, in the books as well.

use std::collections::{BTreeMap, BTreeSet};

use sycee_accounting::reports;
use sycee_contract::FundAccountId;
use sycee_funds::fund_management_system::{
    FundAccount, FundBucket, FundReservation, FundReturn, FundTransaction, ReservationStatus, StrayPayout,
    SuspenseReceipt, SuspenseResolution,
};
use sycee_runtime::{Fault, MarketWriter};

use super::{Sums, Verdict, compare};

/// Balances that are cash in the ledger.
const CASH: [FundBucket; 4] = [FundBucket::Available, FundBucket::Frozen, FundBucket::InTransit, FundBucket::Suspense];

/// `whole` replays every movement of every account.
pub(super) fn fund_accounts(writer: &mut MarketWriter, whole: bool) -> Result<Verdict, Fault> {
    let mut verdict =
        Verdict::new(3, "funds: what came in is there or went out, reserved once; statements outside agree");
    let mut accounts: BTreeMap<FundAccountId, FundAccount> = BTreeMap::new();
    let (mut there, mut held) = (Sums::new(), Sums::new());
    writer.scan::<FundAccount>(&mut |account| {
        let units = |bucket: &FundBucket| i128::from(account.balance(*bucket).units());
        let (sources, rest) = FundBucket::ALL.split_at(2);
        let (left, right) = (sources.iter().map(units).sum::<i128>(), rest.iter().map(units).sum::<i128>());
        verdict
            .check(left == right, || format!("{}: {left} came in, {right} is there or went out (units)", account.code));
        for bucket in FundBucket::ALL {
            verdict.check(units(bucket) >= 0, || format!("{}: {bucket:?} is negative", account.code));
        }
        *there.entry(format!("1100|{}", account.partner)).or_default() += CASH.iter().map(units).sum::<i128>();
        there.insert(format!("suspense|{}", account.partner), units(&FundBucket::Suspense));
        there.insert(format!("1300|{}", account.partner), units(&FundBucket::Recoverable));
        *there.entry(capital_of(account)).or_default() += units(&FundBucket::Arrived);
        for bucket in [FundBucket::Frozen, FundBucket::InTransit, FundBucket::PaidOut] {
            held.insert(format!("{} {bucket:?}", account.code), units(&bucket));
        }
        accounts.insert(account.id, account.clone());
        Ok(())
    })?;
    strays(writer, &accounts, &mut held, &mut verdict)?;
    reservations(writer, &accounts, &held, &mut verdict)?;
    refunds(writer, &accounts, &mut there, &mut verdict)?;
    // Money that was paid out but whose loan is not booked yet is still cash in the ledger: the two move in one cascade,
    // so there is none between cascades.
    let (mut books, mut unexplained) = (Sums::new(), Sums::new());
    for row in reports::trial_balance(writer.reader(), None)?.rows {
        let funder = row.code.split('|').nth(1).unwrap_or_default();
        let (key, sign) = match row.chart_code() {
            "1100" | "1300" => (row.code.clone(), 1),
            "2100" | "3100" => (row.code.clone(), -1),
            "2200" | "2900" => (format!("suspense|{funder}"), -1),
            _ => continue,
        };
        let units = sign * i128::from(row.balance.units());
        *books.entry(key).or_default() += units;
        if row.chart_code() == "2900" && units != 0 {
            unexplained.insert(row.code.clone(), units);
        }
    }
    compare(&mut verdict, ("the ledger", &books), ("the fund accounts", &there));
    receipts(writer, &accounts, &unexplained, &mut verdict)?;
    if whole {
        movements(writer, &accounts, &mut verdict)?;
    }
    Ok(verdict)
}

/// The ledger account of what a funder brought.
fn capital_of(account: &FundAccount) -> String {
    if account.is_own { "3100".to_owned() } else { format!("2100|{}", account.partner) }
}

/// What was given back, return by return, is what the accounts count; a funder's capital fell by what it got.
fn refunds(
    writer: &mut MarketWriter,
    accounts: &BTreeMap<FundAccountId, FundAccount>,
    capital: &mut Sums,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let named = |account: &FundAccount| format!("{} refunded", account.code);
    let counted = accounts.values().map(|account| (named(account), i128::from(account.refunded.units()))).collect();
    let mut paid: Sums = accounts.values().map(|account| (named(account), 0)).collect();
    writer.scan::<FundReturn>(&mut |gone| {
        if let Some(account) = accounts.get(&gone.fund_account) {
            *paid.entry(named(account)).or_default() += i128::from(gone.amount.units());
            *capital.entry(capital_of(account)).or_default() -= i128::from(gone.amount.units());
        }
        Ok(())
    })?;
    writer.scan::<SuspenseResolution>(&mut |resolution| {
        if let (None, Some(account)) = (resolution.paid_loan, accounts.get(&resolution.fund_account)) {
            *paid.entry(named(account)).or_default() += i128::from(resolution.amount.units());
        }
        Ok(())
    })?;
    compare(verdict, ("the accounts", &counted), ("the returns", &paid));
    Ok(())
}

/// What nobody explained is in suspense receipt by receipt, and what is gone of a receipt was taken from it: no payer's money
/// has become another's.
fn receipts(
    writer: &mut MarketWriter,
    accounts: &BTreeMap<FundAccountId, FundAccount>,
    unexplained: &Sums,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let named = |account: FundAccountId, receipt: &str| format!("{account} {receipt}");
    let mut taken = Sums::new();
    writer.scan::<SuspenseResolution>(&mut |resolution| {
        if let Some(receipt) = &resolution.receipt {
            *taken.entry(named(resolution.fund_account, receipt)).or_default() += i128::from(resolution.amount.units());
        }
        Ok(())
    })?;
    let (mut left, mut gone) = (Sums::new(), Sums::new());
    writer.scan::<SuspenseReceipt>(&mut |receipt| {
        let units = i128::from(receipt.remaining.units());
        verdict.check(units >= 0, || format!("{}: {units} units are left", receipt.receipt));
        gone.insert(named(receipt.fund_account, &receipt.receipt), i128::from(receipt.amount.units()) - units);
        if let Some(account) = accounts.get(&receipt.fund_account).filter(|_| units != 0) {
            *left.entry(format!("2900|{}", account.partner)).or_default() += units;
        }
        Ok(())
    })?;
    compare(verdict, ("the ledger", unexplained), ("the receipts", &left));
    compare(verdict, ("the receipts", &gone), ("the resolutions", &taken));
    Ok(())
}

/// Of what went out although no loan takes it, what is booked and has not come back is what the accounts count as
/// recoverable; what is written off counts as paid out, beside what reservations `held`. What is not booked is what they count
/// as uncovered, and its payout is open.
fn strays(
    writer: &mut MarketWriter,
    accounts: &BTreeMap<FundAccountId, FundAccount>,
    held: &mut Sums,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let (mut counted, mut out) = (Sums::new(), Sums::new());
    for account in accounts.values() {
        counted.insert(format!("{} recoverable", account.code), i128::from(account.recoverable.units()));
        counted.insert(format!("{} uncovered", account.code), i128::from(account.uncovered.units()));
    }
    writer.scan::<StrayPayout>(&mut |stray| {
        let [amount, booked, recovered, written_off] =
            [stray.amount, stray.booked, stray.recovered, stray.written_off].map(|part| i128::from(part.units()));
        verdict.check(stray.is_open == (booked != amount), || {
            format!("{}: open: {}, {booked} of {amount} units are booked", stray.reference, stray.is_open)
        });
        if let Some(account) = accounts.get(&stray.fund_account) {
            *out.entry(format!("{} recoverable", account.code)).or_default() += booked - recovered - written_off;
            *out.entry(format!("{} uncovered", account.code)).or_default() += amount - booked;
            *held.entry(format!("{} {:?}", account.code, FundBucket::PaidOut)).or_default() -= written_off;
        }
        Ok(())
    })?;
    compare(verdict, ("the accounts", &counted), ("the stray payouts", &out));
    Ok(())
}

/// What reservations hold is what the accounts hold for them, and a loan has one that counts.
fn reservations(
    writer: &mut MarketWriter,
    accounts: &BTreeMap<FundAccountId, FundAccount>,
    held: &Sums,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let mut reserved = Sums::new();
    let mut loans = BTreeSet::new();
    writer.scan::<FundReservation>(&mut |reservation| {
        let bucket = match reservation.status {
            ReservationStatus::Held | ReservationStatus::Bounced => FundBucket::Frozen,
            ReservationStatus::InTransit => FundBucket::InTransit,
            ReservationStatus::PaidOut | ReservationStatus::Closed => FundBucket::PaidOut,
            ReservationStatus::Released => return Ok(()),
        };
        let account = accounts.get(&reservation.fund_account);
        verdict.check(account.is_some(), || format!("{} is of no account", reservation.id));
        let code = account.map_or("", |account| account.code.as_str());
        *reserved.entry(format!("{code} {bucket:?}")).or_default() += i128::from(reservation.amount.units());
        verdict.check(loans.insert(reservation.loan), || {
            format!("{} is reserved for twice, the second time as {}", reservation.loan, reservation.id)
        });
        Ok(())
    })?;
    compare(verdict, ("the accounts", held), ("the reservations", &reserved));
    Ok(())
}

/// Replays the movements: each begins where the one before it ended, and the last ends at the account's balances.
fn movements(
    writer: &mut MarketWriter,
    accounts: &BTreeMap<FundAccountId, FundAccount>,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let mut replayed: BTreeMap<FundAccountId, (i64, [i64; FundBucket::ALL.len()])> = BTreeMap::new();
    writer.scan::<FundTransaction>(&mut |movement| {
        let (last, balances) = replayed.entry(movement.fund_account).or_default();
        let (source, target) = movement.kind.path();
        let amount = movement.amount.units();
        let before = (balances[source as usize], balances[target as usize]);
        let after = (
            before.0 + if source.is_origin() { amount } else { -amount },
            before.1 + if target.is_origin() { -amount } else { amount },
        );
        let holds = movement.sequence == *last + 1
            && (movement.source, movement.target) == (source, target)
            && amount > 0
            && (movement.source_before.units(), movement.target_before.units()) == before
            && (movement.source_after.units(), movement.target_after.units()) == after;
        verdict.check(holds, || {
            let code = accounts.get(&movement.fund_account).map_or("no account", |account| account.code.as_str());
            format!("{code}: movement {} does not follow from movement {last}", movement.sequence)
        });
        *last = movement.sequence;
        balances[source as usize] = after.0;
        balances[target as usize] = after.1;
        Ok(())
    })?;
    for account in accounts.values() {
        let (last, balances) = replayed.remove(&account.id).unwrap_or_default();
        verdict.check(last == account.movements, || {
            format!("{}: {last} movements are stored, {} were made", account.code, account.movements)
        });
        for bucket in FundBucket::ALL {
            let (stored, replayed) = (account.balance(*bucket).units(), balances[*bucket as usize]);
            verdict.check(stored == replayed, || {
                format!("{}: {bucket:?} is {stored}, its movements leave {replayed} (units)", account.code)
            });
        }
    }
    Ok(())
}
