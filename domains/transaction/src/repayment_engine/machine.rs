//! The life of a repayment order: one table, pure.
//!
//! Invariant: an order ends once: succeeded, failed or expired; money that comes later is the loan's, not the order's.

use sycee_contract::RepaymentOrderStatus::{self, *};

use crate::Step::{self, AlreadyApplied, Refused, To};

/// What may happen to a repayment order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderSignal {
    /// A way to pay exists.
    OfferMethod,
    /// Money arrived.
    TakeMoney,
    /// The money is posted to the loan.
    Post,
    /// The payment failed.
    FailPayment,
    /// Nobody paid in time, or it may not be pulled any more.
    Expire,
    /// The books refused its money, which is in suspense.
    Suspend,
}

impl OrderSignal {
    /// Every signal, in the order of an order's life.
    pub const ALL: [Self; 6] =
        [Self::OfferMethod, Self::TakeMoney, Self::Post, Self::FailPayment, Self::Expire, Self::Suspend];
}

/// What `signal` means to an order in `status`.
pub fn step(status: RepaymentOrderStatus, signal: OrderSignal) -> Step<RepaymentOrderStatus> {
    use OrderSignal::*;
    match (signal, status) {
        (OfferMethod, Created) => To(AwaitingPayment),
        (OfferMethod, AwaitingPayment | Received | Succeeded) => AlreadyApplied,
        (OfferMethod, Failed | Expired) => Refused,

        (TakeMoney, Created | AwaitingPayment) => To(Received),
        (TakeMoney, Received | Succeeded | Failed | Expired) => Refused,

        (Post, Received) => To(Succeeded),
        (Post, Succeeded) => AlreadyApplied,
        (Post, Created | AwaitingPayment | Failed | Expired) => Refused,

        (FailPayment, Created | AwaitingPayment) => To(Failed),
        (FailPayment, Failed) => AlreadyApplied,
        (FailPayment, Received | Succeeded | Expired) => Refused,

        (Expire, Created | AwaitingPayment) => To(Expired),
        (Expire, Expired) => AlreadyApplied,
        (Expire, Received | Succeeded | Failed) => Refused,

        (Suspend, Received) => To(Failed),
        (Suspend, Failed) => AlreadyApplied,
        (Suspend, Created | AwaitingPayment | Succeeded | Expired) => Refused,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_state_and_signal_does_what_the_table_says() {
        let facts: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(include_str!("../../tests/data/repayment_machine.json")).unwrap();
        assert!(facts.keys().all(|status| RepaymentOrderStatus::from_name(status).is_some()));
        for &status in RepaymentOrderStatus::ALL {
            for signal in OrderSignal::ALL {
                let said = facts.get(status.name()).and_then(|row| row.get(&format!("{signal:?}")));
                let expected = match said.map(String::as_str) {
                    None => Refused,
                    Some("already") => AlreadyApplied,
                    Some(next) => To(RepaymentOrderStatus::from_name(next).unwrap()),
                };
                assert_eq!(step(status, signal), expected, "{status:?} × {signal:?}");
            }
        }
    }
}
