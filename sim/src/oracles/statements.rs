//! The other side of oracle 3: what channels and self-paying partners say was moved, against our payments and funds.
//!
//! Only what is in flight may differ: money that moved outside while nobody has told us yet.

use std::collections::{BTreeMap, BTreeSet};

use sycee_contract::{LoanId, PaymentDirection, ReservationId, Timestamp};
use sycee_funds::fund_management_system::{FundReservation, ReservationStatus};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::Money;
use sycee_partner::partner_hub::{DisbursementStatus, PartnerDisbursement, PayoutWay};
use sycee_psp::StatementRow;
use sycee_runtime::{Fault, MarketWriter};

use super::Verdict;

/// What the outside says was moved.
#[derive(Clone, Debug, Default)]
pub struct Statements {
    /// Each channel's statement, by its code.
    pub channels: BTreeMap<String, Vec<StatementRow>>,
    /// Loans that partners paid out with their own systems: when, and how much.
    pub partners: Vec<(Timestamp, LoanId, Money)>,
}

/// What is left to be explained while payments and reservations are read.
struct Reconciliation<'a> {
    /// Rows by channel and request.
    rows: BTreeMap<(String, String), &'a StatementRow>,
    /// Those of them that no payment was found for.
    unknown: BTreeSet<(String, String)>,
    /// What channels paid out under each reservation, and whether a payment of it is still open.
    paid: BTreeMap<ReservationId, (i64, bool)>,
    /// Reservations whose partner was asked to pay and has not said what became of it.
    asked: BTreeSet<ReservationId>,
}

/// Compares, and adds what it finds to the `verdict` of oracle 3.
pub(crate) fn reconcile(
    writer: &mut MarketWriter,
    statements: &Statements,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let mut open = Reconciliation {
        rows: BTreeMap::new(),
        unknown: BTreeSet::new(),
        paid: BTreeMap::new(),
        asked: BTreeSet::new(),
    };
    writer.scan::<PartnerDisbursement>(&mut |attempt| {
        if (attempt.status, attempt.way) == (DisbursementStatus::Requested, PayoutWay::PartnerSystem) {
            open.asked.insert(attempt.reservation);
        }
        Ok(())
    })?;
    for (channel, rows) in &statements.channels {
        for row in rows.iter().filter(|row| !row.request_id.is_empty()) {
            let key = (channel.clone(), row.request_id.clone());
            let first = open.rows.insert(key.clone(), row).is_none();
            verdict.check(first, || format!("{channel} moved {} twice", row.request_id));
            open.unknown.insert(key);
        }
    }
    writer.scan::<PaymentOrder>(&mut |payment| {
        payment_and_row(payment, &mut open, verdict);
        Ok(())
    })?;
    for (channel, request) in &open.unknown {
        verdict.check(false, || format!("{channel} moved {request}, which we do not know"));
    }
    let now = writer.now();
    let mut partners: BTreeMap<LoanId, Money> = BTreeMap::new();
    for (at, loan, amount) in &statements.partners {
        if *at <= now {
            let first = partners.insert(*loan, *amount).is_none();
            verdict.check(first, || format!("a partner paid {loan} out twice"));
        }
    }
    writer.scan::<FundReservation>(&mut |reservation| {
        reservation_and_payouts(reservation, &open, &mut partners, verdict);
        Ok(())
    })?;
    for loan in partners.keys() {
        verdict.check(false, || format!("a partner paid {loan} out, for which nothing is reserved"));
    }
    Ok(())
}

/// A payment that succeeded is on its channel's statement as it is here; one that failed is not.
fn payment_and_row(payment: &PaymentOrder, open: &mut Reconciliation<'_>, verdict: &mut Verdict) {
    let (id, key) = (payment.id, (payment.channel.clone(), payment.id.to_string()));
    open.unknown.remove(&key);
    let row = open.rows.get(&key).copied();
    let same = row.is_some_and(|row| {
        row.direction == payment.direction
            && payment.moved == Some(row.amount)
            && payment.channel_reference.as_deref() == Some(row.channel_reference.as_str())
    });
    let holds = match payment.status {
        PaymentStatus::Succeeded => same,
        PaymentStatus::Failed => row.is_none(),
        // Under way: the statement may be ahead, but not about another amount, unless a payer chose it.
        PaymentStatus::Sent | PaymentStatus::Expired => row.is_none_or(|row| {
            let is_chosen = payment.direction == PaymentDirection::Collection;
            row.direction == payment.direction && (is_chosen || row.amount == payment.amount)
        }),
        PaymentStatus::Disputed => true,
    };
    verdict.check(holds, || {
        let told = row.map_or("nothing".to_owned(), |row| format!("{} under {}", row.amount, row.channel_reference));
        format!(
            "{id} is {:?} over {:?}, the statement of {} has {told}",
            payment.status, payment.moved, payment.channel
        )
    });
    if let (PaymentDirection::Payout, Some(reservation)) = (payment.direction, payment.reservation) {
        let (paid, is_open) = open.paid.entry(reservation).or_default();
        *paid += row.map_or(0, |row| row.amount.units());
        *is_open |= payment.is_open() || payment.status == PaymentStatus::Disputed;
    }
}

/// Money in transit has a payment under way; money paid out was paid, once and all of it.
fn reservation_and_payouts(
    reservation: &FundReservation,
    open: &Reconciliation<'_>,
    partners: &mut BTreeMap<LoanId, Money>,
    verdict: &mut Verdict,
) {
    let (id, amount, status) = (reservation.id, reservation.amount, reservation.status);
    let by_channel = open.paid.get(&id).copied();
    let by_partner = match by_channel {
        None if status != ReservationStatus::Released => partners.remove(&reservation.loan),
        _ => None,
    };
    let paid = by_channel.map_or(by_partner.map_or(0, Money::units), |(units, _)| units);
    let under_way = by_channel.map_or_else(|| open.asked.contains(&id), |(_, is_open)| is_open);
    let holds = match status {
        ReservationStatus::PaidOut | ReservationStatus::Closed => paid == amount.units(),
        ReservationStatus::InTransit => under_way && (paid == 0 || paid == amount.units()),
        ReservationStatus::Held | ReservationStatus::Bounced | ReservationStatus::Released => {
            paid == 0 || by_channel.is_some_and(|(_, is_open)| is_open)
        }
    };
    verdict.check(holds, || {
        format!("{id} of {}: {status:?} over {amount}, channels and partners paid {paid} (units)", reservation.loan)
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use super::*;
    use sycee_contract::Identifier as _;
    use sycee_money::Currency;

    /// The rule of one reservation, as a table: status, what its channel paid (and whether a payment is open) or what a
    /// partner paid that was asked to, and whether that can be.
    #[test]
    fn reservations_and_what_was_paid() {
        use ReservationStatus::{Bounced, Closed, Held, InTransit, PaidOut, Released};
        let cases = [
            (Closed, Some((500, false)), None, true),
            (Closed, Some((499, false)), None, false),
            (Closed, Some((1_000, false)), None, false),
            (Closed, Some((0, true)), None, false),
            (Closed, None, Some(500), true),
            (Closed, None, None, false),
            (PaidOut, None, Some(499), false),
            (InTransit, Some((0, true)), None, true),
            (InTransit, Some((500, true)), None, true),
            (InTransit, Some((0, false)), None, false),
            (InTransit, Some((499, true)), None, false),
            (InTransit, None, None, true),
            (InTransit, None, Some(500), true),
            (Held, None, None, true),
            (Held, Some((0, false)), None, true),
            (Held, Some((500, false)), None, false),
            (Bounced, Some((0, false)), None, true),
            (Bounced, None, Some(500), false),
            (Released, Some((500, false)), None, false),
        ];
        for (status, by_channel, by_partner, holds) in cases {
            let money = |units| Money::from_units(units, Currency::GHS);
            let (id, loan) = (ReservationId::from_number(1), LoanId::from_number(7));
            let reservation = FundReservation {
                id,
                loan,
                fund_account: sycee_contract::FundAccountId::from_number(1),
                route: sycee_contract::RouteId::from_number(1),
                amount: money(500),
                status,
                release_reason: None,
                reserved_at: Timestamp::default(),
                changed_at: Timestamp::default(),
            };
            let paid = by_channel.map(|paid| (id, paid)).into_iter().collect();
            let (rows, unknown) = (BTreeMap::new(), BTreeSet::new());
            let mut open = Reconciliation { rows, unknown, paid, asked: BTreeSet::from([id]) };
            let mut partners = by_partner.map(|units| (loan, money(units))).into_iter().collect();
            let mut verdict = Verdict::new(3, "");
            reservation_and_payouts(&reservation, &open, &mut partners, &mut verdict);
            assert_eq!(verdict.holds(), holds, "{status:?} {by_channel:?} {by_partner:?}: {:?}", verdict.findings);
            if (status, by_channel) == (InTransit, None) {
                let mut partners = by_partner.map(|units| (loan, money(units))).into_iter().collect();
                open.asked.clear();
                reservation_and_payouts(&reservation, &open, &mut partners, &mut verdict);
                assert!(!verdict.holds(), "money is on its way and nobody was asked to pay it");
            }
        }
    }
}
