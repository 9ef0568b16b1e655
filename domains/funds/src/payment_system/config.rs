//! What the market configures about payments.

use serde::Deserialize;
use sycee_contract::PaymentDirection;

use crate::FundsRejection;

/// Channels, polling, and what a payer is shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentConfig {
    /// The channels.
    pub channels: Vec<PaymentChannelConfig>,
    /// Where a repayment is collected when the customer's own channel can't collect.
    pub collection_channel: String,
    /// Minutes until a pending payment is first asked about; doubles with each poll.
    pub poll_first_minutes: i64,
    /// Polls before people have to look.
    pub polls_max: u32,
    /// Seconds for which a repayment method works.
    pub method_seconds: i64,
    /// Who collects.
    pub merchant: MerchantConfig,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaymentChannelConfig {
    /// Code, such as `mtn-momo`.
    pub code: String,
    /// Whether it pays out.
    pub payout: bool,
    /// Whether it collects.
    pub collection: bool,
    /// Whether it pulls under mandates.
    pub mandates: bool,
}

/// What a payer sees of the lender.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MerchantConfig {
    /// Name, at most 25 characters of ASCII (EMVCo).
    pub name: String,
    /// City, at most 15 characters of ASCII (EMVCo).
    pub city: String,
    /// Reverse domain that names the QR scheme.
    pub qr_scheme: String,
    /// Digits every virtual account starts with.
    pub virtual_account_prefix: String,
    /// What a deep link starts with.
    pub link_base: String,
}

impl PaymentConfig {
    /// Reads a market's channels.
    ///
    /// Errors: what is wrong with the text, by field and line, or a channel that is named and not configured.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        let config: Self = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        let collects = config.channel(&config.collection_channel).is_some_and(|channel| channel.collection);
        let ascii = |text: &str, most: usize| text.is_ascii() && (1..=most).contains(&text.len());
        let rules = [
            (!collects, "collectionChannel: one of the channels, which must collect; for example mtn-momo"),
            (config.poll_first_minutes < 1, "pollFirstMinutes: 1 or more; for example 15"),
            (config.polls_max < 1, "pollsMax: 1 or more; for example 8"),
            (config.method_seconds < 60, "methodSeconds: 60 or more; for example 86400"),
            (
                !ascii(&config.merchant.name, 25),
                "merchant.name: 1 to 25 characters of ASCII; for example Sycee Lending",
            ),
            (!ascii(&config.merchant.city, 15), "merchant.city: 1 to 15 characters of ASCII; for example Accra"),
        ];
        if let Some((_, wrong)) = rules.into_iter().find(|(broken, _)| *broken) {
            return Err(wrong.to_owned());
        }
        if let Some(channel) = config.channels.iter().find(|channel| channel.mandates && !channel.collection) {
            return Err(format!(
                "channels: {} takes mandates and does not collect, so nothing could be pulled under them; set collection: \
                 true or mandates: false",
                channel.code
            ));
        }
        let twice = |code: &str| config.channels.iter().filter(|channel| channel.code == code).count() > 1;
        match config.channels.iter().find(|channel| twice(&channel.code)) {
            Some(channel) => {
                Err(format!("channels: {} stands there twice; give every channel a code of its own", channel.code))
            }
            None => Ok(config),
        }
    }

    /// The channel with this code, if it is configured.
    pub fn channel(&self, code: &str) -> Option<&PaymentChannelConfig> {
        self.channels.iter().find(|channel| channel.code == code)
    }

    /// The channel with this code. Errors: `ChannelUnknown`.
    pub fn require_known(&self, code: &str) -> Result<&PaymentChannelConfig, FundsRejection> {
        self.channel(code).ok_or_else(|| {
            let known: Vec<&str> = self.channels.iter().map(|channel| channel.code.as_str()).collect();
            FundsRejection::ChannelUnknown { channel: code.to_owned(), known: known.join(", ") }
        })
    }

    /// Checks that a channel moves money this way. Errors: `ChannelUnknown`, `ChannelClosed`.
    pub fn require(&self, code: &str, direction: PaymentDirection) -> Result<(), FundsRejection> {
        let channel = self.require_known(code)?;
        let open = match direction {
            PaymentDirection::Payout => channel.payout,
            PaymentDirection::Collection => channel.collection,
        };
        if open { Ok(()) } else { Err(FundsRejection::ChannelClosed { channel: code.to_owned(), direction }) }
    }
}
