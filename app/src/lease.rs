//! The lease under which a command writes a market, and what the control store learns about the market meanwhile: where
//! it is kept, who its partners are, which version of its files it runs on.
//!
//! Invariant: only who holds a market's lease changes what the control store says about the market.
//! Invariant: the lease is given back when the command ends; a command that is killed loses it within [`TTL`].

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sycee_contract::Timestamp;
use sycee_markets::{FunderFile, MarketError, MarketFiles};
use sycee_runtime::Json;
use sycee_runtime::control::{
    ControlError, ControlMarket, ControlPartner, ControlSetting, ControlStore, Lease, LeaseKeeper, PAGE_MAX,
    latest_lease,
};
use sycee_runtime::storage::DatabaseUrl;

use crate::database::Database;
use crate::output::Failure;

/// How long a lease lasts after its last renewal.
const TTL: Duration = Duration::from_secs(30);
/// What the market's partners with money are to the control store.
const FUNDER: &str = "funder";
/// What the keys of settings that name a file's version begin with.
const FILE_KEY: &str = "file/";

/// A market's lease, renewed until it is dropped.
pub struct MarketLease {
    keeper: LeaseKeeper,
}

impl MarketLease {
    /// Takes the lease of market `id`, and tells the control store about the market.
    ///
    /// Errors: `Fault` with who holds the market and until when; `Input` when it is kept elsewhere or its files are wrong.
    pub fn take(database: &Database, id: &str, files: &MarketFiles) -> Result<Self, Failure> {
        let mut control = ControlStore::open(&database.control)?;
        let latest = latest_lease(&database.url)?;
        let lease = control.acquire_after(latest, id, &holder(), TTL, now())?;
        let known = Registration { control: &mut control, market: id, by: &lease.holder, now: now() }
            .everything(&database.url, files);
        // Whatever happens from here on, dropping the keeper gives the lease back.
        let taken = Self { keeper: LeaseKeeper::spawn(control, lease, TTL, now)? };
        known.map(|()| taken)
    }

    /// As [`Self::take`], for a demonstration: a market by itself in each database, so that it neither waits for the real
    /// one nor holds it up.
    pub fn of_demonstration(database: &Database, files: &MarketFiles) -> Result<Self, Failure> {
        let place = match &database.url {
            DatabaseUrl::Sqlite { path, .. } => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            DatabaseUrl::Postgres { schema, .. } => schema.clone(),
        };
        Self::take(database, &format!("demo:{place}"), files)
    }

    /// The lease, for whoever opens the market.
    pub fn lease(&self) -> Lease {
        self.keeper.lease().clone()
    }

    /// Why the lease was lost, if it was: nothing may be written any more.
    pub fn lost(&self) -> Option<String> {
        self.keeper.lost()
    }
}

fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
}

/// This process, for people who look for it: machine and process number.
fn holder() -> String {
    let told = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
    let host = told.unwrap_or_default().trim().to_owned();
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    format!("{host}:{}", std::process::id())
}

/// Why a market's files cannot be told to the control store.
fn wrong(error: MarketError) -> Failure {
    Failure::input(error)
}

/// Tells the control store about one market.
struct Registration<'a> {
    control: &'a mut ControlStore,
    market: &'a str,
    by: &'a str,
    now: Timestamp,
}

impl Registration<'_> {
    fn everything(&mut self, url: &DatabaseUrl, files: &MarketFiles) -> Result<(), Failure> {
        self.control.register_market(&ControlMarket {
            id: self.market.to_owned(),
            name: files.name().map_err(wrong)?,
            country: files.market().map_err(wrong)?.country,
            url: url.without_secrets(),
            created_at: self.now,
        })?;
        self.funders(&files.funders().map_err(wrong)?)?;
        self.versions(files)?;
        Ok(())
    }

    /// The funders of the file are active, those that are not in it any more are kept as inactive.
    fn funders(&mut self, funders: &[FunderFile]) -> Result<(), Failure> {
        let mut gone = self.known_funders()?;
        for funder in funders {
            let settings = serde_json::to_value(funder)
                .map_err(|error| Failure::Fault(format!("funder {} is no JSON: {error}", funder.code)))?;
            gone.retain(|known| known.code != funder.code);
            self.control.put_partner(&ControlPartner {
                market: self.market.to_owned(),
                kind: FUNDER.to_owned(),
                code: funder.code.clone(),
                settings: Json(settings),
                active: true,
                changed_at: self.now,
            })?;
        }
        for funder in gone {
            self.control.put_partner(&ControlPartner { active: false, changed_at: self.now, ..funder })?;
        }
        Ok(())
    }

    fn known_funders(&mut self) -> Result<Vec<ControlPartner>, ControlError> {
        let (mut known, mut after) = (Vec::new(), None);
        loop {
            let page = self.control.page_of::<ControlPartner>(self.market, after.as_ref(), PAGE_MAX)?;
            known.extend(page.rows.into_iter().filter(|partner| partner.kind == FUNDER));
            after = page.next;
            if after.is_none() {
                return Ok(known);
            }
        }
    }

    /// The hash of every file; null for one that is not there any more.
    fn versions(&mut self, files: &MarketFiles) -> Result<(), ControlError> {
        let mut gone = self.known_files()?;
        for (path, hash) in files.versions() {
            let key = format!("{FILE_KEY}{path}");
            gone.remove(&key);
            self.control.set(self.market, &key, json!({ "blake3": hash }), self.by, self.now)?;
        }
        for key in gone {
            self.control.set(self.market, &key, Value::Null, self.by, self.now)?;
        }
        Ok(())
    }

    fn known_files(&mut self) -> Result<BTreeSet<String>, ControlError> {
        let (mut known, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.control.page_of::<ControlSetting>(self.market, after.as_ref(), PAGE_MAX)?;
            known.extend(page.rows.into_iter().map(|setting| setting.key).filter(|key| key.starts_with(FILE_KEY)));
            after = page.next;
            if after.is_none() {
                return Ok(known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use sycee_contract::Date;
    use sycee_sim::{Faults, WorldSettings};

    use crate::demo::{applicants, live};

    fn database(folder: &std::path::Path) -> Database {
        Database::parse(&folder.join("gh.db").display().to_string()).unwrap()
    }

    #[test]
    fn the_control_store_knows_what_a_market_runs_on() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path());
        let files = MarketFiles::ghana();
        drop(MarketLease::take(&database, "gh", &files).unwrap());
        let mut control = ControlStore::open(&database.control).unwrap();
        let market = control.get::<ControlMarket>(&"gh".to_owned()).unwrap().unwrap();
        assert_eq!((market.name.as_str(), market.url.as_str()), ("Ghana", "sqlite://gh.db"));
        let versions = control.page_of::<ControlSetting>("gh", None, PAGE_MAX).unwrap().rows;
        assert_eq!(versions.len(), files.versions().count());

        let fewer =
            files.with_change("funders.yaml", |text| text[..text.find("- code: accra-trust").unwrap()].to_owned());
        drop(MarketLease::take(&database, "gh", &fewer.unwrap()).unwrap());
        let funders = control.page_of::<ControlPartner>("gh", None, PAGE_MAX).unwrap().rows;
        let active: Vec<_> = funders.iter().map(|funder| (funder.code.as_str(), funder.active)).collect();
        assert_eq!(active, [("accra-trust", false), ("own-funds", true), ("volta-capital", true)]);
        let changed = control.setting("gh", "file/funders.yaml").unwrap().unwrap();
        let same = control.setting("gh", "file/chart.yaml").unwrap().unwrap();
        assert_eq!((changed.version, same.version), (2, 1));
    }

    #[test]
    fn a_market_that_is_kept_elsewhere_is_not_opened_and_its_lease_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let files = MarketFiles::ghana();
        drop(MarketLease::take(&database(folder.path()), "gh", &files).unwrap());
        let other = Database::parse(&folder.path().join("other.db").display().to_string()).unwrap();
        let Err(Failure::Input(why)) = MarketLease::take(&other, "gh", &files) else { panic!("it was taken") };
        assert!(why.contains("sqlite://gh.db"), "{why}");
        drop(MarketLease::take(&database(folder.path()), "gh", &files).unwrap());
    }

    #[test]
    fn a_run_whose_lease_is_lost_stops_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (database, files) = (database(folder.path()), MarketFiles::ghana());
        let lease = MarketLease::take(&database, "gh", &files).unwrap();
        let mut control = ControlStore::open(&database.control).unwrap();
        let later = Timestamp::from_micros(lease.lease().expires_at.as_micros() + 3_600_000_000);
        control.acquire("gh", "node-2", TTL, later).unwrap();
        assert!(lease.keeper.renew().is_err());
        let settings = WorldSettings {
            url: database.url,
            files,
            seed: 1,
            faults: Faults::default(),
            first_day: Date::constant(2026, 1, 5),
            applicants: applicants(1).unwrap(),
            manual_review: false,
            arrival_days: 1,
            master: b"a test has nothing to hide".to_vec(),
        };
        let Err(Failure::Fault(why)) = live(settings, Some(&lease), 3, None, true) else { panic!("it went on") };
        assert!(why.contains("taken the market over on 2026-01-05: lease 1 of market gh is lost"), "{why}");
    }

    #[test]
    fn demonstrations_side_by_side_do_not_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let files = MarketFiles::ghana();
        let _real = MarketLease::take(&database(folder.path()), "gh", &files).unwrap();
        let at = |name: &str| Database::parse(&folder.path().join(name).display().to_string()).unwrap();
        let first = MarketLease::of_demonstration(&at("a.db"), &files).unwrap();
        let second = MarketLease::of_demonstration(&at("b.db"), &files).unwrap();
        assert_eq!((first.lease().market.as_str(), second.lease().market.as_str()), ("demo:a.db", "demo:b.db"));
    }
}
