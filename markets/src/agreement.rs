//! Whether the files of a market agree with each other: one currency, one country, and products, channels, funders,
//! contracts and tiers that exist, and funders' terms that end after they begin.

use sycee_contract::PublishProductVersion;
use sycee_funds::PaymentConfig;
use sycee_money::Currency;
use sycee_product::ContractTemplates;
use sycee_risk::RiskStrategy;
use sycee_risk::strategy::Tier;

use crate::files::{FunderFile, MarketError, wrong};
use crate::policies::Policies;

/// A version of a product, and the file it stands in.
pub(crate) struct ProductFile {
    /// Path within the folder.
    pub(crate) file: String,
    /// The command that publishes it.
    pub(crate) published: PublishProductVersion,
}

impl ProductFile {
    /// Code and version.
    pub(crate) fn version(&self) -> (String, u32) {
        (self.published.terms.product.clone(), self.published.terms.version)
    }
}

/// The files of a market, read.
pub(crate) struct Agreement<'a> {
    pub(crate) country: &'a str,
    pub(crate) currency: Currency,
    pub(crate) strategy: &'a RiskStrategy,
    pub(crate) policies: &'a Policies,
    pub(crate) channels: &'a PaymentConfig,
    pub(crate) contracts: &'a ContractTemplates,
    /// By code and version.
    pub(crate) products: &'a [ProductFile],
    pub(crate) funders: &'a [FunderFile],
}

impl Agreement<'_> {
    /// Whether every file names the market's country and currency, and nothing that does not exist.
    ///
    /// Errors: the first file that does not.
    pub(crate) fn check(&self) -> Result<(), MarketError> {
        self.currencies()?;
        self.products()?;
        self.funders()?;
        self.tiers()?;
        self.excluded_products()
    }

    fn currencies(&self) -> Result<(), MarketError> {
        let same = |file: &str, field: &str, found: Currency| {
            if found == self.currency {
                return Ok(());
            }
            Err(wrong(file, format!("{field}: {found}, the market lends {0}; write {0}", self.currency)))
        };
        same("strategy.yaml", "currency", self.strategy.currency)?;
        if let Some(amount) = self.policies.review_amount() {
            same("policies.yaml", "loans.reviewAmount", amount.currency())?;
        }
        for product in self.products {
            same(&product.file, "currency", product.published.terms.currency)?;
        }
        for funder in self.funders {
            same("funders.yaml", &format!("{}: quota", funder.code), funder.quota.currency())?;
            same("funders.yaml", &format!("{}: arrival", funder.code), funder.arrival.currency())?;
        }
        Ok(())
    }

    fn products(&self) -> Result<(), MarketError> {
        if self.products.is_empty() {
            let text = "there is no product, so nobody could borrow; add a file, such as products/gh-cash.yaml";
            return Err(wrong("products", text));
        }
        let funders: Vec<&str> = self.funders.iter().map(|funder| funder.code.as_str()).collect();
        for ProductFile { file, published } in self.products {
            let terms = &published.terms;
            if terms.country != self.country {
                let (found, wanted) = (&terms.country, self.country);
                return Err(wrong(file, format!("country: {found}, the market is in {wanted}; write {wanted}")));
            }
            all_known(file, "funders", &published.funders, "funder", &funders)?;
            let wanted = &terms.contract_template;
            if !self.contracts.names().any(|(code, _)| code == wanted) {
                let way = format!("add contracts/{wanted}.en.md.j2");
                return Err(wrong(file, format!("contractTemplate: contract template {wanted} is missing; {way}")));
            }
        }
        Ok(())
    }

    fn funders(&self) -> Result<(), MarketError> {
        let channels: Vec<&str> = self.channels.channels.iter().map(|channel| channel.code.as_str()).collect();
        for FunderFile { code, products, channels: through, valid_from, valid_until, .. } in self.funders {
            let (of_products, of_channels) = (format!("{code}: products"), format!("{code}: channels"));
            all_known("funders.yaml", &of_products, products, "product", &self.product_codes())?;
            all_known("funders.yaml", &of_channels, through, "channel", &channels)?;
            if let (Some(first), Some(last)) = (valid_from, valid_until)
                && last < first
            {
                let text = format!("{code}: validUntil: {last} is before the first day; write {first} or later");
                return Err(wrong("funders.yaml", text));
            }
        }
        Ok(())
    }

    fn tiers(&self) -> Result<(), MarketError> {
        let known = Tier::ALL.iter().map(|tier| tier.label()).collect::<Vec<_>>();
        match self.policies.capped_tiers().find(|tier| !known.contains(tier)) {
            Some(tier) => {
                let text = format!("credit.capByTier.{tier}: no tier of risk; write one of {}", known.join(", "));
                Err(wrong("policies.yaml", text))
            }
            None => Ok(()),
        }
    }

    fn excluded_products(&self) -> Result<(), MarketError> {
        for (purpose, policy) in &self.strategy.purposes {
            for tier in Tier::ALL {
                let (purpose, label) = (purpose.name().to_lowercase(), tier.label());
                let field = format!("purposes.{purpose}.tiers.{label}.excluded_products");
                let excluded = &policy.of(*tier).excluded_products;
                all_known("strategy.yaml", &field, excluded, "product", &self.product_codes())?;
            }
        }
        Ok(())
    }

    /// Codes of products, each once.
    fn product_codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> =
            self.products.iter().map(|product| product.published.terms.product.as_str()).collect();
        codes.dedup();
        codes
    }
}

/// Whether every code that a field names is known.
fn all_known(file: &str, field: &str, named: &[String], what: &str, known: &[&str]) -> Result<(), MarketError> {
    match named.iter().find(|code| !known.contains(&code.as_str())) {
        Some(code) => Err(wrong(file, format!("{field}: no {what} is {code}; write one of {}", known.join(", ")))),
        None => Ok(()),
    }
}
