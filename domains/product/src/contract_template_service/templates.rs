//! Contract templates: texts by code and language, checked when they are loaded.
//!
//! Invariant: a template that loads renders: it is tried on a sample, and unknown names are errors.
//! Invariant: templates see amounts, dates and ids, never personal names.

use std::collections::BTreeSet;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sycee_contract::{
    CustomerId, Date, DuePart, Identifier, LoanId, PlannedInstallment, ProductTerms, RepaymentPlan, SettlementInterest,
};
use sycee_money::{Money, MoneyError, Rate, Rounding};

/// The end of a template file's name.
const SUFFIX: &str = ".md.j2";

/// Why a template file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFileError {
    /// The name says neither code nor language.
    #[error("{file}: a template file is named <code>.<language>.md.j2, for example loan-agreement.en.md.j2")]
    Name {
        /// The file.
        file: String,
    },
    /// The text is no template, or uses a name that doesn't exist.
    #[error("{file}: {problem}")]
    Text {
        /// The file.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// A template exists in other languages only.
    #[error("{code} lacks the default language: add {code}.{language}.md.j2")]
    DefaultLanguage {
        /// Template code.
        code: String,
        /// The default language.
        language: String,
    },
}

/// The contract templates of a market: the configuration of contract-template-service.
#[derive(Debug)]
pub struct ContractTemplates {
    environment: Environment<'static>,
    names: BTreeSet<(String, String)>,
    default_language: String,
}

impl ContractTemplates {
    /// Reads files named `<code>.<language>.md.j2`, given as (name, text); every code must exist in `default_language`.
    ///
    /// Errors: the first file that is misnamed, does not parse or does not render.
    pub fn from_files<N: AsRef<str>, T: AsRef<str>>(
        default_language: &str,
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, TemplateFileError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut templates = Self { environment, names: BTreeSet::new(), default_language: default_language.to_owned() };
        for (file, text) in files {
            templates.add(file.as_ref(), text.as_ref())?;
        }
        let language = &templates.default_language;
        match templates.names.iter().find(|(code, _)| !templates.names.contains(&(code.clone(), language.clone()))) {
            Some((code, _)) => {
                Err(TemplateFileError::DefaultLanguage { code: code.clone(), language: language.clone() })
            }
            None => Ok(templates),
        }
    }

    /// Codes and languages, ordered.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(code, language)| (code.as_str(), language.as_str()))
    }

    /// The language a text can be had in: as asked, else the main language of the tag, else the default; `None` when the
    /// code is unknown.
    pub fn language_for(&self, code: &str, language: &str) -> Option<&str> {
        let main = language.split('-').next().unwrap_or(language);
        [language, main, &self.default_language]
            .into_iter()
            .find_map(|wanted| self.names.get(&(code.to_owned(), wanted.to_owned())))
            .map(|(_, found)| found.as_str())
    }

    /// The text of a contract. Errors: what the template engine says, for a code and language that [`Self::names`] lacks.
    pub fn render(&self, code: &str, language: &str, text: &ContractText) -> Result<String, minijinja::Error> {
        self.environment.get_template(&name_of(code, language))?.render(text)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), TemplateFileError> {
        let stem = file.rsplit('/').next().and_then(|name| name.strip_suffix(SUFFIX));
        let Some((code, language)) = stem.and_then(|stem| stem.split_once('.')) else {
            return Err(TemplateFileError::Name { file: file.to_owned() });
        };
        let refused =
            |error: minijinja::Error| TemplateFileError::Text { file: file.to_owned(), problem: format!("{error:#}") };
        self.environment.add_template_owned(name_of(code, language), text.to_owned()).map_err(refused)?;
        self.render(code, language, &ContractText::sample()).map_err(refused)?;
        self.names.insert((code.to_owned(), language.to_owned()));
        Ok(())
    }
}

fn name_of(code: &str, language: &str) -> String {
    format!("{code}.{language}{SUFFIX}")
}

/// What a template can name: identifiers, amounts as decimal strings in `currency`, rates in percent, dates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContractText {
    loan: String,
    customer: String,
    language: String,
    today: Date,
    product: String,
    version: u32,
    product_name: String,
    country: String,
    currency: String,
    principal: String,
    upfront_fee: String,
    net_proceeds: String,
    annual_rate: String,
    apr: String,
    day_count: String,
    total_interest: String,
    total_due: String,
    total_cost: String,
    start: Date,
    installments: Vec<InstallmentText>,
    penalty_rate: String,
    grace_days: u32,
    cooling_off_days: u32,
    settles_to_the_day: bool,
    allocation: Vec<DuePart>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct InstallmentText {
    nr: u32,
    due_date: Date,
    principal: String,
    interest: String,
    fee: String,
    due: String,
    balance: String,
}

impl ContractText {
    /// The text values of a loan. Errors: `Overflow` when amounts are too large to sum.
    pub fn new(
        loan: LoanId,
        customer: CustomerId,
        language: &str,
        today: Date,
        terms: &ProductTerms,
        plan: &RepaymentPlan,
    ) -> Result<Self, MoneyError> {
        let main = language.split('-').next().unwrap_or(language);
        let name = terms.names.get(language).or_else(|| terms.names.get(main)).or_else(|| terms.names.get("en"));
        Ok(Self {
            loan: loan.to_string(),
            customer: customer.to_string(),
            language: language.to_owned(),
            today,
            product: plan.product.clone(),
            version: plan.version,
            product_name: name.unwrap_or(&plan.product).clone(),
            country: terms.country.clone(),
            currency: terms.currency.code().to_owned(),
            principal: plan.principal.to_decimal_string(),
            upfront_fee: plan.upfront_fee.to_decimal_string(),
            net_proceeds: plan.net_proceeds.to_decimal_string(),
            annual_rate: percent(plan.annual_rate),
            apr: percent(plan.apr),
            day_count: terms.day_count.clone(),
            total_interest: plan.total_interest.to_decimal_string(),
            total_due: plan.total_due.to_decimal_string(),
            total_cost: plan.total_interest.checked_add(plan.upfront_fee)?.to_decimal_string(),
            start: plan.start,
            installments: plan.installments.iter().map(InstallmentText::new).collect::<Result<_, _>>()?,
            penalty_rate: percent(terms.penalty_rate),
            grace_days: terms.grace_days,
            cooling_off_days: terms.cooling_off_days,
            settles_to_the_day: terms.settlement_interest == SettlementInterest::ToTheDay,
            allocation: terms.allocation.clone(),
        })
    }

    fn sample() -> Self {
        let amount = "100.00".to_owned();
        let (start, due_date) = (Date::constant(2026, 1, 1), Date::constant(2026, 2, 1));
        Self {
            loan: LoanId::from_number(1).to_string(),
            customer: CustomerId::from_number(1).to_string(),
            language: "en".to_owned(),
            today: start,
            product: "sample".to_owned(),
            version: 1,
            product_name: "Sample".to_owned(),
            country: "GH".to_owned(),
            currency: "GHS".to_owned(),
            principal: amount.clone(),
            upfront_fee: amount.clone(),
            net_proceeds: amount.clone(),
            annual_rate: "30".to_owned(),
            apr: "35".to_owned(),
            day_count: "act/365".to_owned(),
            total_interest: amount.clone(),
            total_due: amount.clone(),
            total_cost: amount.clone(),
            start,
            installments: vec![InstallmentText {
                nr: 1,
                due_date,
                principal: amount.clone(),
                interest: amount.clone(),
                fee: amount.clone(),
                due: amount.clone(),
                balance: amount,
            }],
            penalty_rate: "36".to_owned(),
            grace_days: 3,
            cooling_off_days: 7,
            settles_to_the_day: true,
            allocation: DuePart::ALL.to_vec(),
        }
    }
}

impl InstallmentText {
    fn new(installment: &PlannedInstallment) -> Result<Self, MoneyError> {
        let parts = [installment.principal, installment.interest, installment.fee];
        Ok(Self {
            nr: installment.nr,
            due_date: installment.due_date,
            principal: installment.principal.to_decimal_string(),
            interest: installment.interest.to_decimal_string(),
            fee: installment.fee.to_decimal_string(),
            due: Money::sum(installment.principal.currency(), parts)?.to_decimal_string(),
            balance: installment.balance.to_decimal_string(),
        })
    }
}

/// A rate in percent, with two decimals at most.
fn percent(rate: Rate) -> String {
    Rate::from_decimal(Rounding::HalfUp.round_decimal(rate.as_decimal(), 4)).percent_string()
}
