//! Fund accounts: arrivals, reservations along their lives, repayments, suspense, demand.

use sycee_contract::messages::{
    ClaimBankReference, ConfirmFundArrival, FundAccountOpened, FundArrivalConfirmed, FundBalanceChanged,
    FundReservationReleased, FundReservationRequested, FundReserved, OpenWorkOrder, PostLedgerEvent, QueryFundAccount,
    RecoverStrayPayout, ReleaseFundReservation, ReserveFunds, StrayPayoutReported,
};
use sycee_contract::{
    FundAccountId, Identifier, PartnerId, PaymentDirection, PaymentId, Rejection, ReservationId, RiskOutcome,
    RiskPurpose,
};
use sycee_funds::fund_management_system::{
    FundAccount, FundBucket, FundDemand, FundReservation, FundTransaction, LendingForecast, MovementKind,
    ReservationStatus,
};
use sycee_money::{Currency, Money, date};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Handled, Registry, Work};

use crate::{agreement, channels, facts, fund, ghs, loan, own, route, scene, sign, unknown_reservation};

fn reserve(scene: &mut Scene, account: FundAccountId, loan_nr: i64, amount: Money) -> Result<ReservationId, String> {
    let cmd = ReserveFunds { loan: loan(loan_nr), fund_account: account, route: route(), amount };
    scene.request(cmd).map(|answer| answer.reservation).map_err(|refusal| refusal.code)
}

fn balances(scene: &mut Scene, account: FundAccountId) -> [i64; 8] {
    let balances = scene.request(QueryFundAccount { fund_account: account }).unwrap();
    let all = [
        balances.arrived,
        balances.available,
        balances.frozen,
        balances.in_transit,
        balances.paid_out,
        balances.received,
        balances.refunded,
        balances.suspense,
    ];
    all.map(|amount| amount.to_minor().unwrap() / 100)
}

fn status(scene: &mut Scene, reservation: ReservationId) -> ReservationStatus {
    scene.load::<FundReservation>(reservation).unwrap().status
}

#[test]
fn an_agreement_opens_one_account() {
    scene(|scene| {
        let account = sign(scene, agreement(3, "own-funds", "0.10"));
        scene.happened(agreement(3, "own-funds", "0.10"));
        assert!(scene.emitted::<FundAccountOpened>().is_empty());
        assert_eq!(balances(scene, account), [0; 8]);
        let unknown = scene.request(QueryFundAccount { fund_account: FundAccountId::from_number(99) });
        assert_eq!(unknown.unwrap_err().code, "NOT_FOUND");
    });
}

#[test]
fn a_bank_reference_brings_money_once() {
    scene(|scene| {
        let account = sign(scene, agreement(3, "own-funds", "0.10"));
        let arrival = |amount, reference: &str| ConfirmFundArrival {
            funder: "own-funds".into(),
            amount,
            bank_reference: reference.into(),
        };
        scene.request(arrival(ghs(500), "bank-1")).unwrap();
        let told = &scene.emitted::<FundArrivalConfirmed>()[0];
        assert_eq!((told.fund_account, told.amount, told.balances.available), (account, ghs(500), ghs(500)));
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((booked.template.as_str(), booked.amounts["amount"]), ("funds-arrived", ghs(500)));
        assert_eq!(booked.dimensions["funder"], "par-3");

        for (cmd, code) in [
            (arrival(ghs(500), "bank-1"), "ARRIVAL_ALREADY_CONFIRMED"),
            (arrival(ghs(0), "bank-2"), "INVALID_AMOUNT"),
            (arrival(Money::from_minor(100, Currency::USD).unwrap(), "bank-2"), "INVALID_AMOUNT"),
            (arrival(Money::from_units(1, Currency::GHS), "bank-2"), "INVALID_AMOUNT"),
            (arrival(ghs(1), " "), "INVALID_FIELD"),
            (ConfirmFundArrival { funder: "nobody".into(), ..arrival(ghs(1), "bank-2") }, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
        }
        assert_eq!(balances(scene, account), [500, 500, 0, 0, 0, 0, 0, 0]);
        let history = scene.all::<FundTransaction>();
        assert_eq!(history.len(), 1);
        assert_eq!(
            (history[0].kind, history[0].source, history[0].target),
            (MovementKind::Arrival, FundBucket::Arrived, FundBucket::Available)
        );
        assert_eq!((history[0].target_before, history[0].target_after), (ghs(0), ghs(500)));
    });
}

#[test]
fn money_that_is_in_the_books_as_a_borrowers_does_not_arrive_once_more() {
    let with_known_references = |registry: &mut Registry| {
        sycee_funds::register(registry);
        let keep = |_: &mut Work, cmd: &ClaimBankReference| -> Handled<()> {
            if cmd.bank_reference == "known" {
                return Err(Rejection::new("BANK_REFERENCE_USED", "own/known").into());
            }
            Ok(())
        };
        registry.service("partner-hub").handles::<ClaimBankReference>(keep);
    };
    Scene::each(with_known_references, Configs::new().with(channels()), |scene| {
        let account = own(scene);
        let kept = &scene.sent::<ClaimBankReference>()[0];
        let told = (kept.partner, kept.bank_reference.as_str(), kept.amount);
        assert_eq!(told, (PartnerId::from_number(3), "bank-own-funds", ghs(1_000)));
        let arrival =
            ConfirmFundArrival { funder: "own-funds".into(), amount: ghs(500), bank_reference: "known".into() };
        assert_eq!(scene.request(arrival).unwrap_err().code, "BANK_REFERENCE_USED");
        assert_eq!(balances(scene, account), [1000, 1000, 0, 0, 0, 0, 0, 0]);

        scene.happened(StrayPayoutReported {
            reference: "pay-9/mtn-1".into(),
            loan: loan(0),
            disbursement: None,
            fund_account: Some(account),
            amount: ghs(300),
        });
        let recovery = |reference: &str| RecoverStrayPayout {
            payout: "pay-9/mtn-1".into(),
            amount: ghs(300),
            bank_reference: reference.into(),
        };
        assert_eq!(scene.request(recovery("known")).unwrap_err().code, "BANK_REFERENCE_USED");
        assert_eq!(scene.request(recovery("bank-2")).unwrap().available, ghs(1_000));
        assert_eq!(scene.sent::<ClaimBankReference>()[0].bank_reference, "bank-2");
    });
}

#[test]
fn money_is_reserved_once_and_only_what_is_there() {
    scene(|scene| {
        let account = own(scene);
        let reservation = reserve(scene, account, 0, ghs(300)).unwrap();
        let told = &scene.emitted::<FundReserved>()[0];
        assert_eq!((told.reservation, told.amount, told.balances.available), (reservation, ghs(300), ghs(700)));
        assert_eq!(reserve(scene, account, 0, ghs(300)), Ok(reservation), "the same again is the same");
        assert!(scene.emitted::<FundReserved>().is_empty());
        assert_eq!(reserve(scene, account, 0, ghs(301)).unwrap_err(), "UNEXPECTED_STATE");
        assert_eq!(reserve(scene, account, 1, ghs(701)).unwrap_err(), "INSUFFICIENT_FUNDS");
        assert_eq!(reserve(scene, account, 1, ghs(0)).unwrap_err(), "INVALID_AMOUNT");
        assert_eq!(reserve(scene, FundAccountId::from_number(99), 1, ghs(1)).unwrap_err(), "NOT_FOUND");
        assert_eq!(balances(scene, account), [1000, 700, 300, 0, 0, 0, 0, 0]);
        assert!(reserve(scene, account, 1, ghs(700)).is_ok());
    });
}

#[test]
fn a_release_gives_back_once() {
    scene(|scene| {
        let account = own(scene);
        let reservation = reserve(scene, account, 0, ghs(300)).unwrap();
        let release = |reservation| ReleaseFundReservation { reservation, reason: "CANCELLED".into() };
        for reason in [String::new(), "x".repeat(81)] {
            let refused = scene.request(ReleaseFundReservation { reason, ..release(reservation) }).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "reason"));
        }
        scene.request(release(reservation)).unwrap();
        assert_eq!(scene.emitted::<FundReservationReleased>()[0].amount, ghs(300));
        assert_eq!(scene.emitted::<FundBalanceChanged>()[0].balances.available, ghs(1000));
        scene.request(release(reservation)).unwrap();
        assert!(scene.emitted::<FundReservationReleased>().is_empty());
        assert_eq!(balances(scene, account), [1000, 1000, 0, 0, 0, 0, 0, 0]);
        assert_eq!(scene.request(release(unknown_reservation())).unwrap_err().code, "NOT_FOUND");
        let again = reserve(scene, account, 0, ghs(400)).unwrap();
        assert_ne!(again, reservation, "a released loan can be reserved for again");
    });
}

#[test]
fn a_payout_by_our_channel() {
    scene(|scene| {
        let account = own(scene);
        let reservation = reserve(scene, account, 0, ghs(300)).unwrap();
        for _ in 0..2 {
            scene.happened(facts::disbursement_requested(account, reservation, ghs(300)));
        }
        assert_eq!(balances(scene, account), [1000, 700, 0, 300, 0, 0, 0, 0]);
        let refused = scene.request(ReleaseFundReservation { reservation, reason: "CANCELLED".into() });
        assert_eq!(refused.unwrap_err().code, "UNEXPECTED_STATE", "sent money is not free");

        let purpose = facts::purpose(account, reservation);
        scene.happened(facts::payment_succeeded(PaymentDirection::Collection, purpose.clone(), ghs(300)));
        assert_eq!(status(scene, reservation), ReservationStatus::InTransit, "a collection does not concern it");
        for _ in 0..2 {
            scene.happened(facts::payment_succeeded(PaymentDirection::Payout, purpose.clone(), ghs(300)));
        }
        scene.happened(facts::partner_paid(account, reservation, Some(PaymentId::from_number(9))));
        assert_eq!(balances(scene, account), [1000, 700, 0, 0, 300, 0, 0, 0]);
        for _ in 0..2 {
            scene.happened(facts::disbursed(account, reservation, ghs(310), ghs(300)));
        }
        assert_eq!(status(scene, reservation), ReservationStatus::Closed);

        scene.happened(facts::repaid(account, ghs(110), ghs(100)));
        assert_eq!(scene.emitted::<FundBalanceChanged>()[0].balances.available, ghs(810));
        assert_eq!(balances(scene, account), [1000, 810, 0, 0, 300, 110, 0, 0]);
        let kinds: Vec<MovementKind> = scene.all::<FundTransaction>().iter().map(|entry| entry.kind).collect();
        use MovementKind::{Arrival, Dispatch, Payout, Repayment, Reservation};
        assert_eq!(kinds, [Arrival, Reservation, Dispatch, Payout, Repayment]);
    });
}

#[test]
fn a_payout_that_fails_comes_back() {
    scene(|scene| {
        let account = own(scene);
        let reservation = reserve(scene, account, 0, ghs(300)).unwrap();
        scene.happened(facts::disbursement_requested(account, reservation, ghs(300)));
        for _ in 0..2 {
            scene.happened(facts::payment_failed(facts::purpose(account, reservation), ghs(300)));
        }
        assert_eq!(balances(scene, account), [1000, 700, 300, 0, 0, 0, 0, 0]);
        assert_eq!(status(scene, reservation), ReservationStatus::Bounced);
        scene.request(ReleaseFundReservation { reservation, reason: "DISBURSE_FAILED".into() }).unwrap();
        assert_eq!(balances(scene, account), [1000, 1000, 0, 0, 0, 0, 0, 0]);

        scene.happened(facts::payment_succeeded(
            PaymentDirection::Payout,
            facts::purpose(account, reservation),
            ghs(300),
        ));
        let order = &scene.sent::<OpenWorkOrder>()[0];
        assert_eq!((order.kind.as_str(), order.loan), ("fund-reservation-conflict", Some(loan(0))));
        assert_eq!(balances(scene, account), [1000, 1000, 0, 0, 0, 0, 0, 0]);
    });
}

#[test]
fn a_payout_by_the_partner_itself() {
    scene(|scene| {
        let account = own(scene);
        let reservation = reserve(scene, account, 0, ghs(300)).unwrap();
        scene.happened(facts::disbursement_requested(account, reservation, ghs(300)));
        scene.happened(facts::partner_paid(account, reservation, None));
        assert_eq!(balances(scene, account), [1000, 700, 0, 0, 300, 0, 0, 0]);

        let second = reserve(scene, account, 1, ghs(200)).unwrap();
        scene.happened(facts::disbursement_requested(account, second, ghs(200)));
        scene.happened(facts::partner_failed(second));
        assert_eq!(balances(scene, account), [1000, 500, 200, 0, 300, 0, 0, 0]);
        scene.happened(facts::partner_failed(unknown_reservation()));
        assert!(scene.sent::<OpenWorkOrder>().is_empty());
    });
}

#[test]
fn money_nobody_explains_is_suspense() {
    scene(|scene| {
        let account = own(scene);
        scene.happened(facts::entry_posted("unmatched-receipt", "1100|par-3", ghs(30)));
        scene.happened(facts::entry_posted("unmatched-receipt", "1100|par-3@GHS", ghs(10)));
        scene.happened(facts::entry_posted("unmatched-receipt", "1100|par-88", ghs(40)));
        scene.happened(facts::entry_posted("repayment-received", "1100|par-3", ghs(40)));
        assert_eq!(balances(scene, account), [1000, 1000, 0, 0, 0, 40, 0, 40]);
    });
}

#[test]
fn demand_is_counted_by_day() {
    scene(|scene| {
        let account = own(scene);
        let day = date(2026, 1, 5);
        scene.happened(FundReservationRequested { loan: loan(0), fund_account: account, amount: ghs(300) });
        scene.happened(FundReservationRequested { loan: loan(1), fund_account: account, amount: ghs(200) });
        let reservation = reserve(scene, account, 0, ghs(300)).unwrap();
        scene.happened(facts::attempt_failed(Some(reservation)));
        scene.happened(facts::attempt_failed(None));
        scene.happened(facts::disbursement_requested(account, reservation, ghs(300)));
        scene.happened(facts::partner_paid(account, reservation, None));
        scene.happened(facts::disbursed(account, reservation, ghs(310), ghs(300)));
        let demand = scene.load::<FundDemand>((account, day)).unwrap();
        assert_eq!((demand.requested_count, demand.requested), (2, ghs(500)));
        assert_eq!((demand.disbursed_count, demand.disbursed, demand.failed_count), (1, ghs(300), 1));

        for (purpose, outcome, limit) in [
            (RiskPurpose::Credit, RiskOutcome::Approve, Some(ghs(900))),
            (RiskPurpose::Credit, RiskOutcome::Reject, None),
            (RiskPurpose::Drawdown, RiskOutcome::Approve, None),
            (RiskPurpose::Drawdown, RiskOutcome::Review, None),
            (RiskPurpose::Admission, RiskOutcome::Approve, None),
        ] {
            scene.happened(facts::decided(purpose, outcome, limit, 0));
        }
        let forecast = scene.load::<LendingForecast>((day, Currency::GHS)).unwrap();
        assert_eq!((forecast.drawdowns_approved, forecast.lines_granted, forecast.limits), (1, 1, ghs(900)));
    });
}

#[test]
fn people_hear_once_a_day_that_an_account_is_low() {
    scene(|scene| {
        let account = own(scene);
        let other = fund(scene, agreement(4, "bridge-capital", "0.20"), ghs(1_000));
        scene.happened(facts::funding_matched("gh-installment", &["own-funds"]));
        scene.happened(facts::published("gh-installment", ghs(600)));
        assert_eq!(scene.load::<FundAccount>(account).unwrap().low_water, ghs(600));
        assert_eq!(scene.load::<FundAccount>(other).unwrap().low_water, ghs(0));
        let alerts = |scene: &mut Scene, loan_nr| {
            reserve(scene, account, loan_nr, ghs(250)).unwrap();
            scene.sent::<OpenWorkOrder>().iter().filter(|order| order.kind == "fund-account-low").count()
        };
        assert_eq!([alerts(scene, 0), alerts(scene, 1), alerts(scene, 2)], [0, 1, 0]);
        scene.set_today(date(2026, 1, 6));
        assert_eq!(alerts(scene, 3), 1);
        let late = sign(scene, agreement(5, "late-capital", "0.30"));
        assert_eq!(scene.load::<FundAccount>(late).unwrap().partner, PartnerId::from_number(5));
        scene.happened(facts::funding_matched("gh-installment", &[]));
        assert_eq!(scene.load::<FundAccount>(late).unwrap().low_water, ghs(600));
        let newest = sign(scene, agreement(6, "newest-capital", "0.30"));
        assert_eq!(scene.load::<FundAccount>(newest).unwrap().low_water, ghs(600));
    });
}

#[test]
fn however_many_accounts_there_are_each_learns_of_a_larger_loan() {
    scene(|scene| {
        for nr in 1..=101 {
            sign(scene, agreement(nr, &format!("funder-{nr}"), "0.20"));
        }
        scene.happened(facts::published("gh-installment", ghs(600)));
        let marks: Vec<_> = scene.all::<FundAccount>().into_iter().map(|account| account.low_water).collect();
        assert_eq!(marks, vec![ghs(600); 101]);
    });
}
