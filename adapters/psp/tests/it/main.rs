//! The simulated outside world behaves as its tables say, and never moves money twice.
#![allow(clippy::unwrap_used, reason = "a helper that meets a surprise ends its test")]

mod channel;
mod others;

use sycee_contract::{
    ChannelPayment, ChannelQuery, CustomerId, Identifier, LoanId, PaymentDirection, PaymentId, PayoutAccount,
    Sensitive, Timestamp,
};
use sycee_money::{Currency, Money};

fn ghs(major: i64) -> Money {
    Money::from_minor(major * 100, Currency::GHS).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(0).plus_seconds(seconds)
}

fn account(number: &str) -> PayoutAccount {
    PayoutAccount { channel: "mtn-momo".into(), number: Sensitive::new(number), holder: Sensitive::new("Ama Mensah") }
}

fn payment(number: i64, direction: PaymentDirection, amount: Money, phone: &str) -> ChannelPayment {
    let payment = PaymentId::from_number(number);
    ChannelPayment {
        request_id: payment.to_string(),
        payment,
        loan: LoanId::from_number(number),
        customer: CustomerId::from_number(1),
        direction,
        amount,
        account: account(phone),
        under_mandate: false,
    }
}

fn query(number: i64) -> ChannelQuery {
    ChannelQuery { request_id: PaymentId::from_number(number).to_string(), channel: "mtn-momo".into(), attempt: 1 }
}
