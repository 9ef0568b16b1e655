//! Oracles 1 and 2: the ledger in itself, and the ledger against the loan notes, accruals against their loans.

use std::collections::BTreeMap;

use sycee_accounting::accounting_center::BookControl;
use sycee_accounting::accounting_entry_service::EntryAudit;
use sycee_accounting::accounting_reconciliation_service::ControlTotal;
use sycee_accounting::reports;
use sycee_asset::{AccrualSegment, AccrualTotal, AssetClose, LoanNote, NoteStatus};
use sycee_contract::{Date, PartnerId};
use sycee_money::Money;
use sycee_runtime::{Fault, MarketWriter};

use super::{Sums, Verdict, compare};

/// Debits equal credits, per entry, per currency, in total; every chain unbroken; the hash chain verifies.
pub(super) fn ledger(writer: &mut MarketWriter, whole: bool) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(1, "debits equal credits, chains and hashes are unbroken");
    let trial = reports::trial_balance(writer.reader(), None)?;
    for (currency, (debits, credits)) in trial.totals() {
        verdict.check(debits == credits, || format!("{currency}: debits {debits}, credits {credits} (units)"));
    }
    if whole {
        controls(writer, &mut verdict)?;
        let report = reports::verify(writer.reader(), &mut |_| {})?;
        verdict.checked += report.transfers;
        for finding in &report.findings {
            verdict.find(format!("{}: {}", finding.row, finding.what));
        }
        verdict.found = verdict.found.max(report.found);
    }
    Ok(verdict)
}

/// Principal, interest, penalties, advances, credits and income in the ledger equal the sums over loan notes, less what a
/// close under way has not posted yet. `whole` sums the accruals of every day, loan by loan.
pub(super) fn sub_ledger(writer: &mut MarketWriter, whole: bool) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(2, "sub-ledger equals general ledger");
    let mut notes = Sums::new();
    writer.scan::<LoanNote>(&mut |note| {
        let by_product = |code: &str| format!("{code}|{}|{}", note.funder, note.product);
        let broken = |error| Fault::corrupt(format!("note {}: {error}", note.loan));
        let mut add = |key: String, amount: Money, sign: i128| {
            *notes.entry(key).or_default() += i128::from(amount.units()) * sign;
        };
        add(by_product("1200"), note.principal_outstanding, 1);
        add(by_product("1210"), note.interest_receivable().map_err(broken)?, 1);
        add(by_product("2300"), note.interest_unearned().map_err(broken)?, -1);
        add("1230".to_owned(), note.penalty_receivable().map_err(broken)?, 1);
        add(by_product("4100"), note.interest_accrued, -1);
        add("4300".to_owned(), note.penalty_accrued, -1);
        add("4200".to_owned(), note.fee_paid, -1);
        if note.status != NoteStatus::Cancelled {
            add("4200".to_owned(), note.upfront_fee, -1);
        }
        add(format!("2200|{}", note.funder), note.surplus, -1);
        Ok(())
    })?;
    let totals = accrual_totals(writer, &mut notes, &mut verdict)?;
    if whole {
        segments(writer, totals, &mut verdict)?;
    }
    let mut books = Sums::new();
    for row in reports::trial_balance(writer.reader(), None)?.rows {
        let key = match row.chart_code() {
            "1200" | "1210" | "2200" | "2300" | "4100" => row.code.clone(),
            code @ ("1230" | "4200" | "4300") => code.to_owned(),
            _ => continue,
        };
        *books.entry(key).or_default() += i128::from(row.balance.units());
    }
    compare(&mut verdict, ("the ledger", &books), ("the loan notes", &notes));
    Ok(verdict)
}

/// The accruals of every day by day, funder and product: interest owed, interest paid before, penalties, loans.
type DaySums = BTreeMap<String, [i128; 4]>;

/// Reads the totals of all days, and takes what is not posted yet off what the books should have: only the day that is
/// being closed may have such a total.
fn accrual_totals(writer: &mut MarketWriter, notes: &mut Sums, verdict: &mut Verdict) -> Result<DaySums, Fault> {
    let mut closing = None;
    writer.scan::<AssetClose>(&mut |close| {
        closing = close.closing;
        Ok(())
    })?;
    let mut days = DaySums::new();
    writer.scan::<AccrualTotal>(&mut |total| {
        let units = |amount: Money| i128::from(amount.units());
        let (receivable, unearned, penalty) = (units(total.receivable), units(total.unearned), units(total.penalty));
        if !total.posted {
            verdict.check(closing == Some(total.date), || {
                format!("accrual {} {} {} was never posted", total.date, total.funder, total.product)
            });
            let of = |code: &str| format!("{code}|{}|{}", total.funder, total.product);
            for (key, by) in [
                (of("1210"), -receivable),
                (of("2300"), -unearned),
                (of("4100"), receivable + unearned),
                ("1230".to_owned(), -penalty),
                ("4300".to_owned(), penalty),
            ] {
                *notes.entry(key).or_default() += by;
            }
        }
        days.insert(
            day_key(total.date, total.funder, &total.product),
            [receivable, unearned, penalty, total.loans.into()],
        );
        Ok(())
    })?;
    Ok(days)
}

fn day_key(date: Date, funder: PartnerId, product: &str) -> String {
    format!("accrual {date} {funder} {product}")
}

/// What loans earned on a day is what the day's total says.
fn segments(writer: &mut MarketWriter, mut totals: DaySums, verdict: &mut Verdict) -> Result<(), Fault> {
    writer.scan::<AccrualSegment>(&mut |segment| {
        for (group, accruals) in segment.accruals()? {
            let key = day_key(segment.date, group.funder, &group.product);
            let left = totals.entry(key).or_default();
            for accrual in accruals {
                let figures = [accrual.receivable, accrual.unearned, accrual.penalty].map(|it| i128::from(it.units()));
                for (left, figure) in left.iter_mut().zip(figures.into_iter().chain([1])) {
                    *left -= figure;
                }
            }
        }
        Ok(())
    })?;
    for (key, left) in totals {
        verdict.check(left == [0; 4], || format!("{key}: loans and total differ by {left:?} (units, loans)"));
    }
    Ok(())
}

/// Templates of which those who cause them keep count, and whether the amounts must agree as well: an entry that gives
/// something up moves more than was paid.
const COUNTED: [(&str, bool); 5] = [
    ("funds-arrived", true),
    ("funds-returned", true),
    ("loan-disbursed", true),
    ("repayment-received", false),
    ("loan-cancelled", false),
];

/// What those who caused entries counted is what was posted, day by day; no entry is missing, no line is not allowed.
fn controls(writer: &mut MarketWriter, verdict: &mut Verdict) -> Result<(), Fault> {
    let (mut caused, mut posted) = (Sums::new(), Sums::new());
    let count = |sums: &mut Sums, date: Date, what: &str, entries: i64, amount: Money| {
        let Some((_, in_money)) = COUNTED.iter().find(|(template, _)| *template == what) else { return };
        let key = format!("{what} on {date} in {}", amount.currency());
        if *in_money {
            *sums.entry(format!("amount of {key}")).or_default() += i128::from(amount.units());
        }
        *sums.entry(format!("entries of {key}")).or_default() += i128::from(entries);
    };
    writer.scan::<BookControl>(&mut |control| {
        verdict.check(control.missing == 0, || {
            format!("{} on {}: {} are missing", control.what, control.date, control.missing)
        });
        count(&mut caused, control.date, &control.what, control.count, control.amount);
        Ok(())
    })?;
    writer.scan::<ControlTotal>(&mut |total| {
        count(&mut posted, total.date, &total.template, total.entries, total.amount);
        Ok(())
    })?;
    compare(verdict, ("the books", &posted), ("those who caused them", &caused));
    writer.scan::<EntryAudit>(&mut |audit| {
        verdict.check(audit.findings == 0, || {
            format!("{} lines of {} on {} are not allowed", audit.findings, audit.template, audit.date)
        });
        Ok(())
    })
}
