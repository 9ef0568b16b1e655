//! Accounting domain: ledger events in, entries out.

use std::collections::BTreeMap;

use sycee_money::Money;

use crate::message::{commands, events};
use crate::messages::part;
use crate::{Date, EntryId, LoanId, PostingParts, RepaymentKind, RepaymentOrderId};

part! { /// One line of an entry: money from the debited to the credited account.
struct TransferLine { /// Debited account, such as `1100 cash|own-funds`.
    debit: String, /// Credited account.
    credit: String, /// How much, more than zero.
    amount: Money, } }

part! { /// What an entry is about, for those who go on when it is posted.
struct LedgerReference { /// The loan.
    loan: Option<LoanId>, /// The repayment order.
    order: Option<RepaymentOrderId>, /// What a repayment is for.
    repayment: Option<RepaymentKind>, /// How a repayment is split.
    parts: Option<PostingParts>, /// What else identifies the source: payment reference, page of a close.
    text: String, } }

part! { /// What post-ledger-event answers.
struct LedgerEntryAnswer { /// The entry.
    entry: EntryId, } }

commands! {
    /// Posts a business event to the books by its entry template.
    "post-ledger-event" PostLedgerEvent -> LedgerEntryAnswer {
        owner: "accounting-center", nature: Request,
        participants: ["accounting-entry-service"] => Vec<TransferLine>,
        errors: ["TEMPLATE_NOT_FOUND", "ENTRY_UNBALANCED", "ACCOUNT_LIMIT_EXCEEDED", "CONTROL_ACCOUNT", "EMPTY_ENTRY"],
        undo: by "reverse-accounting-entry",
    } fields {
        /// Template, such as `loan-disbursed`.
        template: String,
        /// What it is about.
        reference: LedgerReference,
        /// Amounts by the template's names; zero amounts give no line.
        amounts: BTreeMap<String, Money>,
        /// Dimensions of the accounts, such as `funder` = `own-funds`.
        dimensions: BTreeMap<String, String>,
        /// Business date.
        date: Date,
    }

    /// Posts lines as they are: adjustments and corrections, on accounts that no service keeps.
    "post-accounting-entry" PostAccountingEntry -> LedgerEntryAnswer {
        owner: "accounting-center", nature: Request,
        participants: ["accounting-entry-service"] => Vec<TransferLine>,
        errors: ["ACCOUNT_UNKNOWN", "ACCOUNT_LIMIT_EXCEEDED", "CONTROL_ACCOUNT", "EMPTY_ENTRY"],
        undo: by "reverse-accounting-entry",
    } fields {
        /// The lines.
        lines: Vec<TransferLine>,
        /// Why.
        text: String,
        /// Business date.
        date: Date,
    }

    /// Reverses an entry by an entry of opposite lines; once. By hand, only what touches no account that a service keeps.
    "reverse-accounting-entry" ReverseAccountingEntry -> LedgerEntryAnswer {
        owner: "accounting-center", nature: Request,
        errors: ["ENTRY_ALREADY_REVERSED", "ACCOUNT_LIMIT_EXCEEDED", "CONTROL_ACCOUNT"],
        undo: none "a reversal taken back is the entry posted again",
    } fields {
        /// The entry.
        entry: EntryId,
        /// Why.
        text: String,
        /// Business date.
        date: Date,
    }
}

events! {
    /// An entry is in the books.
    "accounting-entry-posted" AccountingEntryPosted { producers: ["accounting-center"] } fields {
        /// The entry.
        entry: EntryId,
        /// Template; `manual` for lines posted as they are.
        template: String,
        /// What it is about.
        reference: LedgerReference,
        /// The lines.
        lines: Vec<TransferLine>,
        /// Business date.
        date: Date,
    }

    /// An entry was reversed.
    "accounting-entry-reversed" AccountingEntryReversed { producers: ["accounting-center"] } fields {
        /// The reversal.
        entry: EntryId,
        /// The entry it reverses.
        reverses: EntryId,
        /// What the reversed entry was about.
        reference: LedgerReference,
        /// Business date.
        date: Date,
    }
}
