//! Whole runs.

use sycee_contract::Zone;
use sycee_money::date;
use sycee_post_loan_operations::{WorkOrder, WorkOrderStatus};
use sycee_runtime::testing::test_databases;
use sycee_runtime::{EffectState, RuntimeEffect};
use sycee_sim::{Faults, World};

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
        let mut settings = settings(urls[0].clone(), 13, 30, Faults::usual());
        settings.first_day = first_day;
        settings.files = settings.files.with_change("market.yaml", |text| text.replace("Africa/Accra", zone)).unwrap();
        let mut world = World::new(settings).unwrap();
        let here = Zone::named(zone).unwrap();
        assert_eq!(here.date_of(world.writer().now()), first_day, "{zone}");
        for _ in 0..25 {
            world.run_day().unwrap();
            let now = world.writer().now();
            assert_eq!((here.date_of(now), world.writer().today()), (world.date(), world.date()), "{zone} at {now}");
        }
        let report = world.report().unwrap();
        assert!(report.holds() && report.funnel.disbursed > 5, "{zone}: {:?} {:?}", report.funnel, report.oracles);
    }
}

#[test]
fn people_decide_what_the_rules_refer_to_them() {
    let (urls, _guard) = test_databases();
    let report = run(urls[0].clone(), 9, 80, 40, Faults::default()).report().unwrap();
    let (referred, approved) = (report.funnel.referred, report.funnel.review_approved);
    assert!(approved > 0 && referred > approved, "{approved} of {referred}");
    assert!(report.declined["credit line"].reasons.contains_key("MANUAL_REJECTION"), "{:?}", report.declined);
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
