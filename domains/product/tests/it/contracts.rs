//! contract-template-service: texts, their languages and their hashes.

use std::collections::BTreeMap;

use sycee_contract::{CalculateRepaymentPlan, LoanContractRendered, RenderContract, RenderedDocument, RepaymentPlan};
use sycee_money::date;
use sycee_product::contract_template_service::ContractDocument;
use sycee_product::{ContractTemplates, TemplateFileError};
use sycee_runtime::testing::Scene;

use crate::{AGREEMENT_EN, CASH, INSTALLMENT, customer, ghs, loan, market, product, templates};

fn plan(scene: &mut Scene, yaml: &str, term: u32) -> RepaymentPlan {
    let terms = product(yaml).terms;
    let command = CalculateRepaymentPlan {
        loan: None,
        product: terms.product,
        version: terms.version,
        annual_rate: terms.annual_rate,
        principal: ghs("1000"),
        term,
        start: date(2026, 1, 5),
    };
    scene.request(command).unwrap()
}

fn render(language: &str, plan: RepaymentPlan) -> RenderContract {
    let template = "loan-agreement".to_owned();
    RenderContract { loan: loan(42), customer: customer(7), template, language: language.to_owned(), plan }
}

fn document(scene: &mut Scene, rendered: &RenderedDocument) -> ContractDocument {
    scene.load::<ContractDocument>(rendered.document).unwrap()
}

#[test]
fn a_contract_promises_the_plan() {
    market(|scene| {
        let plan = plan(scene, INSTALLMENT, 12);
        let rendered = scene.request(render("en", plan.clone())).unwrap();
        assert_eq!(scene.emitted::<LoanContractRendered>()[0].document, rendered);
        let document = document(scene, &rendered);
        for promise in [
            "# Loan agreement loan-42",
            "borrower cus-7",
            "Product: Installment loan (gh-installment, version 1), GH.",
            "| Principal | GHS 1000.00 |",
            "| Upfront fee, kept from the payout | GHS 30.00 |",
            "| Paid out to you | GHS 970.00 |",
            "| Interest rate, nominal a year (30/360) | 30 % |",
            "| Annual percentage rate, effective | 42.69 % |",
            "| Total cost of the loan, fee included | GHS 199.84 |",
            "| 1 | 2026-02-05 | 72.49 | 25.00 | 0.00 | 97.49 | 927.51 |",
            "| 12 | 2027-01-05 | 95.07 | 2.38 | 0.00 | 97.45 | 0.00 |",
            "a penalty of 36 % a year",
            "in this order: penalties, fees, interest, principal.",
            "Within 7 days after the payout you may cancel: give back the GHS 970.00 you received.",
        ] {
            assert!(document.text.contains(promise), "{promise} is not in\n{}", document.text);
        }
        assert_eq!(document.hash, rendered.hash);
        assert_eq!(document.text.lines().filter(|line| line.contains("| 20")).count(), plan.installments.len());
        assert!(!document.text.contains("{{") && !document.text.contains("{%"));
    });
}

#[test]
fn the_hash_follows_the_text() {
    market(|scene| {
        let plan = plan(scene, CASH, 14);
        let first = scene.request(render("en", plan.clone())).unwrap();
        let again = scene.request(render("en", plan.clone())).unwrap();
        assert_eq!(first.hash, again.hash);
        assert_ne!(first.document, again.document);
        assert_eq!(first.hash.len(), 64);
        let dearer = RepaymentPlan { total_due: ghs("1013.82"), ..plan };
        assert_ne!(scene.request(render("en", dearer)).unwrap().hash, first.hash);
    });
}

#[test]
fn a_contract_is_in_the_customers_language_if_there_is_one() {
    market(|scene| {
        let plan = plan(scene, CASH, 14);
        for (asked, found, word) in [
            ("en", "en", "Cash loan"),
            ("en-GH", "en", "Cash loan"),
            ("zh", "zh", "现金贷"),
            ("zh-Hans-CN", "zh", "现金贷"),
            ("tw", "en", "Cash loan"),
            ("", "en", "Cash loan"),
        ] {
            let rendered = scene.request(render(asked, plan.clone())).unwrap();
            let document = document(scene, &rendered);
            assert_eq!(document.language, found, "{asked}");
            assert!(document.text.contains(word), "{asked}: {}", document.text);
        }
    });
}

#[test]
fn what_cannot_be_rendered_leaves_nothing() {
    market(|scene| {
        let plan = plan(scene, CASH, 14);
        let unknown = RenderContract { template: "mortgage".to_owned(), ..render("en", plan.clone()) };
        assert_eq!(scene.request(unknown).unwrap_err().code, "TEMPLATE_NOT_FOUND");
        let unpublished = RepaymentPlan { version: 9, ..plan };
        assert_eq!(scene.request(render("en", unpublished)).unwrap_err().code, "NOT_FOUND");
        assert!(scene.all::<ContractDocument>().is_empty());
    });
}

#[test]
fn templates_are_checked_when_they_are_loaded() {
    let load = |file: &str, text: &str| ContractTemplates::from_files("en", BTreeMap::from([(file, text)]));
    for (file, text) in [
        ("a.en.md.j2", "{{ borrower_name }}"),
        ("a.en.md.j2", "{{ loan "),
        ("a.en.md.j2", "{% for row in installments %}{{ row.total }}{% endfor %}"),
    ] {
        assert!(matches!(load(file, text), Err(TemplateFileError::Text { .. })), "{text}");
    }
    for file in ["a.md.j2", "a.en.md", "readme"] {
        assert!(matches!(load(file, "x"), Err(TemplateFileError::Name { .. })), "{file}");
    }
    assert!(matches!(load("a.zh.md.j2", "x"), Err(TemplateFileError::DefaultLanguage { .. })));
    assert!(load("contracts/a.en.md.j2", AGREEMENT_EN).is_ok());
    let names = templates();
    assert_eq!(names.names().collect::<Vec<_>>(), [("loan-agreement", "en"), ("loan-agreement", "zh")]);
}
