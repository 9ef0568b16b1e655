//! Customers and their details; personal data in sealed columns.

use std::collections::BTreeMap;

use sycee_contract::{CustomerId, Date, Device, LINE_MAX, NAME_MAX, Rejection, Sensitive, Timestamp, check_text};
use sycee_runtime::{Blind, Json, entity};

/// Most attributes a customer may declare.
pub const ATTRIBUTES_MAX: usize = 64;
/// Longest BCP 47 tag that needs no private extension (RFC 5646, 4.4.1).
const LANGUAGE_MAX: usize = 35;

entity! {
    /// A registered customer.
    pub struct Customer in "customer" of "customer-center" key id: CustomerId {
        /// The customer.
        id: CustomerId,
        /// Phone, E.164.
        phone: Sensitive,
        /// Blind index of the phone.
        phone_index: Blind,
        /// Device fingerprint of the registration.
        device_id: String,
        /// Operating system and version.
        platform: String,
        /// Attribution channel.
        channel: String,
        /// Preferred language, BCP 47.
        language: String,
        /// Declared attributes that features are made of.
        attributes: Json<BTreeMap<String, String>>,
        /// When the customer registered.
        registered_at: Timestamp,
    }
    unique index by_phone(phone_index: Blind);
    subject id;
}

entity! {
    /// Who employs a customer.
    pub struct CustomerEmployment in "customer_employment" of "customer-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Employer or trade.
        employer: Sensitive,
        /// Job class.
        job: String,
        /// First day in this employment.
        since: Option<Date>,
    }
    subject customer;
}

entity! {
    /// Where a customer lives.
    pub struct CustomerAddress in "customer_address" of "customer-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Street, house, digital address.
        line: Sensitive,
        /// Town or city.
        city: String,
        /// Country, ISO 3166 alpha-2.
        country: String,
    }
    subject customer;
}

entity! {
    /// Somebody to call when a customer cannot be reached.
    pub struct EmergencyContactRecord in "emergency_contact" of "customer-center" key (customer, nr): (CustomerId, u32) {
        /// The customer.
        customer: CustomerId,
        /// Position in the list, 1 upwards.
        nr: u32,
        /// Name.
        name: Sensitive,
        /// Phone, E.164.
        phone: Sensitive,
        /// Relation.
        relation: String,
    }
    index by_customer(customer: CustomerId);
    subject customer;
}

pub(super) fn check_device(device: &Device) -> Result<(), Rejection> {
    check_device_id("device.deviceId", &device.device_id)?;
    check_text("device.platform", &device.platform, LINE_MAX, "Android 14")?;
    check_text("device.channel", &device.channel, LINE_MAX, "organic")
}

pub(super) fn check_device_id(field: &str, device_id: &str) -> Result<(), Rejection> {
    check_text(field, device_id, LINE_MAX, "dev-7f3a")
}

pub(super) fn check_language(language: &str) -> Result<(), Rejection> {
    let good = language.len() <= LANGUAGE_MAX
        && language
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if good { Ok(()) } else { Err(Rejection::invalid("language", "a BCP 47 tag", "en-GH")) }
}

pub(super) fn check_attributes(attributes: &BTreeMap<String, String>) -> Result<(), Rejection> {
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(Rejection::invalid("attributes", format!("at most {ATTRIBUTES_MAX}"), "housing"));
    }
    for (name, value) in attributes {
        let named = (1..=NAME_MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if !named {
            let rule = format!("names are 1 to {NAME_MAX} of a-z, 0-9, _ and -");
            return Err(Rejection::invalid("attributes", rule, "age_in_years"));
        }
        if value.is_empty() || value.chars().count() > LINE_MAX {
            return Err(Rejection::invalid(
                &format!("attributes.{name}"),
                format!("1 to {LINE_MAX} characters"),
                "own",
            ));
        }
    }
    Ok(())
}
