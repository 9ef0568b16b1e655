//! What a batch writes: whether a row is new, replaces one, or goes away, whatever happened to it on the way.
//!
//! Invariant: after any order of saving, removing, refusing, sealing and opening again, the database holds what was done.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sycee_runtime::testing::test_databases;

use crate::shop::{Item, Step, open, parked, please, put};

#[derive(Clone, Debug)]
enum Act {
    /// Saves an item with so many changes in one cascade.
    Save(i64, u8),
    Remove(i64),
    /// Removes and saves again in one cascade.
    Replace(i64),
    /// Saves, and is refused.
    SaveInVain(i64),
    RemoveInVain(i64),
    /// Hands the batch to the flush thread.
    Seal,
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let id = 1..4_i64;
    let act = prop_oneof![
        4 => (id.clone(), 1..3_u8).prop_map(|(id, times)| Act::Save(id, times)),
        3 => id.clone().prop_map(Act::Remove),
        2 => id.clone().prop_map(Act::Replace),
        2 => id.clone().prop_map(Act::SaveInVain),
        2 => id.prop_map(Act::RemoveInVain),
        3 => Just(Act::Seal),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..40)
}

#[test]
fn the_database_holds_what_was_done() {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&acts(), |acts| {
            let (urls, _guard) = test_databases();
            for url in urls {
                let mut shop = open(&url);
                // Batches that queue, and batches that wait for those before.
                let queued_from = if acts.len() % 2 == 0 { 1 } else { usize::MAX };
                shop.queue_batches_from(queued_from);
                let mut model: BTreeMap<i64, i64> = BTreeMap::new();
                for act in &acts {
                    let steps = match *act {
                        Act::Save(id, times) => {
                            *model.entry(id).or_default() += i64::from(times);
                            vec![Step::Count(id); usize::from(times)]
                        }
                        Act::Remove(id) => {
                            model.remove(&id);
                            vec![Step::Remove(id)]
                        }
                        Act::Replace(id) => {
                            model.insert(id, 1);
                            vec![Step::Remove(id), Step::Count(id)]
                        }
                        Act::SaveInVain(id) => vec![Step::Count(id), put(id, "in vain"), Step::Refuse],
                        Act::RemoveInVain(id) => vec![Step::Remove(id), Step::Count(id), Step::Refuse],
                        Act::Seal => {
                            shop.seal().unwrap();
                            continue;
                        }
                        Act::Reopen => {
                            shop.sync().unwrap();
                            drop(shop);
                            shop = open(&url);
                            shop.queue_batches_from(queued_from);
                            continue;
                        }
                    };
                    drop(shop.execute(please(&steps)).unwrap());
                }
                shop.sync().unwrap();
                let failed = shop.take_completed().into_iter().filter(|(_, outcome)| outcome.is_err()).count();
                prop_assert_eq!(failed, 0, "no batch was refused on {}", url.engine());
                prop_assert!(parked(&mut shop).is_empty());
                let mut stored = BTreeMap::new();
                shop.scan::<Item>(&mut |item| {
                    stored.insert(item.id, item.times);
                    Ok(())
                })
                .unwrap();
                prop_assert_eq!(&stored, &model, "on {}", url.engine());
            }
            Ok(())
        })
        .unwrap();
}
