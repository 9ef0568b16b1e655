//! From the payout to a running note: contract, note, schedule, pool.

use sycee_asset::{AssetPool, CustomerAssets, LoanContract, NoteStatus, RepaymentSchedule};
use sycee_contract::{
    CalculateRepaymentPlan, EntryId, Identifier, InstallmentDueNotice, LoanContractCreated, LoanNoteCreated,
    OpenWorkOrder, PartnerId, ProductVersionPublished, QueryAssetDueList, QueryLoanPosition, RepaymentKind,
    RepaymentPlan, RepaymentPlanCalculated, RepaymentScheduleGenerated,
};
use sycee_money::{Rate, date};
use sycee_runtime::testing::Scene;
use sycee_runtime::{FaultKind, Stimulus};

use crate::fixture::{
    FUNDER, LOAN, START, advance, advance_from, contract, customer, disburse, disbursed, ghs, installments, loan,
    market, note, plan, post, quote, terms,
};

#[test]
fn a_payout_becomes_a_contract_a_note_a_schedule_and_a_running_loan() {
    market(|scene| {
        let contract = contract(LOAN, terms(), "1200", 3);
        scene.request(contract.clone()).unwrap();
        assert_eq!(scene.emitted::<LoanContractCreated>().len(), 1);
        assert_eq!(scene.emitted::<LoanNoteCreated>()[0].principal, ghs("1200"));
        assert_eq!(note(scene).status, NoteStatus::AwaitingPlan);

        let plan = plan(&contract);
        scene.happened(RepaymentPlanCalculated {
            loan: Some(loan(LOAN)),
            plan: Some(plan.clone()),
            settlement: None,
            for_schedule: true,
        });
        let told = scene.emitted::<RepaymentScheduleGenerated>();
        assert_eq!(told.iter().map(|schedule| schedule.on_note).collect::<Vec<_>>(), [false, true]);
        assert!(told.iter().all(|schedule| schedule.installments == plan.installments));
        assert_eq!((note(scene).status, note(scene).is_open), (NoteStatus::Planned, false));
        assert_eq!(installments(scene).lines.len(), 3);
        assert_eq!(scene.load::<LoanContract>(loan(LOAN)).unwrap().total_due, Some(plan.total_due));

        scene.happened(disbursed(&contract));
        assert_eq!((note(scene).status, note(scene).is_open), (NoteStatus::Active, true));
        let schedule = scene.load::<RepaymentSchedule>((loan(LOAN), 1)).unwrap();
        assert_eq!((schedule.active_marker, schedule.effective_from), (Some(true), Some(START)));
        assert_eq!(scene.load::<CustomerAssets>(customer()).unwrap().loans.0, vec![loan(LOAN)]);
        let pool = scene.load::<AssetPool>(PartnerId::from_number(FUNDER)).unwrap();
        assert_eq!((pool.loans_open, pool.outstanding), (1, ghs("1200")));
    });
}

#[test]
fn what_was_filed_is_filed_once() {
    market(|scene| {
        let first = contract(LOAN, terms(), "1200", 3);
        disburse(scene, &first);
        scene.request(first.clone()).unwrap();
        assert!(scene.emitted::<LoanNoteCreated>().is_empty(), "the same payout again");

        let mut other = first.clone();
        other.entry = EntryId::from_number(1);
        assert_eq!(scene.request(other).unwrap_err().code, "UNEXPECTED_STATE");

        scene.happened(RepaymentPlanCalculated {
            loan: Some(loan(LOAN)),
            plan: Some(plan(&first)),
            settlement: None,
            for_schedule: true,
        });
        assert!(scene.emitted::<RepaymentScheduleGenerated>().is_empty(), "one schedule is active");
        scene.happened(disbursed(&first));
        assert_eq!(note(scene).status, NoteStatus::Active);
        let pool = scene.load::<AssetPool>(PartnerId::from_number(FUNDER)).unwrap();
        assert_eq!((pool.loans, pool.financed), (1, ghs("1200")));
    });
}

#[test]
fn a_later_plan_changes_nothing_that_was_filed() {
    market(|scene| {
        let signed = contract(LOAN, terms(), "1200", 3);
        disburse(scene, &signed);
        let filed = scene.load::<LoanContract>(loan(LOAN)).unwrap();
        assert_eq!((filed.apr, filed.total_due), (Some(plan(&signed).apr), Some(plan(&signed).total_due)));
        let (noted, asked) = (note(scene), installments(scene));

        let other = plan(&contract(LOAN, terms(), "900", 6));
        let other = RepaymentPlan { apr: Rate::from_percent_str("1").unwrap(), ..other };
        scene.happened(RepaymentPlanCalculated {
            loan: Some(loan(LOAN)),
            plan: Some(other),
            settlement: None,
            for_schedule: true,
        });
        assert_eq!(scene.load::<LoanContract>(loan(LOAN)), Some(filed));
        assert_eq!((note(scene), installments(scene)), (noted, asked));
    });
}

#[test]
fn a_trial_plan_is_no_schedule() {
    market(|scene| {
        let contract = contract(LOAN, terms(), "1200", 3);
        scene.happened(RepaymentPlanCalculated {
            loan: None,
            plan: Some(plan(&contract)),
            settlement: None,
            for_schedule: false,
        });
        assert!(scene.emitted::<RepaymentScheduleGenerated>().is_empty());
        assert!(scene.load::<RepaymentSchedule>((loan(LOAN), 1)).is_none());
    });
}

#[test]
fn principal_is_positive_and_in_the_products_currency() {
    market(|scene| {
        let rejection = scene.request(contract(LOAN, terms(), "0", 3)).unwrap_err();
        assert_eq!(rejection.code, "INVALID_FIELD");
        assert!(scene.load::<LoanContract>(loan(LOAN)).is_none());
    });
}

#[test]
fn a_contract_that_differs_from_its_product_is_filed_and_people_are_told() {
    market(|scene| {
        scene.happened(ProductVersionPublished { terms: terms() });
        scene.request(contract(LOAN, terms(), "1200", 3)).unwrap();
        assert!(scene.sent::<OpenWorkOrder>().is_empty());

        let mut generous = terms();
        generous.grace_days = 30;
        scene.request(contract(LOAN + 1, generous, "1200", 3)).unwrap();
        let orders = scene.sent::<OpenWorkOrder>();
        assert_eq!((orders.len(), orders[0].kind.as_str()), (1, "contract-differs-from-product"));
        assert!(scene.load::<LoanContract>(loan(LOAN + 1)).is_some());
    });
}

#[test]
fn the_plan_is_asked_for_as_the_contract_says() {
    market(|scene| {
        scene.answers::<CalculateRepaymentPlan>(|query| {
            assert_eq!((query.loan, query.start, query.term), (Some(loan(LOAN)), START, 3));
            Ok(plan(&contract(LOAN, terms(), "1200", 3)))
        });
        scene.request(contract(LOAN, terms(), "1200", 3)).unwrap();
    });
}

#[test]
fn a_due_list_names_what_is_outstanding() {
    market(|scene| {
        let empty = scene.request(QueryAssetDueList { customer: customer() }).unwrap();
        assert!(empty.loans.is_empty());

        let contract = contract(LOAN, terms(), "1200", 3);
        disburse(scene, &contract);
        let due = scene.request(QueryAssetDueList { customer: customer() }).unwrap().loans.remove(0);
        assert_eq!((due.due_now, due.outstanding), (ghs("0"), plan(&contract).total_due));
        assert_eq!((due.installments.len(), due.cooling_off_until), (3, date(2026, 2, 7)));

        scene.set_today(date(2026, 2, 28));
        let due = scene.request(QueryAssetDueList { customer: customer() }).unwrap().loans.remove(0);
        assert_eq!(due.due_now, due.installments[0].outstanding);
    });
}

#[test]
fn a_position_needs_a_loan() {
    market(|scene| {
        assert_eq!(scene.request(QueryLoanPosition { loan: loan(1), as_of: None }).unwrap_err().code, "NOT_FOUND");
        disburse(scene, &contract(LOAN, terms(), "1200", 3));
        let position = scene.request(QueryLoanPosition { loan: loan(LOAN), as_of: None }).unwrap();
        assert_eq!((position.installments.len(), position.interest_receivable), (3, ghs("0")));
    });
}

#[test]
fn a_moved_due_date_moves_lateness_but_no_interest() {
    market(|scene| {
        let contract = contract(LOAN, terms(), "1200", 3);
        let mut moved = plan(&contract);
        // 28 February 2026 is a Saturday: due on Monday.
        assert_eq!(moved.installments[0].to, date(2026, 2, 28));
        moved.installments[0].due_date = date(2026, 3, 2);
        scene.request(contract.clone()).unwrap();
        scene.happened(RepaymentPlanCalculated {
            loan: Some(contract.loan),
            plan: Some(moved.clone()),
            settlement: None,
            for_schedule: true,
        });
        scene.happened(disbursed(&contract));
        advance_from(scene, START, date(2026, 3, 1));
        assert_eq!(note(scene).interest_accrued, moved.installments[0].interest, "the period ended on Saturday");
        advance(scene, date(2026, 3, 2));
        assert_eq!(scene.emitted::<InstallmentDueNotice>()[0].due_date, date(2026, 3, 2));
        let two_days = note(scene).interest_accrued;
        assert!(two_days.compare(moved.installments[0].interest).unwrap().is_gt(), "the second period runs already");
        advance(scene, date(2026, 3, 3));
        assert_eq!(note(scene).days_past_due, 0, "the due date itself is not late");
        advance(scene, date(2026, 3, 4));
        assert_eq!(note(scene).days_past_due, 1);
    });
}

/// What moves a note.
#[derive(Clone, Copy, Debug)]
enum Told {
    Schedule,
    Disbursed,
    DaysPass,
    PaysWhatIsDue,
    PaysEverything,
    Cancels,
    CoolingOffEnds,
}

fn tell(scene: &mut Scene, told: Told) {
    let contract = contract(LOAN, terms(), "1200", 3);
    match told {
        Told::Schedule => scene.happened(RepaymentPlanCalculated {
            loan: Some(loan(LOAN)),
            plan: Some(plan(&contract)),
            settlement: None,
            for_schedule: true,
        }),
        Told::Disbursed if note(scene).status == NoteStatus::AwaitingPlan => {
            // It cannot be so, and is undone: the loan engine waits for the schedule.
            let stimulus = Stimulus::event("staff:test", disbursed(&contract));
            assert_eq!(scene.writer().execute(stimulus).err().unwrap().kind, FaultKind::Bug);
        }
        Told::Disbursed => scene.happened(disbursed(&contract)),
        Told::DaysPass => {
            let last = scene.today();
            advance_from(scene, last, date(2026, 3, 11).max(last.tomorrow().unwrap()));
        }
        Told::CoolingOffEnds => {
            advance_from(scene, START, date(2026, 2, 8));
        }
        Told::PaysWhatIsDue => {
            let Ok(quote) = quote(scene, RepaymentKind::Normal, None) else { return };
            post(scene, 900, RepaymentKind::Normal, &quote.parts);
        }
        Told::PaysEverything => {
            let Ok(quote) = quote(scene, RepaymentKind::EarlySettlement, None) else { return };
            post(scene, 901, RepaymentKind::EarlySettlement, &quote.parts);
        }
        Told::Cancels => {
            let Ok(quote) = quote(scene, RepaymentKind::Cancel, None) else { return };
            post(scene, 902, RepaymentKind::Cancel, &quote.parts);
        }
    }
}

#[test]
fn every_state_of_a_note_meets_everything_that_may_move_it() {
    use NoteStatus::{Active, AwaitingPlan, Cancelled, Overdue, Planned, Settled};
    use Told::{Cancels, CoolingOffEnds, DaysPass, Disbursed, PaysEverything, PaysWhatIsDue, Schedule};
    const MOVES: [Told; 6] = [Schedule, Disbursed, DaysPass, PaysWhatIsDue, PaysEverything, Cancels];
    // A row for each way to a state: the state, how it is reached, and the state after each move.
    let table: [(NoteStatus, &[Told], [NoteStatus; 6]); 7] = [
        (AwaitingPlan, &[], [Planned, AwaitingPlan, AwaitingPlan, AwaitingPlan, AwaitingPlan, AwaitingPlan]),
        (Planned, &[Schedule], [Planned, Active, Planned, Planned, Settled, Cancelled]),
        (Active, &[Schedule, Disbursed], [Active, Active, Overdue, Active, Settled, Cancelled]),
        (Active, &[Schedule, Disbursed, CoolingOffEnds], [Active, Active, Overdue, Active, Settled, Active]),
        (Overdue, &[Schedule, Disbursed, DaysPass], [Overdue, Overdue, Overdue, Active, Settled, Overdue]),
        (Settled, &[Schedule, Disbursed, PaysEverything], [Settled; 6]),
        (Cancelled, &[Schedule, Disbursed, Cancels], [Cancelled; 6]),
    ];
    assert!(NoteStatus::ALL.iter().all(|state| table.iter().any(|(row, ..)| row == state)));
    for (before, way, row) in table {
        for (told, after) in MOVES.into_iter().zip(row) {
            market(|scene| {
                scene.request(contract(LOAN, terms(), "1200", 3)).unwrap();
                for step in way {
                    tell(scene, *step);
                }
                assert_eq!(note(scene).status, before);
                tell(scene, told);
                assert_eq!(note(scene).status, after, "{before:?} by {way:?}, told {told:?}");
            });
        }
    }
}
