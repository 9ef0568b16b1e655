//! How an amount is written: `{"amount":"12.30","currency":"GHS"}` for people, `(units, code)` in binary formats.
//!
//! Invariant: no number type carries an amount in text formats, so no reader can turn it into a float.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Money;
use crate::Currency;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Money", deny_unknown_fields)]
struct Readable<'a> {
    #[serde(borrow)]
    amount: Cow<'a, str>,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Readable { amount: self.to_decimal_string().into(), currency: self.currency }.serialize(serializer)
        } else {
            (self.units, self.currency).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        if deserializer.is_human_readable() {
            let readable = Readable::deserialize(deserializer)?;
            Money::parse(&readable.amount, readable.currency).map_err(D::Error::custom)
        } else {
            let (units, currency) = Deserialize::deserialize(deserializer)?;
            Ok(Money { units, currency })
        }
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let currency = generator.subschema_for::<Currency>();
        json_schema!({
            "type": "object",
            "description": "An amount in major units as a decimal string, with its currency",
            "properties": {
                "amount": {
                    "type": "string",
                    "description": "At most 4 decimals, 6 for USDT and USDC",
                    "pattern": "^-?[0-9]+(\\.[0-9]{1,6})?$",
                    "examples": ["12.30"]
                },
                "currency": currency
            },
            "required": ["amount", "currency"],
            "additionalProperties": false
        })
    }
}
