//! Reads a market's folder, built in or on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sycee_accounting::AccountingRules;
use sycee_accounting::rules::Chart;
use sycee_contract::{ConfirmFundArrival, PublishProductVersion, RegisterFundingContract, Zone};
use sycee_funds::PaymentConfig;
use sycee_money::{Calendar, Currency, Money, Rate};
use sycee_post_loan_operations::OutreachTemplates;
use sycee_product::ContractTemplates;
use sycee_risk::RiskStrategy;
use sycee_runtime::{Configs, Market, Stimulus};

use crate::agreement::Agreement;
use crate::policies::Policies;

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

pub(crate) fn wrong(file: &str, what: impl std::fmt::Display) -> MarketError {
    MarketError { file: file.to_owned(), what: what.to_string() }
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
    /// Errors: the file that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, MarketError> {
        let mut files = BTreeMap::new();
        for inside in ["", "templates", "products", "contracts"] {
            let path = folder.join(inside);
            let entries = std::fs::read_dir(&path).map_err(|error| wrong(&path.display().to_string(), error))?;
            for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(entry.path()).map_err(|error| wrong(&name, error))?;
                files.insert(if inside.is_empty() { name } else { format!("{inside}/{name}") }, text);
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
    pub fn market(&self) -> Result<Market, MarketError> {
        let file = self.market_file()?;
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
    pub fn chart(&self) -> Result<Chart, MarketError> {
        const FILE: &str = "chart.yaml";
        Chart::parse(self.text(FILE)?).map_err(|error| wrong(FILE, error))
    }

    /// Its business days: `calendar.yaml` when the folder has one of the id that `market.yaml` names, else a built-in one.
    pub fn calendar(&self) -> Result<Calendar, MarketError> {
        const FILE: &str = "calendar.yaml";
        let wanted = self.market_file()?.calendar;
        if let Some(text) = self.files.get(FILE) {
            let own = Calendar::from_yaml(text).map_err(|error| wrong(FILE, error))?;
            if own.id() == wanted {
                return Ok(own);
            }
        }
        Calendar::built_in(&wanted).cloned().ok_or_else(|| {
            wrong(MARKET, format!("calendar {wanted} is not built in: name ghana, china, target2 or united-states, or add {FILE} with this id"))
        })
    }

    /// Every domain's configuration.
    pub fn configs(&self) -> Result<Configs, MarketError> {
        let rules = AccountingRules::parse(self.text("chart.yaml")?, self.folder("templates"))
            .map_err(|error| wrong("chart.yaml and templates", error))?;
        let strategy =
            RiskStrategy::from_yaml(self.text("strategy.yaml")?).map_err(|error| wrong("strategy.yaml", error))?;
        let outreach =
            OutreachTemplates::from_yaml(self.text("outreach.yaml")?).map_err(|error| wrong("outreach.yaml", error))?;
        let contracts =
            ContractTemplates::from_files("en", self.folder("contracts")).map_err(|error| wrong("contracts", error))?;
        let products = self.products()?;
        for product in &products {
            let wanted = &product.terms.contract_template;
            if !contracts.names().any(|(code, _)| code == wanted) {
                let text = format!("contract template {wanted} is missing: add {wanted}.en.md.j2");
                return Err(wrong(&product.terms.product, text));
            }
        }
        let policies =
            Policies::from_yaml(self.text("policies.yaml")?).map_err(|error| wrong("policies.yaml", error))?;
        let channels =
            PaymentConfig::from_yaml(self.text("channels.yaml")?).map_err(|error| wrong("channels.yaml", error))?;
        let agreement = Agreement {
            currency: self.market_file()?.currency,
            strategy: &strategy,
            policies: &policies,
            products: &products,
            funders: &self.funders()?,
        };
        agreement.check()?;
        let configs = Configs::new()
            .with(self.calendar()?)
            .with(rules)
            .with(strategy)
            .with(outreach)
            .with(contracts)
            .with(channels);
        Ok(policies.configure(configs))
    }

    /// Products, as the commands that publish them.
    pub fn products(&self) -> Result<Vec<PublishProductVersion>, MarketError> {
        self.folder("products")
            .map(|(file, text)| {
                sycee_product::load_product(text).map_err(|error| wrong(&format!("products/{file}"), error))
            })
            .collect()
    }

    /// Funders, in the order of the file.
    pub fn funders(&self) -> Result<Vec<FunderFile>, MarketError> {
        const FILE: &str = "funders.yaml";
        serde_yaml_ng::from_str(self.text(FILE)?).map_err(|error| wrong(FILE, error))
    }

    /// What founds the market, in order: products are published, funders registered, their first money confirmed. `adjust`
    /// changes a funder before.
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
            ("policies.yaml", "validHours: 168", "validHours: 0", "sessions.validHours: 1 or more"),
            ("policies.yaml", "DueMin: 31", "DueMin: 30", "credit.freezeDaysPastDueMin: 1, 31, 61 or 91"),
            ("policies.yaml", "ShareMin: \"0.25\"", "ShareMin: \"1.01\"", "credit.growthPrincipalShareMin: a fraction"),
            ("policies.yaml", "ocrReviewBps: 6000", "ocrReviewBps: 9000", "kyc.ocrReviewBps: at most ocrPassBps"),
            ("policies.yaml", "required: [bureau, privacy]", "required: [mother]", "consents.required[0]"),
            ("channels.yaml", "collectionChannel: mtn-momo", "collectionChannel: m-pesa", "collectionChannel"),
            ("channels.yaml", "code: at-money", "code: mtn-momo", "stands there twice"),
            ("channels.yaml", "pollsMax: 8", "polls: 8", "unknown field `polls`"),
            ("funders.yaml", "isOwn:", "own:", "unknown field `own`"),
        ] {
            let files = MarketFiles::ghana().with_change(file, |text| text.replacen(from, to, 1)).unwrap();
            let error = files.check().unwrap_err();
            assert_eq!(error.file, file);
            assert!(error.what.contains(says), "{error} does not say {says:?}");
        }
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
    fn a_missing_or_broken_file_is_named() {
        let mut files = MarketFiles::ghana();
        files.files.insert("funders.yaml".to_owned(), "- code: x".to_owned());
        assert!(files.funders().unwrap_err().to_string().contains("funders.yaml"));
        files.files.remove("strategy.yaml");
        assert!(files.configs().err().unwrap().to_string().contains("strategy.yaml"));
    }
}
