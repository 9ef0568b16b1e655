//! Opening a market that has a long past reads what it needs and no more.

use std::sync::Arc;
use std::time::Duration;

use sycee_contract::{Date, SendOtp, Timestamp};
use sycee_runtime::storage::{DatabaseUrl, Value, open_store};
use sycee_runtime::testing::queries_of_opening;
use sycee_runtime::{MarketState, MarketWriter};

use crate::bank::options;
use crate::shop::{Step, on_each_engine, open, please, registry, times};

const LOG: i64 = 100_000;
/// Two months of it.
const SECONDS_BETWEEN: i64 = 52;

/// Does to the stored market what no program would.
pub fn run(url: &DatabaseUrl, sql: &str) {
    open_store(url, Duration::from_secs(5)).unwrap().run_script(sql).unwrap();
}

/// When cascade `id` of the long log was run.
fn at(id: i64) -> Timestamp {
    Timestamp::start_of(Date::constant(2026, 1, 5)).plus_seconds(id * SECONDS_BETWEEN)
}

/// Every other cascade of `LOG` in the log, as after many that failed.
fn fill_log(url: &DatabaseUrl) {
    let (numbers, instant) = if url.engine() == "postgres" {
        (
            format!("SELECT n FROM generate_series(2, {LOG}, 2) n"),
            format!("to_timestamp({}) + n * interval '{SECONDS_BETWEEN} s'", at(0).as_micros() / 1_000_000),
        )
    } else {
        (
            format!("WITH RECURSIVE c(n) AS (SELECT 2 UNION ALL SELECT n + 2 FROM c WHERE n < {LOG}) SELECT n FROM c"),
            format!("{} + n * {}", at(0).as_micros(), SECONDS_BETWEEN * 1_000_000),
        )
    };
    let day = if url.engine() == "postgres" { "'2026-01-05'" } else { "0" };
    let bytes = if url.engine() == "postgres" { "'\\x00'" } else { "x'00'" };
    run(
        url,
        &format!(
            "INSERT INTO message_log (id, at, business_date, trace, actor, stimulus, outcome, hops) \
             SELECT n, {instant}, {day}, n, 'a', 'b', 'c', {bytes} FROM ({numbers}) AS numbers; \
             UPDATE market_state SET last_cascade = {LOG}, now = (SELECT max(at) FROM message_log);"
        ),
    );
}

#[test]
fn of_a_long_log_the_last_thirty_days_are_read() {
    on_each_engine(|url, mut shop| {
        shop.execute(please(&[Step::Count(1)])).unwrap();
        shop.sync().unwrap();
        drop(shop);
        run(url, "DELETE FROM message_log");
        fill_log(url);
        let queries = queries_of_opening(&Arc::new(registry(false)), &options(url.clone())).unwrap();
        let of = |part: &str| queries.iter().filter(|(sql, _)| sql.contains(part)).collect::<Vec<_>>();
        let probes = of("WHERE id >= $1 ORDER BY id LIMIT 1").len();
        assert!((10..=18).contains(&probes), "{probes}");
        let oldest = Timestamp::start_of(at(LOG).plus_days(-30).date());
        let first = (2..=LOG).step_by(2).find(|id| at(*id) >= oldest).unwrap();
        let [(_, params)] = of("fingerprint IS NOT NULL")[..] else { panic!("the keys are read once") };
        let from = params[0].as_int().unwrap();
        assert!((first - 1..=first).contains(&from), "{from} is not {first}");
    });
}

#[test]
fn keys_of_thirty_days_are_known_again_and_older_ones_are_not() {
    on_each_engine(|url, mut shop| {
        let keyed = |nr: i64| please(&[Step::Count(1)]).key(&format!("k-{nr}"));
        for nr in 0..9 {
            // A number of the log that nothing stands under.
            assert!(shop.execute(please(&[Step::Bug])).is_err());
            shop.execute(keyed(nr)).unwrap();
            let later = shop.now().plus_days(10);
            shop.set_now(later);
            shop.execute(please(&[])).unwrap();
            shop.seal().unwrap();
        }
        shop.sync().unwrap();
        drop(shop);
        let mut shop = open(url);
        let known: Vec<i64> = (0..9).filter(|nr| shop.execute(keyed(*nr)).unwrap().replayed).collect();
        assert_eq!(known, [6, 7, 8]);
    });
}

fn pending_from(shop: &mut MarketWriter) -> i64 {
    shop.sync().unwrap();
    shop.load::<MarketState>(&1).unwrap().unwrap().pending_from
}

#[test]
fn effects_are_looked_for_from_the_first_that_is_pending() {
    on_each_engine(|url, mut shop| {
        let sms: Vec<Step> = (0..6).map(Step::Sms).collect();
        shop.execute(please(&sms)).unwrap();
        shop.sync().unwrap();
        let effects = shop.take_effects();
        let ids: Vec<i64> = effects.iter().map(|effect| effect.id).collect();
        assert_eq!(pending_from(&mut shop), ids[0]);
        shop.effect_done(ids[1]).unwrap();
        shop.effect_done(ids[2]).unwrap();
        assert_eq!(pending_from(&mut shop), ids[0]);
        shop.effect_failed(&effects[3], 8, "not yet").unwrap();
        shop.effect_done(ids[0]).unwrap();
        assert_eq!(pending_from(&mut shop), ids[3]);
        drop(shop);

        let mut shop = open(url);
        let left: Vec<String> =
            shop.take_effects().iter().map(|it| it.get::<SendOtp>().unwrap().challenge.clone()).collect();
        assert_eq!(left, ["3", "4", "5"]);
        shop.effect_failed(&effects[3], 2, "never").unwrap();
        shop.effect_done(ids[4]).unwrap();
        assert_eq!(pending_from(&mut shop), ids[5]);
        shop.effect_done(ids[5]).unwrap();
        assert!(pending_from(&mut shop) > ids[5]);
        shop.execute(please(&[Step::Sms(6)])).unwrap();
        shop.sync().unwrap();
        drop(shop);

        let queries = queries_of_opening(&Arc::new(registry(false)), &options(url.clone())).unwrap();
        let (_, params) = queries.iter().find(|(sql, _)| sql.contains("FROM runtime_effect WHERE id >= $1")).unwrap();
        assert!(params[0] > Value::Int(ids[5]));
        let mut shop = open(url);
        assert_eq!(shop.take_effects().len(), 1);
        assert_eq!(times(&mut shop, 1), 0);
    });
}
