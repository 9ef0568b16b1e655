//! References of two banks: a funder that pays itself has one of its own, money of everybody else is at ours.

use sycee_contract::messages::{
    ClaimBankReference, ConfirmFundArrival, RecoverStrayPayout, ResolveSuspense, ReturnFunds, StrayPayoutReported,
    SuspenseResolved,
};
use sycee_contract::{FundAccountId, FundingContractSigned};
use sycee_funds::fund_management_system::{FundArrival, FundReturn, StrayRecovery, SuspenseResolution};
use sycee_money::Money;
use sycee_runtime::testing::Scene;

use crate::results::stray_of;
use crate::{agreement, facts, ghs, scene, sign};

const OURS: &str = "own-funds";
const ALSO_OURS: &str = "volta-capital";
const ELSEWHERE: &str = "accra-trust";

/// Own funds, a funder whose money is at our bank, and one that pays itself.
fn funders(scene: &mut Scene) -> [FundAccountId; 3] {
    // Own funds are at our bank, whatever their agreement says of who pays.
    [(3, OURS, true), (4, ALSO_OURS, false), (5, ELSEWHERE, true)].map(|(partner, code, pays_itself)| {
        sign(scene, FundingContractSigned { pays_itself, ..agreement(partner, code, "0.10") })
    })
}

fn arrival(funder: &str, amount: Money, reference: &str) -> ConfirmFundArrival {
    ConfirmFundArrival { funder: funder.into(), amount, bank_reference: reference.into() }
}

fn back(funder: &str, reference: &str) -> ReturnFunds {
    ReturnFunds { funder: funder.into(), amount: ghs(10), bank_reference: reference.into() }
}

#[test]
fn money_that_comes_and_goes_at_two_banks_may_bear_one_reference() {
    scene(|scene| {
        funders(scene);
        for (funder, partner) in [(ELSEWHERE, "par-5"), (OURS, "par-3")] {
            scene.request(arrival(funder, ghs(500), "GCB-1")).unwrap();
            let claimed = &scene.sent::<ClaimBankReference>()[0];
            assert_eq!((claimed.partner.to_string().as_str(), claimed.bank_reference.as_str()), (partner, "GCB-1"));
            scene.request(back(funder, "GCB-1")).unwrap();
        }
        for funder in [OURS, ALSO_OURS, ELSEWHERE] {
            let again = scene.request(arrival(funder, ghs(1), "GCB-1")).unwrap_err();
            assert_eq!(again.code, "ARRIVAL_ALREADY_CONFIRMED", "{funder}");
            assert_eq!(scene.request(back(funder, "GCB-1")).unwrap_err().code, "RETURN_ALREADY_CONFIRMED", "{funder}");
        }
        let came: Vec<String> = scene.all::<FundArrival>().into_iter().map(|it| it.bank_reference).collect();
        let went: Vec<String> = scene.all::<FundReturn>().into_iter().map(|it| it.bank_reference).collect();
        assert_eq!(came, ["own/GCB-1", "par-5/GCB-1"]);
        assert_eq!(went, came);
    });
}

#[test]
fn suspense_at_two_banks_may_end_under_one_reference() {
    scene(|scene| {
        funders(scene);
        let paid_back = |funder: &str| ResolveSuspense {
            funder: funder.into(),
            amount: ghs(40),
            receipt: Some("n-1".into()),
            credit_of: None,
            loan: None,
            order: None,
            paid_at: None,
            reference: "GCB-2".into(),
        };
        for (funder, partner) in [(ELSEWHERE, "par-5"), (OURS, "par-3")] {
            let mut unexplained = facts::entry_posted("unmatched-receipt", &format!("1100|{partner}"), ghs(90));
            unexplained.reference.text = "n-1".into();
            scene.happened(unexplained);
            scene.request(paid_back(funder)).unwrap();
            let bank = if funder == OURS { "own" } else { partner };
            assert_eq!(scene.emitted::<SuspenseResolved>()[0].reference, format!("{bank}/GCB-2"));
            assert_eq!(scene.request(paid_back(funder)).unwrap_err().code, "SUSPENSE_ALREADY_RESOLVED");
            assert_eq!(scene.request(back(funder, "GCB-2")).unwrap_err().code, "BANK_REFERENCE_USED");
        }
        assert_eq!(scene.all::<SuspenseResolution>().len(), 2);
    });
}

#[test]
fn stray_payouts_may_come_back_to_two_banks_under_one_reference() {
    scene(|scene| {
        let [ours, _, elsewhere] = funders(scene);
        for (funder, account) in [(ELSEWHERE, elsewhere), (OURS, ours)] {
            scene.request(arrival(funder, ghs(500), "GCB-1")).unwrap();
            let (payout, amount) = (format!("pay-1/{funder}"), ghs(300));
            scene.happened(StrayPayoutReported { reference: payout.clone(), amount, ..stray_of(account) });
            let recovered = |reference: &str| RecoverStrayPayout {
                payout: payout.clone(),
                amount: ghs(100),
                bank_reference: reference.into(),
            };
            assert_eq!(scene.request(recovered("GCB-1")).unwrap_err().code, "BANK_REFERENCE_USED", "{funder}");
            scene.request(recovered("GCB-3")).unwrap();
            assert_eq!(scene.request(recovered("GCB-3")).unwrap_err().code, "RECOVERY_ALREADY_CONFIRMED", "{funder}");
            let arrived = scene.request(arrival(funder, ghs(100), "GCB-3")).unwrap_err();
            assert_eq!(arrived.code, "BANK_REFERENCE_USED", "{funder}");
        }
        assert_eq!(scene.all::<StrayRecovery>().len(), 2);
    });
}
