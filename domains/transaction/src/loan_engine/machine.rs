//! The life of a loan: one table, pure; `docs/loan-states.md` is drawn from it.
//!
//! Invariant: every path to `Disbursed` passes `ContractSigned`.
//! Invariant: no signal leaves a rejected, cancelled or reversed loan.

use sycee_contract::LoanStatus::{self, *};

use crate::Step::{self, AlreadyApplied, Refused, To};

/// What may happen to a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoanSignal {
    /// The customer hands the application in.
    Submit,
    /// Risk starts to look.
    StartCheck,
    /// The credit line gave no hold.
    RefuseLine,
    /// Risk approves.
    RiskApprove,
    /// Risk rejects, or refers to people in a market that has none.
    RiskReject,
    /// Risk refers to people.
    RiskRefer,
    /// Approved by risk, but so large that a person looks.
    Escalate,
    /// Approved by risk, and no person has to look.
    SkipReview,
    /// A person approves.
    ReviewApprove,
    /// A person rejects.
    ReviewReject,
    /// The contract's text exists.
    OfferContract,
    /// The customer signs.
    Sign,
    /// A funder is looked for.
    SeekFunds,
    /// No funder, or the payout failed.
    FailPayout,
    /// Paid out, and ledger, asset and plan exist.
    CompleteBooks,
    /// The loan starts to run.
    Activate,
    /// An installment is due today.
    FallDue,
    /// Something was not paid in time.
    FallOverdue,
    /// What was due or overdue is paid.
    CatchUp,
    /// Nothing is owed.
    Settle,
    /// The loan is given up as a loss.
    WriteOffLoan,
    /// The payout is taken back.
    Reverse,
    /// The loan ends before money moved.
    Cancel,
}

impl LoanSignal {
    /// Every signal, in the order of a loan's life.
    pub const ALL: [Self; 23] = [
        Self::Submit,
        Self::StartCheck,
        Self::RefuseLine,
        Self::RiskApprove,
        Self::RiskReject,
        Self::RiskRefer,
        Self::Escalate,
        Self::SkipReview,
        Self::ReviewApprove,
        Self::ReviewReject,
        Self::OfferContract,
        Self::Sign,
        Self::SeekFunds,
        Self::FailPayout,
        Self::CompleteBooks,
        Self::Activate,
        Self::FallDue,
        Self::FallOverdue,
        Self::CatchUp,
        Self::Settle,
        Self::WriteOffLoan,
        Self::Reverse,
        Self::Cancel,
    ];
}

/// Whether money for the loan has reached the borrower and the books.
pub const fn is_paid_out(status: LoanStatus) -> bool {
    matches!(status, Disbursed | Active | DueToday | Overdue | Repaid | WriteOff | Reversed)
}

/// Whether the customer signed.
const fn is_signed(status: LoanStatus) -> bool {
    matches!(status, ContractSigned | DisbursePending | DisburseFailed) || is_paid_out(status)
}

/// Whether the last approval was given.
const fn is_approved(status: LoanStatus) -> bool {
    matches!(status, Approved | ContractPending) || is_signed(status)
}

/// Whether the loan counts against the customer's limit of open loans.
pub const fn is_open(status: LoanStatus) -> bool {
    !matches!(status, AutoRejected | ManualRejected | Repaid | WriteOff | Cancelled | Reversed)
}

/// What `signal` means to a loan in `status`.
pub fn step(status: LoanStatus, signal: LoanSignal) -> Step<LoanStatus> {
    use LoanSignal::*;
    match (signal, status) {
        (Submit, Draft) => To(Submitted),
        (Submit, Submitted | AutoChecking) => AlreadyApplied,

        (StartCheck, Submitted) => To(AutoChecking),
        (StartCheck, AutoChecking) => AlreadyApplied,

        (RefuseLine, Submitted | AutoChecking) => To(AutoRejected),
        (RefuseLine, AutoRejected) => AlreadyApplied,

        (RiskApprove, AutoChecking) => To(AutoApproved),
        (RiskApprove, AutoApproved) => AlreadyApplied,
        (RiskApprove, _) if is_approved(status) => AlreadyApplied,
        (RiskReject, AutoChecking) => To(AutoRejected),
        (RiskReject, AutoRejected) => AlreadyApplied,
        (RiskRefer, AutoChecking) => To(ManualReview),
        (RiskRefer, ManualReview) => AlreadyApplied,

        (Escalate, AutoApproved) => To(ManualReview),
        (Escalate, ManualReview) => AlreadyApplied,
        (SkipReview, AutoApproved) => To(Approved),
        (ReviewApprove, ManualReview) => To(Approved),
        (SkipReview | ReviewApprove, _) if is_approved(status) => AlreadyApplied,
        (ReviewReject, ManualReview) => To(ManualRejected),
        (ReviewReject, ManualRejected) => AlreadyApplied,

        (OfferContract, Approved) => To(ContractPending),
        (OfferContract, ContractPending) => AlreadyApplied,
        (OfferContract, _) if is_signed(status) => AlreadyApplied,
        (Sign, ContractPending) => To(ContractSigned),
        (Sign, _) if is_signed(status) => AlreadyApplied,

        (SeekFunds, ContractSigned | DisburseFailed) => To(DisbursePending),
        (SeekFunds, DisbursePending) => AlreadyApplied,
        (FailPayout, DisbursePending) => To(DisburseFailed),
        (FailPayout, DisburseFailed) => AlreadyApplied,
        (CompleteBooks, DisbursePending) => To(Disbursed),
        (CompleteBooks, _) if is_paid_out(status) => AlreadyApplied,
        (Activate, Disbursed) => To(Active),
        (Activate, _) if is_paid_out(status) => AlreadyApplied,

        (FallDue, Active) => To(DueToday),
        (FallDue, DueToday | Overdue) => AlreadyApplied,
        (FallOverdue, Active | DueToday) => To(Overdue),
        (FallOverdue, Overdue) => AlreadyApplied,
        (CatchUp, DueToday | Overdue) => To(Active),
        (CatchUp, Active) => AlreadyApplied,
        (Settle, Active | DueToday | Overdue | WriteOff) => To(Repaid),
        (Settle, Repaid) => AlreadyApplied,
        (WriteOffLoan, Overdue) => To(WriteOff),
        (WriteOffLoan, WriteOff) => AlreadyApplied,
        (Reverse, Disbursed | Active | DueToday | Overdue | Repaid) => To(Reversed),
        (Reverse, Reversed) => AlreadyApplied,

        (
            Cancel,
            Draft | Submitted | AutoChecking | AutoApproved | ManualReview | Approved | ContractPending
            | ContractSigned | DisburseFailed,
        ) => To(Cancelled),
        (Cancel, Cancelled) => AlreadyApplied,

        _ => Refused,
    }
}

/// The life of a loan as a Mermaid state diagram, drawn from [`step`].
pub fn state_diagram() -> String {
    let mut diagram = String::from("stateDiagram-v2\n    [*] --> Draft\n");
    for &status in LoanStatus::ALL {
        let mut is_final = true;
        for signal in LoanSignal::ALL {
            if let To(next) = step(status, signal) {
                is_final = false;
                diagram.push_str(&format!("    {status:?} --> {next:?}: {signal:?}\n"));
            }
        }
        if is_final {
            diagram.push_str(&format!("    {status:?} --> [*]\n"));
        }
    }
    diagram
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// For every state, what each signal that means something does; every pair that is absent is refused.
    fn facts() -> BTreeMap<String, BTreeMap<String, String>> {
        serde_json::from_str(include_str!("../../tests/data/loan_machine.json")).unwrap()
    }

    #[test]
    fn every_state_and_signal_does_what_the_table_says() {
        let facts = facts();
        for &status in LoanStatus::ALL {
            for signal in LoanSignal::ALL {
                let said = facts.get(status.name()).and_then(|row| row.get(&format!("{signal:?}")));
                let expected = match said.map(String::as_str) {
                    None => Refused,
                    Some("already") => AlreadyApplied,
                    Some(next) => To(LoanStatus::from_name(next).unwrap()),
                };
                assert_eq!(step(status, signal), expected, "{status:?} × {signal:?}");
            }
        }
    }

    #[test]
    fn the_table_names_only_states_and_signals_that_exist() {
        let signals: BTreeSet<String> = LoanSignal::ALL.iter().map(|signal| format!("{signal:?}")).collect();
        for (status, row) in facts() {
            assert!(LoanStatus::from_name(&status).is_some(), "{status}");
            for signal in row.keys() {
                assert!(signals.contains(signal), "{signal}");
            }
        }
    }

    #[test]
    fn no_path_to_disbursed_avoids_the_signature() {
        let mut reached = BTreeSet::from([Draft]);
        loop {
            let next: BTreeSet<LoanStatus> = reached
                .iter()
                .flat_map(|&status| LoanSignal::ALL.map(|signal| step(status, signal)))
                .filter_map(|verdict| if let To(next) = verdict { Some(next) } else { None })
                .filter(|&next| next != ContractSigned)
                .chain(reached.iter().copied())
                .collect();
            if next == reached {
                break;
            }
            reached = next;
        }
        assert!(reached.iter().all(|&status| !is_signed(status)), "{reached:?}");
    }

    #[test]
    fn the_diagram_shows_every_state() {
        let diagram = state_diagram();
        for status in LoanStatus::ALL {
            assert!(diagram.contains(&format!("{status:?}")), "{status:?}");
        }
        assert!(diagram.contains("    DisburseFailed --> DisbursePending: SeekFunds\n"), "{diagram}");
        assert!(diagram.contains("    Cancelled --> [*]\n"), "{diagram}");
    }
}
