//! Every state of a payout and of its books with every message that may move it.

use sycee_contract::*;
use sycee_runtime::testing::Scene;
use sycee_transaction::loan_engine::{BookingStage, DisbursementOrder, DisbursementStatus};

use crate::fixtures::*;

#[test]
fn every_state_of_an_attempt_meets_every_report() {
    use DisbursementStatus::{Failed, Requested, Succeeded};
    let failed = |request: &DisbursementRequested| PartnerDisbursementFailed {
        order: request.order,
        loan: request.loan,
        funder: request.funder,
        reservation: request.reservation,
        reason: "PAYEE_NOT_FOUND".into(),
    };
    let tell = |scene: &mut Scene, request: &DisbursementRequested, outcome: DisbursementStatus| match outcome {
        Requested => {}
        Succeeded => scene.happened(paid(request)),
        Failed => scene.happened(failed(request)),
    };
    for (before, told, after) in [
        (Requested, Succeeded, Succeeded),
        (Requested, Failed, Failed),
        (Succeeded, Succeeded, Succeeded),
        (Succeeded, Failed, Succeeded),
        (Failed, Succeeded, Failed),
        (Failed, Failed, Failed),
    ] {
        alone(|scene| {
            let request = requested(scene);
            tell(scene, &request, before);
            tell(scene, &request, told);
            let attempt = scene.load::<DisbursementOrder>(request.order).unwrap();
            assert_eq!(attempt.status, after, "{before:?}, told {told:?}");
        });
    }
}

/// What moves the books on, in the order in which it comes.
#[derive(Clone, Copy, Debug)]
enum Told {
    Paid,
    Entry,
    Contract,
    Note,
    Schedule,
}

fn tell(scene: &mut Scene, request: &DisbursementRequested, told: Told) {
    let loan = request.loan;
    match told {
        Told::Paid => scene.happened(paid(request)),
        Told::Entry => scene.happened(entry(loan, "loan-disbursed", 1101)),
        Told::Contract => {
            scene.happened(LoanContractCreated { loan, document: id(601), document_hash: HASH.into() });
        }
        Told::Note => scene.happened(note(loan)),
        Told::Schedule => scene.happened(schedule(loan)),
    }
}

#[test]
fn every_stage_of_the_books_meets_every_message() {
    use BookingStage::{ContractFiled, EntryPosted, NotStarted, NoteCreated, Requested, Scheduled};
    const TOLD: [Told; 5] = [Told::Paid, Told::Entry, Told::Contract, Told::Note, Told::Schedule];
    // A row for each stage: where it is after each message. Contract and note come in either order.
    let table = [
        (NotStarted, [Requested, NotStarted, NotStarted, NotStarted, NotStarted]),
        (Requested, [Requested, EntryPosted, Requested, Requested, Requested]),
        (EntryPosted, [EntryPosted, EntryPosted, ContractFiled, NoteCreated, Scheduled]),
        (ContractFiled, [ContractFiled, ContractFiled, ContractFiled, NoteCreated, Scheduled]),
        (NoteCreated, [NoteCreated, NoteCreated, NoteCreated, NoteCreated, Scheduled]),
        (Scheduled, [Scheduled, Scheduled, Scheduled, Scheduled, Scheduled]),
    ];
    assert_eq!(table.len(), BookingStage::ALL.len());
    for (steps, (before, row)) in table.into_iter().enumerate() {
        for (told, after) in TOLD.into_iter().zip(row) {
            alone(|scene| {
                let request = requested(scene);
                for step in &TOLD[..steps] {
                    tell(scene, &request, *step);
                }
                assert_eq!(order(scene, request.loan).booking, before);
                tell(scene, &request, told);
                assert_eq!(order(scene, request.loan).booking, after, "{before:?}, told {told:?}");
            });
        }
    }
}
