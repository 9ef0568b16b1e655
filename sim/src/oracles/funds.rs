//! Oracle 3: fund accounts. What came in equals what is there plus what went out; nothing is reserved twice.

use std::collections::{BTreeMap, BTreeSet};

use sycee_accounting::reports;
use sycee_contract::{FundAccountId, PartnerId};
use sycee_funds::fund_management_system::{FundAccount, FundReservation, ReservationStatus};
use sycee_runtime::{Fault, MarketWriter};

use super::{Sums, Verdict, compare};

pub(super) fn fund_accounts(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(3, "fund accounts: what came in is there or went out, none negative, reserved once");
    let mut there = Sums::new();
    let mut held = Sums::new();
    let mut partners: BTreeMap<FundAccountId, PartnerId> = BTreeMap::new();
    writer.scan::<FundAccount>(&mut |account| {
        let all = [
            account.available,
            account.frozen,
            account.in_transit,
            account.paid_out,
            account.refunded,
            account.suspense,
        ];
        let right: i128 = all.iter().map(|balance| i128::from(balance.units())).sum();
        let left = i128::from(account.arrived.units()) + i128::from(account.received.units());
        verdict
            .check(left == right, || format!("{}: {left} came in, {right} is there or went out (units)", account.code));
        let negative = all.iter().any(|balance| balance.is_negative());
        verdict.check(!negative, || format!("{}: a balance is negative", account.code));
        partners.insert(account.id, account.partner);
        let cash = [account.available, account.frozen, account.in_transit, account.suspense];
        let cash: i128 = cash.iter().map(|balance| i128::from(balance.units())).sum();
        there.insert(format!("1100|{}", account.partner), cash);
        held.insert(format!("{} frozen", account.id), i128::from(account.frozen.units()));
        held.insert(format!("{} in transit", account.id), i128::from(account.in_transit.units()));
        Ok(())
    })?;
    let mut reserved = Sums::new();
    let mut loans = BTreeSet::new();
    writer.scan::<FundReservation>(&mut |reservation| {
        let units = i128::from(reservation.amount.units());
        let (name, live) = match reservation.status {
            ReservationStatus::Held => ("frozen", true),
            ReservationStatus::InTransit | ReservationStatus::Bounced => ("in transit", true),
            ReservationStatus::PaidOut | ReservationStatus::Closed => ("", true),
            ReservationStatus::Released => ("", false),
        };
        if !name.is_empty() {
            *reserved.entry(format!("{} {name}", reservation.fund_account)).or_default() += units;
        }
        if live {
            verdict.check(loans.insert(reservation.loan), || format!("{} is reserved for twice", reservation.loan));
        }
        Ok(())
    })?;
    compare(&mut verdict, ("the accounts", &held), ("the reservations", &reserved));
    // Money that was paid out but whose loan is not booked yet is still cash in the ledger: the two move in one cascade,
    // so there is none between cascades.
    let mut books = Sums::new();
    for row in reports::trial_balance(writer.reader(), None)?.rows {
        if row.chart_code() == "1100" && partners.values().any(|partner| row.code == format!("1100|{partner}")) {
            *books.entry(row.code.clone()).or_default() += i128::from(row.balance.units());
        }
    }
    compare(&mut verdict, ("the ledger's cash", &books), ("the fund accounts", &there));
    Ok(verdict)
}
