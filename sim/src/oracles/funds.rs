//! Oracle 3: fund accounts. What came in equals what is there plus what went out; nothing is reserved twice.

use std::collections::{BTreeMap, BTreeSet};

use sycee_accounting::reports;
use sycee_contract::FundAccountId;
use sycee_funds::fund_management_system::{
    FundAccount, FundBucket, FundReservation, FundTransaction, ReservationStatus,
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
        for bucket in [FundBucket::Frozen, FundBucket::InTransit, FundBucket::PaidOut] {
            held.insert(format!("{} {bucket:?}", account.code), units(&bucket));
        }
        accounts.insert(account.id, account.clone());
        Ok(())
    })?;
    reservations(writer, &accounts, &held, &mut verdict)?;
    // Money that was paid out but whose loan is not booked yet is still cash in the ledger: the two move in one cascade,
    // so there is none between cascades.
    let mut books = Sums::new();
    for row in reports::trial_balance(writer.reader(), None)?.rows {
        if there.contains_key(&row.code) {
            *books.entry(row.code).or_default() += i128::from(row.balance.units());
        }
    }
    compare(&mut verdict, ("the ledger's cash", &books), ("the fund accounts", &there));
    if whole {
        movements(writer, &accounts, &mut verdict)?;
    }
    Ok(verdict)
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
        let is_origin = matches!(source, FundBucket::Arrived | FundBucket::Received);
        let source_move = if is_origin { amount } else { -amount };
        let before = (balances[source as usize], balances[target as usize]);
        let after = (before.0 + source_move, before.1 + amount);
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
