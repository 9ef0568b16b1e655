//! Whatever happens in whatever order, the nine balances explain every unit.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sycee_contract::{FundAccountId, Identifier, PartnerId, ReservationId, Timestamp};
use sycee_funds::fund_management_system::{
    Cause, FundAccount, FundBucket, FundReservation, FundTransaction, MovementKind, ReservationMessage,
    ReservationStatus,
};
use sycee_money::{Currency, Money};

use crate::{loan, route};

#[derive(Clone, Debug)]
enum Action {
    Arrive(i64),
    Repay(i64),
    Unexplained(i64),
    Move(MovementKind, i64),
    Reserve(i64),
    Tell(usize, ReservationMessage),
}

fn action() -> impl Strategy<Value = Action> {
    use MovementKind::{PayBack, Rematch, Return, Surplus};
    let amount = -5..5_000_i64;
    prop_oneof![
        amount.clone().prop_map(Action::Arrive),
        amount.clone().prop_map(Action::Repay),
        amount.clone().prop_map(Action::Unexplained),
        (prop::sample::select(&[Surplus, Rematch, PayBack, Return][..]), amount.clone())
            .prop_map(|(kind, units)| Action::Move(kind, units)),
        amount.prop_map(Action::Reserve),
        (any::<usize>(), prop::sample::select(ReservationMessage::ALL))
            .prop_map(|(at, message)| Action::Tell(at, message)),
        (any::<usize>(), prop::sample::select(ReservationMessage::ALL))
            .prop_map(|(at, message)| Action::Tell(at, message)),
    ]
}

struct World {
    account: FundAccount,
    reservations: Vec<FundReservation>,
    history: Vec<FundTransaction>,
}

impl World {
    fn new() -> Self {
        let (id, partner) = (FundAccountId::from_number(1), PartnerId::from_number(2));
        let account = FundAccount::open(id, partner, "own-funds", "Own funds", Vec::new(), Currency::GHS);
        Self { account, reservations: Vec::new(), history: Vec::new() }
    }

    fn post(&mut self, kind: MovementKind, units: i64) -> bool {
        let cause = Cause { loan: None, reference: "x".into() };
        let before = self.account.clone();
        match self.account.post(kind, Money::from_units(units, Currency::GHS), cause, Timestamp::from_micros(0)) {
            Ok(entry) => {
                self.history.push(entry);
                true
            }
            Err(_) => {
                assert_eq!(self.account, before, "a refusal changes nothing");
                false
            }
        }
    }

    fn reserve(&mut self, units: i64) {
        if self.post(MovementKind::Reservation, units) {
            let at = Timestamp::from_micros(0);
            self.reservations.push(FundReservation {
                id: ReservationId::from_number(self.reservations.len() as i64),
                loan: loan(self.reservations.len() as i64),
                fund_account: self.account.id,
                route: route(),
                amount: Money::from_units(units, Currency::GHS),
                status: ReservationStatus::Held,
                release_reason: None,
                reserved_at: at,
                changed_at: at,
            });
        }
    }

    fn tell(&mut self, at: usize, message: ReservationMessage) {
        if self.reservations.is_empty() {
            return;
        }
        let at = at % self.reservations.len();
        let reservation = &mut self.reservations[at];
        let units = reservation.amount.units();
        if let Ok(Some(kind)) = reservation.apply(message, Timestamp::from_micros(1)) {
            assert!(self.post(kind, units), "what a reservation allows, the balances hold");
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Arrive(units) => drop(self.post(MovementKind::Arrival, units)),
            Action::Repay(units) => drop(self.post(MovementKind::Repayment, units)),
            Action::Unexplained(units) => drop(self.post(MovementKind::UnmatchedReceipt, units)),
            Action::Move(kind, units) => drop(self.post(kind, units)),
            Action::Reserve(units) => self.reserve(units),
            Action::Tell(at, message) => self.tell(at, message),
        }
    }

    fn sum(&self, statuses: &[ReservationStatus]) -> i64 {
        let held = self.reservations.iter().filter(|reservation| statuses.contains(&reservation.status));
        held.map(|reservation| reservation.amount.units()).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_105), ..ProptestConfig::default() })]

    #[test]
    fn balances_always_explain_everything(actions in prop::collection::vec(action(), 0..120)) {
        use ReservationStatus::{Bounced, Closed, Held, InTransit, PaidOut};
        let mut world = World::new();
        for action in &actions {
            world.act(action);
            prop_assert_eq!(world.account.check(), Ok(()));
            prop_assert_eq!(world.account.frozen.units(), world.sum(&[Held, Bounced]));
            prop_assert_eq!(world.account.in_transit.units(), world.sum(&[InTransit]));
            prop_assert_eq!(world.account.paid_out.units(), world.sum(&[PaidOut, Closed]));
        }
        let mut replayed = World::new();
        for (sequence, entry) in (1..).zip(&world.history) {
            prop_assert_eq!(entry.sequence, sequence);
            prop_assert_eq!(replayed.account.balance(entry.source), entry.source_before);
            prop_assert_eq!(replayed.account.balance(entry.target), entry.target_before);
            prop_assert!(replayed.post(entry.kind, entry.amount.units()));
            prop_assert_eq!(replayed.account.balance(entry.target), entry.target_after);
        }
        for bucket in FundBucket::ALL {
            prop_assert_eq!(replayed.account.balance(*bucket), world.account.balance(*bucket), "the history replays to the balances");
        }
    }
}

#[test]
fn a_broken_account_is_noticed() {
    let mut world = World::new();
    world.act(&Action::Arrive(100));
    for bucket in [FundBucket::Available, FundBucket::Arrived] {
        let mut broken = world.account.clone();
        match bucket {
            FundBucket::Available => broken.available = Money::from_units(99, Currency::GHS),
            _ => broken.arrived = Money::from_units(-1, Currency::GHS),
        }
        assert!(broken.check().is_err(), "{bucket:?}");
    }
}
