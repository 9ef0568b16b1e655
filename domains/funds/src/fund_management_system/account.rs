//! A funder's account: its balances, and the moves between them.
//!
//! Invariant: `arrived + received = available + frozen + in_transit + paid_out + refunded + suspense + recoverable`; none
//! is negative.
//! Invariant: suspense is what nobody explained and what borrowers paid too much: it is no funder's, and never lent.
//! Invariant: what left the account and is not booked yet (`uncovered`) is neither lent nor given back.
//! Invariant: every move leaves one [`FundTransaction`] with both balances before and after it.

use sycee_contract::{ArrivalId, Date, FundAccountId, FundBalances, FundingTerms, LoanId, PartnerId, Timestamp};
use sycee_money::{Currency, Money};
use sycee_runtime::{Json, entity, text_enum};

use crate::FundsRejection;

text_enum! {
    /// A balance of a fund account.
    pub enum FundBucket {
        /// Brought by the funder, cumulative; a source.
        Arrived,
        /// Repaid by borrowers, cumulative; a source.
        Received,
        /// Free to lend, once stray payouts that are not booked yet are paid of it.
        Available,
        /// Reserved for loans.
        Frozen,
        /// Sent, not confirmed.
        InTransit,
        /// Paid to borrowers, cumulative, with what of stray payouts is written off.
        PaidOut,
        /// Given back, cumulative.
        Refunded,
        /// Not the funder's: not explained, or a borrower's credit.
        Suspense,
        /// Paid out although no loan takes it: to be taken back.
        Recoverable,
    }
}

impl FundBucket {
    /// Whether it counts what came from outside: it grows by what it gives.
    pub const fn is_origin(self) -> bool {
        matches!(self, Self::Arrived | Self::Received)
    }
}

text_enum! {
    /// Why money moves between two balances.
    pub enum MovementKind {
        /// A funder's money came.
        Arrival,
        /// Money is kept for a loan.
        Reservation,
        /// Kept money is free again.
        Release,
        /// Kept money was sent.
        Dispatch,
        /// Sent money reached the borrower.
        Payout,
        /// Sent money came back.
        Bounce,
        /// A borrower repaid.
        Repayment,
        /// Money came that nobody can explain.
        UnmatchedReceipt,
        /// A borrower paid more than was owed.
        Surplus,
        /// Money in suspense is received anew, for a loan.
        Rematch,
        /// Money in suspense went back to who paid it.
        PayBack,
        /// Free money went back to the funder.
        Return,
        /// Money went out that no loan takes.
        StrayPayout,
        /// Such money came back.
        Recovery,
        /// Such money never comes back.
        WriteOff,
        /// Such money was written off and comes back after all.
        Reinstatement,
    }
}

impl MovementKind {
    /// From which balance to which. An origin grows by what it gives, and falls by what it takes back.
    pub const fn path(self) -> (FundBucket, FundBucket) {
        match self {
            Self::Arrival => (FundBucket::Arrived, FundBucket::Available),
            Self::Reservation => (FundBucket::Available, FundBucket::Frozen),
            Self::Release => (FundBucket::Frozen, FundBucket::Available),
            Self::Dispatch => (FundBucket::Frozen, FundBucket::InTransit),
            Self::Payout => (FundBucket::InTransit, FundBucket::PaidOut),
            Self::Bounce => (FundBucket::InTransit, FundBucket::Frozen),
            Self::Repayment => (FundBucket::Received, FundBucket::Available),
            Self::UnmatchedReceipt | Self::Surplus => (FundBucket::Received, FundBucket::Suspense),
            Self::Rematch => (FundBucket::Suspense, FundBucket::Received),
            Self::PayBack => (FundBucket::Suspense, FundBucket::Refunded),
            Self::Return => (FundBucket::Available, FundBucket::Refunded),
            Self::StrayPayout => (FundBucket::Available, FundBucket::Recoverable),
            Self::Recovery => (FundBucket::Recoverable, FundBucket::Available),
            Self::WriteOff => (FundBucket::Recoverable, FundBucket::PaidOut),
            Self::Reinstatement => (FundBucket::PaidOut, FundBucket::Recoverable),
        }
    }
}

entity! {
    /// A funder's account.
    pub struct FundAccount in "fund_account" of "fund-management-system" key id: FundAccountId {
        /// The account.
        id: FundAccountId,
        /// Whose it is.
        partner: PartnerId,
        /// Partner code.
        code: String,
        /// Name.
        name: String,
        /// Currency of all its balances.
        currency: Currency,
        /// Whether it is the lender's own money: equity, not a debt to a funder.
        is_own: bool,
        /// Whose references its money bears: the partner's id when it pays and collects itself, else `own`, our bank.
        bank: String,
        /// Products it funds, now or as agreed for later, by code; empty means any.
        products: Json<Vec<String>>,
        /// Last day of its agreement, as far as one is agreed; no end when absent.
        valid_until: Option<Date>,
        /// Everything the funder brought, cumulative.
        arrived: Money,
        /// Free to lend, once what is uncovered is paid of it.
        available: Money,
        /// Reserved for loans.
        frozen: Money,
        /// Sent, not confirmed.
        in_transit: Money,
        /// Paid to borrowers, cumulative, with what of stray payouts is written off.
        paid_out: Money,
        /// Repaid by borrowers, cumulative.
        received: Money,
        /// Given back, cumulative.
        refunded: Money,
        /// Not the funder's: not explained, or borrowers' credit.
        suspense: Money,
        /// Paid out although no loan takes it.
        recoverable: Money,
        /// As much of such payouts as it had no free money for: gone, not booked yet; the next money is theirs.
        uncovered: Money,
        /// Number of its last [`FundTransaction`].
        movements: i64,
        /// The largest loan of the products it funds: with less than this it can't fund every loan.
        low_water: Money,
        /// The day people were last told that it is low.
        low_alerted_on: Option<Date>,
    }
    unique index by_code(code: String);
    index by_partner(partner: PartnerId);
    index by_currency(currency: Currency);
}

entity! {
    /// One move of money, appended for the audit.
    pub struct FundTransaction in "fund_transaction" of "fund-management-system"
        key (fund_account, sequence): (FundAccountId, i64) {
        /// The account.
        fund_account: FundAccountId,
        /// Position in the account's history, 1 upwards without gaps.
        sequence: i64,
        /// Why.
        kind: MovementKind,
        /// How much, more than zero.
        amount: Money,
        /// Balance it left; a source grows instead.
        source: FundBucket,
        /// That balance before.
        source_before: Money,
        /// That balance after.
        source_after: Money,
        /// Balance it reached.
        target: FundBucket,
        /// That balance before.
        target_before: Money,
        /// That balance after.
        target_after: Money,
        /// The loan, when it is for one.
        loan: Option<LoanId>,
        /// Bank reference, reservation, posting or entry.
        reference: String,
        /// When.
        at: Timestamp,
    }
}

entity! {
    /// A confirmed arrival; one a bank reference.
    pub struct FundArrival in "fund_arrival" of "fund-management-system" key bank_reference: String {
        /// The bank and its reference, such as `own/GCB-2026-000123`.
        bank_reference: String,
        /// The arrival.
        id: ArrivalId,
        /// Where it went.
        fund_account: FundAccountId,
        /// How much.
        amount: Money,
        /// When it was confirmed.
        at: Timestamp,
    }
}

/// Stands for our bank in the name of money; `partner-hub` calls it so too.
const OUR_BANK: &str = "own";

/// What a move is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The loan, when it is for one.
    pub loan: Option<LoanId>,
    /// Bank reference, reservation, posting or entry.
    pub reference: String,
}

impl FundAccount {
    /// An empty account.
    pub fn open(
        id: FundAccountId,
        partner: PartnerId,
        code: &str,
        name: &str,
        products: Vec<String>,
        currency: Currency,
    ) -> Self {
        let nothing = Money::zero(currency);
        Self {
            id,
            partner,
            code: code.to_owned(),
            name: name.to_owned(),
            currency,
            is_own: false,
            bank: OUR_BANK.to_owned(),
            products: Json(products),
            valid_until: None,
            arrived: nothing,
            available: nothing,
            frozen: nothing,
            in_transit: nothing,
            paid_out: nothing,
            received: nothing,
            refunded: nothing,
            suspense: nothing,
            recoverable: nothing,
            uncovered: nothing,
            movements: 0,
            low_water: nothing,
            low_alerted_on: None,
        }
    }

    /// What money of the account is known by: banks number as they like.
    pub fn at_bank(&self, reference: &str) -> String {
        format!("{}/{reference}", self.bank)
    }

    /// Moves `amount` as `kind` says.
    ///
    /// Errors: `AmountInvalid`; `InsufficientFunds` when the free balance is too low, or is not the funder's to lend or to
    /// take back, `BalanceTooLow` for another.
    pub fn post(
        &mut self,
        kind: MovementKind,
        amount: Money,
        cause: Cause,
        at: Timestamp,
    ) -> Result<FundTransaction, FundsRejection> {
        let invalid = FundsRejection::AmountInvalid { amount, example: Money::from_units(1_000_000, self.currency) };
        if !amount.is_positive() || amount.currency() != self.currency {
            return Err(invalid);
        }
        let (source, target) = kind.path();
        let (source_before, target_before) = (self.balance(source), self.balance(target));
        let grown = |balance: Money| balance.checked_add(amount).map_err(|_| invalid.clone());
        let is_choice = matches!(kind, MovementKind::Reservation | MovementKind::Return);
        let fallen = |bucket: FundBucket, balance: Money| {
            let free = if is_choice { self.lendable() } else { balance };
            if free.units() < amount.units() {
                return Err(self.too_low(bucket, free, amount));
            }
            balance.checked_sub(amount).map_err(|_| invalid.clone())
        };
        let source_after = if source.is_origin() { grown(source_before) } else { fallen(source, source_before) }?;
        let target_after = if target.is_origin() { fallen(target, target_before) } else { grown(target_before) }?;
        *self.balance_mut(source) = source_after;
        *self.balance_mut(target) = target_after;
        self.movements += 1;
        Ok(FundTransaction {
            fund_account: self.id,
            sequence: self.movements,
            kind,
            amount,
            source,
            source_before,
            source_after,
            target,
            target_before,
            target_after,
            loan: cause.loan,
            reference: cause.reference,
            at,
        })
    }

    fn too_low(&self, bucket: FundBucket, balance: Money, requested: Money) -> FundsRejection {
        if bucket == FundBucket::Available {
            FundsRejection::InsufficientFunds { account: self.id, available: balance, requested }
        } else {
            FundsRejection::BalanceTooLow { account: self.id, bucket, balance, requested }
        }
    }

    /// What may be lent or given back: what is free beyond the stray payouts that it did not cover; zero or more.
    pub fn lendable(&self) -> Money {
        let units = self.available.units().saturating_sub(self.uncovered.units());
        Money::from_units(units.max(0), self.currency)
    }

    /// One balance.
    pub fn balance(&self, bucket: FundBucket) -> Money {
        match bucket {
            FundBucket::Arrived => self.arrived,
            FundBucket::Received => self.received,
            FundBucket::Available => self.available,
            FundBucket::Frozen => self.frozen,
            FundBucket::InTransit => self.in_transit,
            FundBucket::PaidOut => self.paid_out,
            FundBucket::Refunded => self.refunded,
            FundBucket::Suspense => self.suspense,
            FundBucket::Recoverable => self.recoverable,
        }
    }

    fn balance_mut(&mut self, bucket: FundBucket) -> &mut Money {
        match bucket {
            FundBucket::Arrived => &mut self.arrived,
            FundBucket::Received => &mut self.received,
            FundBucket::Available => &mut self.available,
            FundBucket::Frozen => &mut self.frozen,
            FundBucket::InTransit => &mut self.in_transit,
            FundBucket::PaidOut => &mut self.paid_out,
            FundBucket::Refunded => &mut self.refunded,
            FundBucket::Suspense => &mut self.suspense,
            FundBucket::Recoverable => &mut self.recoverable,
        }
    }

    /// The balances, as messages carry them.
    pub fn balances(&self) -> FundBalances {
        FundBalances {
            arrived: self.arrived,
            available: self.available,
            frozen: self.frozen,
            in_transit: self.in_transit,
            paid_out: self.paid_out,
            received: self.received,
            refunded: self.refunded,
            suspense: self.suspense,
            recoverable: self.recoverable,
        }
    }

    /// Whether what came in equals what is there plus what went out, and nothing is negative; the answer says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if let Some(bucket) = FundBucket::ALL.iter().find(|bucket| self.balance(**bucket).is_negative()) {
            return Err(format!("account {}: {bucket:?} is {}", self.id, self.balance(*bucket)));
        }
        if self.uncovered.is_negative() {
            return Err(format!("account {}: {} of stray payouts are uncovered", self.id, self.uncovered));
        }
        let sum = |buckets: &[FundBucket]| {
            buckets.iter().map(|bucket| i128::from(self.balance(*bucket).units())).sum::<i128>()
        };
        let (sources, rest) = FundBucket::ALL.split_at(2);
        if sum(sources) != sum(rest) {
            return Err(format!(
                "account {}: {} units came in, {} are accounted for",
                self.id,
                sum(sources),
                sum(rest)
            ));
        }
        Ok(())
    }

    /// Takes over what the agreement says from now on: every product that it names, and when it ends.
    pub fn learn_terms(&mut self, terms: &[FundingTerms]) {
        let Some(last) = terms.last() else { return };
        self.valid_until = last.valid_until;
        self.products.clear();
        if terms.iter().any(|terms| terms.products.is_empty()) {
            return;
        }
        for product in terms.iter().flat_map(|terms| &terms.products) {
            if !self.products.contains(product) {
                self.products.push(product.clone());
            }
        }
    }

    /// Whether people have to be told today that the account can't fund every loan any more; at most once a day, and not
    /// once its agreement is over: then its money may go back to the funder.
    pub fn falls_low(&mut self, today: Date) -> bool {
        let lends = self.valid_until.is_none_or(|last| today <= last);
        let low = lends && self.lendable().units() < self.low_water.units() && self.low_alerted_on != Some(today);
        if low {
            self.low_alerted_on = Some(today);
        }
        low
    }

    /// Whether the account may fund `product` as far as its agreement and `funders` (codes; empty means any) say.
    pub fn funds(&self, product: &str, funders: &[String]) -> bool {
        (self.products.is_empty() || self.products.iter().any(|code| code == product))
            && (funders.is_empty() || funders.contains(&self.code))
    }
}
