//! Commands that write a market hold its lease, and leave a market alone that somebody else holds.

use std::time::Duration;

use sycee_contract::Timestamp;
use sycee_runtime::control::{ControlLease, ControlMarket, ControlPartner, ControlSetting, ControlStore};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::test_control;

use crate::support::{on_each_engine, sycee_on};

const SHORT: [&str; 5] = ["demo", "--applicants", "3", "--months", "1"];

fn market_of(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite { .. } => "demo:market.db".to_owned(),
        DatabaseUrl::Postgres { schema, .. } => format!("demo:{schema}"),
    }
}

#[test]
fn a_market_that_somebody_writes_is_left_alone() {
    on_each_engine(|url| {
        let market = market_of(url);
        let mut control = ControlStore::open(&test_control(url)).unwrap();
        // Long before and long after any clock: what this machine's says does not matter.
        let hundred_years = Duration::from_secs(3_155_760_000);
        let lease = control.acquire(&market, "node-1", hundred_years, Timestamp::from_micros(1_700_000_000_000_000));
        let lease = lease.unwrap();
        let refused = sycee_on(url, &SHORT);
        assert_eq!((refused.code, refused.out.as_str()), (3, ""), "{refused:?}");
        assert!(refused.err.contains("held by node-1 until") && refused.err.contains(&market), "{}", refused.err);
        control.release(&lease).unwrap();

        let lived = sycee_on(url, &SHORT);
        assert_eq!(lived.code, 0, "{lived:?}");
        let after = control.get::<ControlLease>(&market).unwrap().unwrap();
        assert_eq!((after.holder, after.epoch), (None, 2), "the lease is given back");
        assert_eq!(control.get::<ControlMarket>(&market).unwrap().unwrap().country, "GH");
        assert_eq!(control.page_of::<ControlPartner>(&market, None, 10).unwrap().rows.len(), 3);
        assert!(control.page_of::<ControlSetting>(&market, None, 100).unwrap().rows.len() > 10);

        let again = sycee_on(url, &SHORT);
        assert_eq!(again.code, 2, "{again:?}");
        assert!(again.err.contains("holds a market already"), "{}", again.err);
        assert_eq!(control.get::<ControlLease>(&market).unwrap().unwrap().holder, None);
    });
}

#[test]
fn reading_needs_no_lease() {
    on_each_engine(|url| {
        assert_eq!(sycee_on(url, &["migrate"]).code, 0);
        let mut control = ControlStore::open(&test_control(url)).unwrap();
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        control.acquire(&market_of(url), "node-1", Duration::from_secs(3_155_760_000), now).unwrap();
        assert_eq!(sycee_on(url, &["ledger", "verify"]).code, 0);
    });
}
