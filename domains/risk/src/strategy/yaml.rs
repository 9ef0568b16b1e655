//! Reads a strategy from YAML and checks it field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use sycee_contract::{AGE_IN_YEARS, RiskOutcome, RiskPurpose};
use sycee_money::{Currency, Money, Rate};

use crate::inputs::{MEASURED, REQUESTED};

use super::{
    Bin, Characteristic, Condition, LimitRule, PurposePolicy, RiskStrategy, Rule, Scorecard, StrategyError, Test,
    TierBands, TierPolicy,
};

const HOURS_MAX: u32 = 24 * 366;
/// Purposes whose referred cases a person decides. Nobody looks at a referred admission or at referred offers.
const REVIEWED: [RiskPurpose; 2] = [RiskPurpose::Credit, RiskPurpose::Drawdown];
/// Hex digits of the file's hash that decisions record.
const DIGEST_LENGTH: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    version: u32,
    currency: Currency,
    #[serde(default)]
    request_facts: BTreeMap<String, String>,
    #[serde(default)]
    declared: Vec<String>,
    scorecard: ScorecardText,
    tiers: Vec<BandText>,
    rules: Vec<RuleText>,
    purposes: BTreeMap<RiskPurpose, PurposeText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScorecardText {
    name: String,
    base: i64,
    characteristics: Vec<CharacteristicText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CharacteristicText {
    feature: String,
    missing: i64,
    bins: Vec<BinText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BinText {
    r#in: Option<Vec<String>>,
    below: Option<Number>,
    points: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BandText {
    tier: String,
    from: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MissingText {
    Fires,
    Skips,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    reason: String,
    feature: String,
    is: Option<String>,
    is_not: Option<String>,
    below: Option<Number>,
    at_least: Option<Number>,
    above: Option<Number>,
    outside: Option<(Number, Number)>,
    missing: Option<MissingText>,
    outcome: RiskOutcome,
    #[serde(default)]
    purposes: Vec<RiskPurpose>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PurposeText {
    valid_hours: u32,
    tiers: TiersText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TiersText {
    low: TierText,
    medium: TierText,
    high: TierText,
    #[serde(rename = "very-high")]
    very_high: TierText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierText {
    outcome: RiskOutcome,
    with_manual_review: Option<RiskOutcome>,
    surcharge: Option<Rate>,
    #[serde(default)]
    excluded_products: Vec<String>,
    limit: Option<LimitText>,
    #[serde(default)]
    blacklist_device: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitText {
    fraction: Rate,
    min: String,
    max: String,
    multiple: String,
}

/// A whole number or a decimal in quotes; a YAML float is refused, because it has lost its digits already.
#[derive(Clone, Copy)]
struct Number(Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a decimal in quotes such as \"0.45\"")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Decimal::from(number)))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Decimal::from(number)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

fn broken(field: impl Into<String>, rule: impl Into<String>, example: &'static str) -> StrategyError {
    StrategyError::Field { field: field.into(), rule: rule.into(), example }
}

fn require(
    holds: bool,
    field: impl Into<String>,
    rule: impl Into<String>,
    example: &'static str,
) -> Result<(), StrategyError> {
    if holds { Ok(()) } else { Err(broken(field, rule, example)) }
}

pub(super) fn read(text: &str) -> Result<RiskStrategy, StrategyError> {
    let document: Document = serde_yaml_ng::from_str(text).map_err(StrategyError::Form)?;
    let name_ok = !document.name.is_empty() && document.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    require(name_ok, "name", "letters, digits and hyphens", "gh-default")?;
    require(document.version >= 1, "version", "1 or more", "1")?;
    require(
        !document.purposes.is_empty(),
        "purposes",
        "at least one purpose",
        "credit: { valid_hours: 24, tiers: … }",
    )?;
    for (fact, feature) in &document.request_facts {
        let told = !MEASURED.contains(&feature.as_str()) && feature != AGE_IN_YEARS;
        require(
            told,
            format!("request_facts.{fact}"),
            format!("{feature} is measured, requests cannot tell it"),
            "purpose",
        )?;
    }
    let known = KnownFeatures::of(&document);
    for (index, characteristic) in document.scorecard.characteristics.iter().enumerate() {
        known.require(&format!("scorecard.characteristics[{index}].feature"), &characteristic.feature)?;
    }
    for (index, rule) in document.rules.iter().enumerate() {
        known.require(&format!("rules[{index}].feature"), &rule.feature)?;
    }
    let mut purposes = BTreeMap::new();
    for (purpose, policy) in document.purposes {
        purposes.insert(purpose, purpose_policy(purpose, policy, document.currency)?);
    }
    Ok(RiskStrategy {
        name: document.name,
        version: document.version,
        digest: blake3::hash(text.as_bytes()).to_hex().chars().take(DIGEST_LENGTH).collect(),
        currency: document.currency,
        declared: document.declared,
        request_facts: document.request_facts,
        scorecard: scorecard(document.scorecard)?,
        bands: bands(&document.tiers)?,
        rules: rules(document.rules)?,
        purposes,
    })
}

/// Features that somebody measures, tells or declares.
struct KnownFeatures(BTreeSet<String>);

impl KnownFeatures {
    fn of(document: &Document) -> Self {
        let told = document.request_facts.values().chain(&document.declared).cloned();
        Self(MEASURED.iter().chain(&[REQUESTED]).map(|name| (*name).to_owned()).chain(told).collect())
    }

    /// Errors: a rule on a feature that nobody knows would never fire.
    fn require(&self, field: &str, feature: &str) -> Result<(), StrategyError> {
        if self.0.contains(feature) {
            return Ok(());
        }
        let nearest = self.0.iter().min_by_key(|known| distance(known, feature)).map_or("", String::as_str);
        let rule = format!("nobody measures or tells {feature:?}: did you mean {nearest}? Or name it under `declared`");
        Err(broken(field, rule, "age_in_years"))
    }
}

/// How many letters have to be put in, taken out or changed.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (to, wanted) in other.chars().enumerate() {
            let changed = diagonal + usize::from(letter != wanted);
            diagonal = row[to + 1];
            row[to + 1] = changed.min(diagonal + 1).min(row[to] + 1);
        }
    }
    row[other.chars().count()]
}

fn scorecard(card: ScorecardText) -> Result<Scorecard, StrategyError> {
    let mut seen = BTreeSet::new();
    let mut characteristics = Vec::with_capacity(card.characteristics.len());
    for (index, characteristic) in card.characteristics.into_iter().enumerate() {
        let at = format!("scorecard.characteristics[{index}]");
        require(
            seen.insert(characteristic.feature.clone()),
            format!("{at}.feature"),
            format!("{} stands in the scorecard twice", characteristic.feature),
            "age_in_years",
        )?;
        characteristics.push(Characteristic {
            bins: bins(&at, characteristic.bins)?,
            feature: characteristic.feature,
            missing: characteristic.missing,
        });
    }
    require(
        !characteristics.is_empty(),
        "scorecard.characteristics",
        "at least one characteristic",
        "[{ feature: … }]",
    )?;
    Ok(Scorecard { name: card.name, base: card.base, characteristics })
}

fn bins(at: &str, texts: Vec<BinText>) -> Result<Vec<Bin>, StrategyError> {
    require(!texts.is_empty(), format!("{at}.bins"), "at least one bin", "[{ below: 8, points: 27 }]")?;
    let mut bins: Vec<Bin> = Vec::with_capacity(texts.len());
    let mut edge: Option<Decimal> = None;
    let mut closed = false;
    let mut taken = BTreeSet::new();
    for (index, bin) in texts.into_iter().enumerate() {
        let field = format!("{at}.bins[{index}]");
        let test = match (bin.r#in, bin.below) {
            (Some(_), Some(_)) => {
                return Err(broken(field, "either `in` or `below`, not both", "{ below: 8, points: 27 }"));
            }
            (Some(texts), None) => {
                require(!texts.is_empty(), format!("{field}.in"), "at least one text", "[own]")?;
                let twice = texts.iter().find(|text| !taken.insert((*text).clone()));
                require(twice.is_none(), format!("{field}.in"), "a text falls into one bin only", "[own]")?;
                Test::In(texts)
            }
            (None, Some(Number(below))) => {
                let rises = !closed && edge.is_none_or(|edge| below > edge);
                require(rises, format!("{field}.below"), "edges rise from bin to bin", "8, then 16")?;
                edge = Some(below);
                Test::Below(below)
            }
            (None, None) => {
                require(
                    !closed,
                    field,
                    "one bin takes the rest, and it is the last of the numbers",
                    "{ points: -24 }",
                )?;
                closed = true;
                Test::Number
            }
        };
        bins.push(Bin { test, points: bin.points });
    }
    Ok(bins)
}

fn bands(texts: &[BandText]) -> Result<TierBands, StrategyError> {
    let example =
        "[{ tier: low, from: 580 }, { tier: medium, from: 567 }, { tier: high, from: 530 }, { tier: very-high }]";
    let names: Vec<&str> = texts.iter().map(|band| band.tier.as_str()).collect();
    require(
        names == ["low", "medium", "high", "very-high"],
        "tiers",
        "low, medium, high, very-high, in this order",
        example,
    )?;
    match texts.iter().map(|band| band.from).collect::<Vec<_>>()[..] {
        [Some(low), Some(medium), Some(high), None] if low > medium && medium > high => {
            Ok(TierBands { low, medium, high })
        }
        _ => Err(broken("tiers", "`from` falls from tier to tier and the last tier has none", example)),
    }
}

fn rules(texts: Vec<RuleText>) -> Result<Vec<Rule>, StrategyError> {
    texts.into_iter().enumerate().map(|(index, text)| rule(&format!("rules[{index}]"), text)).collect()
}

fn rule(at: &str, text: RuleText) -> Result<Rule, StrategyError> {
    let code = !text.reason.is_empty()
        && text.reason.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    require(code, format!("{at}.reason"), "an UPPER_SNAKE code", "OVERDUE_NOW")?;
    require(text.outcome != RiskOutcome::Approve, format!("{at}.outcome"), "reject or review", "reject")?;
    let reviewed = !text.purposes.is_empty() && text.purposes.iter().all(|purpose| REVIEWED.contains(purpose));
    require(
        text.outcome != RiskOutcome::Review || reviewed,
        format!("{at}.purposes"),
        "people decide what is referred for credit and drawdown, and nothing else: a rule that refers names its purposes",
        "[credit, drawdown]",
    )?;
    let conditions: Vec<Condition> = [
        text.is.map(Condition::Is),
        text.is_not.map(Condition::IsNot),
        text.below.map(|n| Condition::Below(n.0)),
        text.at_least.map(|n| Condition::AtLeast(n.0)),
        text.above.map(|n| Condition::Above(n.0)),
        text.outside.map(|(low, high)| Condition::Outside(low.0, high.0)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let [condition] = <[Condition; 1]>::try_from(conditions)
        .map_err(|_| broken(at, "exactly one of is, is_not, below, at_least, above, outside", "at_least: 1"))?;
    if let Condition::Outside(low, high) = &condition {
        require(low <= high, format!("{at}.outside"), "the lower end first", "[18, 70]")?;
    }
    Ok(Rule {
        reason: text.reason,
        feature: text.feature,
        condition,
        missing_fires: matches!(text.missing, Some(MissingText::Fires)),
        outcome: text.outcome,
        purposes: text.purposes,
    })
}

fn purpose_policy(purpose: RiskPurpose, text: PurposeText, currency: Currency) -> Result<PurposePolicy, StrategyError> {
    let at = format!("purposes.{}", purpose.name().to_lowercase());
    let hours_ok = (1..=HOURS_MAX).contains(&text.valid_hours);
    require(hours_ok, format!("{at}.valid_hours"), format!("1 to {HOURS_MAX} hours"), "72")?;
    let tier = |name: &str, tier: TierText| tier_policy(&format!("{at}.tiers.{name}"), purpose, tier, currency);
    Ok(PurposePolicy {
        valid_hours: text.valid_hours,
        low: tier("low", text.tiers.low)?,
        medium: tier("medium", text.tiers.medium)?,
        high: tier("high", text.tiers.high)?,
        very_high: tier("very-high", text.tiers.very_high)?,
    })
}

fn tier_policy(
    at: &str,
    purpose: RiskPurpose,
    text: TierText,
    currency: Currency,
) -> Result<TierPolicy, StrategyError> {
    for (field, outcome) in [("outcome", Some(text.outcome)), ("with_manual_review", text.with_manual_review)] {
        let decided = outcome != Some(RiskOutcome::Review) || REVIEWED.contains(&purpose);
        let rule = "people decide what is referred for credit and drawdown, and nothing else: approve or reject";
        require(decided, format!("{at}.{field}"), rule, "reject")?;
    }
    let surcharge = text.surcharge.unwrap_or_else(|| Rate::from_bps(0));
    require(!surcharge.is_negative(), format!("{at}.surcharge"), "zero or more", "\"0.04\"")?;
    let limit = text.limit.map(|limit| limit_rule(&format!("{at}.limit"), limit, currency)).transpose()?;
    let grants = purpose == RiskPurpose::Credit
        && (text.outcome != RiskOutcome::Reject || text.with_manual_review.is_some_and(|o| o != RiskOutcome::Reject));
    require(
        limit.is_some() || !grants,
        format!("{at}.limit"),
        "credit that is not rejected has a limit",
        "{ fraction: \"0.5\", min: \"100\", max: \"5000\", multiple: \"10\" }",
    )?;
    Ok(TierPolicy {
        outcome: text.outcome,
        with_manual_review: text.with_manual_review,
        surcharge,
        excluded_products: text.excluded_products,
        limit,
        blacklist_device: text.blacklist_device,
    })
}

fn limit_rule(at: &str, text: LimitText, currency: Currency) -> Result<LimitRule, StrategyError> {
    let amount = |name: &str, text: &str| {
        let money = Money::parse(text, currency)
            .map_err(|error| broken(format!("{at}.{name}"), error.to_string(), "\"100.00\""))?;
        require(money.is_positive(), format!("{at}.{name}"), "more than zero", "\"100.00\"").map(|()| money)
    };
    let positive = !text.fraction.is_negative() && !text.fraction.is_zero();
    require(positive, format!("{at}.fraction"), "more than zero", "\"0.5\"")?;
    let rule = LimitRule {
        fraction: text.fraction,
        min: amount("min", &text.min)?,
        max: amount("max", &text.max)?,
        multiple: amount("multiple", &text.multiple)?,
    };
    let ordered = rule.min.units() <= rule.max.units();
    require(ordered, format!("{at}.min"), "not more than max", "min: \"100\", max: \"5000\"")?;
    Ok(rule)
}
