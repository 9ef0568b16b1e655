//! Whether the files of a market agree with each other: one currency, tiers and products that exist.

use sycee_contract::PublishProductVersion;
use sycee_money::Currency;
use sycee_risk::RiskStrategy;
use sycee_risk::strategy::Tier;

use crate::files::{FunderFile, MarketError, wrong};
use crate::policies::Policies;

/// The files of a market, read.
pub(crate) struct Agreement<'a> {
    pub(crate) currency: Currency,
    pub(crate) strategy: &'a RiskStrategy,
    pub(crate) policies: &'a Policies,
    pub(crate) products: &'a [PublishProductVersion],
    pub(crate) funders: &'a [FunderFile],
}

impl Agreement<'_> {
    /// Whether every file names the market's currency, and tiers and products that exist.
    ///
    /// Errors: the first file that does not.
    pub(crate) fn check(&self) -> Result<(), MarketError> {
        self.currencies()?;
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
            same(&format!("products/{}.yaml", product.terms.product), "currency", product.terms.currency)?;
        }
        for funder in self.funders {
            same("funders.yaml", &format!("{}: quota", funder.code), funder.quota.currency())?;
            same("funders.yaml", &format!("{}: arrival", funder.code), funder.arrival.currency())?;
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
        let known = self.products.iter().map(|product| product.terms.product.as_str()).collect::<Vec<_>>();
        for (purpose, policy) in &self.strategy.purposes {
            for tier in Tier::ALL {
                let mut excluded = policy.of(*tier).excluded_products.iter();
                if let Some(product) = excluded.find(|code| !known.contains(&code.as_str())) {
                    let text = format!(
                        "{purpose:?}, tier {}, excluded_products: no product is {product}; write one of {}",
                        tier.label(),
                        known.join(", ")
                    );
                    return Err(wrong("strategy.yaml", text));
                }
            }
        }
        Ok(())
    }
}
