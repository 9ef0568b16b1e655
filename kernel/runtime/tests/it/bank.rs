//! A toy bank of three services that shows every door of the runtime.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_contract::{
    Command, CompensatedBy, CustomerId, Date, Event, Kind, Message, Nature, Rejection, SendOtp, Sensitive,
};
use sycee_money::{Currency, Money};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::{TestGuard, generate_schema, test_databases, test_market};
use sycee_runtime::{
    Blind, Configs, Handled, Json, MarketOptions, MarketWriter, Registry, Secrets, Stimulus, Work, entity,
};

macro_rules! toy_command {
    ($name:ident $id:literal $owner:literal $nature:ident -> $answer:ty { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name { $(pub $field: $type),* }
        impl Message for $name {
            const ID: &'static str = $id;
            const KIND: Kind = Kind::Command;
            const SUMMARY: &'static str = "";
        }
        impl Command for $name {
            type Answer = $answer;
            type Contribution = i64;
            const OWNER: &'static str = $owner;
            const PARTICIPANTS: &'static [&'static str] = &["audit"];
            const NATURE: Nature = Nature::$nature;
            const ERRORS: &'static [&'static str] = &[];
            const COMPENSATED_BY: CompensatedBy = CompensatedBy::None { because: "a toy" };
        }
    };
}

toy_command!(Deposit "deposit" "bank" Request -> i64 { account: i64, units: i64, owner: String });
toy_command!(Transfer "transfer" "bank" Request -> () { from: i64, to: i64, units: i64 });
toy_command!(Balance "balance" "bank" Query -> i64 { account: i64 });
toy_command!(Notify "notify" "audit" Request -> () { account: i64, units: i64 });
toy_command!(Settle "settle" "bank" Fact -> () { account: i64, units: i64 });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    pub account: i64,
    pub units: i64,
}
impl Message for Moved {
    const ID: &'static str = "moved";
    const KIND: Kind = Kind::Event;
    const SUMMARY: &'static str = "";
}
impl Event for Moved {
    const PRODUCERS: &'static [&'static str] = &["bank"];
}

entity! {
    /// An account with its owner's name.
    pub struct Account in "toy_account" of "bank" key id: i64 {
        /// Number.
        id: i64,
        /// Balance.
        balance: Money,
        /// Who owns it.
        owner: Sensitive,
        /// To find it by owner.
        owner_index: Blind,
        /// Whose key seals the name.
        person: CustomerId,
        /// Whether it is open.
        open: bool,
        /// Since when.
        since: Date,
        /// Anything.
        notes: Json<Vec<String>>,
        /// Perhaps.
        limit: Option<Money>,
    }
    index by_owner(owner_index: Blind);
    unique index by_notes(notes: Json<Vec<String>>);
    subject person;
}

entity! {
    /// What the audit saw.
    pub struct Seen in "toy_seen" of "audit" key (account, nr): (i64, i64) {
        /// Account.
        account: i64,
        /// How many before.
        nr: i64,
        /// Units.
        units: i64,
    }
    index by_account(account: i64);
}

entity! {
    /// How often somebody tried.
    pub struct Tries in "toy_tries" of "bank" key account: i64 {
        /// Account.
        account: i64,
        /// Times.
        times: i64,
    }
}

pub fn cedis(units: i64) -> Money {
    Money::from_units(units, Currency::GHS)
}

fn deposit(work: &mut Work, cmd: &Deposit) -> Handled<i64> {
    if cmd.units <= 0 {
        return Err(Rejection::invalid("units", "must be more than 0", 1).into());
    }
    let account = match work.get::<Account>(cmd.account)? {
        Some(mut account) => {
            account.balance = account.balance.checked_add(cedis(cmd.units))?;
            account
        }
        None => Account {
            id: cmd.account,
            balance: cedis(cmd.units),
            owner: Sensitive::new(&cmd.owner),
            owner_index: work.blind("owner", &cmd.owner),
            person: work.new_id::<CustomerId>(),
            open: true,
            since: work.today(),
            notes: Json(vec![format!("note {}", cmd.account)]),
            limit: None,
        },
    };
    work.about(account.person);
    let units = account.balance.units();
    work.save(account);
    work.emit(Moved { account: cmd.account, units: cmd.units });
    if cmd.units == 7 {
        let code = Sensitive::new(work.one_time_code(7));
        work.effect(SendOtp { challenge: cmd.account.to_string(), phone: Sensitive::new("+233200000007"), code });
    }
    if cmd.units == 13 {
        work.at(
            work.now().plus_seconds(60),
            &format!("settle-{}", cmd.account),
            Settle { account: cmd.account, units: 1 },
        );
    }
    Ok(units)
}

fn transfer(work: &mut Work, cmd: &Transfer) -> Handled<()> {
    let times = work.get::<Tries>(cmd.from)?.map_or(0, |tries| tries.times);
    work.save_even_if_refused(Tries { account: cmd.from, times: times + 1 });
    let mut from = work.require::<Account>(cmd.from)?;
    let mut to = work.require::<Account>(cmd.to)?;
    from.balance = from.balance.checked_sub(cedis(cmd.units))?;
    to.balance = to.balance.checked_add(cedis(cmd.units))?;
    if cmd.units == 666 {
        // The unique index over notes refuses this at flush: a fault that only the database sees.
        to.notes = from.notes.clone();
    }
    let poor = from.balance.is_negative();
    work.save(from);
    work.save(to);
    work.send(Notify { account: cmd.to, units: cmd.units });
    if poor {
        return Err(Rejection::new("POOR", "not enough").into());
    }
    Ok(())
}

fn notify_refused(work: &mut Work, cmd: &Notify, refusal: &Rejection) -> Handled<()> {
    let mut account = work.require::<Account>(cmd.account)?;
    account.notes.push(format!("{} {}", refusal.code, cmd.units));
    work.save(account);
    Ok(())
}

fn notify(work: &mut Work, cmd: &Notify) -> Handled<()> {
    let balance = work.ask(Balance { account: cmd.account })?;
    work.save(Seen { account: cmd.account, nr: 1_000 + cmd.units, units: balance });
    if cmd.units == 99 {
        return Err(Rejection::new("DEAF", "the audit does not hear 99").into());
    }
    Ok(())
}

fn see(work: &mut Work, event: &Moved) -> Handled<()> {
    let before = work.find(Seen::by_account(event.account).limit(1_000))?.len();
    work.save(Seen { account: event.account, nr: i64::try_from(before).unwrap(), units: event.units });
    Ok(())
}

fn settle(work: &mut Work, cmd: &Settle) -> Handled<()> {
    let mut account = work.require::<Account>(cmd.account)?;
    account.balance = account.balance.checked_add(cedis(cmd.units))?;
    work.save(account);
    Ok(())
}

pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .service("bank")
        .entity::<Account>()
        .entity::<Tries>()
        .handles::<Deposit>(deposit)
        .handles::<Transfer>(transfer)
        .handles::<Balance>(|work, cmd| Ok(work.require::<Account>(cmd.account)?.balance.units()))
        .handles::<Settle>(settle)
        .on_refusal::<Notify>(notify_refused)
        .emits::<Moved>()
        .sends::<Notify>()
        .sends::<Settle>();
    registry.service("audit").entity::<Seen>().handles::<Notify>(notify).on::<Moved>(see).sends::<Balance>();
    generate_schema(&mut registry);
    registry
}

pub fn options(url: DatabaseUrl) -> MarketOptions {
    MarketOptions {
        url,
        market: test_market(),
        configs: Configs::new(),
        secrets: Secrets::derive(b"toy", "gh"),
        first_day: Date::constant(2026, 1, 5),
    }
}

pub fn open(url: &DatabaseUrl) -> MarketWriter {
    MarketWriter::open(Arc::new(registry()), options(url.clone())).unwrap()
}

/// Runs `body` with an empty bank on every engine.
pub fn on_each_engine(body: impl Fn(&DatabaseUrl, MarketWriter)) {
    let (urls, _guard): (_, TestGuard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        body(&url, open(&url));
    }
}

pub fn put(writer: &mut MarketWriter, account: i64, units: i64) -> i64 {
    let deposit = Deposit { account, units, owner: format!("Owner {account}") };
    writer.execute(Stimulus::command("staff:test", deposit)).unwrap().answer::<Deposit>().unwrap()
}

pub fn balance(writer: &mut MarketWriter, account: i64) -> i64 {
    writer.load::<Account>(&account).unwrap().unwrap().balance.units()
}
