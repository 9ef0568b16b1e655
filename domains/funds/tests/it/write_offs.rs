//! Money of stray payouts that never comes back, and money that comes back after all.

use sycee_contract::FundAccountId;
use sycee_contract::messages::{
    ConfirmFundArrival, PostLedgerEvent, RecoverStrayPayout, StrayPayoutReported, WriteOffStrayPayout,
};
use sycee_funds::fund_management_system::{FundAccount, FundTransaction, MovementKind, StrayPayout, StrayWriteOff};
use sycee_money::{Currency, Money};
use sycee_runtime::testing::Scene;

use crate::results::stray_of;
use crate::{ghs, own, scene};

const LOST: &str = "stray-payout-written-off";
const CAME_BACK: &str = "stray-payout-recovered";

fn loss(amount: Money, reference: &str) -> WriteOffStrayPayout {
    let (payout, note) = ("pay-1/mtn-1".to_owned(), "the bank kept its charge".to_owned());
    WriteOffStrayPayout { payout, amount, reference: reference.into(), note }
}

fn back(amount: Money, reference: &str) -> RecoverStrayPayout {
    RecoverStrayPayout { payout: "pay-1/mtn-1".into(), amount, bank_reference: reference.into() }
}

/// What is available, recoverable, paid out and uncovered.
fn figures(scene: &mut Scene, account: FundAccountId) -> [Money; 4] {
    let kept = scene.load::<FundAccount>(account).unwrap();
    assert_eq!(kept.check(), Ok(()));
    [kept.available, kept.recoverable, kept.paid_out, kept.uncovered]
}

/// What is booked, came back and is lost of the payout, and whether a part of it is to be booked yet.
fn parts(scene: &mut Scene) -> ([Money; 3], bool) {
    let stray = scene.load::<StrayPayout>("pay-1/mtn-1".to_owned()).unwrap();
    ([stray.booked, stray.recovered, stray.written_off], stray.is_open)
}

fn posted(scene: &Scene) -> Vec<(String, Money)> {
    scene.sent::<PostLedgerEvent>().into_iter().map(|entry| (entry.template, entry.amounts["amount"])).collect()
}

#[test]
fn what_never_comes_back_of_a_stray_payout_is_a_loss_once() {
    scene(|scene| {
        let account = own(scene);
        scene.happened(StrayPayoutReported { amount: ghs(300), ..stray_of(account) });
        scene.request(back(ghs(295), "back-1")).unwrap();
        assert_eq!(figures(scene, account), [ghs(995), ghs(5), ghs(0), ghs(0)]);
        for (cmd, code) in [
            (loss(ghs(6), "DEC-1"), "INVALID_AMOUNT"),
            (loss(ghs(0), "DEC-1"), "INVALID_AMOUNT"),
            (loss(Money::from_units(1, Currency::GHS), "DEC-1"), "INVALID_AMOUNT"),
            (loss(Money::from_units(10_000, Currency::USD), "DEC-1"), "INVALID_AMOUNT"),
            (loss(ghs(1), " "), "INVALID_FIELD"),
            (WriteOffStrayPayout { note: " ".into(), ..loss(ghs(1), "DEC-1") }, "INVALID_FIELD"),
            (WriteOffStrayPayout { payout: "pay-9".into(), ..loss(ghs(1), "DEC-1") }, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(cmd.clone()).unwrap_err().code, code, "{cmd:?}");
        }
        assert_eq!(scene.request(loss(ghs(3), "DEC-1")).unwrap().recoverable, ghs(2));
        assert_eq!(posted(scene), [(LOST.to_owned(), ghs(3))]);
        assert_eq!(scene.request(loss(ghs(1), "DEC-1")).unwrap_err().code, "WRITE_OFF_ALREADY_CONFIRMED");
        scene.request(loss(ghs(2), "DEC-2")).unwrap();
        assert_eq!(figures(scene, account), [ghs(995), ghs(0), ghs(5), ghs(0)]);
        assert_eq!(parts(scene), ([ghs(300), ghs(295), ghs(5)], false));
        assert_eq!(scene.request(loss(ghs(1), "DEC-3")).unwrap_err().code, "INVALID_AMOUNT");
        let decided = scene.all::<StrayWriteOff>();
        let decided: Vec<_> = decided.iter().map(|it| (it.reference.as_str(), it.amount, it.note.as_str())).collect();
        let note = "the bank kept its charge";
        assert_eq!(decided, [("DEC-1", ghs(3), note), ("DEC-2", ghs(2), note)]);
        let kinds: Vec<MovementKind> = scene.all::<FundTransaction>().iter().map(|it| it.kind).collect();
        use MovementKind::{Arrival, Recovery, StrayPayout, WriteOff};
        assert_eq!(kinds, [Arrival, StrayPayout, Recovery, WriteOff, WriteOff]);
    });
}

#[test]
fn no_more_is_written_off_than_the_books_hold() {
    scene(|scene| {
        let account = own(scene);
        scene.happened(stray_of(account));
        assert_eq!(scene.request(loss(ghs(1_001), "DEC-1")).unwrap_err().code, "INVALID_AMOUNT");
        scene.request(loss(ghs(1_000), "DEC-1")).unwrap();
        assert_eq!(figures(scene, account), [ghs(0), ghs(0), ghs(1_000), ghs(200)]);
        assert_eq!(parts(scene), ([ghs(1_000), ghs(0), ghs(1_000)], true));
        let (funder, bank_reference) = ("own-funds".to_owned(), "bank-2".to_owned());
        scene.request(ConfirmFundArrival { funder, amount: ghs(500), bank_reference }).unwrap();
        assert_eq!(figures(scene, account), [ghs(300), ghs(200), ghs(1_000), ghs(0)], "the rest is gone all the same");
        scene.request(loss(ghs(200), "DEC-2")).unwrap();
        assert_eq!(figures(scene, account), [ghs(300), ghs(0), ghs(1_200), ghs(0)]);
        assert_eq!(parts(scene), ([ghs(1_200), ghs(0), ghs(1_200)], false));
    });
}

#[test]
fn what_comes_back_after_all_was_no_loss() {
    scene(|scene| {
        let account = own(scene);
        scene.happened(stray_of(account));
        scene.request(loss(ghs(400), "DEC-1")).unwrap();
        assert_eq!(figures(scene, account), [ghs(0), ghs(600), ghs(400), ghs(200)]);
        assert_eq!(scene.request(back(ghs(1_201), "back-1")).unwrap_err().code, "INVALID_AMOUNT");
        // 600 as the books hold it, 200 that was not booked, and 200 of what was lost.
        scene.request(back(ghs(1_000), "back-1")).unwrap();
        assert_eq!(posted(scene), [(LOST.to_owned(), ghs(-200)), (CAME_BACK.to_owned(), ghs(800))]);
        assert_eq!(figures(scene, account), [ghs(800), ghs(0), ghs(200), ghs(0)]);
        assert_eq!(parts(scene), ([ghs(1_200), ghs(1_000), ghs(200)], false));
        assert_eq!(scene.request(loss(ghs(1), "DEC-2")).unwrap_err().code, "INVALID_AMOUNT");
        scene.request(back(ghs(200), "back-2")).unwrap();
        assert_eq!(posted(scene), [(LOST.to_owned(), ghs(-200)), (CAME_BACK.to_owned(), ghs(200))]);
        assert_eq!(figures(scene, account), [ghs(1_000), ghs(0), ghs(0), ghs(0)]);
        assert_eq!(parts(scene), ([ghs(1_200), ghs(1_200), ghs(0)], false));
        scene.advance_seconds(7 * 3_600);
        scene.fire_timers();
        assert!(posted(scene).is_empty(), "nothing is left to book");
    });
}
