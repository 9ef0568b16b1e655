//! App: the notices that a customer sees inside the app, newest last.
//!
//! Invariant: an inbox holds at most [`NOTICES_MAX`] notices; the oldest go first.

use serde::{Deserialize, Serialize};
use sycee_contract::{
    CreateRepaymentOrder, CustomerId, DisbursementFailed, DisbursementSucceeded, KycCompleted, KycVerdict,
    LoanApplicationApproved, LoanApplicationRejected, LoanId, RepaymentSucceeded, SubmitLoanApplication,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Json, Registry, Work, entity};

/// Most notices that an inbox keeps.
pub const NOTICES_MAX: usize = 10;

/// What a notice is about; the app has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The identity check passed.
    KycPassed,
    /// The identity check failed.
    KycFailed,
    /// The identity check takes longer.
    KycInReview,
    /// A contract waits for a signature.
    LoanApproved,
    /// A loan was refused.
    LoanRejected,
    /// The payout takes longer.
    PayoutDelayed,
    /// The payout failed for good.
    PayoutFailed,
    /// The money was paid out.
    PaidOut,
    /// A repayment was booked.
    Repaid,
    /// A repayment settled the loan.
    Settled,
}

/// A notice: kind, loan, amount, and when it came, in microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppNotice(pub NoticeKind, pub Option<LoanId>, pub Option<Money>, pub i64);

entity! {
    /// A customer's notices.
    pub struct AppInbox in "app_inbox" of "app" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Notices, newest last.
        notices: Json<Vec<AppNotice>>,
        /// Notices that ever came.
        received: u32,
    }
}

/// Registers the app.
pub fn register(registry: &mut Registry) {
    registry
        .service("app")
        .entity::<AppInbox>()
        .on::<KycCompleted>(on_kyc_completed)
        .on::<LoanApplicationApproved>(|work, event| {
            tell(work, event.customer, NoticeKind::LoanApproved, Some(event.loan), Some(event.amount))
        })
        .on::<LoanApplicationRejected>(|work, event| {
            tell(work, event.customer, NoticeKind::LoanRejected, Some(event.loan), None)
        })
        .on::<DisbursementFailed>(on_disbursement_failed)
        .on::<DisbursementSucceeded>(|work, event| {
            tell(work, event.customer, NoticeKind::PaidOut, Some(event.loan), Some(event.net_proceeds))
        })
        .on::<RepaymentSucceeded>(on_repayment_succeeded)
        .passes_on::<CreateRepaymentOrder>()
        .passes_on::<SubmitLoanApplication>();
}

fn on_kyc_completed(work: &mut Work, event: &KycCompleted) -> Handled<()> {
    let kind = match event.verdict {
        KycVerdict::Passed => NoticeKind::KycPassed,
        KycVerdict::Failed => NoticeKind::KycFailed,
        KycVerdict::Review => NoticeKind::KycInReview,
    };
    tell(work, event.customer, kind, None, None)
}

fn on_disbursement_failed(work: &mut Work, event: &DisbursementFailed) -> Handled<()> {
    let kind = if event.will_retry { NoticeKind::PayoutDelayed } else { NoticeKind::PayoutFailed };
    tell(work, event.customer, kind, Some(event.loan), None)
}

fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let kind = if event.settled { NoticeKind::Settled } else { NoticeKind::Repaid };
    tell(work, event.customer, kind, Some(event.loan), Some(event.amount))
}

fn tell(
    work: &mut Work,
    customer: CustomerId,
    kind: NoticeKind,
    loan: Option<LoanId>,
    amount: Option<Money>,
) -> Handled<()> {
    let now = work.now().as_micros();
    let mut inbox =
        work.get::<AppInbox>(customer)?.unwrap_or(AppInbox { customer, notices: Json(Vec::new()), received: 0 });
    if inbox.notices.len() >= NOTICES_MAX {
        inbox.notices.remove(0);
    }
    inbox.notices.push(AppNotice(kind, loan, amount, now));
    inbox.received = inbox.received.saturating_add(1);
    work.save(inbox);
    Ok(())
}
