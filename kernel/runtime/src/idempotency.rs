//! Which requests were answered before: fingerprints in memory, answers in the message log.
//!
//! A fingerprint is 128 bits of BLAKE3 over caller, operation and key, so one caller's key never meets another's.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use sycee_contract::{Date, Timestamp};

/// How long a key is remembered.
const KEPT_DAYS: i64 = 30;

/// The first day whose keys are still remembered at `now`.
pub(crate) fn oldest_day(now: Timestamp) -> Date {
    now.plus_days(-KEPT_DAYS).date()
}

/// What was asked, in 16 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub fingerprint: u128,
    pub body: [u8; 16],
}

impl Asked {
    /// `secret` keys the hash of the body: personal data in it must not be guessed from what is stored.
    pub(crate) fn new(secret: &[u8; 32], caller: &str, operation: &str, key: &str, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [caller, operation, key] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut fingerprint = [0u8; 16];
        fingerprint.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let mut short = [0u8; 16];
        short.copy_from_slice(&blake3::keyed_hash(secret, body).as_bytes()[..16]);
        Self { fingerprint: u128::from_le_bytes(fingerprint), body: short }
    }
}

/// What is remembered of an answered request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub cascade: i64,
    pub body: [u8; 16],
}

/// Recent keys.
#[derive(Default)]
pub(crate) struct RecentKeys {
    by_fingerprint: FxHashMap<u128, Answered>,
    /// In order of time: the day and the keys that came on it.
    days: VecDeque<(Date, Vec<u128>)>,
}

impl RecentKeys {
    pub(crate) fn get(&self, fingerprint: u128) -> Option<Answered> {
        self.by_fingerprint.get(&fingerprint).copied()
    }

    pub(crate) fn insert(&mut self, asked: Asked, cascade: i64, at: Timestamp) {
        self.by_fingerprint.insert(asked.fingerprint, Answered { cascade, body: asked.body });
        let day = at.date();
        match self.days.back_mut() {
            Some((last, keys)) if *last >= day => keys.push(asked.fingerprint),
            _ => self.days.push_back((day, vec![asked.fingerprint])),
        }
        self.forget(at);
    }

    /// Forgets what is too old at `now`.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let oldest = oldest_day(now);
        while self.days.front().is_some_and(|(day, _)| *day < oldest) {
            for fingerprint in self.days.pop_front().map(|(_, keys)| keys).unwrap_or_default() {
                self.by_fingerprint.remove(&fingerprint);
            }
        }
    }
}
