//! Risk strategy center: the blacklist, and the audit of what each strategy version decided.
//!
//! Invariant: the list holds blind indexes alone; the value itself stands in the sealed log, in the command that listed it.
//! Invariant: whatever a customer was seen with counts, whenever it is listed; beyond [`MARKS_MAX`] of a kind, the latest does.
//! Invariant: what a machine lists belongs to one customer; what others have too, people decide about.
//! Invariant: a row ends. Whom [`HOLDERS_MAX`] leaves out is refused at the next login or review, and people hear of it.

use sycee_contract::{
    AddToBlacklist, BlacklistEntryAdded, BlacklistEntryRemoved, CheckBlacklist, CheckCustomerBlacklist, CustomerId,
    CustomerLoggedIn, CustomerRegistered, Date, KycSubmitted, LINE_MAX, NAME_MAX, OpenWorkOrder, Rejection,
    RemoveFromBlacklist, RiskDecisionMade, RiskOutcome, Sensitive, Timestamp, check_text,
};
use sycee_runtime::{Blind, Handled, Json, Registry, Work, entity, text_enum};

/// Customers who are kept of one phone, document or device.
///
/// Listing it freezes them and logs them out in one cascade, which has an end. What more people share, people look at.
pub const HOLDERS_MAX: usize = 500;

/// Phones, documents or devices that are kept of one customer, of each kind.
///
/// Every decision looks each of them up. One who changes devices for ten years, twice a year, has less than half as many.
pub const MARKS_MAX: usize = 50;

text_enum! {
    /// What may be blacklisted.
    pub enum BlacklistKind {
        /// A phone, E.164.
        Phone,
        /// The number of an identity document.
        Document,
        /// A device fingerprint.
        Device,
    }
}

impl BlacklistKind {
    /// The kind as messages spell it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Document => "document",
            Self::Device => "device",
        }
    }

    fn parse(text: &str) -> Result<Self, Rejection> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.label() == text)
            .ok_or_else(|| Rejection::invalid("kind", "one of phone, document, device", "device"))
    }
}

entity! {
    /// A phone, document or device that may not come back.
    pub struct BlacklistEntry in "blacklist_entry" of "risk-strategy-center" key (kind, value): (BlacklistKind, Blind) {
        /// What kind of value.
        kind: BlacklistKind,
        /// Blind index of the value.
        value: Blind,
        /// Why, as a stable code.
        reason: String,
        /// When it was added.
        added_at: Timestamp,
        /// Who added it.
        added_by: String,
    }
}

entity! {
    /// The phones, documents and devices that a customer was seen with, as blind indexes.
    pub struct CustomerMarks in "customer_marks" of "risk-strategy-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Phones, at most [`MARKS_MAX`].
        phones: Json<Vec<Blind>>,
        /// Documents, at most [`MARKS_MAX`].
        documents: Json<Vec<Blind>>,
        /// Devices, at most [`MARKS_MAX`].
        devices: Json<Vec<Blind>>,
    }
}

impl CustomerMarks {
    fn none(customer: CustomerId) -> Self {
        let empty = || Json(Vec::new());
        Self { customer, phones: empty(), documents: empty(), devices: empty() }
    }

    fn of(&self, kind: BlacklistKind) -> &[Blind] {
        match kind {
            BlacklistKind::Phone => &self.phones,
            BlacklistKind::Document => &self.documents,
            BlacklistKind::Device => &self.devices,
        }
    }

    /// The mark that has to make room for another, if one has: the latest, for the first ones cannot be pushed out.
    fn last_of_full(&self, kind: BlacklistKind) -> Option<Blind> {
        self.of(kind).get(MARKS_MAX - 1).copied()
    }

    fn add(&mut self, kind: BlacklistKind, value: Blind) {
        let marks = match kind {
            BlacklistKind::Phone => &mut self.phones,
            BlacklistKind::Document => &mut self.documents,
            BlacklistKind::Device => &mut self.devices,
        };
        marks.truncate(MARKS_MAX - 1);
        marks.push(value);
    }
}

entity! {
    /// The customers who were seen with a phone, document or device.
    pub struct MarkHolders in "mark_holders" of "risk-strategy-center" key (kind, value): (BlacklistKind, Blind) {
        /// What kind of value.
        kind: BlacklistKind,
        /// Blind index of the value.
        value: Blind,
        /// The customers, in the order they were seen; the first [`HOLDERS_MAX`] of them.
        customers: Json<Vec<CustomerId>>,
    }
}

impl MarkHolders {
    /// Whether there may be more customers than are kept.
    fn is_full(&self) -> bool {
        self.customers.len() >= HOLDERS_MAX
    }

    /// Whether the customer is new here and finds room.
    fn add(&mut self, customer: CustomerId) -> bool {
        let is_added = !self.is_full() && !self.customers.contains(&customer);
        if is_added {
            self.customers.push(customer);
        }
        is_added
    }
}

entity! {
    /// What one strategy version decided for one purpose on one business day.
    pub struct DecisionAudit in "decision_audit" of "risk-strategy-center" key (policy, day): (String, Date) {
        /// Strategy, version and purpose, such as `gh-default@1-9f86d081/credit`.
        policy: String,
        /// Business date.
        day: Date,
        /// Decisions to approve.
        approved: i64,
        /// Decisions to reject.
        rejected: i64,
        /// Decisions to refer.
        referred: i64,
    }
}

/// Registers the risk strategy center.
pub fn register(registry: &mut Registry) {
    registry
        .service("risk-strategy-center")
        .entity::<BlacklistEntry>()
        .entity::<CustomerMarks>()
        .entity::<MarkHolders>()
        .entity::<DecisionAudit>()
        .handles::<AddToBlacklist>(add_to_blacklist)
        .handles::<RemoveFromBlacklist>(remove_from_blacklist)
        .handles::<CheckBlacklist>(check_blacklist)
        .handles::<CheckCustomerBlacklist>(check_customer)
        .on::<CustomerRegistered>(on_registered)
        .on::<KycSubmitted>(on_document)
        .on::<CustomerLoggedIn>(on_device)
        .on::<RiskDecisionMade>(audit_decision)
        .emits::<BlacklistEntryAdded>()
        .emits::<BlacklistEntryRemoved>()
        .sends::<OpenWorkOrder>();
}

fn entry_key(work: &Work, kind: &str, value: &Sensitive) -> Result<(BlacklistKind, Blind), Rejection> {
    let kind = BlacklistKind::parse(kind)?;
    check_text("value", value.reveal(), LINE_MAX, "+233201234567")?;
    let plain = normalised(kind, value.reveal());
    if plain.is_empty() {
        return Err(Rejection::invalid("value", "not empty", "+233201234567"));
    }
    Ok((kind, work.blind(kind.label(), &plain)))
}

/// The form in which values of a kind are compared: as the customer domain writes them.
fn normalised(kind: BlacklistKind, value: &str) -> String {
    match kind {
        BlacklistKind::Phone | BlacklistKind::Device => value.trim().to_owned(),
        BlacklistKind::Document => {
            value.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_uppercase).collect()
        }
    }
}

fn on_registered(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    if let Some(phone) = Blind::from_hex(&event.phone_index) {
        mark(work, event.customer, BlacklistKind::Phone, phone)?;
    }
    mark_device(work, event.customer, &event.device_id)
}

fn on_document(work: &mut Work, event: &KycSubmitted) -> Handled<()> {
    match Blind::from_hex(&event.document_index) {
        Some(document) => mark(work, event.customer, BlacklistKind::Document, document),
        None => Ok(()),
    }
}

fn on_device(work: &mut Work, event: &CustomerLoggedIn) -> Handled<()> {
    mark_device(work, event.customer, &event.device_id)
}

fn mark_device(work: &mut Work, customer: CustomerId, device: &str) -> Handled<()> {
    let kind = BlacklistKind::Device;
    match normalised(kind, device) {
        device if device.is_empty() => Ok(()),
        device => {
            let value = work.blind(kind.label(), &device);
            mark(work, customer, kind, value)
        }
    }
}

fn mark(work: &mut Work, customer: CustomerId, kind: BlacklistKind, value: Blind) -> Handled<()> {
    let mut marks = work.get::<CustomerMarks>(customer)?.unwrap_or_else(|| CustomerMarks::none(customer));
    if marks.of(kind).contains(&value) {
        return Ok(());
    }
    if marks.of(kind).len() + 1 == MARKS_MAX {
        work.send(many_marks(customer, kind));
    }
    if let Some(last) = marks.last_of_full(kind) {
        if work.read::<BlacklistEntry>((kind, last))?.is_some() {
            // One that is listed stays: whoever has it is refused, whatever he comes with.
            return Ok(());
        }
        let mut before = holders(work, kind, last)?;
        before.customers.retain(|holder| *holder != customer);
        if before.customers.is_empty() {
            work.delete::<MarkHolders>((kind, last));
        } else {
            work.save(before);
        }
    }
    marks.add(kind, value);
    work.save(marks);
    let mut holders = holders(work, kind, value)?;
    if holders.add(customer) {
        work.save(holders);
    }
    Ok(())
}

/// The work order about a customer of whom no further mark is kept for good; it is sent once.
fn many_marks(customer: CustomerId, kind: BlacklistKind) -> OpenWorkOrder {
    let kind = kind.label();
    let first = MARKS_MAX - 1;
    let rule =
        format!("after the first {first} only the latest counts when it is listed: find out who uses the account");
    OpenWorkOrder {
        kind: format!("customer-with-many-{kind}s"),
        loan: None,
        text: format!("{customer} was seen with {MARKS_MAX} {kind}s, and {rule}"),
        key: format!("many-{kind}s-{customer}"),
    }
}

/// The kinds that are listed, in the order phone, document, device.
fn check_customer(work: &mut Work, query: &CheckCustomerBlacklist) -> Handled<Vec<String>> {
    listed(work, query.customer)
}

fn listed(work: &mut Work, customer: CustomerId) -> Handled<Vec<String>> {
    let Some(marks) = work.read::<CustomerMarks>(customer)? else { return Ok(Vec::new()) };
    let mut listed = Vec::new();
    for kind in BlacklistKind::ALL.iter().copied() {
        for value in marks.of(kind) {
            if work.read::<BlacklistEntry>((kind, *value))?.is_some() {
                listed.push(kind.label().to_owned());
                break;
            }
        }
    }
    Ok(listed)
}

fn add_to_blacklist(work: &mut Work, cmd: &AddToBlacklist) -> Handled<()> {
    let (kind, value) = entry_key(work, &cmd.kind, &cmd.value)?;
    check_text("reason", &cmd.reason, NAME_MAX, "FRAUD_CONFIRMED")?;
    if work.get::<BlacklistEntry>((kind, value))?.is_some() {
        return Ok(());
    }
    let holders = holders(work, kind, value)?;
    if let Some(customer) = cmd.sole_holder {
        let others = holders.customers.iter().filter(|holder| **holder != customer).count();
        work.send(look_at(customer, others, &holders, &cmd.reason));
        if others > 0 {
            return Ok(());
        }
    }
    if holders.is_full() {
        work.send(not_told_of_listing(&holders, &cmd.reason));
    }
    let added_by = work.actor().to_owned();
    let added_at = work.now();
    work.save(BlacklistEntry { kind, value, reason: cmd.reason.clone(), added_at, added_by });
    work.emit(BlacklistEntryAdded {
        kind: cmd.kind.clone(),
        reason: cmd.reason.clone(),
        customers: holders.customers.0,
    });
    Ok(())
}

fn holders(work: &mut Work, kind: BlacklistKind, value: Blind) -> Handled<MarkHolders> {
    let known = work.get::<MarkHolders>((kind, value))?;
    Ok(known.unwrap_or_else(|| MarkHolders { kind, value, customers: Json(Vec::new()) }))
}

/// The work order about a mark that no person asked for.
fn look_at(customer: CustomerId, others: usize, holders: &MarkHolders, reason: &str) -> OpenWorkOrder {
    let (kind, index) = (holders.kind.label(), holders.value.to_hex());
    let (about, text) = if others > 0 {
        let rule =
            format!("so it was not blacklisted for {reason}: find out who uses it, then decide with add-to-blacklist");
        let at_least = if holders.is_full() { "at least " } else { "" };
        ("shared", format!("{at_least}{others} customers besides {customer} were seen with one {kind}, {rule}"))
    } else {
        let undo = "look at the customer, and take it off with remove-from-blacklist if that was wrong";
        ("blacklisted", format!("the {kind} of {customer} was blacklisted for {reason}: {undo}"))
    };
    OpenWorkOrder {
        kind: format!("{kind}-{about}-by-very-high-risk"),
        loan: None,
        text,
        key: format!("{kind}-{about}-{index}"),
    }
}

/// The work order about a listing of which not every customer whom it concerns is told.
fn not_told_of_listing(holders: &MarkHolders, reason: &str) -> OpenWorkOrder {
    let (kind, index) = (holders.kind.label(), holders.value.to_hex());
    let rule = format!(
        "the first {HOLDERS_MAX} are frozen and logged out, any other stays logged in until the session ends and is refused \
         at the next login or review, but draws what was reviewed before"
    );
    let undo =
        format!("find out whether so common a {kind} belongs there, and take it off with remove-from-blacklist if not");
    OpenWorkOrder {
        kind: format!("{kind}-of-many-blacklisted"),
        loan: None,
        text: format!(
            "{HOLDERS_MAX} customers or more were seen with a {kind} that was blacklisted for {reason}; {rule}: {undo}"
        ),
        key: format!("{kind}-of-many-blacklisted-{index}"),
    }
}

/// The work order about an entry that is gone, of which not every customer whom it concerned is told.
fn not_told_of_removal(holders: &MarkHolders, reason: &str) -> OpenWorkOrder {
    let (kind, index) = (holders.kind.label(), holders.value.to_hex());
    let rule =
        format!("of all but the first {HOLDERS_MAX} it is not known here whether a credit line was frozen for it");
    let thaw = "look at who asks, and thaw the line with freeze-credit-line if nothing else speaks against it";
    OpenWorkOrder {
        kind: format!("{kind}-of-many-unlisted"),
        loan: None,
        text: format!(
            "{HOLDERS_MAX} customers or more had a {kind} that came off the blacklist for {reason}; {rule}: {thaw}"
        ),
        key: format!("{kind}-of-many-unlisted-{index}"),
    }
}

fn remove_from_blacklist(work: &mut Work, cmd: &RemoveFromBlacklist) -> Handled<()> {
    let (kind, value) = entry_key(work, &cmd.kind, &cmd.value)?;
    check_text("reason", &cmd.reason, NAME_MAX, "FRAUD_REFUTED")?;
    if work.get::<BlacklistEntry>((kind, value))?.is_none() {
        return Err(Rejection::not_found("blacklist entry of this value, kind", kind.label()).into());
    }
    work.delete::<BlacklistEntry>((kind, value));
    let holders = holders(work, kind, value)?;
    let mut customers = Vec::new();
    for customer in &holders.customers.0 {
        if listed(work, *customer)?.is_empty() {
            customers.push(*customer);
        }
    }
    if holders.is_full() {
        work.send(not_told_of_removal(&holders, &cmd.reason));
    }
    work.emit(BlacklistEntryRemoved { kind: cmd.kind.clone(), reason: cmd.reason.clone(), customers });
    Ok(())
}

fn check_blacklist(work: &mut Work, query: &CheckBlacklist) -> Handled<bool> {
    let key = entry_key(work, &query.kind, &query.value)?;
    Ok(work.get::<BlacklistEntry>(key)?.is_some())
}

fn audit_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let policy = format!("{}/{}", event.strategy, event.purpose.name().to_lowercase());
    let day = work.today();
    let mut audit = work.get::<DecisionAudit>((policy.clone(), day))?.unwrap_or(DecisionAudit {
        policy,
        day,
        approved: 0,
        rejected: 0,
        referred: 0,
    });
    match event.outcome {
        RiskOutcome::Approve => audit.approved += 1,
        RiskOutcome::Reject => audit.rejected += 1,
        RiskOutcome::Review => audit.referred += 1,
    }
    work.save(audit);
    Ok(())
}
