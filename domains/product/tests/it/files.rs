//! Product files: what is refused, and by which field.

use std::collections::BTreeMap;

use sycee_product::{check_terms, load_product};

use crate::{CASH, EQUAL_PRINCIPAL, INSTALLMENT, product};

#[test]
fn the_products_of_the_market_load() {
    for (yaml, code, terms) in
        [(INSTALLMENT, "gh-installment", 11), (EQUAL_PRINCIPAL, "gh-equal-principal", 11), (CASH, "gh-cash", 2)]
    {
        let command = product(yaml);
        assert_eq!((command.terms.product.as_str(), command.terms.version), (code, 1));
        assert_eq!(command.terms.terms.len(), terms);
        assert!(command.funders.is_empty());
        assert_eq!(check_terms(&command.terms), Ok(()));
    }
}

#[test]
fn funders_are_read() {
    let yaml = format!("{INSTALLMENT}\nfunders: [own-funds, big-bank]\n");
    assert_eq!(product(&yaml).funders, ["own-funds", "big-bank"]);
    let wrong = load_product(&format!("{INSTALLMENT}\nfunders: own-funds\n")).unwrap_err();
    assert_eq!(wrong.field, "funders");
    for (funders, good) in [
        (vec!["f".repeat(80); 100], true),
        (vec!["f".to_owned(); 101], false),
        (vec!["f".repeat(81)], false),
        (vec![String::new()], false),
    ] {
        let read = load_product(&format!("{INSTALLMENT}\nfunders: {funders:?}\n"));
        assert_eq!(read.is_ok(), good);
        assert!(read.err().is_none_or(|error| error.field == "funders"));
    }
}

#[test]
fn names_have_an_end() {
    let names = |count: usize| -> BTreeMap<String, String> {
        let others = (1..count).map(|nr| (format!("x-{nr}"), "a".repeat(80)));
        others.chain([("en".to_owned(), "Cash loan".to_owned())]).collect()
    };
    let with = |language: &str, name: &str| -> BTreeMap<String, String> {
        names(1).into_iter().chain([(language.to_owned(), name.to_owned())]).collect()
    };
    for (names, good) in [
        (names(20), true),
        (names(21), false),
        (with("zh", &"\u{963f}".repeat(80)), true),
        (with("zh", &"\u{963f}".repeat(81)), false),
        (with("zh", " "), false),
        (with("", "Cash loan"), false),
        (with(&"z".repeat(36), "Cash loan"), false),
    ] {
        let mut terms = product(CASH).terms;
        terms.names = names;
        let checked = check_terms(&terms);
        assert_eq!(checked.is_ok(), good);
        assert!(checked.err().is_none_or(|error| error.field == "names"));
    }
}

/// A line of the file, what replaces it, and the field that is named.
#[test]
fn a_file_is_refused_by_the_field_that_is_wrong() {
    for (line, instead, field) in [
        ("version: 1", "", "version"),
        ("version: 1", "version: 0", "version"),
        ("version: 1", "version: one", "version"),
        ("version: 1", "version: 1\ncolour: red", "colour"),
        ("product: gh-installment", "product: GH Installment", "product"),
        ("  en: Installment loan\n", "", "names"),
        ("country: GH", "country: Ghana", "country"),
        ("currency: GHS", "currency: XXX", "currency"),
        ("currency: GHS", "currency: USD", "amountMin"),
        ("amountMin: {amount: \"100.00\", currency: GHS}", "amountMin: {amount: \"0.00\", currency: GHS}", "amountMin"),
        (
            "amountMin: {amount: \"100.00\", currency: GHS}",
            "amountMin: {amount: \"0.001\", currency: GHS}",
            "amountMin",
        ),
        (
            "amountMin: {amount: \"100.00\", currency: GHS}",
            "amountMin: {amount: \"30000\", currency: GHS}",
            "amountMax",
        ),
        ("amountMin: {amount: \"100.00\", currency: GHS}", "amountMin: 100.00", "amountMin"),
        ("[3, 6, 9, 12, 15, 18, 24, 30, 36, 48, 60]", "[]", "terms"),
        ("[3, 6, 9, 12, 15, 18, 24, 30, 36, 48, 60]", "[6, 3]", "terms"),
        ("[3, 6, 9, 12, 15, 18, 24, 30, 36, 48, 60]", "[0]", "terms"),
        ("every: 1", "every: 0", "every"),
        ("unit: month", "unit: fortnight", "unit"),
        ("method: equal-installments", "method: annuity", "method"),
        ("annualRate: \"0.30\"", "annualRate: 0.30", "annualRate"),
        ("annualRate: \"0.30\"", "annualRate: \"30\"", "annualRate"),
        ("annualRate: \"0.30\"", "annualRate: \"-0.30\"", "annualRate"),
        ("dayCount: 30/360", "dayCount: 30E/360", "dayCount"),
        ("rounding: half-even", "rounding: nearest", "rounding"),
        ("upfrontFee: \"0.03\"", "upfrontFee: \"0.51\"", "upfrontFee"),
        ("penaltyRate: \"0.36\"", "penaltyRate: \"-1\"", "penaltyRate"),
        ("coolingOffDays: 7", "coolingOffDays: 91", "coolingOffDays"),
        ("settlementInterest: to-the-day", "settlementInterest: none", "settlementInterest"),
        ("[penalty, fee, interest, principal]", "[penalty, fee, interest]", "allocation"),
        ("[penalty, fee, interest, principal]", "[fee, fee, interest, principal]", "allocation"),
        ("contractTemplate: loan-agreement", "contractTemplate: \"\"", "contractTemplate"),
        ("effectiveFrom: \"2024-01-01\"", "effectiveFrom: \"2024-13-01\"", "effectiveFrom"),
        ("effectiveFrom: \"2024-01-01\"", "effectiveFrom: \"9999-01-01\"", "terms"),
    ] {
        assert!(INSTALLMENT.contains(line), "{line}");
        let error = load_product(&INSTALLMENT.replacen(line, instead, 1)).unwrap_err();
        assert_eq!(error.field, field, "{instead}: {error}");
        assert!(!error.rule.is_empty() && !error.example.is_empty(), "{error}");
    }
}

#[test]
fn what_is_no_product_file_is_refused() {
    for text in ["", "- a\n- b", "product: [", "just words"] {
        assert_eq!(load_product(text).unwrap_err().field, "file", "{text:?}");
    }
}

#[test]
fn a_bullet_loan_ends_within_a_thousand_units() {
    let error = load_product(&CASH.replacen("[14, 30]", "[14, 1001]", 1)).unwrap_err();
    assert_eq!(error.field, "terms");
}
