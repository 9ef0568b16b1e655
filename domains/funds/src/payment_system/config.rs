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
    /// Ghana: the three mobile-money wallets.
    pub fn ghana() -> Self {
        let wallet =
            |code: &str| PaymentChannelConfig { code: code.to_owned(), payout: true, collection: true, mandates: true };
        Self {
            channels: vec![wallet("mtn-momo"), wallet("telecel-cash"), wallet("at-money")],
            collection_channel: "mtn-momo".to_owned(),
            poll_first_minutes: 15,
            polls_max: 8,
            method_seconds: 86_400,
            merchant: MerchantConfig {
                name: "Sycee Lending".to_owned(),
                city: "Accra".to_owned(),
                qr_scheme: "com.sycee.pay".to_owned(),
                virtual_account_prefix: "8890".to_owned(),
                link_base: "https://pay.sycee.example/".to_owned(),
            },
        }
    }

    /// The channel with this code, if it is configured.
    pub fn channel(&self, code: &str) -> Option<&PaymentChannelConfig> {
        self.channels.iter().find(|channel| channel.code == code)
    }

    /// Checks that a channel moves money this way. Errors: `ChannelUnknown`, `ChannelClosed`.
    pub fn require(&self, code: &str, direction: PaymentDirection) -> Result<(), FundsRejection> {
        let channel = self.channel(code).ok_or_else(|| {
            let known: Vec<&str> = self.channels.iter().map(|channel| channel.code.as_str()).collect();
            FundsRejection::ChannelUnknown { channel: code.to_owned(), known: known.join(", ") }
        })?;
        let open = match direction {
            PaymentDirection::Payout => channel.payout,
            PaymentDirection::Collection => channel.collection,
        };
        if open { Ok(()) } else { Err(FundsRejection::ChannelClosed { channel: code.to_owned(), direction }) }
    }
}
