//! What can go wrong with an amount, said so that the person who sent it can correct it.

use crate::Currency;

/// Why money arithmetic or parsing was refused. Messages name the field's rule and show an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not an amount of this currency.
    #[error("amount {input:?} is not a {currency} amount: {rule}, for example \"{example}\"")]
    Parse {
        /// What was sent, cut at 40 characters.
        input: String,
        /// The currency it was read for.
        currency: Currency,
        /// The rule it breaks.
        rule: &'static str,
        /// An amount that would be accepted.
        example: &'static str,
    },
    /// Two amounts of different currencies met.
    #[error("{left} and {right} amounts can't be combined or compared: convert one of them with an FX quote first")]
    CurrencyMismatch {
        /// Currency of the left amount.
        left: Currency,
        /// Currency of the right amount.
        right: Currency,
    },
    /// The result is outside what [`crate::Money`] or [`crate::Precise`] can hold.
    #[error("{operation} in {currency} leaves the range of amounts (64-bit units at {} decimals): check the operands", currency.scale())]
    Overflow {
        /// What was being computed.
        operation: &'static str,
        /// The currency of the result.
        currency: Currency,
    },
    /// The currency code is not in the table.
    #[error(
        "currency {code:?} is unknown: send an active ISO 4217 code, USDT or USDC in capitals, for example \"GHS\""
    )]
    UnknownCurrency {
        /// What was sent, cut at 40 characters.
        code: String,
    },
    /// The amount has decimals below the currency's minor unit where only whole minor units are allowed.
    #[error("{amount} {currency} is not a whole number of minor units ({} decimals): round it first", currency.minor_digits())]
    NotWholeMinor {
        /// The amount in major units.
        amount: String,
        /// Its currency.
        currency: Currency,
    },
    /// An allocation has no weights, or they are all zero.
    #[error("an allocation needs at least one weight above zero, for example [70, 30]")]
    InvalidAllocation,
    /// A multiple to round to is zero or negative.
    #[error("the multiple to round to must be above zero, {amount} {currency} was given, for example \"0.05\"")]
    InvalidMultiple {
        /// The multiple in major units.
        amount: String,
        /// Its currency.
        currency: Currency,
    },
    /// The text or number is not a rate.
    #[error("rate {input:?} is not valid: {rule}, for example \"{example}\"")]
    InvalidRate {
        /// What was sent, cut at 40 characters.
        input: String,
        /// The rule it breaks.
        rule: &'static str,
        /// A rate that would be accepted.
        example: &'static str,
    },
    /// A ratio was given with a zero denominator.
    #[error("{operation}: the denominator must not be zero, nor negative in a fraction")]
    DivisionByZero {
        /// What was being computed.
        operation: &'static str,
    },
    /// The name is not one of the values of a named rule such as a rounding mode or day count.
    #[error("{what} {input:?} is unknown: one of {allowed}")]
    UnknownName {
        /// Which rule was named.
        what: &'static str,
        /// What was sent, cut at 40 characters.
        input: String,
        /// The names that are accepted.
        allowed: &'static str,
    },
}

impl MoneyError {
    /// The part of user input that goes into a message: enough to recognise it, too little to flood a log.
    pub(crate) fn excerpt(input: &str) -> String {
        input.chars().take(40).collect()
    }
}
