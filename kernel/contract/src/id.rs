//! Identifiers: dense 63-bit integers from a market's own sequence, shown with a prefix that says what they name.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An identifier that a market's sequence hands out; time-ordered, unique across all kinds within the market.
pub trait Identifier: Copy + Eq + Ord + std::hash::Hash + fmt::Display + Send + Sync + 'static {
    /// What stands before the number when people read it.
    const PREFIX: &'static str;
    /// The identifier with this number.
    fn from_number(number: i64) -> Self;
    /// The number of this identifier.
    fn number(self) -> i64;
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl Identifier for $name {
            const PREFIX: &'static str = $prefix;
            fn from_number(number: i64) -> Self { Self(number) }
            fn number(self) -> i64 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!($prefix, "-{}"), self.0) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                text.strip_prefix(concat!($prefix, "-"))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| format!(concat!("{:?} is not an identifier such as ", $prefix, "-1042"), text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    String::deserialize(d)?.parse().map_err(de::Error::custom)
                } else {
                    i64::deserialize(d).map(Self)
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": concat!("^", $prefix, "-[0-9]+$") })
            }
        }
    )*};
}

identifiers! {
    /// A customer; also names the person whose key seals the customer's personal data.
    CustomerId "cus";
    /// A one-time-password challenge.
    OtpChallengeId "otp";
    /// The time a customer is logged in on one device.
    SessionId "ses";
    /// A KYC case.
    KycCaseId "kyc";
    /// A risk decision.
    DecisionId "dec";
    /// An application for a credit line.
    CreditApplicationId "cap";
    /// An offer distributed to a customer.
    OfferId "off";
    /// A loan, from application to settlement: application, order, note and schedule share it.
    LoanId "loan";
    /// A document held by hash.
    DocumentId "doc";
    /// A funding partner.
    PartnerId "par";
    /// An agreement with a funding partner.
    FundingContractId "fct";
    /// A funder's account in the fund management system.
    FundAccountId "fac";
    /// A confirmed arrival of a funder's money.
    ArrivalId "arr";
    /// A reservation of a funder's money for one loan.
    ReservationId "rsv";
    /// A chosen route to a funder's money.
    RouteId "rte";
    /// One attempt to pay a loan out.
    DisbursementOrderId "dis";
    /// A payment order: payout, collection or refund.
    PaymentId "pay";
    /// A repayment order.
    RepaymentOrderId "rpo";
    /// A posting of money to a loan note.
    PostingId "pst";
    /// A ledger entry.
    EntryId "ent";
    /// A direct-debit mandate.
    MandateId "mdt";
    /// A message sent to a customer.
    NoticeId "ntc";
    /// A work order for people.
    WorkOrderId "wko";
}
