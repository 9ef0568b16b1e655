//! accounting-entry-service: makes lines out of events by template, checks manual lines, audits what was posted.
//!
//! Invariant: a line that leaves this service names accounts of the chart and moves an amount above zero.
//! Invariant: a manual line touches no control account, and moves whole minor units.

use sycee_contract::{
    AccountingEntryPosted, Date, EntryId, LINE_MAX, PostAccountingEntry, PostLedgerEvent, Rejection, TransferLine,
    check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Registry, Work, entity};

use crate::{AccountingRejection, AccountingRules};

/// Most lines of an entry that a person posts.
const LINES_MAX: usize = 100;

entity! {
    /// What was posted by a template on a business date.
    pub struct EntryAudit in "accounting_entry_audit" of "accounting-entry-service" key (date, template): (Date, String) {
        /// Business date.
        date: Date,
        /// Template.
        template: String,
        /// Entries.
        entries: i64,
        /// Lines.
        lines: i64,
        /// First entry.
        first: EntryId,
        /// Last entry.
        last: EntryId,
        /// Lines that the chart or the ledger's rules don't allow: zero, or something is broken.
        findings: i64,
    }
}

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("accounting-entry-service")
        .entity::<EntryAudit>()
        .participates::<PostLedgerEvent>(lines_of_event)
        .participates::<PostAccountingEntry>(lines_of_entry)
        .on::<AccountingEntryPosted>(audit);
}

fn lines_of_event(work: &mut Work, cmd: &PostLedgerEvent, _: &[Vec<TransferLine>]) -> Handled<Vec<TransferLine>> {
    let rules = work.config::<AccountingRules>();
    Ok(rules.lines(&cmd.template, cmd.date, &cmd.amounts, &cmd.dimensions)?)
}

fn lines_of_entry(work: &mut Work, cmd: &PostAccountingEntry, _: &[Vec<TransferLine>]) -> Handled<Vec<TransferLine>> {
    if cmd.lines.is_empty() {
        return Err(AccountingRejection::EmptyEntry { what: "a manual entry".to_owned() }.into());
    }
    if cmd.lines.len() > LINES_MAX {
        let rule = format!("at most {LINES_MAX} lines an entry");
        return Err(Rejection::invalid("lines", rule, "several entries").into());
    }
    let rules = work.config::<AccountingRules>();
    for line in &cmd.lines {
        check_text("lines.debit", &line.debit, LINE_MAX, "5300")?;
        check_text("lines.credit", &line.credit, LINE_MAX, "1150")?;
        check_line(&rules, line)?;
    }
    Ok(cmd.lines.clone())
}

fn check_line(rules: &AccountingRules, line: &TransferLine) -> Result<(), AccountingRejection> {
    for code in [&line.debit, &line.credit] {
        rules.chart().spec(code, line.amount.currency())?;
        rules.chart().open_to_people(code)?;
    }
    check_whole(line)
}

/// Whether people may post the line's amount: more than zero, in whole minor units.
///
/// Errors: `LineAmount`.
pub(crate) fn check_whole(line: &TransferLine) -> Result<(), AccountingRejection> {
    if line.amount.is_positive() && line.amount.is_whole_minor() {
        return Ok(());
    }
    let example = Money::from_units(1_000_000, line.amount.currency());
    Err(AccountingRejection::LineAmount { given: line.amount, example })
}

fn audit(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    let rules = work.config::<AccountingRules>();
    let audit = work.get::<EntryAudit>((event.date, event.template.clone()))?;
    let mut audit = audit.unwrap_or_else(|| EntryAudit {
        date: event.date,
        template: event.template.clone(),
        entries: 0,
        lines: 0,
        first: event.entry,
        last: event.entry,
        findings: 0,
    });
    audit.entries += 1;
    audit.lines += event.lines.len() as i64;
    audit.last = event.entry;
    let allowed = |line: &TransferLine| {
        line.amount.is_positive() && rules.chart().allows(&line.debit) && rules.chart().allows(&line.credit)
    };
    audit.findings += event.lines.iter().filter(|line| !allowed(line)).count() as i64;
    work.save(audit);
    Ok(())
}
