//! Employment, address, emergency contacts and declared attributes.

use sycee_contract::{
    CustomerDetailsUpdated, CustomerId, EmergencyContact, KnownDetails, LINE_MAX, NAME_MAX, Rejection,
    UpdateCustomerDetails, check_text,
};
use sycee_runtime::{Handled, Work};

use super::model::{self, Customer, CustomerAddress, CustomerEmployment, EmergencyContactRecord};
use super::otp::parse_phone;

const CONTACTS_MAX: usize = 5;

pub(super) fn update_customer_details(work: &mut Work, cmd: &UpdateCustomerDetails) -> Handled<()> {
    let mut customer = work.require::<Customer>(cmd.customer)?;
    work.about(cmd.customer);
    check(cmd)?;
    check_contacts(cmd.emergency_contacts.iter().flatten(), &customer)?;
    customer.attributes.extend(cmd.attributes.clone());
    model::check_attributes(&customer.attributes)?;

    if let Some(employment) = &cmd.employment {
        work.save(CustomerEmployment {
            customer: cmd.customer,
            employer: employment.employer.clone(),
            job: employment.job.clone(),
            since: employment.since,
        });
    }
    if let Some(address) = &cmd.address {
        work.save(CustomerAddress {
            customer: cmd.customer,
            line: address.line.clone(),
            city: address.city.clone(),
            country: address.country.clone(),
        });
    }
    if let Some(contacts) = &cmd.emergency_contacts {
        replace_contacts(work, cmd.customer, contacts)?;
    }
    let attributes = customer.attributes.0.clone();
    work.emit(CustomerDetailsUpdated { customer: cmd.customer, attributes, known: known(cmd) });
    work.save(customer);
    Ok(())
}

/// What others may know of a change: nothing that names a person.
fn known(cmd: &UpdateCustomerDetails) -> KnownDetails {
    KnownDetails {
        job: cmd.employment.as_ref().map(|it| it.job.clone()),
        employed_since: cmd.employment.as_ref().and_then(|it| it.since),
        city: cmd.address.as_ref().map(|it| it.city.clone()),
        country: cmd.address.as_ref().map(|it| it.country.clone()),
        emergency_contacts: cmd.emergency_contacts.as_ref().and_then(|contacts| u32::try_from(contacts.len()).ok()),
    }
}

fn check(cmd: &UpdateCustomerDetails) -> Result<(), Rejection> {
    model::check_attributes(&cmd.attributes)?;
    if let Some(employment) = &cmd.employment {
        check_text("employment.employer", employment.employer.reveal(), LINE_MAX, "Makola Traders")?;
        check_text("employment.job", &employment.job, NAME_MAX, "skilled-employee")?;
    }
    if let Some(address) = &cmd.address {
        check_text("address.line", address.line.reveal(), LINE_MAX, "GA-123-4567")?;
        check_text("address.city", &address.city, NAME_MAX, "Accra")?;
        let alpha2 = address.country.len() == 2 && address.country.bytes().all(|b| b.is_ascii_uppercase());
        if !alpha2 {
            return Err(Rejection::invalid("address.country", "ISO 3166 alpha-2", "GH"));
        }
    }
    if cmd.emergency_contacts.as_ref().is_some_and(|contacts| contacts.len() > CONTACTS_MAX) {
        return Err(Rejection::invalid("emergencyContacts", format!("at most {CONTACTS_MAX}"), "one sister"));
    }
    Ok(())
}

/// Whether contacts can be called when `customer` cannot be reached.
fn check_contacts<'a>(
    mut contacts: impl Iterator<Item = &'a EmergencyContact>,
    customer: &Customer,
) -> Result<(), Rejection> {
    contacts.try_for_each(|EmergencyContact { name, phone, relation }| {
        check_text("emergencyContacts.name", name.reveal(), LINE_MAX, "Esi Mensah")?;
        check_text("emergencyContacts.relation", relation, NAME_MAX, "sister")?;
        if parse_phone(phone)? == customer.phone.reveal() {
            let rule = "another phone than the customer's own: it is called when that one is not answered";
            return Err(Rejection::invalid("emergencyContacts.phone", rule, "a sister's phone"));
        }
        Ok(())
    })
}

fn replace_contacts(work: &mut Work, customer: CustomerId, contacts: &[EmergencyContact]) -> Handled<()> {
    for old in work.find(EmergencyContactRecord::by_customer(customer))? {
        work.delete::<EmergencyContactRecord>((old.customer, old.nr));
    }
    for (nr, contact) in (1..).zip(contacts) {
        work.save(EmergencyContactRecord {
            customer,
            nr,
            name: contact.name.clone(),
            phone: contact.phone.clone(),
            relation: contact.relation.clone(),
        });
    }
    Ok(())
}
