//! Who asks, and who may ask for what.
//!
//! The front door writes the actor of a request; nothing in a payload can. `customer:cus-12` is a customer who has logged
//! in, `guest:` followed by anything is a person who has not. [`TRUSTED`] lists everybody else, such as `staff:ama` or
//! `channel`: they work for the market or for a partner and are held to their permissions before a request gets here.
//!
//! Invariant: a customer asks for himself alone, and only for what is open to customers; a guest only for what is open to
//! anyone; whoever claims to be a customer without a valid id, or is of no known kind, is refused everything.

use crate::{CustomerId, Rejection};

/// Kinds of actors that work for the market or for a partner: what stands before the colon, or the whole.
pub const TRUSTED: &[&str] =
    &["staff", "bff-system", "channel", "partner", "bank", "identity-provider", "clock", "timer", "runtime"];

/// Who may ask for a command, besides staff and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTo {
    /// Nobody else.
    Staff,
    /// Every person, logged in or not.
    Anyone,
    /// This customer, whom the command names.
    Customer(CustomerId),
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A customer who has logged in.
    Customer(CustomerId),
    /// A person who has not logged in.
    Guest,
    /// Staff, a service, a channel, a partner, a clock.
    Trusted,
    /// Somebody who claims to be a customer, and is not; or somebody of no known kind.
    Nobody,
}

impl Actor {
    /// The actor that `text` names.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':').unwrap_or((text, "")) {
            ("customer", id) => id.parse().map_or(Self::Nobody, Self::Customer),
            ("guest", _) => Self::Guest,
            (kind, _) if TRUSTED.contains(&kind) => Self::Trusted,
            _ => Self::Nobody,
        }
    }

    /// The actor text of a customer who has logged in.
    pub fn of_customer(customer: CustomerId) -> String {
        format!("customer:{customer}")
    }

    /// Whether this actor may ask for something that is open to `open_to`.
    ///
    /// Errors: `NOT_PERMITTED`, the same whatever the command names and whether it exists.
    pub fn check(self, open_to: OpenTo) -> Result<(), Rejection> {
        let permitted = match (self, open_to) {
            (Self::Trusted, _) => true,
            (Self::Customer(_) | Self::Guest, OpenTo::Anyone) => true,
            (Self::Customer(own), OpenTo::Customer(named)) => own == named,
            (Self::Customer(_) | Self::Guest, OpenTo::Staff) | (Self::Guest, OpenTo::Customer(_)) => false,
            (Self::Nobody, _) => false,
        };
        if permitted {
            return Ok(());
        }
        let text = match self {
            Self::Guest => "this needs a customer who has logged in: log in first",
            Self::Nobody => {
                "nobody knows this actor: use one of a known kind, such as `staff:ama` or `customer:cus-12`"
            }
            _ => {
                "customers ask for what is open to them, and for themselves alone: name the customer who has logged in"
            }
        };
        Err(Rejection::new("NOT_PERMITTED", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identifier as _;

    #[test]
    fn every_actor_meets_every_door() {
        let (ama, kofi) = (CustomerId::from_number(1), CustomerId::from_number(2));
        let doors = [OpenTo::Staff, OpenTo::Anyone, OpenTo::Customer(ama), OpenTo::Customer(kofi)];
        for (actor, opens) in [
            ("customer:cus-1", [false, true, true, false]),
            ("customer:cus-2", [false, true, false, true]),
            ("guest:device-7", [false, true, false, false]),
            ("guest", [false, true, false, false]),
            ("customer", [false; 4]),
            ("customer:", [false; 4]),
            ("customer:1", [false; 4]),
            ("customer:cus-1 ", [false; 4]),
            ("customer:staff:ama", [false; 4]),
            ("staff:ama", [true; 4]),
            ("channel", [true; 4]),
            ("channel:mtn-momo", [true; 4]),
            ("ama", [false; 4]),
            ("", [false; 4]),
            ("staffama", [false; 4]),
            ("Staff:ama", [false; 4]),
            ("admin:ama", [false; 4]),
        ] {
            let got = doors.map(|door| Actor::parse(actor).check(door).is_ok());
            assert_eq!(got, opens, "{actor:?}");
        }
        assert_eq!(Actor::parse(&Actor::of_customer(ama)), Actor::Customer(ama));
    }
}
