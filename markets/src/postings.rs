//! What services post to the books, by name: an event's template, its amounts and its dimensions.
//!
//! The names stand in the code of the services, the templates in the files of a market. What no template takes is refused
//! by the books when the money has moved, so a market whose templates do not fit does not open. The names below repeat those
//! of the services, which a market cannot reach; a test compares the two.
//!
//! Invariant: in a market that opens, every event of a service has a template from the first day of sale on, and every
//! version of it posts each part of the event by a line. Every other template is one that people can post.

use std::collections::{BTreeMap, BTreeSet};

use sycee_accounting::rules::{Chart, Template};
use sycee_contract::Date;
use sycee_money::{Currency, Money};

use crate::files::{MarketError, wrong};

/// What services send for one kind of business event.
struct Posting {
    /// Its template.
    template: &'static str,
    /// The amount that is sent as the sum of parts, and these parts.
    total: Option<(&'static str, &'static [&'static str])>,
    /// Amounts besides.
    others: &'static [&'static str],
    /// Whether amounts may be below zero.
    is_signed: bool,
    /// Dimensions that are sent along.
    dimensions: &'static [&'static str],
}

const FUNDER: &[&str] = &["funder"];
const LOAN: &[&str] = &["funder", "product"];
const CAPITAL: &[&str] = &["borrowed", "own"];
const PAID_OUT: &[&str] = &["net", "upfront-fee"];
const HELD: &[&str] = &["unmatched", "credit"];
/// What a borrower pays with money: `PostingParts::paid`.
const PAID: &[&str] = &["principal", "interest", "interest-advance", "fee", "penalty", "surplus"];

/// An event of one amount, of a funder.
const fn single(template: &'static str) -> Posting {
    Posting { template, total: None, others: &["amount"], is_signed: false, dimensions: FUNDER }
}

/// An event of a funder, whose amount is the sum of `parts`.
const fn split(template: &'static str, parts: &'static [&'static str]) -> Posting {
    Posting { template, total: Some(("amount", parts)), others: &[], is_signed: false, dimensions: FUNDER }
}

/// Money of a loan.
const fn repaid(template: &'static str, others: &'static [&'static str]) -> Posting {
    Posting { template, total: Some(("amount", PAID)), others, is_signed: false, dimensions: LOAN }
}

/// What is earned of loans, or corrected.
const fn earned(template: &'static str, others: &'static [&'static str]) -> Posting {
    Posting { template, total: None, others, is_signed: true, dimensions: LOAN }
}

/// Every event that services post.
const POSTINGS: &[Posting] = &[
    split("funds-arrived", CAPITAL),
    split("funds-returned", CAPITAL),
    earned("interest-accrued", &["interest-receivable", "interest-unearned"]),
    repaid("loan-cancelled", &["interest-refund", "fee-refund", "interest-waived"]),
    Posting {
        template: "loan-disbursed",
        total: Some(("principal", PAID_OUT)),
        others: &[],
        is_signed: false,
        dimensions: LOAN,
    },
    earned("penalty-accrued", &["penalty"]),
    repaid("repayment-received", &["interest-refund"]),
    single("stray-payout"),
    single("stray-payout-recovered"),
    Posting {
        template: "stray-payout-written-off",
        total: None,
        others: &["amount"],
        is_signed: true,
        dimensions: FUNDER,
    },
    split("suspense-paid-back", HELD),
    split("suspense-rematched", HELD),
    single("unmatched-receipt"),
];

/// Whether the templates, by file, take what services post from `first_sale` on.
///
/// Errors: the file that is missing, or what in it services do not send as it stands there.
pub(crate) fn check(
    templates: &[(String, Template)],
    chart: &Chart,
    currency: Currency,
    first_sale: Option<Date>,
) -> Result<(), MarketError> {
    for (file, template) in templates {
        let posting = POSTINGS.iter().find(|posting| posting.template == template.name);
        posting
            .map_or_else(|| check_open(template, chart), |posting| posting.check(template, chart, currency))
            .map_err(|what| wrong(file, what))?;
    }
    POSTINGS.iter().try_for_each(|posting| posting.check_first(templates, first_sale))
}

/// Whether people can post a template that no service posts.
fn check_open(template: &Template, chart: &Chart) -> Result<(), String> {
    let named = template.lines.iter().flat_map(|line| [&line.debit, &line.credit]);
    match named.filter_map(|name| chart.named(name)).find(|account| account.control.is_some()) {
        Some(account) => {
            let known: Vec<&str> = POSTINGS.iter().map(|posting| posting.template).collect();
            let (name, closed, known) = (&template.name, &account.name, known.join(", "));
            Err(format!("template: no service posts {name}, and people may not post to {closed}; write one of {known}"))
        }
        None => Ok(()),
    }
}

impl Posting {
    /// Amounts that lines post.
    fn parts(&self) -> impl Iterator<Item = &'static str> {
        let of_total = self.total.map(|(_, parts)| parts).unwrap_or_default();
        of_total.iter().chain(self.others).copied()
    }

    fn part_names(&self) -> String {
        self.parts().collect::<Vec<_>>().join(", ")
    }

    /// Whether there is a version of the template on the first day of sale.
    fn check_first(&self, templates: &[(String, Template)], first_sale: Option<Date>) -> Result<(), MarketError> {
        let versions = templates.iter().filter(|(_, template)| template.name == self.template);
        let Some((file, first)) = versions.min_by_key(|(_, template)| template.effective_from) else {
            let (name, parts) = (self.template, self.part_names());
            let text = format!("the file is missing: services post {name} with {parts}; copy it from markets/gh");
            return Err(wrong(&format!("templates/{name}.yaml"), text));
        };
        match first_sale {
            Some(day) if first.effective_from > day => {
                let given = first.effective_from;
                let way = "write that day or an earlier one, or keep the version before in a file beside it";
                Err(wrong(file, format!("effective_from: {given} is after {day}, the first day of sale; {way}")))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, template: &Template, chart: &Chart, currency: Currency) -> Result<(), String> {
        if let Some((total, parts)) = self.total {
            let wanted: BTreeSet<&str> = parts.iter().copied().collect();
            let given = template.totals.get(total).into_iter().flatten().map(String::as_str).collect::<BTreeSet<_>>();
            if wanted != given {
                let parts = parts.join(", ");
                return Err(format!(
                    "totals: services send amount {total}, the sum of {parts}; write {total}: [{parts}]"
                ));
            }
        }
        if let Some(line) = template.lines.iter().find(|line| self.parts().all(|part| part != line.amount)) {
            let (given, parts) = (&line.amount, self.part_names());
            return Err(format!("lines: no service sends amount {given} to be posted; write one of {parts}"));
        }
        self.parts().try_for_each(|part| self.check_part(part, template, chart, currency))
    }

    fn check_part(
        &self,
        part: &'static str,
        template: &Template,
        chart: &Chart,
        currency: Currency,
    ) -> Result<(), String> {
        let mut lines = template.lines.iter().filter(|line| line.amount == part).peekable();
        if lines.peek().is_none() {
            let example = format!("{{ debit: …, credit: …, amount: {part} }}");
            return Err(format!("lines: no line takes amount {part}, which services send; for example {example}"));
        }
        if self.is_signed && lines.any(|line| !line.signed) {
            return Err(format!("lines: amount {part} may be below zero; write signed: true"));
        }
        let one = Money::from_units(1, currency);
        let total = self.total.filter(|(_, parts)| parts.contains(&part)).map(|(total, _)| total);
        let amounts: BTreeMap<String, Money> =
            std::iter::once(part).chain(total).map(|name| (name.to_owned(), one)).collect();
        let dimensions: BTreeMap<String, String> =
            self.dimensions.iter().map(|name| ((*name).to_owned(), "any".to_owned())).collect();
        template.lines(chart, &amounts, &dimensions).map(|_| ()).map_err(|error| {
            let sent = self.dimensions.join(" and ");
            format!("lines: services send {sent} with amount {part}, and the books would refuse it: {error}")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::MarketFiles;
    use sycee_contract::PostingParts;

    const ACCRUAL: &str = "asset/src/asset_center/accrual.rs";
    const ASSET_POSTING: &str = "asset/src/asset_center/posting.rs";
    const FUNDS: &str = "funds/src/fund_management_system/mod.rs";
    const RETURNS: &str = "funds/src/fund_management_system/returns.rs";
    const STRAY: &str = "funds/src/fund_management_system/stray.rs";
    const SUSPENSE: &str = "funds/src/fund_management_system/suspense.rs";
    const PARTNER: &str = "partner/src/partner_hub/repayments.rs";
    const BOOKING: &str = "transaction/src/loan_engine/booking.rs";
    const RECEIPT: &str = "transaction/src/repayment_engine/receipt.rs";

    /// The templates that files under `domains` post by.
    const TEMPLATES: &[(&str, &[&str])] = &[
        (ACCRUAL, &["interest-accrued", "penalty-accrued"]),
        (ASSET_POSTING, &["interest-accrued", "penalty-accrued"]),
        (FUNDS, &["funds-arrived"]),
        (RETURNS, &["funds-returned"]),
        (STRAY, &["stray-payout", "stray-payout-recovered", "stray-payout-written-off"]),
        (SUSPENSE, &["suspense-paid-back", "suspense-rematched"]),
        (PARTNER, &["unmatched-receipt"]),
        (BOOKING, &["loan-disbursed"]),
        (RECEIPT, &["repayment-received", "loan-cancelled", "unmatched-receipt"]),
    ];

    /// The amounts of templates that such files name. The parts of a repayment are named by `PostingParts`, which tests below
    /// compare.
    const AMOUNTS: &[(&str, &[&str], &[&str])] = &[
        (ACCRUAL, &["interest-accrued"], &["interest-receivable", "interest-unearned"]),
        (ACCRUAL, &["penalty-accrued"], &["penalty"]),
        (ASSET_POSTING, &["interest-accrued"], &["interest-receivable", "interest-unearned"]),
        (ASSET_POSTING, &["penalty-accrued"], &["penalty"]),
        (RETURNS, &["funds-arrived", "funds-returned"], &["amount", "borrowed", "own"]),
        (STRAY, &["stray-payout", "stray-payout-recovered", "stray-payout-written-off"], &["amount"]),
        (SUSPENSE, &["suspense-paid-back", "suspense-rematched"], &["amount", "credit", "unmatched"]),
        (PARTNER, &["unmatched-receipt"], &["amount"]),
        (BOOKING, &["loan-disbursed"], &["net", "principal", "upfront-fee"]),
        (RECEIPT, &["unmatched-receipt"], &["amount"]),
    ];

    fn domains() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../domains")
    }

    /// The code of a file, without its comments and its tests.
    fn code(file: &Path) -> String {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// The files of a folder and the folders in it that construct what is posted, from `domains` on.
    fn posting_files(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                posting_files(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") && code(&path).contains("PostLedgerEvent {") {
                found.insert(path.strip_prefix(domains()).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn services_post_by_the_names_that_stand_here() {
        let of_amounts = AMOUNTS.iter().map(|(file, _, amounts)| (*file, *amounts));
        for (file, names) in TEMPLATES.iter().copied().chain(of_amounts) {
            let code = code(&domains().join(file));
            for name in names {
                assert!(code.contains(&format!("\"{name}\"")), "domains/{file} posts no {name}: correct the name here");
            }
        }
        let named: BTreeSet<&str> = TEMPLATES.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let posted: BTreeSet<&str> = POSTINGS.iter().map(|posting| posting.template).collect();
        assert_eq!(named, posted);
        for posting in POSTINGS.iter().filter(|posting| posting.total.is_none_or(|(_, parts)| parts != PAID)) {
            let of_it = AMOUNTS.iter().filter(|(_, templates, _)| templates.contains(&posting.template));
            let named: BTreeSet<&str> = of_it.flat_map(|(_, _, amounts)| amounts.iter().copied()).collect();
            let posted: BTreeSet<&str> = posting.parts().chain(posting.total.map(|(total, _)| total)).collect();
            assert_eq!(named, posted, "{}", posting.template);
        }
    }

    #[test]
    fn every_file_that_posts_is_compared() {
        let mut found = BTreeSet::new();
        for domain in std::fs::read_dir(domains()).unwrap().map(Result::unwrap) {
            posting_files(&domain.path().join("src"), &mut found);
        }
        let compared: BTreeSet<String> = TEMPLATES.iter().map(|(file, _)| (*file).to_owned()).collect();
        let missing: Vec<&String> = found.difference(&compared).collect();
        assert!(found.len() > 5 && missing.is_empty(), "{missing:?} post and are not compared");
    }

    #[test]
    fn every_event_has_a_template_in_the_built_in_market() {
        let files = MarketFiles::ghana();
        let names = files.versions().filter_map(|(path, _)| path.strip_prefix("templates/")?.strip_suffix(".yaml"));
        let mut posted: Vec<&str> = POSTINGS.iter().map(|posting| posting.template).collect();
        posted.sort_unstable();
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        assert_eq!(posted, names);
    }

    #[test]
    fn a_cancellation_takes_every_part_of_a_repayment() {
        let sent = PostingParts::nothing(Currency::GHS).ledger_amounts().unwrap();
        let sent: BTreeSet<&str> = sent.keys().map(String::as_str).collect();
        let cancelled = POSTINGS.iter().find(|posting| posting.template == "loan-cancelled").unwrap();
        let taken: BTreeSet<&str> = cancelled.parts().chain(cancelled.total.map(|(total, _)| total)).collect();
        assert_eq!(taken, sent);
    }

    #[test]
    fn what_is_paid_is_the_sum_of_its_parts() {
        let one = Money::from_units(1, Currency::GHS);
        let mut parts = PostingParts::nothing(Currency::GHS);
        let paid = [
            &mut parts.principal,
            &mut parts.interest,
            &mut parts.interest_advance,
            &mut parts.fee,
            &mut parts.penalty,
            &mut parts.surplus,
        ];
        for part in paid {
            *part = one;
        }
        let mut amounts = parts.ledger_amounts().unwrap();
        let total = amounts.remove("amount").unwrap();
        amounts.retain(|_, amount| !amount.is_zero());
        let given: BTreeSet<&str> = amounts.keys().map(String::as_str).collect();
        assert_eq!(given, PAID.iter().copied().collect::<BTreeSet<&str>>());
        assert_eq!(Money::sum(Currency::GHS, amounts.into_values()).unwrap(), total);
    }
}
