//! Small worlds for tests that look inside.

use sycee_contract::Date;
use sycee_markets::MarketFiles;
use sycee_runtime::Entity;
use sycee_runtime::storage::DatabaseUrl;

use crate::{Faults, GERMAN_CREDIT, World, WorldSettings, read_applicants};

/// A market whose people all register in its first five days, from 5 January 2026 on.
pub(crate) fn small_world(url: &DatabaseUrl, seed: u64, people: usize, faults: Faults) -> World {
    let mut applicants = read_applicants(GERMAN_CREDIT).unwrap();
    applicants.truncate(people);
    let settings = WorldSettings {
        url: url.clone(),
        files: MarketFiles::ghana(),
        seed,
        faults,
        first_day: Date::constant(2026, 1, 5),
        applicants,
        manual_review: true,
        arrival_days: 5,
        master: b"simulation".to_vec(),
    };
    World::new(settings).unwrap()
}

pub(crate) fn live(world: &mut World, days: u32) {
    for _ in 0..days {
        world.run_day().unwrap();
    }
}

/// Entities of a kind that count.
pub(crate) fn count<E: Entity>(world: &mut World, counts: impl Fn(&E) -> bool) -> usize {
    let mut found = 0;
    let scanned = world.writer().scan::<E>(&mut |entity| {
        found += usize::from(counts(entity));
        Ok(())
    });
    scanned.unwrap();
    found
}
