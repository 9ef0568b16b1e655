//! Runs whose outcome is known: pinned hashes, batches and crashes that change nothing, the report's fields.

use sycee_runtime::testing::test_databases;
use sycee_sim::{Faults, World};

use crate::stage::{run, settings};

/// BLAKE3 of the logical state after 40 days of 30 people, seed 42, usual faults.
///
/// It changes when behaviour does: a rule, a price, a message that changes state, the order of stimuli. When that is
/// meant, run this test, copy the hash it shows, and say in the commit what behaves otherwise. When it is not meant,
/// something became a behaviour that should not: find it before you copy anything.
const PINNED: &str = "caf0362957a8f9f8d4008afd1fe4443dfd00d1423dfb6960c8887fb0ede927e7";

#[test]
fn the_pinned_run_gives_the_pinned_state_on_both_engines_and_for_every_batch() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let engine = url.engine();
        let mut world = run(url, 42, 30, 40, Faults::usual());
        assert_eq!(world.report().unwrap().hash, PINNED, "on {engine}");
    }
    for batch_max in [1, 7] {
        let (urls, _guard) = test_databases();
        for url in urls {
            let engine = url.engine();
            let mut world = World::new(settings(url, 42, 30, Faults::usual())).unwrap();
            world.set_batch_max(batch_max);
            live(&mut world, 40);
            assert_eq!(world.report().unwrap().hash, PINNED, "with batches of {batch_max} on {engine}");
        }
    }
}

/// A crash repeats effects whose hand-over was not noted, at the moment they were handed over. Everybody outside knows a
/// request by its id, so nothing happens twice, and the logical state is that of the run without crashes.
#[test]
fn a_run_full_of_crashes_ends_as_the_same_run_without() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let mut crashing = World::new(settings(url, 5, 40, Faults::all())).unwrap();
        crashing.set_crashes_per_mille(500);
        live(&mut crashing, 45);
        assert!(crashing.crashes() > 10, "{} crashes", crashing.crashes());
        let crashed = crashing.report().unwrap();
        assert!(crashed.holds(), "{:?}", crashed.oracles);

        let (urls, _guard) = test_databases();
        let faults = Faults { crashes: false, ..Faults::all() };
        let calm = run(urls[0].clone(), 5, 40, 45, faults).report().unwrap();
        assert_eq!(crashed.funnel, calm.funnel);
        assert_eq!(crashed.hash, calm.hash);
    }
}

#[test]
fn a_report_has_the_fields_that_programs_read() {
    let (urls, _guard) = test_databases();
    for url in urls {
        println!("on {}", url.engine());
        let mut world = run(url, 3, 20, 30, Faults::usual());
        let report = serde_json::to_value(world.report().unwrap()).unwrap();
        let paths = [
            "/engine",
            "/seed",
            "/days",
            "/applicants",
            "/funnel/registered",
            "/funnel/disbursed",
            "/funnel/firstOverdue",
            "/funnel/referred",
            "/declined",
            "/refusals",
            "/book/byStatus",
            "/book/lent",
            "/book/outstanding",
            "/book/parBps/2",
            "/book/defaultedBps",
            "/book/collected",
            "/book/lines/0/outstanding",
            "/funnel/identityReferred",
            "/funnel/gaveUp",
            "/cash/paidOut",
            "/cash/returned",
            "/cash/atHand",
            "/income/lines/0/name",
            "/income/total",
            "/funders/0/code",
            "/funders/0/paidOut",
            "/funders/0/returned",
            "/funders/0/suspense",
            "/funders/0/recoverable",
            "/trialBalance/0/account",
            "/trialBalance/0/name",
            "/trialBalance/0/balance",
            "/cascades",
            "/messages",
            "/effectFailures",
            "/hash",
        ];
        for path in paths {
            assert!(report.pointer(path).is_some_and(|value| !value.is_null()), "{path} is missing in {report}");
        }
        let oracles = report["oracles"].as_array().unwrap();
        assert_eq!(oracles.iter().map(|it| it["nr"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        for field in ["rule", "checked", "found", "findings"] {
            assert!(oracles.iter().all(|oracle| oracle.get(field).is_some()), "{field} is missing in {report}");
        }
        assert_eq!(report["hash"].as_str().unwrap().len(), 64);
    }
}

fn live(world: &mut World, days: u32) {
    for _ in 0..days {
        world.run_day().unwrap();
    }
}
