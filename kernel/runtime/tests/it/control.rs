//! The control store's records: markets, staff, partners, settings, page by page; and its migrations.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sycee_contract::Timestamp;
use sycee_runtime::control::{
    ControlError, ControlMarket, ControlPartner, ControlSetting, ControlStaff, ControlStore, EVERY_MARKET, migrations,
};
use sycee_runtime::storage::{DatabaseUrl, migrate, open_store};
use sycee_runtime::testing::{test_control, test_databases};
use sycee_runtime::{FaultKind, Json};

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(second)
}

fn set(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|it| (*it).to_owned()).collect()
}

fn market(id: &str, url: &str) -> ControlMarket {
    ControlMarket {
        id: id.to_owned(),
        name: id.to_uppercase(),
        country: "GH".to_owned(),
        url: url.to_owned(),
        created_at: at(0),
    }
}

/// Runs `body` with an empty control store on every engine.
fn on_each_engine(body: impl Fn(&DatabaseUrl, ControlStore)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        let url = test_control(&url);
        body(&url, ControlStore::open(&url).unwrap());
    }
}

#[test]
fn a_market_is_registered_at_one_place() {
    on_each_engine(|_, mut control| {
        let home = market("gh", "host=db user=sycee dbname=d schema=market_gh");
        control.register_market(&home).unwrap();
        let renamed = ControlMarket { name: "Ghana".to_owned(), created_at: at(9), ..home.clone() };
        control.register_market(&renamed).unwrap();
        let found = control.get::<ControlMarket>(&"gh".to_owned()).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.created_at), ("Ghana", at(0)));

        let other_name = ControlMarket { url: "host=10.0.0.7 dbname=d schema=market_gh".to_owned(), ..home.clone() };
        control.register_market(&other_name).expect("the same schema by another name of the server");
        let elsewhere = ControlMarket { url: "host=db dbname=d schema=market_ghh".to_owned(), ..home };
        let refused = control.register_market(&elsewhere).unwrap_err();
        assert!(matches!(refused, ControlError::Elsewhere { .. }));
        assert!(refused.to_string().contains("schema=market_gh,"), "{refused}");
        control.move_market("gh", &elsewhere.url).unwrap();
        control.register_market(&elsewhere).unwrap();
        assert_eq!(control.move_market("ng", "x").unwrap_err().kind, FaultKind::Bug);
    });
}

#[test]
fn lists_come_in_pages_and_in_key_order() {
    on_each_engine(|_, mut control| {
        for nr in [3, 1, 7, 2, 6, 5, 4] {
            control.register_market(&market(&format!("m{nr}"), &format!("sqlite://{nr}.db"))).unwrap();
        }
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = control.page::<ControlMarket>(after.as_ref(), 3).unwrap();
            pages.push(page.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec!["m1", "m2", "m3"], vec!["m4", "m5", "m6"], vec!["m7"]]);
        assert_eq!(control.page::<ControlMarket>(None, 0).unwrap().rows.len(), 1, "a page has at least a row");
        assert_eq!(control.page::<ControlMarket>(None, usize::MAX).unwrap().rows.len(), 7);
        let full = control.page::<ControlMarket>(None, 7).unwrap();
        assert_eq!((full.rows.len(), full.next), (7, None), "no empty page follows");
    });
}

#[test]
fn a_page_of_a_market_shows_no_other_market() {
    on_each_engine(|_, mut control| {
        for market in ["gh", "gha", "ng"] {
            for key in ["b", "a", "c"] {
                control.set(market, key, json!(key), "ama", at(0)).unwrap();
            }
        }
        let first = control.page_of::<ControlSetting>("gh", None, 2).unwrap();
        let keys =
            |page: &[ControlSetting]| page.iter().map(|it| (it.market.clone(), it.key.clone())).collect::<Vec<_>>();
        let of = |key: &str| ("gh".to_owned(), key.to_owned());
        assert_eq!(keys(&first.rows), [of("a"), of("b")]);
        let second = control.page_of::<ControlSetting>("gh", first.next.as_ref(), 2).unwrap();
        assert_eq!((keys(&second.rows), second.next), (vec![of("c")], None));
        assert_eq!(control.page::<ControlSetting>(None, 500).unwrap().rows.len(), 9);
    });
}

#[test]
fn a_setting_has_a_version_for_every_value() {
    on_each_engine(|_, mut control| {
        let value = json!({ "b": 1, "a": [true, null, "x"] });
        assert_eq!(control.set(EVERY_MARKET, "hours", value.clone(), "ama", at(0)).unwrap(), 1);
        assert_eq!(control.set(EVERY_MARKET, "hours", value.clone(), "kofi", at(1)).unwrap(), 1, "nothing changed");
        let found = control.setting("gh", "hours").unwrap().unwrap();
        assert_eq!((found.value.0, found.changed_by.as_str(), found.changed_at), (value, "ama", at(0)));
        assert_eq!(control.set(EVERY_MARKET, "hours", json!(8), "kofi", at(2)).unwrap(), 2);
        assert_eq!(control.set("gh", "hours", json!(9), "kofi", at(3)).unwrap(), 1);
        assert_eq!(control.setting("gh", "hours").unwrap().unwrap().value.0, json!(9), "its own goes first");
        let others = control.setting("ng", "hours").unwrap().unwrap();
        assert_eq!((others.value.0, others.version, others.changed_by.as_str()), (json!(8), 2, "kofi"));
        assert_eq!(control.setting("ng", "days").unwrap(), None);
    });
}

#[test]
fn partners_are_kept_once_and_change_when_they_change() {
    on_each_engine(|_, mut control| {
        let partner = ControlPartner {
            market: "gh".to_owned(),
            kind: "funder".to_owned(),
            code: "volta".to_owned(),
            settings: Json(json!({ "cost": "0.09" })),
            active: true,
            changed_at: at(0),
        };
        assert!(control.put_partner(&partner).unwrap());
        let later = ControlPartner { changed_at: at(1), ..partner.clone() };
        assert!(!control.put_partner(&later).unwrap());
        let closed = ControlPartner { active: false, ..later };
        assert!(control.put_partner(&closed).unwrap());
        let page = control.page_of::<ControlPartner>("gh", None, 10).unwrap();
        assert_eq!(page.rows, [closed]);
    });
}

#[test]
fn staff_have_numbers_and_logins_of_their_own() {
    on_each_engine(|url, mut control| {
        let ama = control.add_staff("ama", set(&["finance", "audit"]), set(&["gh"]), at(0)).unwrap();
        let taken = control.add_staff("ama", set(&[]), set(&["*"]), at(1)).unwrap_err();
        assert!(matches!(taken, ControlError::LoginTaken { .. }), "{taken}");
        let names: Vec<String> = (0..8).map(|nr| format!("person-{nr}")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(move || {
                    ControlStore::open(url).unwrap().add_staff(name, set(&[]), set(&["gh"]), at(2)).unwrap()
                });
            }
        });
        let page = control.page::<ControlStaff>(None, 100).unwrap();
        assert_eq!(page.rows.iter().map(|it| it.id).collect::<Vec<_>>(), (1..=9).collect::<Vec<i64>>());
        assert_eq!(page.rows[0], ama);

        let left = ControlStaff { active: false, roles: Json(set(&[])), changed_at: at(3), ..ama };
        assert!(control.change_staff(&left).unwrap());
        assert_eq!(control.staff_by_login("ama").unwrap(), Some(left.clone()));
        assert!(!control.change_staff(&ControlStaff { id: 99, ..left }).unwrap());
        assert_eq!(control.staff_by_login("nobody").unwrap(), None);
    });
}

#[test]
fn migrations_run_once_and_a_changed_one_is_refused() {
    on_each_engine(|url, mut control| {
        control.set("gh", "a", json!(1), "ama", at(0)).unwrap();
        assert_eq!(migrate(url, migrations().of(url.engine())).unwrap(), Vec::<i64>::new());
        assert!(ControlStore::open(url).unwrap().setting("gh", "a").unwrap().is_some());
        let mut sql = open_store(url, Duration::from_secs(5)).unwrap();
        sql.run_script("UPDATE schema_migration SET checksum = 'other'").unwrap();
        let fault = ControlStore::open(url).err().unwrap();
        assert_eq!(fault.kind, FaultKind::Corrupt);
        assert!(fault.message.contains("migration 1 (initial)") && fault.message.contains("another text"), "{fault}");
    });
}

#[test]
fn many_may_open_a_new_control_store_at_once() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let url = test_control(&url);
        std::thread::scope(|scope| {
            for nr in 0..6 {
                let url = &url;
                scope.spawn(move || ControlStore::open(url).unwrap().set("gh", &nr.to_string(), json!(nr), "a", at(0)));
            }
        });
        let rows = ControlStore::open(&url).unwrap().page_of::<ControlSetting>("gh", None, 10).unwrap().rows;
        assert_eq!(rows.len(), 6);
    }
}
