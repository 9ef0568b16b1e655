//! Profiles, tags and segments.

use sycee_contract::{CustomerId, LoanId, Timestamp};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Json, entity, text_enum};

/// Settled loans from which a customer is loyal.
const LOYAL_FROM: usize = 3;
/// Days past due up to which a customer is reliable.
const RELIABLE_DAYS: u32 = 3;
/// Days past due from which a customer needs attention.
const ATTENTION_DAYS: u32 = 31;

text_enum! {
    /// Commercial segment.
    pub enum Segment {
        /// Has not paid back a loan yet.
        Fresh,
        /// Has paid back, sometimes late.
        Returning,
        /// Has paid back on time.
        Reliable,
        /// Has paid back three loans and more on time.
        Loyal,
        /// Has been more than a month late.
        Attention,
    }
}

impl Segment {
    /// The tag of customers in this segment.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Fresh => "segment:fresh",
            Self::Returning => "segment:returning",
            Self::Reliable => "segment:reliable",
            Self::Loyal => "segment:loyal",
            Self::Attention => "segment:attention",
        }
    }

    /// The segment as events spell it.
    pub fn label(self) -> &'static str {
        self.tag().trim_start_matches("segment:")
    }

    /// The segment of a customer with this history.
    pub const fn of(settled_loans: usize, worst_days_past_due: u32) -> Self {
        match (settled_loans, worst_days_past_due) {
            (_, ATTENTION_DAYS..) => Self::Attention,
            (0, _) => Self::Fresh,
            (LOYAL_FROM.., 0..=RELIABLE_DAYS) => Self::Loyal,
            (_, 0..=RELIABLE_DAYS) => Self::Reliable,
            _ => Self::Returning,
        }
    }
}

entity! {
    /// What a customer is like, commercially.
    pub struct CustomerProfile in "customer_profile" of "customer-profile" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Stage of the golden record.
        stage: String,
        /// Segment.
        segment: Segment,
        /// Repayments received.
        repayments: u32,
        /// Sum of repayments.
        repaid: Money,
        /// Loans paid back: the first three, for more make no other segment.
        settled_loans: Json<Vec<LoanId>>,
        /// Most days past due on any loan that was repaid on.
        worst_days_past_due: u32,
    }
    index by_segment(segment: Segment);
}

entity! {
    /// A tag on a customer, such as `channel:organic`.
    pub struct CustomerTag in "customer_tag" of "customer-profile" key (customer, tag): (CustomerId, String) {
        /// The customer.
        customer: CustomerId,
        /// The tag.
        tag: String,
        /// Since when.
        since: Timestamp,
    }
    index by_tag(tag: String);
}

impl CustomerProfile {
    /// Takes a repayment into account; `settled` names the loan it settled.
    ///
    /// Errors: another currency than before, or too large a sum; the profile does not change.
    pub fn note_repayment(&mut self, amount: Money, settled: Option<LoanId>, worst_dpd: u32) -> Result<(), MoneyError> {
        self.repaid = self.repaid.checked_add(amount)?;
        self.repayments += 1;
        self.worst_days_past_due = self.worst_days_past_due.max(worst_dpd);
        if let Some(loan) = settled.filter(|loan| !self.settled_loans.contains(loan))
            && self.settled_loans.len() < LOYAL_FROM
        {
            self.settled_loans.push(loan);
        }
        self.segment = Segment::of(self.settled_loans.len(), self.worst_days_past_due);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_by_history() {
        for (settled, worst, segment) in [
            (0, 0, Segment::Fresh),
            (0, 30, Segment::Fresh),
            (0, 31, Segment::Attention),
            (1, 0, Segment::Reliable),
            (2, 3, Segment::Reliable),
            (1, 4, Segment::Returning),
            (3, 3, Segment::Loyal),
            (3, 4, Segment::Returning),
            (9, 31, Segment::Attention),
        ] {
            assert_eq!(Segment::of(settled, worst), segment, "{settled} settled, worst {worst}");
        }
    }
}
