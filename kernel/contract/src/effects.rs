//! What the outside world is asked to do, after commit. Each answer comes back as a command of nature `Fact`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sycee_money::Money;

use crate::message::{Stored, Undecodable};
use crate::{
    CustomerId, DisbursementOrderId, KycCaseId, LoanId, PartnerId, PaymentDirection, PaymentId, PayoutAccount,
    Sensitive,
};

/// A request to the outside world, committed first and executed after, at least once.
///
/// Invariant: what a version once wrote, every later program reads: a changed payload gets the next [`Self::VERSION`],
/// and [`Self::upcast`] learns to read the one before.
pub trait Effect: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stable kind, the name an adapter registers for.
    const KIND: &'static str;
    /// Version of the payload as it is stored.
    const VERSION: u16 = 1;
    /// How often it is tried before it is parked with a work order. Waits double from 2 s to an hour: 8 tries take four
    /// minutes, 24 half a day.
    const MAX_ATTEMPTS: u32 = 24;
    /// The same key is never executed twice by an adapter that honours it.
    fn idempotency_key(&self) -> String;
    /// Whose key seals its personal data.
    fn subject(&self) -> Option<CustomerId>;

    /// Reads a payload of an older version as one of this; `None` for a version that nobody kept.
    ///
    /// Errors: when the bytes are none of that version.
    fn upcast(_version: u16, _bytes: &[u8]) -> Option<Result<Self, postcard::Error>> {
        None
    }

    /// Reads a stored payload of any version.
    ///
    /// Errors: `Newer`, `Forgotten`, `Broken`.
    fn decode(version: u16, bytes: &[u8]) -> Result<Self, Undecodable> {
        Stored { what: Self::KIND, version, bytes }.read(Self::VERSION, Self::upcast)
    }
}

/// Declares effects: payload, key, whose personal data it has, and how often it is tried if not 24 times.
///
/// `version 2, upcast f,` follows when the payload changed: `f` is the effect's [`Effect::upcast`].
macro_rules! effects {
    ($(
        $(#[$doc:meta])*
        $kind:literal $name:ident key($self:ident) $key:expr, subject $subject:expr,
        $(attempts $attempts:literal,)?
        $(version $version:literal, upcast $upcast:ident,)?
        { $($(#[$fdoc:meta])* $f:ident: $t:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name { $($(#[$fdoc])* pub $f: $t,)* }

        impl Effect for $name {
            const KIND: &'static str = $kind;
            $(const MAX_ATTEMPTS: u32 = $attempts;)?
            fn idempotency_key(&$self) -> String { $key }
            fn subject(&$self) -> Option<CustomerId> { $subject }
            $(
                const VERSION: u16 = $version;
                fn upcast(version: u16, bytes: &[u8]) -> Option<Result<Self, postcard::Error>> {
                    $upcast(version, bytes)
                }
            )?
        }
    )*};
}

effects! {
    /// Sends a one-time password by SMS, as long as the password works: five minutes. Answer: none.
    "send-otp" SendOtp key(self) self.challenge.clone(), subject None, attempts 8, {
        /// The challenge, as text.
        challenge: String,
        /// Phone, E.164.
        phone: Sensitive,
        /// The code.
        code: Sensitive,
    }

    /// Asks the identity provider to check a case. Answer: `record-kyc-result`.
    "verify-identity" VerifyIdentity key(self) self.case.to_string(), subject Some(self.customer), {
        /// The case.
        case: KycCaseId,
        /// The customer.
        customer: CustomerId,
        /// Kind of document.
        document_type: String,
        /// Number on the document.
        document_number: Sensitive,
        /// Full name.
        full_name: Sensitive,
        /// Date of birth.
        birth_date: Sensitive,
        /// Object key of the document's image.
        document_image: String,
        /// Object key of the liveness video.
        liveness_video: String,
    }

    /// Asks a payment channel to move money. Answer: `record-payment-result`, by callback or by poll.
    "channel-payment" ChannelPayment key(self) self.request_id.clone(), subject Some(self.customer), {
        /// Our request id: the channel's idempotency key.
        request_id: String,
        /// The payment.
        payment: PaymentId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Which way.
        direction: PaymentDirection,
        /// How much.
        amount: Money,
        /// Channel and account.
        account: PayoutAccount,
        /// Whether it is pulled under a mandate, without the payer's say.
        under_mandate: bool,
    }

    /// Asks a payment channel what became of a request. Answer: `record-payment-result`.
    "channel-query" ChannelQuery key(self) format!("{}-{}", self.request_id, self.attempt), subject None, {
        /// Our request id.
        request_id: String,
        /// Channel.
        channel: String,
        /// Which poll this is, 1 upwards.
        attempt: u32,
    }

    /// Asks a funder that pays itself to pay a loan out. Answer: `record-partner-disbursement`.
    "partner-payout" PartnerPayout key(self) self.order.to_string(), subject Some(self.customer), {
        /// The attempt.
        order: DisbursementOrderId,
        /// The funder.
        funder: PartnerId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// How much.
        amount: Money,
        /// Where it goes.
        account: PayoutAccount,
    }

    /// Asks a funder that pays itself what became of an attempt. Answer: `record-partner-disbursement`.
    "partner-query" PartnerQuery key(self) format!("{}-{}", self.order, self.attempt), subject None, {
        /// The attempt.
        order: DisbursementOrderId,
        /// The funder.
        funder: PartnerId,
        /// Which poll this is, 1 upwards.
        attempt: u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    effects! {
        /// Calls somebody.
        "page" Page key(self) self.number.to_string(), subject None, version 3, upcast page_of, {
            /// Whom.
            number: u32,
            /// By what.
            channel: String,
        }
    }

    /// Version 1 had no channel.
    fn page_of(version: u16, bytes: &[u8]) -> Option<Result<Page, postcard::Error>> {
        (version == 1).then(|| Ok(Page { number: postcard::from_bytes(bytes)?, channel: "pager".to_owned() }))
    }

    #[test]
    fn an_old_effect_is_read_and_an_unknown_one_says_so() {
        let page = Page { number: 7, channel: "pager".to_owned() };
        let current = postcard::to_stdvec(&page).unwrap();
        assert_eq!(Page::decode(3, &current).unwrap(), page);
        assert_eq!(Page::decode(1, &[7]).unwrap(), page);
        assert!(matches!(Page::decode(2, &[7]), Err(Undecodable::Forgotten { message: "page", stored: 2, known: 3 })));
        assert!(matches!(Page::decode(4, &current), Err(Undecodable::Newer { stored: 4, .. })));
        assert!(matches!(Page::decode(3, &[]), Err(Undecodable::Broken { stored: 3, .. })));
    }
}
