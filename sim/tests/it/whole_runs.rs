//! Whole runs.

use std::collections::BTreeMap;

use sycee_accounting::balance_management_service::ReversalCount;
use sycee_accounting::ledger::Entry;
use sycee_contract::{PaymentDirection, RepaymentOrderId, Zone};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::{Currency, Money, date};
use sycee_post_loan_operations::{WorkOrder, WorkOrderStatus};
use sycee_runtime::testing::test_databases;
use sycee_runtime::{EffectState, RuntimeEffect};
use sycee_sim::{Faults, Report, World};
use sycee_transaction::repayment_engine::{ReceivedPayment, RepaymentOrder};

use crate::stage::{run, settings};

#[test]
fn sixty_days_with_every_fault_keep_every_oracle_on_both_engines() {
    let (urls, _guard) = test_databases();
    let mut hashes = Vec::new();
    for url in urls {
        let mut world = run(url, 7, 60, 60, Faults::all());
        let report = world.report().unwrap();
        for oracle in &report.oracles {
            assert!(oracle.holds(), "oracle {}: {:?}", oracle.nr, oracle.findings);
        }
        assert!(report.funnel.disbursed > 10, "{:?} {:?}", report.funnel, report.refusals);
        assert_funders_foot(&report);
        let days = count::<ReversalCount>(&mut world, |it| it.reversals > 0);
        let entries = count::<Entry>(&mut world, |it| it.reverses != 0);
        assert!(days > 0 && entries >= days, "{entries} reversals on {days} days");
        let charges = report.income.lines.iter().find(|line| line.account == "5300").unwrap();
        assert!(charges.amount.is_negative(), "what was booked once stays: {charges:?}");
        hashes.push(report.hash);
    }
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
}

/// Systems outside are away: effects wait, are given up, and are executed after all when people put them back.
#[test]
fn outages_are_lived_through_on_both_engines() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let faults = Faults { outages: true, ..Faults::default() };
        let mut world = run(url, 11, 80, 60, faults);
        let report = world.report().unwrap();
        assert!(report.holds(), "{:?}", report.oracles);
        assert!(report.effect_failures > 50, "{}", report.effect_failures);
        let closed = |order: &WorkOrder| order.kind == "parked-effect" && order.status == WorkOrderStatus::Closed;
        assert!(count::<WorkOrder>(&mut world, closed) > 0);
        let lately = world.writer().now().plus_days(-2);
        let left = |order: &WorkOrder| {
            order.kind == "parked-effect" && order.status == WorkOrderStatus::Open && order.opened_at < lately
        };
        assert_eq!(count::<WorkOrder>(&mut world, left), 0);
        assert!(count::<RuntimeEffect>(&mut world, |it| it.state == EffectState::Done && it.error.is_some()) > 5);
        let (urls, _calm_guard) = test_databases();
        let calm = run(urls[0].clone(), 11, 80, 60, Faults::default()).report().unwrap();
        assert_eq!(report.funnel.registered, calm.funnel.registered, "everybody gets a password at last");
        assert_eq!(report.funnel.identified, calm.funnel.identified, "everybody is identified at last");
    }
}

/// People send other amounts than they are asked for, and pay in parts what their wallets do not let go at once: with loans of
/// 4,000 at most, the wallets of one channel let 100 go.
#[test]
fn other_amounts_and_limits_of_wallets_are_lived_through_on_both_engines() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let faults = Faults { channel: true, partner: true, ..Faults::default() };
        let mut settings = settings(url, 19, 120, faults);
        for product in ["products/gh-installment.yaml", "products/gh-equal-principal.yaml"] {
            let small = |text: &str| text.replace("\"20000.00\"", "\"4000.00\"");
            settings.files = settings.files.with_change(product, small).unwrap();
        }
        let mut world = World::new(settings).unwrap();
        for _ in 0..120 {
            world.run_day().unwrap();
        }
        let report = world.report().unwrap();
        assert!(report.holds(), "{:?}", report.oracles);
        let limit = Money::from_minor(10_000, Currency::GHS).unwrap();
        let too_much = |it: &PaymentOrder| it.reason.as_deref() == Some("PAYER_LIMIT_REACHED");
        let limited = count::<PaymentOrder>(&mut world, |it| too_much(it) && it.amount.units() > limit.units());
        let is_part = |it: &PaymentOrder| it.direction == PaymentDirection::Collection && it.amount == limit;
        let parts = count::<PaymentOrder>(&mut world, |it| is_part(it) && it.status == PaymentStatus::Succeeded);
        assert!(limited > 0 && parts > 0, "{limited} met the limit, {parts} parts were paid");
        let mut asked: BTreeMap<RepaymentOrderId, Money> = BTreeMap::new();
        let scanned = world.writer().scan::<RepaymentOrder>(&mut |order| {
            asked.insert(order.id, order.amount);
            Ok(())
        });
        scanned.unwrap();
        let differs = |it: &ReceivedPayment| it.order.is_some_and(|order| asked.get(&order) != Some(&it.amount));
        assert!(count::<ReceivedPayment>(&mut world, differs) > 0, "nobody sent another amount than was asked for");
    }
}

/// Days that begin before and after midnight UTC, and three weeks in which the clocks change: the business date is the date
/// where the market's people live, and no day's close runs twice or not at all.
#[test]
fn days_begin_where_the_market_is() {
    for (zone, first_day) in [
        ("Asia/Shanghai", date(2026, 1, 5)),
        ("America/New_York", date(2026, 2, 23)),
        ("America/New_York", date(2026, 10, 19)),
        ("Africa/Cairo", date(2026, 4, 13)),
    ] {
        let (urls, _guard) = test_databases();
        for url in urls {
            let engine = url.engine();
            let mut settings = settings(url, 13, 30, Faults::usual());
            settings.first_day = first_day;
            settings.files =
                settings.files.with_change("market.yaml", |text| text.replace("Africa/Accra", zone)).unwrap();
            let mut world = World::new(settings).unwrap();
            let here = Zone::named(zone).unwrap();
            assert_eq!(here.date_of(world.writer().now()), first_day, "{zone} on {engine}");
            for _ in 0..25 {
                world.run_day().unwrap();
                let now = world.writer().now();
                assert_eq!(
                    (here.date_of(now), world.writer().today()),
                    (world.date(), world.date()),
                    "{zone} on {engine} at {now}"
                );
            }
            let report = world.report().unwrap();
            assert!(
                report.holds() && report.funnel.disbursed > 5,
                "{zone} on {engine}: {:?} {:?}",
                report.funnel,
                report.oracles
            );
        }
    }
}

#[test]
fn people_decide_what_the_rules_refer_to_them() {
    let (urls, _guard) = test_databases();
    for url in urls {
        println!("on {}", url.engine());
        let report = run(url, 9, 80, 40, Faults::default()).report().unwrap();
        let (referred, approved) = (report.funnel.referred, report.funnel.review_approved);
        assert!(approved > 0 && referred > approved, "{approved} of {referred}");
        assert!(report.declined["credit line"].reasons.contains_key("MANUAL_REJECTION"), "{:?}", report.declined);
    }
}

/// What came in is gone, free or bound, to the cent: of every funder, and of all together.
fn assert_funders_foot(report: &Report) {
    let sum = |parts: &[Money]| Money::sum(Currency::GHS, parts.iter().copied()).unwrap();
    let mut at_hand = Vec::new();
    for it in &report.funders {
        let here = sum(&[it.available, it.bound().unwrap()]);
        assert_eq!(sum(&[it.arrived, it.received]), sum(&[it.paid_out, it.refunded, here]), "{it:?}");
        assert!(it.returned.units() <= it.refunded.units(), "{it:?}");
        at_hand.push(here);
    }
    assert_eq!(sum(&at_hand), report.cash.at_hand);
    assert!(report.cash.returned.is_positive(), "no capital went back: {:?}", report.cash);
    assert!(report.funders.iter().any(|it| it.suspense.is_positive()), "nothing is in suspense: {:?}", report.funders);
}

/// Documents are read, doubted and refused: staff decide what is doubted, and most who are refused try again.
#[test]
fn documents_are_doubted_and_refused() {
    let (urls, _guard) = test_databases();
    for url in urls {
        println!("on {}", url.engine());
        let mut world = run(url, 37, 160, 30, Faults::usual());
        let report = world.report().unwrap();
        assert!(report.holds(), "{:?}", report.oracles);
        let (funnel, refused) = (report.funnel, &report.declined["identity"]);
        assert!(funnel.identity_accepted > 0 && funnel.identity_accepted <= funnel.identity_referred, "{funnel:?}");
        assert!(funnel.identity_retried > 0, "{funnel:?}");
        assert_eq!(refused.times, funnel.identity_retried + funnel.gave_up, "{refused:?} {funnel:?}");
        assert!(refused.reasons.keys().any(|reason| reason.ends_with("_TOO_LOW")), "{refused:?}");
        assert!(funnel.identified > 100 && funnel.identified + funnel.gave_up + funnel.left <= funnel.registered);
        let review = |it: &WorkOrder| it.kind == "kyc-review";
        let decided = count::<WorkOrder>(&mut world, |it| review(it) && it.status == WorkOrderStatus::Closed);
        let lately = world.writer().now().plus_days(-1);
        let waits = count::<WorkOrder>(&mut world, |it| {
            review(it) && it.status == WorkOrderStatus::Open && it.opened_at < lately
        });
        assert!(decided > 0 && waits == 0, "{decided} were decided, {waits} wait");
    }
}

fn count<E: sycee_runtime::Entity>(world: &mut World, counts: impl Fn(&E) -> bool) -> usize {
    let mut found = 0;
    let scanned = world.writer().scan::<E>(&mut |entity| {
        found += usize::from(counts(entity));
        Ok(())
    });
    scanned.unwrap();
    found
}
