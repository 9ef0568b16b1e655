//! A small market for tests.

use sycee_contract::Date;
use sycee_markets::MarketFiles;
use sycee_runtime::storage::DatabaseUrl;
use sycee_sim::{Faults, GERMAN_CREDIT, World, WorldSettings, read_applicants};

pub fn settings(url: DatabaseUrl, seed: u64, people: usize, faults: Faults) -> WorldSettings {
    let mut applicants = read_applicants(GERMAN_CREDIT).unwrap();
    applicants.truncate(people);
    WorldSettings {
        url,
        files: MarketFiles::ghana(),
        seed,
        faults,
        first_day: Date::constant(2026, 1, 5),
        applicants,
        manual_review: true,
        arrival_days: 20,
        master: b"simulation".to_vec(),
    }
}

pub fn run(url: DatabaseUrl, seed: u64, people: usize, days: u32, faults: Faults) -> World {
    let mut world = World::new(settings(url, seed, people, faults)).unwrap();
    for _ in 0..days {
        world.run_day().unwrap();
    }
    world
}
