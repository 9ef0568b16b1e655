//! Personal data at rest: a data key for each person, wrapped by the market's key, so that erasing one erases the person.
//!
//! Sealing is AES-256-GCM-SIV with a fixed nonce: deterministic by design, so that a retried batch writes the same bytes;
//! what it gives away is that one person's two values are equal. Blind indexes are keyed BLAKE3 with a key of their own.
//!
//! Invariant: a data key is committed no later than the first row it seals.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use rustc_hash::FxHashMap;
use sycee_contract::{CustomerId, Identifier as _, Sealer, with_sealer};

use crate::storage::{ColumnKind, Query, Reader, Value};
use crate::{Blind, Fault};

/// The market's own secrets, 32 bytes each. They come from the operator and are never stored in the market.
#[derive(Clone)]
pub struct Secrets {
    /// Wraps the persons' data keys.
    pub wrapping: [u8; 32],
    /// Keys the blind indexes.
    pub index: [u8; 32],
    /// Keys one-time codes.
    pub one_time: [u8; 32],
}

impl Secrets {
    /// Three independent keys of a market, derived from one master secret: what is sealed, indexed or answered in one
    /// market says nothing in another under the same master.
    pub fn derive(master: &[u8], market: &str) -> Self {
        let derive = |purpose: &str| {
            let mut hasher = blake3::Hasher::new_derive_key(purpose);
            hasher.update(&(master.len() as u64).to_le_bytes()).update(master).update(market.as_bytes());
            *hasher.finalize().as_bytes()
        };
        Self {
            wrapping: derive("sycee 2026 wrapping key"),
            index: derive("sycee 2026 blind index key"),
            one_time: derive("sycee 2026 one-time code key"),
        }
    }
}

impl Secrets {
    /// What tells these secrets from others, and nothing else about them.
    pub(crate) fn fingerprint(&self) -> Blind {
        let mut hasher = blake3::Hasher::new_derive_key("sycee 2026 fingerprint of a market's secrets");
        hasher.update(&self.wrapping).update(&self.index).update(&self.one_time);
        let mut fingerprint = [0; 16];
        hasher.finalize_xof().fill(&mut fingerprint);
        Blind(fingerprint)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// Most data keys held in memory; beyond it they are read again when needed.
const KEYS_MAX: usize = 200_000;

struct Keys {
    plain: FxHashMap<i64, Option<[u8; 32]>>,
    fresh: Vec<(i64, Vec<u8>)>,
    reader: Box<dyn Reader>,
    known_above: i64,
    /// Keys have left `fresh` and are not known to be durable: forgetting them would make others.
    committing: bool,
}

/// The data keys of a market's persons.
pub(crate) struct KeyRing {
    secrets: Secrets,
    keys: Mutex<Keys>,
}

/// Number under which values that belong to no person are sealed.
const NOBODY: i64 = 0;

impl KeyRing {
    pub(crate) fn new(secrets: Secrets, reader: Box<dyn Reader>, known_above: i64) -> Arc<Self> {
        let keys = Keys { plain: FxHashMap::default(), fresh: Vec::new(), reader, known_above, committing: false };
        Arc::new(Self { secrets, keys: Mutex::new(keys) })
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `body` with personal data sealed for `subject`.
    ///
    /// Errors: a key could not be had; what `body` made must not be kept, for it lacks the personal data.
    pub(crate) fn sealing<R>(
        self: &Arc<Self>,
        subject: Option<CustomerId>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Fault> {
        let subject = subject.map_or(NOBODY, CustomerId::number);
        let sealer = Arc::new(ForSubject { ring: Arc::clone(self), subject, failed: Mutex::new(None) });
        let made = with_sealer(Arc::<ForSubject>::clone(&sealer), body);
        let failed = sealer.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(made), Err)
    }

    /// Runs `body` with sealed data opened; what an erased person left shows as `***`.
    ///
    /// Errors: a key could not be had; what `body` made must not be kept, for it lacks the personal data.
    pub(crate) fn opening<R>(self: &Arc<Self>, body: impl FnOnce() -> R) -> Result<R, Fault> {
        self.sealing(None, body)
    }

    /// As [`Self::opening`], for showing only: what cannot be opened shows as `***`.
    pub(crate) fn showing<R>(self: &Arc<Self>, body: impl FnOnce() -> R) -> R {
        with_sealer(Arc::new(ForSubject { ring: Arc::clone(self), subject: NOBODY, failed: Mutex::new(None) }), body)
    }

    /// Wrapped keys made since the last call: to be committed with the rows they sealed.
    pub(crate) fn take_fresh(&self) -> Vec<(i64, Vec<u8>)> {
        let mut keys = self.lock();
        let fresh = std::mem::take(&mut keys.fresh);
        keys.committing |= !fresh.is_empty();
        fresh
    }

    /// Says that the keys taken are durable.
    pub(crate) fn written(&self) {
        self.lock().committing = false;
    }

    /// The blind index of a normalised value.
    pub(crate) fn blind(&self, kind: &str, plain: &str) -> Blind {
        let mut hasher = blake3::Hasher::new_keyed(&self.secrets.index);
        hasher.update(kind.as_bytes()).update(b"\0").update(plain.as_bytes());
        let mut short = [0u8; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Blind(short)
    }

    /// Six digits that only the holder of the market's secret can tell.
    pub(crate) fn one_time_code(&self, challenge: i64) -> String {
        let hash = blake3::keyed_hash(&self.secrets.one_time, &challenge.to_be_bytes());
        let mut head = [0u8; 8];
        head.copy_from_slice(&hash.as_bytes()[..8]);
        format!("{:06}", u64::from_be_bytes(head) % 1_000_000)
    }

    fn cipher(key: &[u8; 32]) -> Aes256GcmSiv {
        Aes256GcmSiv::new(key.into())
    }

    /// The data key of `subject`; makes one when it may.
    fn key(&self, subject: i64, make: bool) -> Result<Option<[u8; 32]>, Fault> {
        let mut keys = self.lock();
        if let Some(known) = keys.plain.get(&subject)
            && (known.is_some() || !make)
        {
            return Ok(*known);
        }
        let mut wrapped: Option<Vec<u8>> = None;
        if subject <= keys.known_above {
            let sql = "SELECT wrapped FROM person_key WHERE subject = $1";
            keys.reader.query(sql, &[Value::Int(subject)], &[crate::storage::ColumnKind::Bytes], &mut |row| {
                wrapped = row[0].as_bytes().map(<[u8]>::to_vec);
                Ok(())
            })?;
        }
        let key = match wrapped {
            Some(wrapped) => Some(self.unwrap(subject, &wrapped)?),
            None if make => {
                let mut fresh = [0u8; 32];
                getrandom::fill(&mut fresh)
                    .map_err(|error| Fault::outage(format!("the system gives no random bytes: {error}")))?;
                let wrapped = self.wrap(subject, &fresh)?;
                keys.fresh.push((subject, wrapped));
                Some(fresh)
            }
            None => None,
        };
        if keys.plain.len() >= KEYS_MAX && keys.fresh.is_empty() && !keys.committing {
            let highest = keys.plain.keys().copied().max().unwrap_or(0);
            keys.known_above = keys.known_above.max(highest);
            keys.plain.clear();
        }
        keys.plain.insert(subject, key);
        Ok(key)
    }

    /// Reads the keys of all persons whose sealed texts stand in `rows` at once. Those in JSON are read when they are met.
    pub(crate) fn prepare(&self, rows: &[Vec<Vec<Value>>]) -> Result<(), Fault> {
        let mut keys = self.lock();
        let person = |value: &Value| value.as_text()?.split_once('.')?.0.parse::<i64>().ok();
        let mut subjects: Vec<i64> = rows.iter().flatten().flatten().filter_map(person).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects.retain(|subject| *subject <= keys.known_above && !keys.plain.contains_key(subject));
        let sql: Arc<str> = "SELECT wrapped FROM person_key WHERE subject = $1".into();
        let kinds: Arc<[ColumnKind]> = [ColumnKind::Bytes].into();
        let ask = |subject: &i64| Query {
            sql: Arc::clone(&sql),
            params: vec![Value::Int(*subject)],
            kinds: Arc::clone(&kinds),
        };
        let queries: Vec<Query> = subjects.iter().map(ask).collect();
        for (subject, rows) in subjects.iter().zip(keys.reader.query_all(&queries)?) {
            if let Some(wrapped) = rows.first().and_then(|row| row[0].as_bytes()) {
                let key = self.unwrap(*subject, wrapped)?;
                keys.plain.insert(*subject, Some(key));
            }
        }
        Ok(())
    }

    fn wrap(&self, subject: i64, key: &[u8; 32]) -> Result<Vec<u8>, Fault> {
        let nonce = wrapping_nonce(subject);
        Self::cipher(&self.secrets.wrapping)
            .encrypt(&nonce, key.as_slice())
            .map_err(|_| Fault::bug("a data key could not be wrapped"))
    }

    fn unwrap(&self, subject: i64, wrapped: &[u8]) -> Result<[u8; 32], Fault> {
        let nonce = wrapping_nonce(subject);
        let plain = Self::cipher(&self.secrets.wrapping).decrypt(&nonce, wrapped).ok();
        plain.and_then(|plain| plain.try_into().ok()).ok_or_else(|| {
            Fault::corrupt(format!("the data key of person {subject} does not open: give the market its own secret"))
        })
    }
}

fn wrapping_nonce(subject: i64) -> Nonce {
    let mut nonce = [0u8; 12];
    nonce[4..].copy_from_slice(&subject.to_be_bytes());
    nonce.into()
}

struct ForSubject {
    ring: Arc<KeyRing>,
    subject: i64,
    failed: Mutex<Option<Fault>>,
}

impl ForSubject {
    fn key(&self, subject: i64, make: bool) -> Option<[u8; 32]> {
        self.ring.key(subject, make).unwrap_or_else(|fault| {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
            None
        })
    }
}

impl Sealer for ForSubject {
    fn seal(&self, plain: &str) -> String {
        let sealed = self.key(self.subject, true).and_then(|key| {
            let nonce: Nonce = [0u8; 12].into();
            KeyRing::cipher(&key).encrypt(&nonce, plain.as_bytes()).ok()
        });
        // Without a key nothing may be written in the clear; `sealing` tells that it failed.
        sealed
            .map_or_else(|| sycee_contract::redacted().to_owned(), |bytes| format!("{}.{}", self.subject, hex(&bytes)))
    }

    fn open(&self, sealed: &str) -> Option<String> {
        let (subject, text) = sealed.split_once('.')?;
        let key = self.key(subject.parse().ok()?, false)?;
        let nonce: Nonce = [0u8; 12].into();
        let plain = KeyRing::cipher(&key).decrypt(&nonce, unhex(text)?.as_slice()).ok()?;
        String::from_utf8(plain).ok()
    }
}

/// Shows personal data as it is: for hashes of the logical state, never for anything stored.
pub(crate) struct Plain;

impl Sealer for Plain {
    fn seal(&self, plain: &str) -> String {
        plain.to_owned()
    }

    fn open(&self, sealed: &str) -> Option<String> {
        Some(sealed.to_owned())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn each_market_has_secrets_of_its_own() {
        let all = [(b"ab".as_slice(), "c"), (b"ab", "d"), (b"a", "bc"), (b"abc", "")];
        let keys = all.map(|(master, market)| Secrets::derive(master, market));
        let mut each: Vec<_> = keys.iter().flat_map(|keys| [keys.wrapping, keys.index, keys.one_time]).collect();
        each.sort_unstable();
        each.dedup();
        assert_eq!(each.len(), 12);
    }
}
