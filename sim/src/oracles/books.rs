//! Oracles 1 and 2: the ledger in itself, and the ledger against the loan notes.

use sycee_accounting::reports;
use sycee_asset::LoanNote;
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
        let report = reports::verify(writer.reader(), &mut |_| {})?;
        verdict.checked += report.transfers;
        for finding in &report.findings {
            verdict.find(format!("{}: {}", finding.row, finding.what));
        }
        verdict.found = verdict.found.max(report.found);
    }
    Ok(verdict)
}

/// Principal, interest, penalties, advances and credits in the ledger equal the sums over loan notes.
pub(super) fn sub_ledger(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
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
        add("2200".to_owned(), note.surplus, -1);
        Ok(())
    })?;
    let mut books = Sums::new();
    for row in reports::trial_balance(writer.reader(), None)?.rows {
        let key = match row.chart_code() {
            "1200" | "1210" | "2300" => row.code.clone(),
            code @ ("1230" | "2200") => code.to_owned(),
            _ => continue,
        };
        *books.entry(key).or_default() += i128::from(row.balance.units());
    }
    compare(&mut verdict, ("the ledger", &books), ("the loan notes", &notes));
    Ok(verdict)
}
