//! accounting-reconciliation-service: control totals of the books, by template and day, to hold against money and
//! documents.
//!
//! Invariant: a control total is the sum of the lines of every entry of its template, date and currency.

use std::collections::BTreeMap;

use sycee_contract::{AccountingEntryPosted, Date};
use sycee_money::{Currency, Money};
use sycee_runtime::{Handled, Registry, Work, entity};

entity! {
    /// What a template moved on a business date in a currency.
    pub struct ControlTotal in "accounting_control_total" of "accounting-reconciliation-service"
        key (date, template, currency): (Date, String, Currency)
    {
        /// Business date.
        date: Date,
        /// Template.
        template: String,
        /// Currency.
        currency: Currency,
        /// Entries that moved it.
        entries: i64,
        /// Sum of their lines.
        amount: Money,
    }
}

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("accounting-reconciliation-service")
        .entity::<ControlTotal>()
        .on::<AccountingEntryPosted>(add_entry);
}

fn add_entry(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    let mut moved: BTreeMap<Currency, Money> = BTreeMap::new();
    for line in &event.lines {
        let currency = line.amount.currency();
        let sum = moved.entry(currency).or_insert(Money::zero(currency));
        *sum = sum.checked_add(line.amount)?;
    }
    for (currency, amount) in moved {
        let total = work.get::<ControlTotal>((event.date, event.template.clone(), currency))?;
        let mut total = total.unwrap_or_else(|| ControlTotal {
            date: event.date,
            template: event.template.clone(),
            currency,
            entries: 0,
            amount: Money::zero(currency),
        });
        total.entries += 1;
        total.amount = total.amount.checked_add(amount)?;
        work.save(total);
    }
    Ok(())
}
