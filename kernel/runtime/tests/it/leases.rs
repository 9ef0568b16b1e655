//! Who may write a market: leases of the control store, and what the market's own database makes of them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use sycee_contract::Timestamp;
use sycee_runtime::control::{ControlError, ControlLease, ControlStore, Lease, LeaseKeeper, latest_lease};
use sycee_runtime::storage::{DatabaseUrl, Migration};
use sycee_runtime::testing::{test_control, test_databases};
use sycee_runtime::{FaultKind, MarketWriter};

use crate::bank::{balance, options, put, registry};

const TTL: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(second)
}

fn store(market: &DatabaseUrl) -> ControlStore {
    ControlStore::open(&test_control(market)).unwrap()
}

fn open_leased(market: &DatabaseUrl, lease: &Lease) -> Result<MarketWriter, sycee_runtime::Fault> {
    MarketWriter::open_leased(Arc::new(registry()), options(market.clone()), lease)
}

/// Runs `body` on every engine with the place of a market that does not exist yet.
fn on_each_engine(body: impl Fn(&DatabaseUrl)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(&url);
    }
}

fn is_lost<T: std::fmt::Debug>(result: Result<T, ControlError>) -> bool {
    matches!(result, Err(ControlError::Lost { .. }))
}

#[test]
fn of_many_who_race_for_a_lease_one_gets_it() {
    const HOLDERS: usize = 6;
    on_each_engine(|url| {
        store(url);
        for round in 1..=5 {
            let start = Barrier::new(HOLDERS);
            let results: Vec<_> = std::thread::scope(|scope| {
                let race = |nr: usize| {
                    let start = &start;
                    scope.spawn(move || {
                        let mut control = store(url);
                        start.wait();
                        control.acquire("gh", &format!("node-{nr}"), TTL, at(0))
                    })
                };
                let threads: Vec<_> = (0..HOLDERS).map(race).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let (won, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
            assert_eq!(won.len(), 1);
            let lease = won.into_iter().next().unwrap().unwrap();
            assert_eq!(lease.epoch, round);
            for error in refused.into_iter().map(Result::unwrap_err) {
                let ControlError::Held { holder, until, epoch, .. } = error else { panic!("{error}") };
                assert_eq!((holder, until, epoch), (lease.holder.clone(), at(60), round));
            }
            store(url).release(&lease).unwrap();
        }
    });
}

#[test]
fn an_expired_lease_is_taken_over_and_lost_for_who_had_it() {
    on_each_engine(|url| {
        let mut control = store(url);
        let first = control.acquire("gh", "node-1", TTL, at(0)).unwrap();
        let refused = control.acquire("gh", "node-2", TTL, at(59)).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("gh") && text.contains("node-1") && text.contains(&at(60).to_string()), "{text}");
        let second = control.acquire("gh", "node-2", TTL, at(60)).unwrap();
        assert_eq!((first.epoch, second.epoch), (1, 2));
        assert!(is_lost(control.renew(&first, TTL, at(61))));
        assert!(is_lost(control.release(&first)));
        let kept = control.renew(&second, TTL, at(61)).unwrap();
        assert_eq!(kept.expires_at, at(121));
        assert_eq!(control.acquire("ng", "node-1", TTL, at(61)).unwrap().epoch, 1, "another market, another lease");
    });
}

#[test]
fn a_released_lease_is_free_at_once_and_epochs_go_on() {
    on_each_engine(|url| {
        let mut control = store(url);
        let first = control.acquire("gh", "node-1", TTL, at(0)).unwrap();
        control.release(&first).unwrap();
        assert!(is_lost(control.release(&first)) && is_lost(control.renew(&first, TTL, at(1))));
        assert_eq!(control.acquire("gh", "node-2", TTL, at(1)).unwrap().epoch, 2);
    });
}

#[test]
fn a_holder_that_starts_again_takes_its_lease_at_once() {
    on_each_engine(|url| {
        let mut control = store(url);
        let before = control.acquire("gh", "node-1", TTL, at(0)).unwrap();
        let after = control.acquire("gh", "node-1", TTL, at(5)).unwrap();
        assert_eq!(after.epoch, before.epoch + 1);
        assert!(is_lost(control.renew(&before, TTL, at(6))), "the process of before has no lease any more");
        control.renew(&after, TTL, at(6)).unwrap();
    });
}

#[test]
fn a_clock_that_goes_back_neither_shortens_a_lease_nor_frees_it() {
    on_each_engine(|url| {
        let mut control = store(url);
        let lease = control.acquire("gh", "node-1", TTL, at(1_000)).unwrap();
        assert_eq!(control.renew(&lease, TTL, at(500)).unwrap().expires_at, at(1_060));
        assert!(control.acquire("gh", "node-2", TTL, at(100)).is_err());
        assert!(control.acquire("gh", "node-2", TTL, at(1_059)).is_err());
        let next = control.acquire("gh", "node-1", TTL, at(200)).unwrap();
        assert_eq!(next.epoch, 2, "epochs grow whatever the clock says");
        assert_eq!(control.acquire("gh", "node-2", TTL, at(260)).unwrap().epoch, 3);
    });
}

#[test]
fn an_expired_lease_that_nobody_took_can_be_renewed() {
    on_each_engine(|url| {
        let mut control = store(url);
        let lease = control.acquire("gh", "node-1", TTL, at(0)).unwrap();
        assert_eq!(control.renew(&lease, TTL, at(300)).unwrap().expires_at, at(360));
        assert!(control.acquire("gh", "node-2", TTL, at(300)).is_err());
    });
}

/// Whatever the clocks do and whoever comes and goes: one lease at most can be renewed, the latest.
#[test]
fn whatever_the_clocks_say_only_the_latest_lease_lives() {
    on_each_engine(|url| {
        let mut control = store(url);
        let mut seed = 7u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut leases: Vec<Lease> = Vec::new();
        let mut taken = 0;
        for _ in 0..150 {
            let now = at(i64::try_from(draw(600)).unwrap());
            let holder = format!("node-{}", draw(3));
            match draw(4) {
                0 if !leases.is_empty() => {
                    let nr = usize::try_from(draw(leases.len() as u64)).unwrap();
                    let is_latest = leases[nr].epoch == leases.iter().map(|lease| lease.epoch).max().unwrap();
                    if control.release(&leases[nr]).is_ok() {
                        assert!(is_latest);
                        leases.clear();
                    }
                }
                1 => {
                    let living = leases.iter().filter(|lease| control.renew(lease, TTL, now).is_ok());
                    let living: Vec<i64> = living.map(|lease| lease.epoch).collect();
                    let latest: Vec<i64> = leases.iter().map(|lease| lease.epoch).max().into_iter().collect();
                    assert_eq!(living, latest);
                }
                _ => {
                    let before = control.get::<ControlLease>(&"gh".to_owned()).unwrap();
                    match control.acquire("gh", &holder, TTL, now) {
                        Ok(lease) => {
                            taken += 1;
                            assert_eq!(lease.epoch, before.map_or(0, |it| it.epoch) + 1);
                            leases.push(lease);
                        }
                        Err(ControlError::Held { holder: by, until, .. }) => {
                            assert!(by != holder && until > now);
                            assert_eq!(control.get::<ControlLease>(&"gh".to_owned()).unwrap(), before);
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
        assert!(taken > 20, "only {taken} leases were taken");
    });
}

#[test]
fn a_holder_that_wakes_up_late_is_fenced_at_its_next_commit() {
    on_each_engine(|url| {
        let mut control = store(url);
        let first = control.acquire("gh", "node-1", TTL, at(0)).unwrap();
        let mut old = open_leased(url, &first).unwrap();
        put(&mut old, 1, 10);
        old.sync().unwrap();
        let second = control.acquire("gh", "node-2", TTL, at(60)).unwrap();
        put(&mut old, 1, 10);
        old.sync().expect("nobody else has opened the market: nothing is written twice");
        let mut new = open_leased(url, &second).unwrap();
        assert_eq!(balance(&mut new, 1), 20, "what was committed before is seen");
        put(&mut old, 1, 10);
        assert_eq!(old.sync().unwrap_err().kind, FaultKind::Fenced);
        let again = open_leased(url, &first).err().expect("the lease is an old one");
        assert_eq!(again.kind, FaultKind::Fenced);
        put(&mut new, 1, 5);
        new.sync().expect("the attempt of the old holder does not disturb");
        assert_eq!(balance(&mut new, 1), 25);
    });
}

#[test]
fn an_old_lease_with_a_newer_binary_leaves_the_writer_alone() {
    on_each_engine(|url| {
        let mut control = store(url);
        let first = control.acquire("gh", "node-1", TTL, at(0)).unwrap();
        let second = control.acquire("gh", "node-2", TTL, at(60)).unwrap();
        let mut bank = open_leased(url, &second).unwrap();
        let mut newer = registry();
        let mut files = newer.migrations().clone();
        let more = Migration { number: 2, name: "more".to_owned(), sql: "CREATE TABLE more (id bigint);".to_owned() };
        files.sqlite.push(more.clone());
        files.postgres.push(more);
        newer.migrated_by(files);
        let newer = Arc::new(newer);
        let late = MarketWriter::open_leased(Arc::clone(&newer), options(url.clone()), &first).err().unwrap();
        assert_eq!(late.kind, FaultKind::Fenced);
        put(&mut bank, 1, 10);
        bank.sync().expect("no migration has fenced it off");
        let third = control.acquire("gh", "node-2", TTL, at(61)).unwrap();
        let mut upgraded = MarketWriter::open_leased(newer, options(url.clone()), &third).unwrap();
        assert_eq!(balance(&mut upgraded, 1), 10);
    });
}

#[test]
fn a_holder_that_dies_between_lease_and_market_holds_nobody_up_for_long() {
    on_each_engine(|url| {
        let dead = store(url).acquire("gh", "node-1", TTL, at(0)).unwrap();
        let mut control = store(url);
        assert!(control.acquire("gh", "node-2", TTL, at(30)).is_err());
        let lease = control.acquire("gh", "node-2", TTL, at(60)).unwrap();
        let mut bank = open_leased(url, &lease).unwrap();
        put(&mut bank, 1, 10);
        bank.sync().unwrap();
        assert_eq!(open_leased(url, &dead).err().unwrap().kind, FaultKind::Fenced, "it was not dead, only slow");
        put(&mut bank, 1, 1);
        bank.sync().unwrap();
    });
}

#[test]
fn a_market_is_opened_again_under_the_same_lease() {
    on_each_engine(|url| {
        let lease = store(url).acquire("gh", "node-1", TTL, at(0)).unwrap();
        let mut before = open_leased(url, &lease).unwrap();
        put(&mut before, 1, 10);
        before.sync().unwrap();
        let mut after = open_leased(url, &lease).unwrap();
        put(&mut after, 1, 1);
        after.sync().unwrap();
        put(&mut before, 1, 1);
        assert_eq!(before.sync().unwrap_err().kind, FaultKind::Fenced);
    });
}

#[test]
fn a_control_store_younger_than_the_market_goes_on_after_its_latest_lease() {
    on_each_engine(|url| {
        assert_eq!(latest_lease(url).unwrap(), 0);
        if let DatabaseUrl::Sqlite { path, .. } = url {
            assert!(!path.exists(), "looking makes nothing");
        }
        let mut lost = store(url);
        let mut lease = lost.acquire("gh", "node-1", TTL, at(0)).unwrap();
        for _ in 0..3 {
            lease = lost.acquire("gh", "node-1", TTL, at(0)).unwrap();
        }
        drop(open_leased(url, &lease).unwrap());
        assert_eq!(latest_lease(url).unwrap(), 4);
        let mut control = store(url);
        let young = control.acquire("other", "node-2", TTL, at(0)).unwrap();
        assert_eq!(open_leased(url, &young).err().unwrap().kind, FaultKind::Fenced);
        let lease = control.acquire_after(latest_lease(url).unwrap(), "other", "node-2", TTL, at(0)).unwrap();
        assert_eq!(lease.epoch, 5);
        drop(open_leased(url, &lease).unwrap());
    });
}

#[test]
fn a_market_without_a_control_store_opens_as_ever_and_fences_who_had_a_lease() {
    on_each_engine(|url| {
        let lease = store(url).acquire("gh", "node-1", TTL, at(0)).unwrap();
        let mut leased = open_leased(url, &lease).unwrap();
        let mut bare = crate::bank::open(url);
        put(&mut bare, 1, 1);
        bare.sync().unwrap();
        put(&mut leased, 1, 1);
        assert_eq!(leased.sync().unwrap_err().kind, FaultKind::Fenced);
        assert_eq!(latest_lease(url).unwrap(), lease.epoch);
    });
}

#[test]
fn a_keeper_renews_until_it_is_dropped_or_the_lease_is_lost() {
    on_each_engine(|url| {
        let clock = Arc::new(AtomicI64::new(0));
        let keep = |lease: Lease| {
            let clock = Arc::clone(&clock);
            // An hour: nothing is renewed but what the test asks for.
            LeaseKeeper::spawn(store(url), lease, Duration::from_secs(3_600), move || at(clock.load(Ordering::SeqCst)))
        };
        let mut control = store(url);
        let first = keep(control.acquire("gh", "node-1", TTL, at(0)).unwrap()).unwrap();
        clock.store(50, Ordering::SeqCst);
        first.renew().unwrap();
        assert!(control.acquire("gh", "node-2", TTL, at(3_649)).is_err());
        drop(first);
        let second = control.acquire("gh", "node-2", TTL, at(51)).expect("a dropped keeper gives the lease back");
        let second = keep(second).unwrap();
        let third = control.acquire("gh", "node-3", TTL, at(9_999)).unwrap();
        assert_eq!(second.lost(), None);
        assert!(is_lost(second.renew()));
        assert!(second.lost().unwrap().contains("gh"));
        drop(second);
        control.renew(&third, TTL, at(10_000)).expect("a keeper that lost its lease leaves the next one alone");
    });
}
