//! accounting-center: takes ledger events, writes the books, reverses, and keeps count of what should be in them.
//!
//! Invariant: the entry comes first; whoever goes on does so because `accounting-entry-posted` says it is there.
//! Invariant: an entry is reversed at most once, by an entry of opposite lines; nothing is ever changed.
//! Invariant: what a person asks for touches no control account, be it an event, an entry or a reversal.

mod control;
mod reference;

use sycee_contract::{
    AccountingEntryPosted, AccountingEntryReversed, Date, EntryId, Identifier, LedgerEntryAnswer, LedgerReference,
    NOTE_MAX, PostAccountingEntry, PostLedgerEvent, Rejection, ReverseAccountingEntry, TransferLine, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Registry, Work};

pub use self::reference::{read_reference, reference_text};
pub use control::BookControl;

use crate::ledger::{AccountNr, Day, Entry, EntryDraft, Ledger, Line, PostedEntry, Transfer};
use crate::{AccountingRejection, AccountingRules};

/// Template of entries that are posted line by line.
pub const MANUAL: &str = "manual";
/// Template of entries that take another one back.
pub const REVERSAL: &str = "reversal";

/// How long ago the business date of what people post or reverse may be, in days.
const BACKDATED_DAYS_MAX: i64 = 366;

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("accounting-center")
        .resident::<Ledger>()
        .entity::<Entry>()
        .entity::<Transfer>()
        .entity::<BookControl>()
        .handles::<PostLedgerEvent>(post_ledger_event)
        .handles::<PostAccountingEntry>(post_accounting_entry)
        .handles::<ReverseAccountingEntry>(reverse_accounting_entry)
        .emits::<AccountingEntryPosted>()
        .emits::<AccountingEntryReversed>();
    control::register(registry);
}

/// Posts a business event. A person may not when a line touches a control account: nothing happened to what the account
/// sums up. A service that posts in a cascade keeps that itself.
///
/// Errors: `CONTROL_ACCOUNT`, `ACCOUNT_LIMIT_EXCEEDED`, and what the template refuses.
fn post_ledger_event(work: &mut Work, cmd: &PostLedgerEvent) -> Handled<LedgerEntryAnswer> {
    let lines: Vec<TransferLine> = work.consult(cmd)?.into_iter().flat_map(|(_, lines)| lines).collect();
    if work.is_stimulus() {
        let rules = work.config::<AccountingRules>();
        for code in lines.iter().flat_map(|line| [&line.debit, &line.credit]) {
            rules.chart().open_to_people(code)?;
        }
        check_date(work, cmd.date)?;
        lines.iter().try_for_each(crate::accounting_entry_service::check_whole)?;
    }
    let posted = Posting { template: &cmd.template, reference: cmd.reference.clone(), lines, date: cmd.date };
    posted.write(work)
}

/// Posts what people say, line by line.
///
/// Errors: `INVALID_FIELD` for a text or a business date that can't be, and what the lines are refused for.
fn post_accounting_entry(work: &mut Work, cmd: &PostAccountingEntry) -> Handled<LedgerEntryAnswer> {
    check_text("text", &cmd.text, NOTE_MAX, "bank charges of January")?;
    check_date(work, cmd.date)?;
    let lines = work.consult(cmd)?.into_iter().flat_map(|(_, lines)| lines).collect();
    Posting { template: MANUAL, reference: about(cmd.text.clone()), lines, date: cmd.date }.write(work)
}

/// Whether people may post on this business date: it has come, and is not long over.
///
/// Errors: `INVALID_FIELD`.
fn check_date(work: &Work, date: Date) -> Result<(), Rejection> {
    let (today, now) = (work.today(), work.now());
    let earliest = work.market().zone.date_of(now.plus_days(-BACKDATED_DAYS_MAX)).min(today);
    if (earliest..=today).contains(&date) {
        return Ok(());
    }
    Err(Rejection::invalid("date", format!("a business date from {earliest} to today, {today}"), today))
}

/// An entry on its way into the books.
struct Posting<'a> {
    template: &'a str,
    reference: LedgerReference,
    lines: Vec<TransferLine>,
    date: Date,
}

impl Posting<'_> {
    fn write(self, work: &mut Work) -> Handled<LedgerEntryAnswer> {
        let Self { template, reference, lines, date } = self;
        if lines.is_empty() {
            return Err(AccountingRejection::EmptyEntry { what: template.to_owned() }.into());
        }
        let mut numbered = Vec::with_capacity(lines.len());
        for line in &lines {
            let debit = account(work, &line.debit, line.amount)?;
            let credit = account(work, &line.credit, line.amount)?;
            numbered.push(Line { debit, credit, amount: line.amount.units() });
        }
        let text = reference_text(&reference);
        let (day, posted_at) = (Day::from(date), work.now());
        let draft = EntryDraft { lines: &numbered, template, reference: &text, day, posted_at };
        let entry = work.resident::<Ledger>()?.post(draft)?;
        work.emit(AccountingEntryPosted { entry, template: template.to_owned(), reference, lines, date });
        Ok(LedgerEntryAnswer { entry })
    }
}

/// The ledger account with this code; opened on first use as the chart says.
fn account(work: &mut Work, code: &str, amount: Money) -> Handled<AccountNr> {
    if let Some(nr) = work.resident::<Ledger>()?.find(code, amount.currency()) {
        return Ok(nr);
    }
    let spec = work.config::<AccountingRules>().chart().spec(code, amount.currency())?;
    Ok(work.resident::<Ledger>()?.open(spec)?)
}

/// Takes an entry back. A person may not when it touches a control account: the service that keeps what the account sums
/// up would not hear of it. A service that reverses in a cascade puts right what it keeps.
///
/// Errors: `NOT_FOUND`, `CONTROL_ACCOUNT`, `ENTRY_ALREADY_REVERSED`, `ACCOUNT_LIMIT_EXCEEDED`; `INVALID_FIELD` for a text or
/// a business date that can't be.
fn reverse_accounting_entry(work: &mut Work, cmd: &ReverseAccountingEntry) -> Handled<LedgerEntryAnswer> {
    check_text("text", &cmd.text, NOTE_MAX, "booked twice")?;
    check_date(work, cmd.date)?;
    let original = posted_entry(work, cmd.entry)?;
    if work.is_stimulus() {
        check_open_to_people(work, cmd.entry, &original)?;
    }
    let reference = about(format!("{} reversed: {}", cmd.entry, cmd.text));
    let text = reference_text(&reference);
    let draft = EntryDraft::bare(REVERSAL, &text, Day::from(cmd.date), work.now());
    let ledger = work.resident::<Ledger>()?;
    let entry = ledger.reverse(&original, draft)?;
    let lines = original.transfers.iter().rev().filter_map(|transfer| opposite(ledger, transfer)).collect();
    let about_original = read_reference(&original.entry.reference.0);
    let template = REVERSAL.to_owned();
    work.emit(AccountingEntryPosted { entry, template, reference, lines, date: cmd.date });
    work.emit(AccountingEntryReversed { entry, reverses: cmd.entry, reference: about_original, date: cmd.date });
    Ok(LedgerEntryAnswer { entry })
}

fn check_open_to_people(work: &mut Work, entry: EntryId, original: &PostedEntry) -> Handled<()> {
    let rules = work.config::<AccountingRules>();
    let ledger = work.resident::<Ledger>()?;
    for transfer in &original.transfers {
        let sides = [transfer.debit, transfer.credit].map(|nr| ledger.account(nr).map(|account| account.code.clone()));
        for code in sides.into_iter().flatten() {
            if let Some(chart) = rules.chart().of(&code).filter(|chart| chart.control.is_some()) {
                let (name, way) = (chart.name.clone(), way_back(&original.entry.template.0));
                return Err(AccountingRejection::ControlEntry { entry, account: code, name, way }.into());
            }
        }
    }
    Ok(())
}

/// How what a template posted is undone, by who keeps it.
fn way_back(template: &str) -> &'static str {
    match template {
        "funds-arrived" => "give the money back with return-funds",
        "funds-returned" => "bring the money in again with confirm-fund-arrival",
        "unmatched-receipt" => "end the suspense with resolve-suspense",
        "stray-payout" => "tell what came back with recover-stray-payout, what is lost with write-off-stray-payout",
        "stray-payout-written-off" => "tell what came back of it with recover-stray-payout",
        "loan-disbursed" => "the borrower cancels or settles the loan with create-repayment-order",
        "repayment-received" => {
            "a credit is paid back with resolve-suspense, money on the loan stays there until reversals are replayed on it"
        }
        _ => "no command undoes it yet: reversals that are replayed on what services keep come with loan servicing",
    }
}

/// The entry, from the ledger's memory while it may not be in the tables, else from them.
fn posted_entry(work: &mut Work, id: EntryId) -> Handled<PostedEntry> {
    let ledger = work.resident::<Ledger>()?;
    if id.number() < 1 || ledger.last_entry().is_none_or(|last| id > last) {
        return Err(Rejection::not_found("ledger entry", id).into());
    }
    if let Some(recent) = ledger.recent_entry(id) {
        return Ok(recent);
    }
    let entry: Entry = work.require(id.number())?;
    let mut transfers = Vec::new();
    for nr in entry.first_transfer..entry.first_transfer + entry.transfer_count {
        transfers.push(work.require::<Transfer>(nr)?);
    }
    Ok(PostedEntry { entry, transfers })
}

fn opposite(ledger: &Ledger, transfer: &Transfer) -> Option<TransferLine> {
    let (debit, credit) = (ledger.account(transfer.credit)?, ledger.account(transfer.debit)?);
    let amount = Money::from_units(transfer.amount, debit.currency);
    Some(TransferLine { debit: debit.code.clone(), credit: credit.code.clone(), amount })
}

/// A reference that only says something.
fn about(text: String) -> LedgerReference {
    LedgerReference { loan: None, order: None, repayment: None, parts: None, text }
}
