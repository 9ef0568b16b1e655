//! Messages in any order and twice: money moves once, and is posted once.

use sycee_contract::*;
use sycee_runtime::testing::Scene;
use sycee_transaction::repayment_engine::RepaymentOrder;

use crate::fixtures::*;

type Deliver = Box<dyn Fn(&mut Scene)>;

/// The numbers below `len`, each twice, in an order that `seed` names.
fn shuffled(len: usize, seed: u64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..len).chain(0..len).collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for at in (1..all.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let with = usize::try_from(state >> 33).unwrap() % (at + 1);
        all.swap(at, with);
    }
    all
}

#[test]
fn a_payout_is_booked_or_taken_back_but_never_both() {
    for seed in 0..60 {
        alone(|scene| {
            let request = requested(scene);
            let loan = request.loan;
            let failure = PartnerDisbursementFailed {
                order: request.order,
                loan,
                funder: request.funder,
                reservation: request.reservation,
                reason: "PAYEE_NOT_FOUND".into(),
            };
            let success = paid(&request);
            let deliveries: Vec<Deliver> = vec![
                Box::new(move |scene| scene.happened(success.clone())),
                Box::new(move |scene| scene.happened(failure.clone())),
                Box::new(move |scene| scene.happened(entry(loan, "loan-disbursed", 1101))),
                Box::new(move |scene| {
                    scene.happened(LoanContractCreated { loan, document: id(601), document_hash: HASH.into() });
                }),
                Box::new(move |scene| scene.happened(note(loan))),
                Box::new(move |scene| scene.happened(schedule(loan))),
                Box::new(move |scene| drop(scene.request(signature(loan)))),
            ];
            let (mut posted, mut released, mut disbursed) = (0, 0, 0);
            for at in shuffled(deliveries.len(), seed).into_iter().chain(0..deliveries.len()) {
                deliveries[at](scene);
                posted += scene.sent::<PostLedgerEvent>().len();
                released += scene.sent::<ReleaseFundReservation>().len();
                disbursed += scene.emitted::<DisbursementSucceeded>().len();
            }
            assert_eq!(posted + released, 1, "seed {seed}");
            assert_eq!(disbursed, posted, "seed {seed}");
            let expected = if posted == 1 { LoanStatus::Active } else { LoanStatus::DisbursePending };
            assert_eq!(order(scene, loan).status, expected, "seed {seed}");
        });
    }
}

#[test]
fn a_repayment_is_posted_once_and_its_order_ends_once() {
    for seed in 0..60 {
        alone(|scene| {
            scene.answers::<CalculateRepaymentPosting>(|asked| {
                Ok(quote(asked.loan, asked.kind, asked.amount.unwrap_or_else(|| ghs("346.75"))))
            });
            let loan = running(scene);
            let order = scene
                .request(CreateRepaymentOrder {
                    customer: customer(),
                    loan,
                    kind: RepaymentKind::Normal,
                    amount: None,
                    method: RepaymentMethodKind::Qr,
                })
                .unwrap()
                .order;
            let purpose = PaymentPurpose {
                loan,
                customer: customer(),
                disbursement: None,
                repayment: Some(order),
                fund_account: None,
                reservation: None,
            };
            let failed = PaymentFailed {
                payment: id(2001),
                direction: PaymentDirection::Collection,
                purpose: purpose.clone(),
                amount: ghs("346.75"),
                reason: "TIMEOUT".into(),
            };
            let succeeded = PaymentSucceeded {
                payment: id(2001),
                direction: PaymentDirection::Collection,
                purpose,
                amount: ghs("346.75"),
                channel_reference: "r1".into(),
                at: scene.now(),
                paid_at: scene.now(),
            };
            let received = PartnerRepaymentReceived {
                reference: "r1".into(),
                order: Some(order),
                loan: Some(loan),
                funder: None,
                amount: ghs("346.75"),
                payment: Some(id(2001)),
                paid_at: scene.now(),
            };
            let deliveries: Vec<Deliver> = vec![
                Box::new(move |scene| scene.happened(failed.clone())),
                Box::new(move |scene| scene.happened(succeeded.clone())),
                Box::new(move |scene| scene.happened(received.clone())),
                Box::new(move |scene| scene.fact(ResumeRepayment { order, alarm: "expired".into() })),
                Box::new(move |scene| scene.happened(posted(loan, Some(order), "346.75", false))),
            ];
            let (mut posted, mut closed) = (0, 0);
            for at in shuffled(deliveries.len(), seed).into_iter().chain([4]) {
                deliveries[at](scene);
                posted += scene.sent::<PostLedgerEvent>().len();
                closed +=
                    scene.emitted::<RepaymentOrderClosed>().iter().filter(|event| event.posting.is_none()).count();
            }
            let end = scene.load::<RepaymentOrder>(order).unwrap();
            assert_eq!(posted, 1, "seed {seed}");
            assert!(end.posting.is_some(), "seed {seed}");
            assert_eq!(closed, usize::from(end.status != RepaymentOrderStatus::Succeeded), "seed {seed}");
        });
    }
}
