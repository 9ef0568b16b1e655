//! A toy shop whose handlers do as they are told, step by step: for everything that can go wrong in one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_contract::{
    ChannelQuery, Command, CompensatedBy, CustomerId, Date, Event, Identifier as _, Kind, LoanId, Message, Nature,
    OpenWorkOrder, Rejection, SendOtp, Sensitive, Timestamp, WorkOrderId,
};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::{TestGuard, generate_schema, test_databases};
use sycee_runtime::{Fault, Handled, MarketWriter, ParkedStimulus, Registry, ServiceBuilder, Stimulus, Work, entity};

use crate::bank::options;

/// Where [`crate::bank::options`] lets a market begin.
pub const FIRST_DAY: Date = Date::constant(2026, 1, 5);

/// What a handler does next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Step {
    /// Saves item `0` under code `1`.
    Put(i64, String),
    /// As `Put`, even if refused.
    Stick(i64, String),
    /// Removes item `0`.
    Remove(i64),
    /// Saves a box with a number that the market's sequence did not give.
    Box(i64),
    /// Saves the name of a person.
    Name(i64, String),
    /// Adds one to item `0`.
    Count(i64),
    /// Writes the text and the time down in item `0`, behind what stands there.
    Note(i64, String),
    /// Asks for an SMS.
    Sms(i64),
    /// Asks a channel what became of a request.
    Query(i64),
    /// Has effect `0` executed that was given up.
    Retry(i64),
    /// Takes effect `0` back.
    Withdraw(i64),
    /// Adds one to item `1` if effect `0` was taken back and never left.
    NeverLeft(i64, i64),
    /// Runs steps as a fact after so many seconds.
    Later(i64, String, String),
    /// Sends steps to be run by the same service.
    Send(String),
    /// Asks with steps, and goes on without an answer if that is refused.
    TryAsk(String),
    /// Sends what the shop did not register that it sends.
    SendUnregistered,
    /// Asks what the shop did not register that it asks.
    AskUnregistered,
    /// Sets as a timer what the shop did not register that it sends.
    LaterUnregistered,
    /// Emits what the shop did not register that it emits.
    EmitUnregistered,
    /// Keeps the business date in item `0`.
    Today(i64),
    /// Refuses.
    Refuse,
    /// A bug that is noticed.
    Bug,
    /// A bug that is not.
    Panic,
    /// Stored data that is not what it must be.
    Corrupt,
}

macro_rules! told {
    ($name:ident $id:literal $nature:ident -> $answer:ty) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            pub steps: Vec<Step>,
        }
        impl Message for $name {
            const ID: &'static str = $id;
            const KIND: Kind = Kind::Command;
            const SUMMARY: &'static str = "";
        }
        impl Command for $name {
            type Answer = $answer;
            type Contribution = i64;
            const OWNER: &'static str = "shop";
            const PARTICIPANTS: &'static [&'static str] = &[];
            const NATURE: Nature = Nature::$nature;
            const ERRORS: &'static [&'static str] = &[];
            const COMPENSATED_BY: CompensatedBy = CompensatedBy::None { because: "a toy" };
        }
    };
}
told!(Please "please" Request -> Vec<Sensitive>);
told!(Know "know" Fact -> ());
told!(Tell "tell" Query -> ());

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Happened {
    pub steps: Vec<Step>,
}
impl Message for Happened {
    const ID: &'static str = "happened";
    const KIND: Kind = Kind::Event;
    const SUMMARY: &'static str = "";
}
impl Event for Happened {
    const PRODUCERS: &'static [&'static str] = &["shop"];
}

entity! {
    /// A thing with a code that no other has.
    pub struct Item in "toy_item" of "shop" key id: i64 {
        /// Number.
        id: i64,
        /// Code.
        code: String,
        /// How often.
        times: i64,
        /// Shelf, perhaps.
        shelf: Option<i64>,
    }
    unique index by_code(code: String);
    index by_shelf(shelf: Option<i64>);
}

entity! {
    /// A thing numbered from the market's sequence, or not.
    pub struct Crate in "toy_crate" of "shop" key id: LoanId {
        /// Number.
        id: LoanId,
        /// Times.
        times: i64,
    }
}

entity! {
    /// A person.
    pub struct Person in "toy_person" of "shop" key id: CustomerId {
        /// Number.
        id: CustomerId,
        /// Name.
        name: Sensitive,
    }
    subject id;
}

entity! {
    /// What people have to look at.
    pub struct Order in "toy_order" of "work-order-center" key id: WorkOrderId {
        /// Number.
        id: WorkOrderId,
        /// Key.
        key: String,
        /// Text.
        text: String,
    }
}

/// Something that the shop may say and does not register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unheard {}
impl Message for Unheard {
    const ID: &'static str = "unheard";
    const KIND: Kind = Kind::Event;
    const SUMMARY: &'static str = "";
}
impl Event for Unheard {
    const PRODUCERS: &'static [&'static str] = &["shop"];
}

/// A command that the shop does not register.
fn other() -> OpenWorkOrder {
    OpenWorkOrder { kind: String::new(), loan: None, text: String::new(), key: String::new() }
}

fn item(work: &mut Work, id: i64) -> Handled<Item> {
    Ok(work.get::<Item>(id)?.unwrap_or(Item { id, code: format!("item {id}"), times: 0, shelf: None }))
}

fn parse(steps: &str) -> Vec<Step> {
    serde_json::from_str(steps).unwrap()
}

/// Steps as a text, for steps within steps.
pub fn text(steps: &[Step]) -> String {
    serde_json::to_string(steps).unwrap()
}

fn walk(work: &mut Work, steps: &[Step]) -> Handled<Vec<Sensitive>> {
    let mut names = Vec::new();
    for step in steps {
        match step {
            Step::Put(id, code) => {
                let item = Item { code: code.clone(), ..item(work, *id)? };
                work.save(item);
            }
            Step::Stick(id, code) => {
                let item = Item { code: code.clone(), ..item(work, *id)? };
                work.save_even_if_refused(item);
            }
            Step::Remove(id) => work.delete::<Item>(*id),
            Step::Box(id) => {
                let id = LoanId::from_number(*id);
                let times = work.get::<Crate>(id)?.map_or(0, |it| it.times) + 1;
                work.save(Crate { id, times });
            }
            Step::Name(id, name) => {
                let id = CustomerId::from_number(*id);
                work.about(id);
                work.save(Person { id, name: Sensitive::new(name) });
                names.push(Sensitive::new(name));
            }
            Step::Count(id) => {
                let mut item = item(work, *id)?;
                item.times += 1;
                work.save(item);
            }
            Step::Note(id, text) => {
                let Item { code, .. } = item(work, *id)?;
                let code = format!("{code} {text}@{}", work.now().seconds_since(Timestamp::start_of(FIRST_DAY)));
                let item = Item { code, ..item(work, *id)? };
                work.save(item);
            }
            Step::Query(id) => {
                work.effect(ChannelQuery { request_id: id.to_string(), channel: "momo".to_owned(), attempt: 1 });
            }
            Step::Sms(id) => work.effect(SendOtp {
                challenge: id.to_string(),
                phone: Sensitive::new("+233200000007"),
                code: Sensitive::new("123456"),
            }),
            Step::Retry(effect) => drop(work.retry_effect(*effect)?),
            Step::Withdraw(effect) => work.withdraw_effect(*effect, "nobody wants it")?,
            Step::NeverLeft(effect, id) => {
                let mut item = item(work, *id)?;
                item.times += i64::from(work.effect_never_left(*effect)?);
                work.save(item);
            }
            Step::Later(seconds, key, steps) => {
                work.at(work.now().plus_seconds(*seconds), key, Know { steps: parse(steps) });
            }
            Step::Send(steps) => work.send(Please { steps: parse(steps) }),
            Step::TryAsk(steps) => drop(work.ask(Tell { steps: parse(steps) })),
            Step::SendUnregistered => work.send(other()),
            Step::AskUnregistered => {
                work.ask(other())?;
            }
            Step::LaterUnregistered => work.at(work.now(), "unregistered", other()),
            Step::EmitUnregistered => work.emit(Unheard {}),
            Step::Today(id) => {
                let code = work.today().to_string();
                let item = Item { code, ..item(work, *id)? };
                work.save(item);
            }
            Step::Refuse => return Err(Rejection::new("NO", "told to refuse").into()),
            Step::Bug => return Err(Fault::bug("told to fail").into()),
            Step::Panic => panic!("told to panic"),
            Step::Corrupt => return Err(Fault::corrupt("told to find stored data broken").into()),
        }
    }
    Ok(names)
}

fn open_order(work: &mut Work, cmd: &OpenWorkOrder) -> Handled<WorkOrderId> {
    let id = work.new_id();
    work.save(Order { id, key: cmd.key.clone(), text: cmd.text.clone() });
    Ok(id)
}

pub fn registry(work_orders: bool) -> Registry {
    registry_where(work_orders, |shop| {
        knows(shop).sends::<Know>();
    })
}

fn knows<'a, 'b>(shop: &'a mut ServiceBuilder<'b>) -> &'a mut ServiceBuilder<'b> {
    shop.handles::<Know>(|work, cmd| walk(work, &cmd.steps).map(|_| ()))
}

fn registry_where(work_orders: bool, knows: impl FnOnce(&mut ServiceBuilder<'_>)) -> Registry {
    let mut registry = Registry::new();
    let mut shop = registry.service("shop");
    knows(&mut shop);
    shop.entity::<Item>()
        .entity::<Crate>()
        .entity::<Person>()
        .handles::<Please>(|work, cmd| walk(work, &cmd.steps))
        .handles::<Tell>(|work, cmd| {
            work.emit(Happened { steps: cmd.steps.clone() });
            Err(Rejection::new("NO", "told to refuse").into())
        })
        .on::<Happened>(|work, event| walk(work, &event.steps).map(|_| ()))
        .sends::<Please>()
        .sends::<Tell>()
        .emits::<Happened>();
    if work_orders {
        registry.service("work-order-center").entity::<Order>().handles::<OpenWorkOrder>(open_order);
    }
    generate_schema(&mut registry);
    registry
}

pub fn open(url: &DatabaseUrl) -> MarketWriter {
    MarketWriter::open(Arc::new(registry(false)), options(url.clone())).unwrap()
}

pub fn open_with_work_orders(url: &DatabaseUrl) -> MarketWriter {
    MarketWriter::open(Arc::new(registry(true)), options(url.clone())).unwrap()
}

/// As [`open_with_work_orders`], by a program that knows no facts.
pub fn open_without_facts(url: &DatabaseUrl) -> MarketWriter {
    MarketWriter::open(Arc::new(registry_where(true, |_| {})), options(url.clone())).unwrap()
}

/// As [`open_with_work_orders`], by a program whose shop sets no timers.
pub fn open_without_timers(url: &DatabaseUrl) -> MarketWriter {
    let registry = registry_where(true, |shop| {
        knows(shop);
    });
    MarketWriter::open(Arc::new(registry), options(url.clone())).unwrap()
}

/// Runs `body` with an empty shop on every engine.
pub fn on_each_engine(body: impl Fn(&DatabaseUrl, MarketWriter)) {
    let (urls, _guard): (_, TestGuard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(&url, open(&url));
    }
}

/// As [`on_each_engine`], where people take work orders.
pub fn on_each_engine_with_work_orders(body: impl Fn(&DatabaseUrl, MarketWriter)) {
    let (urls, _guard): (_, TestGuard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(&url, open_with_work_orders(&url));
    }
}

pub fn please(steps: &[Step]) -> Stimulus {
    Stimulus::command("staff:ama", Please { steps: steps.to_vec() })
}

pub fn know(steps: &[Step]) -> Stimulus {
    Stimulus::command("channel", Know { steps: steps.to_vec() })
}

pub fn put(id: i64, code: &str) -> Step {
    Step::Put(id, code.to_owned())
}

pub fn code(shop: &mut MarketWriter, id: i64) -> Option<String> {
    shop.load::<Item>(&id).unwrap().map(|item| item.code.clone())
}

pub fn times(shop: &mut MarketWriter, id: i64) -> i64 {
    shop.load::<Item>(&id).unwrap().map_or(0, |item| item.times)
}

/// Every parked fact that is durable.
pub fn parked(shop: &mut MarketWriter) -> Vec<ParkedStimulus> {
    let mut all = Vec::new();
    shop.scan::<ParkedStimulus>(&mut |it| {
        all.push(it.clone());
        Ok(())
    })
    .unwrap();
    all
}

/// Every work order that is durable.
pub fn orders(shop: &mut MarketWriter) -> Vec<Order> {
    let mut all = Vec::new();
    shop.scan::<Order>(&mut |it| {
        all.push(it.clone());
        Ok(())
    })
    .unwrap();
    all
}
