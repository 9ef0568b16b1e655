//! A toy counter, for what can only be tested from inside the runtime.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_contract::{
    Command, CompensatedBy, Date, Identifier as _, Kind, Message, Nature, OpenWorkOrder, SendOtp, Sensitive,
    WorkOrderId,
};

use crate::storage::DatabaseUrl;
use crate::testing::{generate_schema, test_databases, test_market};
use crate::{Configs, Handled, MarketOptions, MarketWriter, Registry, Secrets, Stimulus, Work, entity};

/// Adds one to the counter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// Once more, in a moment.
    pub later: bool,
    /// How many messages it sends.
    pub sms: u32,
}
impl Message for Count {
    const ID: &'static str = "count";
    const KIND: Kind = Kind::Command;
    const VERSION: u16 = 2;
    const SUMMARY: &'static str = "";

    fn upcast(version: u16, _: &[u8]) -> Option<Result<Self, postcard::Error>> {
        (version == 1).then(|| Ok(Self::default()))
    }
}
impl Command for Count {
    type Answer = i64;
    type Contribution = i64;
    const ANSWER_VERSION: u16 = 2;
    const OWNER: &'static str = "counter";
    const PARTICIPANTS: &'static [&'static str] = &[];
    const NATURE: Nature = Nature::Request;
    const ERRORS: &'static [&'static str] = &[];
    const COMPENSATED_BY: CompensatedBy = CompensatedBy::None { because: "a toy" };

    fn upcast_answer(version: u16, _: &[u8]) -> Option<Result<i64, postcard::Error>> {
        (version == 1).then_some(Ok(41))
    }
}

entity! {
    /// A counter.
    pub struct Counter in "toy_counter" of "counter" key id: i64 {
        /// Number.
        id: i64,
        /// How often.
        times: i64,
    }
}

entity! {
    /// What people have to look at.
    pub struct Order in "toy_order" of "work-order-center" key key: String {
        /// Key.
        key: String,
        /// Text.
        text: String,
    }
}

fn count(work: &mut Work, cmd: &Count) -> Handled<i64> {
    let times = work.get::<Counter>(1)?.map_or(0, |counter| counter.times) + 1;
    work.save(Counter { id: 1, times });
    if cmd.later {
        work.at(work.now(), &format!("later-{times}"), Count::default());
    }
    for nr in 0..cmd.sms {
        work.effect(SendOtp {
            challenge: nr.to_string(),
            phone: Sensitive::new("+233200000007"),
            code: Sensitive::new("123456"),
        });
    }
    Ok(times)
}

fn open_order(work: &mut Work, cmd: &OpenWorkOrder) -> Handled<WorkOrderId> {
    // It is looked for, so that it cannot be opened while the database does not answer.
    work.get::<Order>(cmd.key.clone())?;
    work.save(Order { key: cmd.key.clone(), text: cmd.text.clone() });
    Ok(WorkOrderId::from_number(1))
}

pub fn open(url: &DatabaseUrl) -> MarketWriter {
    let mut registry = Registry::new();
    registry.service("counter").entity::<Counter>().handles::<Count>(count).sends::<Count>();
    registry.service("work-order-center").entity::<Order>().handles::<OpenWorkOrder>(open_order);
    generate_schema(&mut registry);
    let options = MarketOptions {
        url: url.clone(),
        market: test_market(),
        configs: Configs::new(),
        secrets: Secrets::derive(b"toy", "gh"),
        first_day: Date::constant(2026, 1, 5),
    };
    MarketWriter::open(Arc::new(registry), options).unwrap()
}

pub fn on_each_engine(body: impl Fn(MarketWriter)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(open(&url));
    }
}

pub fn once() -> Stimulus {
    Stimulus::command("staff:ama", Count::default())
}

pub fn once_more_later() -> Stimulus {
    Stimulus::command("staff:ama", Count { later: true, sms: 0 })
}

pub fn sms(sms: u32) -> Stimulus {
    Stimulus::command("staff:ama", Count { later: false, sms })
}

pub fn times(market: &mut MarketWriter) -> i64 {
    market.load::<Counter>(&1).unwrap().map_or(0, |counter| counter.times)
}

pub fn order(market: &mut MarketWriter, key: &str) -> Option<String> {
    market.load::<Order>(&key.to_owned()).unwrap().map(|order| order.text.clone())
}
