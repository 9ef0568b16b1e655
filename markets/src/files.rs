//! Reads a market's folder, built in or on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sycee_accounting::AccountingRules;
use sycee_accounting::rules::{Chart, RulesError, Template};
use sycee_contract::{ConfirmFundArrival, PublishProductVersion, RegisterFundingContract, Zone};
use sycee_funds::PaymentConfig;
use sycee_money::{Calendar, Currency, Date, Money, Rate};
use sycee_post_loan_operations::OutreachTemplates;
use sycee_product::ContractTemplates;
use sycee_risk::RiskStrategy;
use sycee_runtime::{Configs, Market, Stimulus};

use crate::agreement::{Agreement, ProductFile};
use crate::policies::Policies;
use crate::{bounds, layout, postings};

/// Why a market's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct MarketError {
    /// The file.
    pub file: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

const MARKET: &str = "market.yaml";
const CHART: &str = "chart.yaml";

pub(crate) fn wrong(file: &str, what: impl std::fmt::Display) -> MarketError {
    MarketError { file: file.to_owned(), what: what.to_string() }
}

/// What is wrong with the chart or a template, by the file that the accounting domain names.
fn in_books(error: RulesError) -> MarketError {
    match error {
        RulesError::Form { file, source } => wrong(&file, source),
        RulesError::Content { file, what } => wrong(&file, what),
    }
}

/// An error and what caused it, which knows field and line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MarketFile {
    id: String,
    name: String,
    country: String,
    currency: Currency,
    timezone: String,
    calendar: String,
    manual_review: bool,
}

/// A funder as its file has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FunderFile {
    /// Partner code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Cost of funds as a fraction a year.
    pub cost: Rate,
    /// The most that may be outstanding.
    pub quota: Money,
    /// Products it funds; empty means any.
    pub products: Vec<String>,
    /// Whether it pays and collects with its own system.
    pub pays_itself: bool,
    /// Whether it is the lender itself.
    pub is_own: bool,
    /// Channels; empty means any.
    pub channels: Vec<String>,
    /// First day on which it lends; the day of its registration when absent.
    pub valid_from: Option<Date>,
    /// Last day on which it lends; no end when absent.
    pub valid_until: Option<Date>,
    /// What it brings on the first day of a demonstration.
    pub arrival: Money,
}

/// A market's folder in memory: text by path within the folder.
#[derive(Clone, Debug)]
pub struct MarketFiles {
    files: BTreeMap<String, String>,
}

macro_rules! built_in {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../gh/", $path)))),*]
    };
}

impl MarketFiles {
    /// The built-in market of Ghana.
    pub fn ghana() -> Self {
        let files = built_in!(
            "market.yaml",
            "funders.yaml",
            "chart.yaml",
            "strategy.yaml",
            "outreach.yaml",
            "policies.yaml",
            "channels.yaml",
            "templates/funds-arrived.yaml",
            "templates/funds-returned.yaml",
            "templates/interest-accrued.yaml",
            "templates/loan-cancelled.yaml",
            "templates/loan-disbursed.yaml",
            "templates/penalty-accrued.yaml",
            "templates/repayment-received.yaml",
            "templates/stray-payout-recovered.yaml",
            "templates/stray-payout-written-off.yaml",
            "templates/stray-payout.yaml",
            "templates/suspense-paid-back.yaml",
            "templates/suspense-rematched.yaml",
            "templates/unmatched-receipt.yaml",
            "products/gh-cash.yaml",
            "products/gh-equal-principal.yaml",
            "products/gh-installment.yaml",
            "contracts/loan-agreement.en.md.j2",
            "contracts/loan-agreement.zh.md.j2",
        );
        Self { files: files.map(|(path, text)| (path.to_owned(), text.to_owned())).into_iter().collect() }
    }

    /// A market's folder on disk, checked whole.
    ///
    /// Errors: the file that is wrong, and what would be right.
    pub fn open(folder: &Path) -> Result<Self, MarketError> {
        let files = Self::read(folder)?;
        files.check().map_err(|error| MarketError { file: Self::path_of(folder, &error.file), ..error })?;
        Ok(files)
    }

    fn path_of(folder: &Path, file: &str) -> String {
        let path: PathBuf = folder.join(file);
        if path.exists() { path.display().to_string() } else { format!("{}: {file}", folder.display()) }
    }

    /// Whether every file can be used.
    ///
    /// Errors: the first that cannot.
    pub fn check(&self) -> Result<(), MarketError> {
        self.market()?;
        self.configs()?;
        Ok(())
    }

    /// A market's folder on disk.
    ///
    /// Errors: the file that cannot be read, or that nobody would read.
    pub fn read(folder: &Path) -> Result<Self, MarketError> {
        let mut files = BTreeMap::new();
        for inside in std::iter::once("").chain(layout::FOLDERS.iter().map(|(name, _)| *name)) {
            let place = folder.join(inside);
            let entries = std::fs::read_dir(&place).map_err(|error| wrong(&place.display().to_string(), error))?;
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
                let on_disk = |error: MarketError| MarketError { file: Self::path_of(folder, &path), ..error };
                if !entry.path().is_file() {
                    layout::check_folder(&path).map_err(on_disk)?;
                } else if layout::is_read(&path).map_err(on_disk)? {
                    let text = std::fs::read_to_string(entry.path());
                    let text = text.map_err(|error| on_disk(wrong(&path, error)))?;
                    files.insert(path, text);
                }
            }
        }
        Ok(Self { files })
    }

    /// The same folder with one file changed.
    ///
    /// Errors: the file that is missing.
    pub fn with_change(mut self, path: &str, change: impl FnOnce(&str) -> String) -> Result<Self, MarketError> {
        let text = change(self.text(path)?);
        self.files.insert(path.to_owned(), text);
        Ok(self)
    }

    fn text(&self, path: &str) -> Result<&str, MarketError> {
        self.files.get(path).map(String::as_str).ok_or_else(|| wrong(path, "the file is missing"))
    }

    fn folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter_map(move |(path, text)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, text.as_str())))
    }

    /// The market's name, for people.
    ///
    /// Errors: `market.yaml` when it is missing or cannot be read.
    pub fn name(&self) -> Result<String, MarketError> {
        self.market_file().map(|file| file.name)
    }

    /// BLAKE3 of every file, hex, by path: which version of its configuration a market runs on.
    pub fn versions(&self) -> impl Iterator<Item = (&str, String)> {
        self.files.iter().map(|(path, text)| (path.as_str(), blake3::hash(text.as_bytes()).to_hex().to_string()))
    }

    fn market_file(&self) -> Result<MarketFile, MarketError> {
        serde_yaml_ng::from_str(self.text(MARKET)?).map_err(|error| wrong(MARKET, error))
    }

    /// Who the market is.
    ///
    /// Errors: `market.yaml` when it is missing or cannot be read, when its id or country is not one, or nobody knows its time zone.
    pub fn market(&self) -> Result<Market, MarketError> {
        let file = self.market_file()?;
        bounds::of_market(MARKET, &file.id, &file.country)?;
        let zone = Zone::named(&file.timezone).ok_or_else(|| {
            let given = &file.timezone;
            let way = "give one of the IANA database, such as Africa/Accra";
            wrong(MARKET, format!("timezone: there is no zone {given:?}; {way}"))
        })?;
        Ok(Market {
            id: file.id,
            country: file.country,
            currency: file.currency,
            zone,
            manual_review: file.manual_review,
        })
    }

    /// The chart of accounts.
    ///
    /// Errors: `chart.yaml` when it is missing or is no chart of accounts.
    pub fn chart(&self) -> Result<Chart, MarketError> {
        Chart::parse(self.text(CHART)?).map_err(in_books)
    }

    /// Its business days: `calendar.yaml` when the folder has one, which must be the one that `market.yaml` names, else a
    /// built-in one.
    ///
    /// Errors: `market.yaml` when it cannot be read or names a calendar that is not there; `calendar.yaml` when it is none, or not
    /// the one that is named.
    pub fn calendar(&self) -> Result<Calendar, MarketError> {
        const FILE: &str = "calendar.yaml";
        let wanted = self.market_file()?.calendar;
        if let Some(text) = self.files.get(FILE) {
            let own = Calendar::from_yaml(text).map_err(|error| wrong(FILE, with_causes(&error)))?;
            if own.id() == wanted {
                return Ok(own);
            }
            let text = format!("id: {}, and {MARKET} names calendar {wanted}; write one id in both", own.id());
            return Err(wrong(FILE, text));
        }
        Calendar::built_in(&wanted).cloned().ok_or_else(|| {
            wrong(MARKET, format!("calendar {wanted} is not built in: name ghana, china, target2 or united-states, or add {FILE} with this id"))
        })
    }

    /// Every domain's configuration.
    ///
    /// Errors: the first file that is missing, cannot be read, is out of bounds, or does not agree with another.
    pub fn configs(&self) -> Result<Configs, MarketError> {
        let (rules, templates) = self.books()?;
        let strategy =
            RiskStrategy::from_yaml(self.text("strategy.yaml")?).map_err(|error| wrong("strategy.yaml", error))?;
        let outreach =
            OutreachTemplates::from_yaml(self.text("outreach.yaml")?).map_err(|error| wrong("outreach.yaml", error))?;
        let contracts =
            ContractTemplates::from_files("en", self.folder("contracts")).map_err(|error| wrong("contracts", error))?;
        let products = self.product_files()?;
        let policies =
            Policies::from_yaml(self.text("policies.yaml")?).map_err(|error| wrong("policies.yaml", error))?;
        let channels =
            PaymentConfig::from_yaml(self.text("channels.yaml")?).map_err(|error| wrong("channels.yaml", error))?;
        let funders = self.funders()?;
        let MarketFile { country, currency, .. } = self.market_file()?;
        let agreement = Agreement {
            country: &country,
            currency,
            strategy: &strategy,
            policies: &policies,
            channels: &channels,
            contracts: &contracts,
            products: &products,
            funders: &funders,
        };
        agreement.check()?;
        bounds::of_funders(&funders)?;
        bounds::of_strategy(&strategy)?;
        bounds::of_channels(&channels)?;
        let first_sale = products.iter().map(|product| product.published.terms.effective_from).min();
        postings::check(&templates, rules.chart(), currency, first_sale)?;
        let paying = channels.channels.iter().filter(|channel| channel.payout);
        let payout_channels = paying.map(|channel| channel.code.clone()).collect();
        let configs = Configs::new()
            .with(self.calendar()?)
            .with(rules)
            .with(strategy)
            .with(outreach)
            .with(contracts)
            .with(channels);
        Ok(policies.configure(payout_channels, configs))
    }

    /// Chart and templates, and each template with its file.
    fn books(&self) -> Result<(AccountingRules, Vec<(String, Template)>), MarketError> {
        let texts: Vec<(String, &str)> =
            self.folder("templates").map(|(file, text)| (format!("templates/{file}"), text)).collect();
        let named = texts.iter().map(|(path, text)| (path.as_str(), *text));
        let rules = AccountingRules::parse(self.text(CHART)?, named).map_err(in_books)?;
        let mut templates = Vec::with_capacity(texts.len());
        for (path, text) in texts {
            let template = Template::parse(&path, text, rules.chart()).map_err(in_books)?;
            templates.push((path, template));
        }
        Ok((rules, templates))
    }

    /// Products, as the commands that publish them: by code, and the versions of one in their order.
    ///
    /// Errors: the product file that cannot be read, or whose version stands in another too.
    pub fn products(&self) -> Result<Vec<PublishProductVersion>, MarketError> {
        Ok(self.product_files()?.into_iter().map(|product| product.published).collect())
    }

    fn product_files(&self) -> Result<Vec<ProductFile>, MarketError> {
        let mut products = Vec::new();
        for (name, text) in self.folder("products") {
            let file = format!("products/{name}");
            let published = sycee_product::load_product(text).map_err(|error| wrong(&file, error))?;
            products.push(ProductFile { file, published });
        }
        products.sort_by_cached_key(ProductFile::version);
        match products.windows(2).find(|pair| pair[0].version() == pair[1].version()) {
            Some([earlier, later]) => {
                let (code, version) = later.version();
                let text = format!("version: {version} of {code} stands in {} too; write the next", earlier.file);
                Err(wrong(&later.file, text))
            }
            _ => Ok(products),
        }
    }

    /// Funders, in the order of the file.
    ///
    /// Errors: `funders.yaml` when it is missing or cannot be read.
    pub fn funders(&self) -> Result<Vec<FunderFile>, MarketError> {
        const FILE: &str = "funders.yaml";
        serde_yaml_ng::from_str(self.text(FILE)?).map_err(|error| wrong(FILE, error))
    }

    /// What founds the market, in order: products are published, funders registered, their first money confirmed. `adjust`
    /// changes a funder before.
    ///
    /// Errors: as [`Self::market`], [`Self::products`] and [`Self::funders`].
    pub fn foundation(&self, adjust: impl Fn(&mut FunderFile)) -> Result<Vec<Stimulus>, MarketError> {
        let country = self.market()?.country;
        let products = self.products()?.into_iter().map(|product| Stimulus::command("staff:setup", product));
        let mut all: Vec<Stimulus> = products.collect();
        for mut funder in self.funders()? {
            adjust(&mut funder);
            all.push(Stimulus::command("staff:setup", funder.contract(&country)));
            if funder.arrival.is_positive() {
                let arrival = funder.arrival(funder.arrival, &format!("{}-opening", funder.code));
                all.push(Stimulus::command("staff:finance", arrival).through("fund-management-system"));
            }
        }
        Ok(all)
    }
}

impl FunderFile {
    /// The command that registers the agreement.
    pub fn contract(&self, country: &str) -> RegisterFundingContract {
        RegisterFundingContract {
            code: self.code.clone(),
            name: self.name.clone(),
            country: country.to_owned(),
            currency: self.quota.currency(),
            cost: self.cost,
            quota: self.quota,
            products: self.products.clone(),
            pays_itself: self.pays_itself,
            is_own: self.is_own,
            channels: self.channels.clone(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }

    /// The command that confirms money of this funder.
    pub fn arrival(&self, amount: Money, bank_reference: &str) -> ConfirmFundArrival {
        ConfirmFundArrival { funder: self.code.clone(), amount, bank_reference: bank_reference.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_market_is_whole() {
        let files = MarketFiles::ghana();
        assert_eq!(files.market().unwrap().id, "gh");
        assert_eq!(files.name().unwrap(), "Ghana");
        files.configs().unwrap();
        assert!(files.products().unwrap().len() >= 3);
        assert!(files.funders().unwrap().iter().any(|funder| funder.is_own));
    }

    #[test]
    fn the_folder_on_disk_is_what_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("gh");
        assert_eq!(MarketFiles::read(&folder).unwrap().files, MarketFiles::ghana().files);
    }

    #[test]
    fn a_change_of_a_file_changes_its_version_alone() {
        let files = MarketFiles::ghana();
        let changed = files.clone().with_change("chart.yaml", |text| format!("{text}\n")).unwrap();
        let differing = files.versions().zip(changed.versions()).filter(|(before, after)| before != after);
        let paths: Vec<&str> = differing.map(|((path, _), _)| path).collect();
        assert_eq!(paths, ["chart.yaml"]);
    }

    #[test]
    fn mistakes_are_named_by_file_field_and_line() {
        for (file, from, to, says) in [
            ("market.yaml", "timezone:", "timeZone:", "unknown field `timeZone`"),
            ("market.yaml", "Africa/Accra", "Africa/Akkra", "timezone: there is no zone \"Africa/Akkra\""),
            ("policies.yaml", "ageMin: 18", "ageMin: adult", "kyc.ageMin: invalid type"),
            ("policies.yaml", "ageMin: 18", "ageMin: adult", "line 9"),
            ("policies.yaml", "  ageMin: 18\n", "", "missing field `ageMin`"),
            ("policies.yaml", "ageMin: 18", "ageMin: 18\n  ageMax: 70", "unknown field `ageMax`"),
            ("policies.yaml", "growth: \"0.20\"", "growth: \"lots\"", "credit.growth: rate"),
            ("policies.yaml", "low: \"3\"", "low: \"much\"", "credit.capByTier.low: rate"),
            ("policies.yaml", "low: \"3\"", "lowest: \"3\"", "credit.capByTier.lowest: no tier of risk"),
            ("policies.yaml", "retryHours: 6", "retryHours: 0", "loans.retryHours: 1 or more"),
            ("policies.yaml", "debitValidHours: 120", "debitValidHours: 0", "repayments.debitValidHours: 1 or more"),
            ("policies.yaml", "debitRetryDays: 2", "debitRetryDays: 0", "repayments.debitRetryDays: 1 or more"),
            (
                "policies.yaml",
                "reviewAmount: null",
                "reviewAmount: {amount: \"100\", currency: USD}",
                "loans.reviewAmount: USD, the market lends GHS",
            ),
            ("strategy.yaml", "currency: GHS", "currency: USD", "USD"),
            ("products/gh-cash.yaml", "currency: GHS\namountMin", "currency: USD\namountMin", "USD"),
            ("funders.yaml", "currency: GHS}", "currency: USD}", "own-funds: quota: USD, the market lends GHS"),
            (
                "channels.yaml",
                "telecel-cash, payout: true, collection: true",
                "telecel-cash, payout: true, collection: false",
                "channels: telecel-cash takes mandates",
            ),
            ("policies.yaml", "validHours: 168", "validHours: 0", "sessions.validHours: 1 to 8784"),
            ("policies.yaml", "validHours: 168", "validHours: 8785", "sessions.validHours: 1 to 8784"),
            ("policies.yaml", "growth: \"0.20\"", "growth: \"20\"", "credit.growth: a fraction of the limit"),
            ("policies.yaml", "low: \"3\"", "low: \"300\"", "credit.capByTier: multiples of the limit granted, from 1"),
            ("policies.yaml", "DueMin: 31", "DueMin: 30", "credit.freezeDaysPastDueMin: 1, 31, 61 or 91"),
            ("policies.yaml", "ShareMin: \"0.25\"", "ShareMin: \"1.01\"", "credit.growthPrincipalShareMin: a fraction"),
            ("policies.yaml", "ocrReviewBps: 6000", "ocrReviewBps: 9000", "kyc.ocrReviewBps: at most ocrPassBps"),
            ("policies.yaml", "required: [bureau, privacy]", "required: [mother]", "consents.required[0]"),
            ("channels.yaml", "collectionChannel: mtn-momo", "collectionChannel: m-pesa", "collectionChannel"),
            ("channels.yaml", "code: at-money", "code: mtn-momo", "stands there twice"),
            ("channels.yaml", "pollsMax: 8", "polls: 8", "unknown field `polls`"),
            ("funders.yaml", "isOwn:", "own:", "unknown field `own`"),
        ] {
            assert_refused(file, from, to, says);
        }
    }

    /// Checks that Ghana's folder is not opened with `to` for `from` in `file`, and that the error names the file.
    fn assert_refused(file: &str, from: &str, to: &str, says: &str) {
        let files = MarketFiles::ghana();
        assert!(files.text(file).unwrap().contains(from), "{file} has no {from:?}");
        let files = files.with_change(file, |text| text.replacen(from, to, 1)).unwrap();
        let error = files.check().unwrap_err();
        assert_eq!(error.file, file, "{error}");
        assert!(error.what.contains(says), "{error} does not say {says:?}");
    }

    #[test]
    fn what_can_be_read_and_cannot_be_meant_is_refused() {
        for (file, from, to, says) in [
            ("market.yaml", "id: gh", "id: Gh", "id: a lower-case letter, then at most 30"),
            ("market.yaml", "id: gh", "id: ../gh", "for example gh"),
            ("market.yaml", "id: gh", "id: a123456789012345678901234567890x", "id: a lower-case letter"),
            ("market.yaml", "country: GH", "country: Ghana", "country: two capital letters, after ISO 3166"),
            (
                "funders.yaml",
                "cost: \"0.14\"",
                "cost: \"14\"",
                "own-funds: cost: 14 is 1400 % a year; write a fraction from 0 to 1, for example \"0.14\" for 14 %",
            ),
            ("funders.yaml", "cost: \"0.09\"", "cost: \"-0.09\"", "volta-capital: cost: -0.09 is -9 % a year"),
            ("funders.yaml", "code: own-funds", "code: Own funds", "code \"Own funds\": lower-case letters"),
            ("funders.yaml", "code: accra-trust", "code: own-funds", "own-funds: stands there twice"),
            ("funders.yaml", "isOwn: false", "isOwn: true", "volta-capital: isOwn: own funds are own-funds already"),
            ("funders.yaml", "paysItself: false", "paysItself: true", "own-funds: paysItself: own funds are paid out"),
            ("funders.yaml", "\"900000.00\"", "\"0.00\"", "own-funds: quota: more than zero"),
            (
                "funders.yaml",
                "isOwn: true",
                "isOwn: true\n  validFrom: 2026-03-01\n  validUntil: 2026-02-28",
                "own-funds: validUntil: 2026-02-28 is before the first day; write 2026-03-01 or later",
            ),
            ("funders.yaml", "\"420000.00\"", "\"900000.01\"", "own-funds: arrival: from zero to the quota"),
            ("funders.yaml", "\"420000.00\"", "\"-0.01\"", "own-funds: arrival: from zero to the quota"),
            ("funders.yaml", "\"420000.00\"", "\"0.001\"", "arrival: from zero to the quota, in whole minor"),
            ("strategy.yaml", "surcharge: \"0.04\"", "surcharge: \"4\"", "credit.tiers.medium.surcharge: a fraction"),
            ("strategy.yaml", "fraction: \"1.00\"", "fraction: \"1.01\"", "purposes.credit.tiers.low.limit.fraction"),
            ("channels.yaml", "qrScheme: com.sycee.pay", "qrScheme: \"\"", "merchant.qrScheme: 1 to 32 characters"),
            ("channels.yaml", "\"8890\"", "\"GH88\"", "merchant.virtualAccountPrefix: 1 to 8 digits"),
        ] {
            assert_refused(file, from, to, says);
        }
    }

    #[test]
    fn what_a_file_names_exists() {
        for (file, from, to, says) in [
            (
                "funders.yaml",
                "[gh-installment, gh-equal-principal]",
                "[gh-nope]",
                "volta-capital: products: no product is gh-nope; write one of gh-cash, gh-equal-principal, gh-installment",
            ),
            (
                "funders.yaml",
                "[mtn-momo, telecel-cash]",
                "[nope]",
                "volta-capital: channels: no channel is nope; write one of mtn-momo, telecel-cash, at-money",
            ),
            ("products/gh-cash.yaml", "version: 1", "version: 1\nfunders: [nope]", "funders: no funder is nope"),
            ("products/gh-cash.yaml", "country: GH", "country: KE", "country: KE, the market is in GH; write GH"),
            ("products/gh-cash.yaml", "loan-agreement", "lease", "add contracts/lease.en.md.j2"),
            (
                "strategy.yaml",
                "low: { outcome: approve }",
                "low: { outcome: approve, excluded_products: [nope] }",
                "purposes.admission.tiers.low.excluded_products: no product is nope",
            ),
        ] {
            assert_refused(file, from, to, says);
        }
    }

    #[test]
    fn a_template_takes_what_services_send() {
        for (name, from, to, says) in [
            ("loan-disbursed", "amount: upfront-fee }", "amount: fee }", "has part upfront-fee, which no line posts"),
            (
                "loan-disbursed",
                "totals:\n  principal: [net, upfront-fee]\n",
                "",
                "totals: services send amount principal",
            ),
            ("loan-disbursed", "template: loan-disbursed", "template: loan-paid", "no service posts loan-paid"),
            ("loan-disbursed", "2020-01-01", "2024-01-02", "2024-01-02 is after 2024-01-01, the first day of sale"),
            ("funds-arrived", "[borrowed, own]", "[borrowed]", "the sum of borrowed, own"),
            ("interest-accrued", ", signed: true", "", "amount interest-receivable may be below zero"),
            ("interest-accrued", "amount: interest-receivable", "amount: interest", "no service sends amount interest"),
            ("unmatched-receipt", "amount: amount", "amount: money", "write one of amount"),
            (
                "repayment-received",
                "  - { debit: unearned-interest, credit: loan-principal, amount: interest-refund }\n",
                "",
                "no line takes amount interest-refund",
            ),
            ("stray-payout", "credit: cash", "credit: loan-principal", "needs dimension product"),
            ("stray-payout", "credit: cash", "credit: cahs", "cahs is not in the chart"),
        ] {
            assert_refused(&format!("templates/{name}.yaml"), from, to, says);
        }
    }

    #[test]
    fn a_template_that_services_post_is_there() {
        let whole = MarketFiles::ghana();
        let templates = whole.files.keys().filter(|path| path.starts_with("templates/"));
        for path in templates {
            let mut files = whole.clone();
            files.files.remove(path);
            let error = files.check().unwrap_err();
            assert_eq!(&error.file, path);
            assert!(error.what.contains("the file is missing: services post"), "{error}");
        }
    }

    #[test]
    fn a_template_for_people_may_stand_beside() {
        let mut files = MarketFiles::ghana();
        let text = "template: bank-fee\nversion: 1\neffective_from: 2030-01-01\nsummary: The bank took its fee.\n\
                    lines:\n  - { debit: bank-charges, credit: operating-cash, amount: fee }";
        files.files.insert("templates/bank-fee.yaml".to_owned(), text.to_owned());
        files.check().unwrap();
        let error = files.with_change("templates/bank-fee.yaml", |text| text.replace("operating-cash", "suspense"));
        let error = error.unwrap().check().unwrap_err();
        assert_eq!(error.file, "templates/bank-fee.yaml");
        assert!(error.what.contains("no service posts bank-fee, and people may not post to suspense"), "{error}");
    }

    #[test]
    fn a_market_sells_something() {
        let mut files = MarketFiles::ghana();
        files.files.retain(|path, _| !path.starts_with("products/"));
        let error = files.check().unwrap_err();
        assert_eq!(error.file, "products");
        assert!(error.what.contains("there is no product"), "{error}");
    }

    #[test]
    fn versions_of_a_product_are_published_in_their_order() {
        let mut files = MarketFiles::ghana();
        let first = files.text("products/gh-cash.yaml").unwrap();
        let second = first.replace("version: 1", "version: 2").replace("2024-01-01", "2026-02-01");
        files.files.insert("products/gh-cash-2.yaml".to_owned(), second.clone());
        files.check().unwrap();
        let published = files.products().unwrap();
        let published: Vec<(&str, u32)> =
            published.iter().map(|product| (product.terms.product.as_str(), product.terms.version)).collect();
        assert_eq!(published, [("gh-cash", 1), ("gh-cash", 2), ("gh-equal-principal", 1), ("gh-installment", 1)]);

        let mut dollars = files.clone();
        dollars.files.insert("products/gh-cash-2.yaml".to_owned(), second.replace("GHS", "USD"));
        assert_eq!(dollars.check().unwrap_err().file, "products/gh-cash-2.yaml");

        files.files.insert("products/another.yaml".to_owned(), second);
        let error = files.check().unwrap_err();
        assert_eq!(error.file, "products/gh-cash-2.yaml");
        assert!(error.what.contains("version: 2 of gh-cash stands in products/another.yaml too"), "{error}");
    }

    #[test]
    fn the_calendar_is_the_one_that_the_market_names() {
        let easter_monday = sycee_money::date(2026, 4, 6);
        assert!(!MarketFiles::ghana().calendar().unwrap().is_business_day(easter_monday));
        let named = |id: &str| {
            let changed = MarketFiles::ghana()
                .with_change(MARKET, |text| text.replace("calendar: ghana", &format!("calendar: {id}")));
            changed.unwrap()
        };
        assert!(named("united-states").calendar().unwrap().is_business_day(easter_monday));
        assert!(named("atlantis").configs().err().unwrap().to_string().contains("united-states"));
        let mut own = named("atlantis");
        own.files.insert("calendar.yaml".to_owned(), "id: atlantis\nname: Atlantis\nweekend: [monday]".to_owned());
        assert!(!own.calendar().unwrap().is_business_day(easter_monday));
    }

    #[test]
    fn a_wrong_calendar_is_named_by_field_and_line() {
        for (text, says) in [
            ("id: ghana\nname: Ours\nweekend: [sunday]\nholidayz: []", &["unknown field `holidayz`", "line 4"][..]),
            ("id: ghana\nname: Ours\nweekend: [Sunday]", &["for example saturday"]),
            ("id: accra\nname: Ours\nweekend: [sunday]", &["id: accra, and market.yaml names calendar ghana"]),
        ] {
            let mut files = MarketFiles::ghana();
            files.files.insert("calendar.yaml".to_owned(), text.to_owned());
            let error = files.check().unwrap_err();
            assert_eq!(error.file, "calendar.yaml");
            for word in says {
                assert!(error.what.contains(word), "{error} does not say {word:?}");
            }
        }
    }

    #[test]
    fn a_missing_or_broken_file_is_named() {
        let mut files = MarketFiles::ghana();
        files.files.insert("funders.yaml".to_owned(), "- code: x".to_owned());
        assert!(files.funders().unwrap_err().to_string().contains("funders.yaml"));
        files.files.remove("strategy.yaml");
        assert!(files.configs().err().unwrap().to_string().contains("strategy.yaml"));
    }
}
