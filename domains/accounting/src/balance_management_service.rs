//! balance-management-service: turnover of the control accounts by day, and a watch over accounts that must not be on
//! the wrong side of zero.
//!
//! Invariant: per business date and currency, debits over all control accounts equal credits.
//! Invariant: a watched account on the wrong side has one open work order, whatever goes on with it.

use sycee_contract::{AccountingEntryPosted, AccountingEntryReversed, Date, EntryId, OpenWorkOrder, TransferLine};
use sycee_money::{Currency, Money};
use sycee_runtime::{Handled, Registry, Work, entity};

use crate::AccountingRules;
use crate::ledger::AccountKind;

entity! {
    /// What a control account, all its dimensions together, was debited and credited on a business date.
    pub struct ControlTurnover in "accounting_control_turnover" of "balance-management-service"
        key (date, account, currency): (Date, String, Currency)
    {
        /// Business date.
        date: Date,
        /// Chart code, such as `1100`.
        account: String,
        /// Currency.
        currency: Currency,
        /// Debited.
        debits: Money,
        /// Credited.
        credits: Money,
    }
}

entity! {
    /// The balance of a watched account.
    pub struct WatchedBalance in "accounting_watched_balance" of "balance-management-service"
        key (account, currency): (String, Currency)
    {
        /// Code with dimension values.
        account: String,
        /// Currency.
        currency: Currency,
        /// On its normal side above zero: debits minus credits for assets and expenses, else credits minus debits.
        balance: Money,
        /// The entry that put it on the wrong side; absent while it is where it belongs.
        wrong_since: Option<EntryId>,
    }
}

entity! {
    /// Reversals of a business date.
    pub struct ReversalCount in "accounting_reversal_count" of "balance-management-service" key date: Date {
        /// Business date.
        date: Date,
        /// Entries reversed.
        reversals: i64,
        /// The last reversal.
        last: EntryId,
    }
}

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("balance-management-service")
        .entity::<ControlTurnover>()
        .entity::<WatchedBalance>()
        .entity::<ReversalCount>()
        .on::<AccountingEntryPosted>(on_entry_posted)
        .on::<AccountingEntryReversed>(on_entry_reversed)
        .sends::<OpenWorkOrder>();
}

fn on_entry_posted(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    for (account, debits, credits) in turnovers(&event.lines)? {
        add_turnover(work, event.date, account, debits, credits)?;
    }
    let rules = work.config::<AccountingRules>();
    let mut watched: Vec<(&str, Money)> = Vec::new();
    for line in &event.lines {
        for (code, moved) in [(&line.debit, line.amount), (&line.credit, line.amount.checked_neg()?)] {
            if let Some(account) = rules.chart().of(code).filter(|account| account.watched) {
                let normal = match account.kind {
                    AccountKind::Asset | AccountKind::Expense => moved,
                    AccountKind::Liability | AccountKind::Equity | AccountKind::Income => moved.checked_neg()?,
                };
                let same = |(known, sum): &&mut (&str, Money)| known == code && sum.currency() == normal.currency();
                match watched.iter_mut().find(same) {
                    Some((_, sum)) => *sum = sum.checked_add(normal)?,
                    None => watched.push((code, normal)),
                }
            }
        }
    }
    for (code, moved) in watched {
        watch(work, event.entry, code, moved)?;
    }
    Ok(())
}

/// Debits and credits by chart code and currency, in order of appearance.
fn turnovers(lines: &[TransferLine]) -> Handled<Vec<(&str, Money, Money)>> {
    let mut sums: Vec<(&str, Money, Money)> = Vec::new();
    for line in lines {
        let zero = Money::zero(line.amount.currency());
        for (code, debit, credit) in [(&line.debit, line.amount, zero), (&line.credit, zero, line.amount)] {
            let chart_code = code.split('|').next().unwrap_or(code);
            let known =
                sums.iter_mut().find(|(known, sum, _)| *known == chart_code && sum.currency() == zero.currency());
            match known {
                Some((_, debits, credits)) => {
                    *debits = debits.checked_add(debit)?;
                    *credits = credits.checked_add(credit)?;
                }
                None => sums.push((chart_code, debit, credit)),
            }
        }
    }
    Ok(sums)
}

fn add_turnover(work: &mut Work, date: Date, account: &str, debits: Money, credits: Money) -> Handled<()> {
    let currency = debits.currency();
    let turnover = work.get::<ControlTurnover>((date, account.to_owned(), currency))?;
    let mut turnover = turnover.unwrap_or_else(|| ControlTurnover {
        date,
        account: account.to_owned(),
        currency,
        debits: Money::zero(currency),
        credits: Money::zero(currency),
    });
    turnover.debits = turnover.debits.checked_add(debits)?;
    turnover.credits = turnover.credits.checked_add(credits)?;
    work.save(turnover);
    Ok(())
}

/// Follows a watched account; raises a work order when it gets to the wrong side of zero.
fn watch(work: &mut Work, entry: EntryId, code: &str, moved: Money) -> Handled<()> {
    let currency = moved.currency();
    let watched = work.get::<WatchedBalance>((code.to_owned(), currency))?;
    let mut watched = watched.unwrap_or_else(|| WatchedBalance {
        account: code.to_owned(),
        currency,
        balance: Money::zero(currency),
        wrong_since: None,
    });
    watched.balance = watched.balance.checked_add(moved)?;
    if !watched.balance.is_negative() {
        watched.wrong_since = None;
    } else if watched.wrong_since.is_none() {
        watched.wrong_since = Some(entry);
        work.send(OpenWorkOrder {
            kind: "account-on-wrong-side".to_owned(),
            loan: None,
            text: format!(
                "account {code} stands at {} since {entry}: find what is missing or doubled",
                watched.balance
            ),
            key: format!("account-on-wrong-side/{code}/{currency}"),
        });
    }
    work.save(watched);
    Ok(())
}

fn on_entry_reversed(work: &mut Work, event: &AccountingEntryReversed) -> Handled<()> {
    let reversed = work.get::<ReversalCount>(event.date)?;
    let reversals = reversed.map_or(0, |count| count.reversals) + 1;
    work.save(ReversalCount { date: event.date, reversals, last: event.entry });
    Ok(())
}
