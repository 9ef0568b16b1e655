//! Sessions: since when, until when and on which device a customer is logged in.
//!
//! A session that ended is deleted; the message log keeps who was logged in when.
//!
//! Invariant: a customer has at most so many sessions as the policy allows; the oldest makes room.

use serde::Deserialize;
use sycee_contract::{
    BlacklistEntryAdded, CheckCustomerBlacklist, CheckSession, CustomerId, CustomerLoggedIn, Device, LogIn, LogOut,
    OtpPurpose, SessionId, SessionOpened, Timestamp,
};
use sycee_runtime::{Find, Handled, Work, entity};

use super::model::{self, Customer};
use super::{otp, refuse_blacklisted};
use crate::CustomerRejection;

/// How long and how often a customer may be logged in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionPolicy {
    /// Hours until a session ends.
    pub valid_hours: u32,
    /// Sessions of one customer at the same time.
    pub per_customer_max: u32,
}

impl Default for SessionPolicy {
    /// A week, on three devices.
    fn default() -> Self {
        Self { valid_hours: 168, per_customer_max: 3 }
    }
}

entity! {
    /// A customer who is logged in on a device.
    pub struct Session in "session" of "customer-center" key id: SessionId {
        /// The session.
        id: SessionId,
        /// The customer.
        customer: CustomerId,
        /// Device fingerprint.
        device_id: String,
        /// Operating system and version.
        platform: String,
        /// Channel the app was installed from.
        channel: String,
        /// When the customer logged in.
        opened_at: Timestamp,
        /// It ends at this instant.
        expires_at: Timestamp,
    }
    index by_customer(customer: CustomerId);
}

impl Session {
    /// Whether it has not ended.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

pub(super) fn log_in(work: &mut Work, cmd: &LogIn) -> Handled<SessionOpened> {
    let phone = otp::parse_phone(&cmd.phone)?;
    model::check_device(&cmd.device)?;
    let (phone_index, purpose) = (work.blind("phone", phone), OtpPurpose::Login);
    let owner = work.find_one(Customer::by_phone(phone_index))?.map(|customer| customer.id);
    if let Some(owner) = owner {
        work.about(owner);
    }
    otp::answer(
        work,
        cmd.challenge,
        &otp::Given { phone_index, purpose, code: &cmd.code, signs: None, device_id: None },
    )?;
    let customer = owner.ok_or(CustomerRejection::PhoneNotRegistered)?;
    refuse_blacklisted(work, "device", &cmd.device.device_id)?;
    if !work.ask(CheckCustomerBlacklist { customer })?.is_empty() {
        return Err(CustomerRejection::Blacklisted { kind: "customer" }.into());
    }
    make_room(work, customer)?;
    Ok(open(work, customer, &cmd.device))
}

/// Ends sessions that are over, and the oldest when there are as many as allowed.
fn make_room(work: &mut Work, customer: CustomerId) -> Handled<()> {
    let now = work.now();
    let (mut open, over): (Vec<Session>, Vec<Session>) =
        sessions(work, customer)?.into_iter().partition(|session| session.is_open(now));
    open.sort_by_key(|session| (session.opened_at, session.id));
    let room = (work.config::<SessionPolicy>().per_customer_max as usize).saturating_sub(1);
    let surplus = open.len().saturating_sub(room);
    for ended in over.iter().chain(&open[..surplus]) {
        work.delete::<Session>(ended.id);
    }
    Ok(())
}

/// Every session of a customer that was not deleted, whatever the policy allowed when they were opened.
fn sessions(work: &mut Work, customer: CustomerId) -> Handled<Vec<Session>> {
    let mut all: Vec<Session> = Vec::new();
    loop {
        let page = work.find(Session::by_customer(customer).after(all.last().map(|session| session.id)))?;
        let is_last = page.len() < Find::<Session>::DEFAULT_LIMIT;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// Whoever is put on the blacklist is logged out everywhere.
pub(super) fn end_of_listed(work: &mut Work, event: &BlacklistEntryAdded) -> Handled<()> {
    for customer in &event.customers {
        for session in sessions(work, *customer)? {
            work.delete::<Session>(session.id);
        }
    }
    Ok(())
}

/// Opens a session.
pub(super) fn open(work: &mut Work, customer: CustomerId, device: &Device) -> SessionOpened {
    let now = work.now();
    let session = Session {
        id: work.new_id(),
        customer,
        device_id: device.device_id.clone(),
        platform: device.platform.clone(),
        channel: device.channel.clone(),
        opened_at: now,
        expires_at: now.plus_minutes(i64::from(work.config::<SessionPolicy>().valid_hours) * 60),
    };
    let opened = SessionOpened { customer, session: session.id, expires_at: session.expires_at };
    work.emit(CustomerLoggedIn {
        customer,
        session: session.id,
        device_id: session.device_id.clone(),
        platform: session.platform.clone(),
        channel: session.channel.clone(),
        expires_at: session.expires_at,
    });
    work.save(session);
    opened
}

pub(super) fn log_out(work: &mut Work, cmd: &LogOut) -> Handled<()> {
    if work.get::<Session>(cmd.session)?.is_some_and(|session| session.customer == cmd.customer) {
        work.delete::<Session>(cmd.session);
    }
    Ok(())
}

/// Another customer's session and one that never was are answered alike.
pub(super) fn check_session(work: &mut Work, query: &CheckSession) -> Handled<bool> {
    let now = work.now();
    let session = work.read::<Session>(query.session)?;
    Ok(session.is_some_and(|session| session.customer == query.customer && session.is_open(now)))
}
