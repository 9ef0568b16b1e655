//! financial-product-center: versions of products, published once and for good.
//!
//! Invariant: a published version never changes, and versions of a product are published in rising order.
//! Invariant: a market has at most `VERSIONS_MAX` versions, so that look-ups see all of them.
//! Invariant: the version in force is the greatest whose first day of sale has come.

use std::collections::BTreeMap;

use sycee_contract::{
    CalculateRepaymentPlan, Date, ProductContribution, ProductFundingMatched, ProductOfferDistributed, ProductTerms,
    ProductVersionPublished, PublishProductVersion, QueryProductOffer, QueryProductVersion, Rejection, RepaymentPlan,
    RepaymentPlanCalculated, RiskDecisionMade, RiskPurpose, Timestamp,
};
use sycee_money::Calendar;
use sycee_runtime::{Handled, Json, Registry, Work, entity};

use crate::ProductRejection;
use crate::product_rules::{ProductFileError, check_funders, check_terms};
use crate::{PlanRequest, repayment_plan};

/// Most versions that a market publishes, of all its products: look-ups give all of them.
const VERSIONS_MAX: usize = 1_000;

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("financial-product-center")
        .entity::<ProductVersion>()
        .entity::<ProductExclusion>()
        .handles::<PublishProductVersion>(publish_product_version)
        .handles::<QueryProductVersion>(query_product_version)
        .participates::<QueryProductOffer>(contribute_products)
        .participates::<CalculateRepaymentPlan>(contribute_version)
        .on::<RiskDecisionMade>(count_exclusions)
        .emits::<ProductFundingMatched>()
        .emits::<ProductOfferDistributed>()
        .emits::<ProductVersionPublished>()
        .emits::<RepaymentPlanCalculated>();
}

entity! {
    /// A published version of a product.
    pub struct ProductVersion in "product_version" of "financial-product-center" key (product, version): (String, u32) {
        /// Product code.
        product: String,
        /// Version, 1 upwards.
        version: u32,
        /// Country, ISO 3166 alpha-2.
        country: String,
        /// The rules.
        terms: Json<ProductTerms>,
        /// Partners that may finance it, by code; empty means any.
        funders: Json<Vec<String>>,
        /// First day of sale.
        effective_from: Date,
        /// When it was published.
        published_at: Timestamp,
    }
    index by_product(product: String);
    index by_country(country: String);
}

entity! {
    /// How often risk kept a product from customers: what product managers look at.
    pub struct ProductExclusion in "product_exclusion" of "financial-product-center" key product: String {
        /// Product code.
        product: String,
        /// Distribution decisions that excluded it.
        exclusions: i64,
        /// When the last of them was made.
        last_at: Timestamp,
    }
}

/// Publishes a version, for good; the same again is no conflict.
///
/// Errors: `INVALID_FIELD`, `INVALID_AMOUNT` for terms that break a rule; `PRODUCT_VERSION_EXISTS`,
/// `PRODUCT_VERSION_OUT_OF_ORDER`; `UNEXPECTED_STATE` when the market has all the versions that it may have.
fn publish_product_version(work: &mut Work, cmd: &PublishProductVersion) -> Handled<()> {
    let terms = &cmd.terms;
    check_terms(terms).map_err(ProductRejection::from)?;
    check_funders(&cmd.funders).map_err(ProductRejection::from)?;
    check_market(work, terms).map_err(ProductRejection::from)?;
    let published = work.find(ProductVersion::by_country(terms.country.clone()).limit(VERSIONS_MAX))?;
    check_version(&published, cmd)?;
    let example = representative_example(terms, &work.config::<Calendar>())?;
    if published.iter().any(|known| known.product == terms.product && known.version == terms.version) {
        return Ok(());
    }
    work.save(ProductVersion {
        product: terms.product.clone(),
        version: terms.version,
        country: terms.country.clone(),
        terms: Json(terms.clone()),
        funders: Json(cmd.funders.clone()),
        effective_from: terms.effective_from,
        published_at: work.now(),
    });
    work.emit(ProductVersionPublished { terms: terms.clone() });
    work.emit(RepaymentPlanCalculated { loan: None, plan: Some(example), settlement: None, for_schedule: false });
    work.emit(ProductFundingMatched {
        product: terms.product.clone(),
        version: terms.version,
        country: terms.country.clone(),
        currency: terms.currency,
        funders: cmd.funders.clone(),
    });
    Ok(())
}

/// What a version is shown with: its greatest amount over its longest term, begun on the first day of sale.
fn representative_example(terms: &ProductTerms, calendar: &Calendar) -> Result<RepaymentPlan, ProductRejection> {
    let request = PlanRequest {
        annual_rate: terms.annual_rate,
        principal: terms.amount_max,
        term: terms.terms.iter().copied().max().unwrap_or(1),
        start: terms.effective_from,
    };
    repayment_plan(terms, &request, calendar)
}

fn check_market(work: &Work, terms: &ProductTerms) -> Result<(), ProductFileError> {
    let market = work.market();
    if terms.country != market.country {
        return Err(ProductFileError::new("country", "must be the market's", market.country.clone()));
    }
    if terms.currency != market.currency {
        return Err(ProductFileError::new("currency", "must be the market's", market.currency.code()));
    }
    Ok(())
}

/// Whether the version may be published beside those that the market has. The same content again is no conflict.
fn check_version(published: &[ProductVersion], cmd: &PublishProductVersion) -> Result<(), ProductRejection> {
    let (product, version) = (cmd.terms.product.clone(), cmd.terms.version);
    let of_product = || published.iter().filter(|known| known.product == cmd.terms.product);
    let newest = of_product().map(|known| known.version).max().unwrap_or(0);
    let next = newest.saturating_add(1);
    match of_product().find(|known| known.version == version) {
        Some(known) if known.terms.0 == cmd.terms && known.funders.0 == cmd.funders => Ok(()),
        Some(_) => Err(ProductRejection::ProductVersionExists { product, version, next }),
        None if version < newest => Err(ProductRejection::ProductVersionOutOfOrder { product, version, newest, next }),
        None if published.len() >= VERSIONS_MAX => {
            Err(ProductRejection::TooManyVersions { published: published.len() })
        }
        None => Ok(()),
    }
}

fn query_product_version(work: &mut Work, cmd: &QueryProductVersion) -> Handled<ProductTerms> {
    if let Some(version) = cmd.version {
        return published(work, &cmd.product, version);
    }
    let today = work.today();
    let versions = work.find(ProductVersion::by_product(cmd.product.clone()).limit(VERSIONS_MAX))?;
    in_force(versions, today).pop().ok_or_else(|| Rejection::not_found("product in force", &cmd.product).into())
}

/// For a preview: the products on sale today, and word to the customer that offers wait for a credit line.
fn contribute_products(
    work: &mut Work,
    cmd: &QueryProductOffer,
    _: &[ProductContribution],
) -> Handled<ProductContribution> {
    let products = if cmd.preview {
        let (country, today) = (work.market().country.clone(), work.today());
        let on_sale = in_force(work.find(ProductVersion::by_country(country).limit(VERSIONS_MAX))?, today);
        let reason = if on_sale.is_empty() { "NO_PRODUCT_ON_SALE" } else { "NO_CREDIT_LINE_YET" };
        let reasons = vec![reason.to_owned()];
        work.emit(ProductOfferDistributed { customer: cmd.customer, offers: vec![], reasons });
        on_sale
    } else {
        vec![]
    };
    Ok(ProductContribution { products, plan: None })
}

fn contribute_version(
    work: &mut Work,
    cmd: &CalculateRepaymentPlan,
    _: &[ProductContribution],
) -> Handled<ProductContribution> {
    Ok(ProductContribution { products: vec![published(work, &cmd.product, cmd.version)?], plan: None })
}

fn published(work: &mut Work, product: &str, version: u32) -> Handled<ProductTerms> {
    match work.read::<ProductVersion>((product.to_owned(), version))? {
        Some(found) => Ok(found.terms.0.clone()),
        None => Err(Rejection::not_found("product version", format!("{product}@{version}")).into()),
    }
}

fn count_exclusions(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    if event.purpose != RiskPurpose::Distribution {
        return Ok(());
    }
    for product in &event.excluded_products {
        let known = work.get::<ProductExclusion>(product.clone())?;
        let exclusions = known.map_or(0, |known| known.exclusions).saturating_add(1);
        let last_at = work.now();
        work.save(ProductExclusion { product: product.clone(), exclusions, last_at });
    }
    Ok(())
}

/// The greatest version of each product whose first day of sale has come.
fn in_force(versions: Vec<ProductVersion>, today: Date) -> Vec<ProductTerms> {
    let mut newest = BTreeMap::new();
    for version in versions.into_iter().filter(|version| version.effective_from <= today) {
        let entry = newest.entry(version.product.clone()).or_insert_with(|| version.clone());
        if version.version > entry.version {
            *entry = version;
        }
    }
    newest.into_values().map(|version| version.terms.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(product: &str, version: u32) -> PublishProductVersion {
        let mut cmd = crate::load_product(include_str!("../../../markets/gh/products/gh-cash.yaml")).unwrap();
        (cmd.terms.product, cmd.terms.version) = (product.to_owned(), version);
        cmd
    }

    fn published(cmd: PublishProductVersion) -> ProductVersion {
        ProductVersion {
            product: cmd.terms.product.clone(),
            version: cmd.terms.version,
            country: cmd.terms.country.clone(),
            effective_from: cmd.terms.effective_from,
            terms: Json(cmd.terms),
            funders: Json(cmd.funders),
            published_at: Timestamp::default(),
        }
    }

    #[test]
    fn a_market_has_an_end_of_versions_over_all_its_products() {
        let first = published(of_file("gh-cash", 1));
        let versions = (1..).map(|version| ProductVersion { version, ..first.clone() });
        let mut all: Vec<ProductVersion> = versions.take(VERSIONS_MAX - 1).collect();
        let other = of_file("gh-other", 1);
        assert_eq!(check_version(&all, &other), Ok(()));
        all.push(published(other.clone()));
        assert_eq!(check_version(&all, &other), Ok(()), "the same again");
        for cmd in [of_file("gh-other", 2), of_file("gh-third", 1)] {
            let refused = check_version(&all, &cmd).unwrap_err();
            assert_eq!(refused, ProductRejection::TooManyVersions { published: VERSIONS_MAX });
        }
    }
}
