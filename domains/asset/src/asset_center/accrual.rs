//! What the close of a day earned: totals that the books get once a day, and every loan's figures, packed.
//!
//! Invariant: a total is the sum of the figures in the day's segments of its funder and product.
//! Invariant: a total is posted once, when the day is closed for every loan; what is not posted yet is known as such.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sycee_contract::{
    AccountingEntryPosted, Date, EntryId, Identifier, LedgerReference, LoanId, PartnerId, PostLedgerEvent,
};
use sycee_money::{Currency, Money};
use sycee_runtime::storage::{Reader, Value};
use sycee_runtime::{Fault, Handled, Json, Work, days_of, entity, read_all};

use super::dimensions_of;
use super::error::NoteError;
use super::note::{Accrual, LoanNote};

const INTEREST: &str = "interest-accrued";
const PENALTY: &str = "penalty-accrued";
/// Totals that are looked up at once.
const TOTALS_PAGE: usize = 100;
/// How the text of an accrual's ledger reference begins; date, funder and product follow.
const REFERENCE: &str = "accrual";

entity! {
    /// What a day earned with a funder's money under a product.
    pub struct AccrualTotal in "accrual_total" of "asset-center" key (date, funder, product): (Date, PartnerId, String) {
        /// The day.
        date: Date,
        /// The funder.
        funder: PartnerId,
        /// The product.
        product: String,
        /// Loans that earned something.
        loans: u32,
        /// Interest that borrowers owe by the day.
        receivable: Money,
        /// Interest that was paid before it was earned.
        unearned: Money,
        /// Penalties.
        penalty: Money,
        /// Whether the books were told.
        posted: bool,
        /// The entry of the interest.
        interest_entry: Option<EntryId>,
        /// The entry of the penalties.
        penalty_entry: Option<EntryId>,
    }
    index by_date(date: Date);
}

entity! {
    /// What each loan of a page of the close earned, packed: a few bytes a loan.
    pub struct AccrualSegment in "accrual_segment" of "asset-center" key (date, page): (Date, u32) {
        /// The day.
        date: Date,
        /// The page of its close, from 0.
        page: u32,
        /// Whose loans follow each other in `figures`, and how many.
        groups: Json<Vec<SegmentGroup>>,
        /// For each loan the distance to the one before and its three figures, each as a variable-length number.
        figures: Vec<u8>,
    }
}

/// Loans of a segment that share funder and product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentGroup {
    /// The funder.
    pub funder: PartnerId,
    /// The product.
    pub product: String,
    /// Currency of the figures.
    pub currency: Currency,
    /// Number of loans.
    pub loans: u32,
}

/// What one loan earned by the close of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoanAccrual {
    /// The loan.
    pub loan: LoanId,
    /// Interest that the borrower owes.
    pub receivable: Money,
    /// Interest that was paid before it was earned.
    pub unearned: Money,
    /// Penalty.
    pub penalty: Money,
}

/// What a page of the close earned, by funder and product, loans in order.
#[derive(Default)]
pub(super) struct PageAccruals(BTreeMap<(PartnerId, String), Vec<LoanAccrual>>);

impl PageAccruals {
    /// Adds what a loan earned; nothing leaves no trace.
    pub(super) fn add(&mut self, note: &LoanNote, accrual: Accrual, penalty: Money) {
        let Accrual { receivable, unearned } = accrual;
        if receivable.is_zero() && unearned.is_zero() && penalty.is_zero() {
            return;
        }
        let group = self.0.entry((note.funder, note.product.clone())).or_default();
        group.push(LoanAccrual { loan: note.loan, receivable, unearned, penalty });
    }

    /// Keeps the page's figures, and adds them to the day's totals.
    pub(super) fn keep(self, work: &mut Work, date: Date, page: u32) -> Handled<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut groups = Vec::with_capacity(self.0.len());
        let mut figures = Vec::new();
        for ((funder, product), accruals) in self.0 {
            let currency = accruals[0].receivable.currency();
            let loans = u32::try_from(accruals.len()).unwrap_or(u32::MAX);
            pack(&accruals, &mut figures);
            groups.push(SegmentGroup { funder, product: product.clone(), currency, loans });
            let zero = Money::zero(currency);
            let known = work.get::<AccrualTotal>((date, funder, product.clone()))?;
            let mut total = known.unwrap_or(AccrualTotal {
                date,
                funder,
                product,
                loans: 0,
                receivable: zero,
                unearned: zero,
                penalty: zero,
                posted: false,
                interest_entry: None,
                penalty_entry: None,
            });
            total.loans += loans;
            add_up(&mut total, &accruals)?;
            work.save(total);
        }
        work.save(AccrualSegment { date, page, groups: Json(groups), figures });
        Ok(())
    }
}

fn add_up(total: &mut AccrualTotal, accruals: &[LoanAccrual]) -> Result<(), NoteError> {
    for accrual in accruals {
        total.receivable = total.receivable.checked_add(accrual.receivable)?;
        total.unearned = total.unearned.checked_add(accrual.unearned)?;
        total.penalty = total.penalty.checked_add(accrual.penalty)?;
    }
    Ok(())
}

/// Has the totals of a day posted: it is closed for every loan.
pub(super) fn post_day(work: &mut Work, date: Date) -> Handled<()> {
    let mut after = None;
    loop {
        let page = work.find(AccrualTotal::by_date(date).after(after).limit(TOTALS_PAGE))?;
        let is_last = page.len() < TOTALS_PAGE;
        after = page.last().map(|total| (total.date, total.funder, total.product.clone()));
        for mut total in page.into_iter().filter(|total| !total.posted) {
            let interest = vec![("interest-receivable", total.receivable), ("interest-unearned", total.unearned)];
            post(work, &total, INTEREST, interest);
            post(work, &total, PENALTY, vec![("penalty", total.penalty)]);
            total.posted = true;
            work.save(total);
        }
        if is_last {
            return Ok(());
        }
    }
}

fn post(work: &mut Work, total: &AccrualTotal, template: &str, amounts: Vec<(&str, Money)>) {
    if amounts.iter().all(|(_, amount)| amount.is_zero()) {
        return;
    }
    work.send(PostLedgerEvent {
        template: template.to_owned(),
        reference: LedgerReference {
            loan: None,
            order: None,
            repayment: None,
            parts: None,
            text: format!("{REFERENCE} {} {} {}", total.date, total.funder, total.product),
        },
        amounts: amounts.into_iter().map(|(name, amount)| (name.to_owned(), amount)).collect(),
        dimensions: dimensions_of(total.funder, &total.product),
        date: total.date,
    });
}

/// Notes the entry of a day's accrual.
pub(super) fn note_entry(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    if !matches!(event.template.as_str(), INTEREST | PENALTY) {
        return Ok(());
    }
    let Some(key) = key_of(&event.reference.text) else { return Ok(()) };
    let Some(mut total) = work.get::<AccrualTotal>(key)? else { return Ok(()) };
    let entry = if event.template == INTEREST { &mut total.interest_entry } else { &mut total.penalty_entry };
    *entry = Some(event.entry);
    work.save(total);
    Ok(())
}

fn key_of(text: &str) -> Option<(Date, PartnerId, String)> {
    let mut words = text.strip_prefix(REFERENCE)?.trim_start().splitn(3, ' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.to_owned()))
}

fn pack(accruals: &[LoanAccrual], bytes: &mut Vec<u8>) {
    let mut before = 0;
    for accrual in accruals {
        let loan = accrual.loan.number();
        let figures = [accrual.receivable, accrual.unearned, accrual.penalty].map(Money::units);
        for number in [loan.wrapping_sub(before)].into_iter().chain(figures) {
            pack_number(number, bytes);
        }
        before = loan;
    }
}

/// Seven bits a byte, low ones first; signs alternate, so that small negative numbers stay short.
fn pack_number(number: i64, bytes: &mut Vec<u8>) {
    let mut rest = (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn unpack_number(bytes: &mut std::slice::Iter<'_, u8>) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()));
        }
    }
    None
}

impl AccrualSegment {
    /// Every loan's figures, by group. Errors: corrupt when the bytes are not those of the groups.
    pub fn accruals(&self) -> Result<Vec<(SegmentGroup, Vec<LoanAccrual>)>, Fault> {
        let corrupt = || Fault::corrupt(format!("segment {} of the close of {} cannot be read", self.page, self.date));
        let mut bytes = self.figures.iter();
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in self.groups.iter() {
            let mut accruals = Vec::new();
            let mut before = 0i64;
            for _ in 0..group.loans {
                let mut next = || unpack_number(&mut bytes).ok_or_else(corrupt);
                before = before.wrapping_add(next()?);
                let mut money = || Ok::<_, Fault>(Money::from_units(next()?, group.currency));
                let (receivable, unearned, penalty) = (money()?, money()?, money()?);
                accruals.push(LoanAccrual { loan: LoanId::from_number(before), receivable, unearned, penalty });
            }
            groups.push((group.clone(), accruals));
        }
        if bytes.next().is_some() {
            return Err(corrupt());
        }
        Ok(groups)
    }
}

/// What a day's accrual is made of: each total, with its loans in order.
#[derive(Clone, Debug, PartialEq)]
pub struct DayAccrual {
    /// What was posted.
    pub total: AccrualTotal,
    /// What each loan earned.
    pub loans: Vec<LoanAccrual>,
}

impl DayAccrual {
    /// Whether the loans' figures sum to the total.
    pub fn adds_up(&self) -> bool {
        let zero = Money::zero(self.total.receivable.currency());
        let mut sum = AccrualTotal { receivable: zero, unearned: zero, penalty: zero, ..self.total.clone() };
        add_up(&mut sum, &self.loans).is_ok() && sum == self.total && self.loans.len() == self.total.loans as usize
    }
}

/// Explains the accrual of a day, loan by loan. Reads committed tables.
///
/// Errors: `Outage` when the database does not answer, `Corrupt` when a segment has no total.
pub fn explain_accrual(reader: &mut dyn Reader, date: Date) -> Result<Vec<DayAccrual>, Fault> {
    let day = [Value::Int(days_of(date))];
    let mut days: BTreeMap<(PartnerId, String), DayAccrual> = BTreeMap::new();
    read_all::<AccrualTotal>(reader, "WHERE date = $1", &day, &mut |total| {
        days.insert((total.funder, total.product.clone()), DayAccrual { total, loans: Vec::new() });
        Ok(())
    })?;
    read_all::<AccrualSegment>(reader, "WHERE date = $1 ORDER BY page", &day, &mut |segment| {
        for (group, accruals) in segment.accruals()? {
            let known = days.get_mut(&(group.funder, group.product));
            let known = known.ok_or_else(|| Fault::corrupt(format!("a segment of {date} has no total")))?;
            known.loans.extend(accruals);
        }
        Ok(())
    })?;
    Ok(days.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_come_back() {
        let numbers = [0, 1, -1, 63, 64, -64, -65, 8_191, 1_000_000, -1_000_000, i64::MAX, i64::MIN];
        let mut bytes = Vec::new();
        numbers.iter().for_each(|number| pack_number(*number, &mut bytes));
        let mut rest = bytes.iter();
        let read: Vec<i64> = numbers.iter().map(|_| unpack_number(&mut rest).unwrap()).collect();
        assert_eq!(read, numbers);
        assert!(rest.next().is_none());
        assert_eq!(unpack_number(&mut [0xff; 3].iter()), None, "cut short");
    }

    #[test]
    fn a_loan_takes_a_few_bytes() {
        let ghs = |units| Money::from_units(units, Currency::GHS);
        let of = |nr| LoanAccrual {
            loan: LoanId::from_number(nr),
            receivable: ghs(8_200),
            unearned: ghs(0),
            penalty: ghs(0),
        };
        let mut bytes = Vec::new();
        pack(&(0..200).map(|nr| of(100_000 + nr * 7)).collect::<Vec<_>>(), &mut bytes);
        assert!(bytes.len() <= 200 * 6 + 3, "{} bytes for 200 loans", bytes.len());
    }

    #[test]
    fn an_accrual_is_found_by_its_reference() {
        let key = key_of("accrual 2026-01-05 par-12 gh-cash").unwrap();
        assert_eq!(key, (Date::constant(2026, 1, 5), PartnerId::from_number(12), "gh-cash".to_owned()));
        assert_eq!(key_of("loan-7 settled"), None);
    }
}
