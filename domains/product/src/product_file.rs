//! Product files: YAML that people write, read into the command that publishes a product version.
//!
//! Invariant: a file with a field that is missing, unknown or wrong is refused by that field's name.

use serde_json::{Map, Value};
use sycee_contract::{ProductTerms, PublishProductVersion};

use crate::product_rules::check_funders;
use crate::{ProductFileError, check_terms};

/// A file that is in order: its fields are the fields a file must have, its values the examples in errors.
const SAMPLE: &str = r#"
product: gh-installment
version: 1
names: {en: Installment loan}
country: GH
currency: GHS
amountMin: {amount: "100.00", currency: GHS}
amountMax: {amount: "5000.00", currency: GHS}
terms: [3, 6, 12]
every: 1
unit: month
method: equal-installments
annualRate: "0.30"
dayCount: act/365
dueDates: following
rounding: half-even
upfrontFee: "0.05"
penaltyRate: "0.36"
graceDays: 3
coolingOffDays: 7
settlementInterest: to-the-day
allocation: [penalty, fee, interest, principal]
contractTemplate: loan-agreement
effectiveFrom: "2026-01-01"
"#;

/// Reads a product file: the rules of a version, and `funders`, the partners that may finance it by code.
///
/// Errors: the first field that is missing, unknown or breaks a rule, with a value that would be accepted.
pub fn load_product(yaml: &str) -> Result<PublishProductVersion, ProductFileError> {
    let mut fields = mapping(yaml)?;
    let funders = match fields.remove("funders") {
        None => vec![],
        Some(list) => serde_json::from_value(list).map_err(|error| {
            ProductFileError::new("funders", format!("must be a list of partner codes: {error}"), "[own-funds]")
        })?,
    };
    let sample = mapping(SAMPLE)?;
    check_fields(&fields, &sample)?;
    let terms = serde_json::from_value(Value::Object(fields.clone())).map_err(|_| wrong_value(&fields, &sample))?;
    check_terms(&terms)?;
    check_funders(&funders)?;
    Ok(PublishProductVersion { terms, funders })
}

fn mapping(yaml: &str) -> Result<Map<String, Value>, ProductFileError> {
    let whole = |rule: String| ProductFileError::new("file", rule, "product: gh-installment");
    match serde_yaml_ng::from_str::<Value>(yaml) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(whole("must be a YAML mapping of fields".to_owned())),
        Err(error) => Err(whole(format!("must be YAML: {error}"))),
    }
}

fn check_fields(fields: &Map<String, Value>, sample: &Map<String, Value>) -> Result<(), ProductFileError> {
    for (name, example) in sample {
        if !fields.contains_key(name) {
            return Err(ProductFileError::new(name, "is missing", example.to_string()));
        }
    }
    match fields.keys().find(|name| !sample.contains_key(*name)) {
        Some(unknown) => {
            let known: Vec<&str> = sample.keys().map(String::as_str).collect();
            Err(ProductFileError::new(unknown, "is no field of a product", known.join(", ")))
        }
        None => Ok(()),
    }
}

/// The field whose value alone makes the sample unreadable.
fn wrong_value(fields: &Map<String, Value>, sample: &Map<String, Value>) -> ProductFileError {
    for (name, value) in fields {
        let mut probe = sample.clone();
        let example = probe.insert(name.clone(), value.clone());
        if let Err(error) = serde_json::from_value::<ProductTerms>(Value::Object(probe)) {
            let example = example.map_or_else(String::new, |example| example.to_string());
            return ProductFileError::new(name, format!("cannot be read: {error}"), example);
        }
    }
    ProductFileError::new("file", "cannot be read", "product: gh-installment")
}
