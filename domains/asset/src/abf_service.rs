//! Asset-backed financing: what each funder's money stands in.
//!
//! Invariant: a pool's outstanding principal is the sum over its loans, and never negative.

use sycee_contract::{AssetPostingApplied, LoanId, LoanNoteCreated, PartnerId};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Handled, Registry, Work, entity};

entity! {
    /// The loans that a funder's money stands in.
    pub struct AssetPool in "asset_pool" of "abf-service" key funder: PartnerId {
        /// The funder.
        funder: PartnerId,
        /// Loans ever financed.
        loans: i64,
        /// Loans not settled.
        loans_open: i64,
        /// Principal ever financed.
        financed: Money,
        /// Principal outstanding.
        outstanding: Money,
        /// Everything received for the pool's loans.
        collected: Money,
    }
}

entity! {
    /// A loan in a funder's pool.
    pub struct PooledLoan in "pooled_loan" of "abf-service" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// Whose pool it is in.
        funder: PartnerId,
        /// Principal outstanding.
        outstanding: Money,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.service("abf-service").entity::<AssetPool>().entity::<PooledLoan>().on(pool_loan).on(follow_posting);
}

impl AssetPool {
    fn empty(funder: PartnerId, nothing: Money) -> Self {
        Self { funder, loans: 0, loans_open: 0, financed: nothing, outstanding: nothing, collected: nothing }
    }

    fn take_in(&mut self, principal: Money) -> Result<(), MoneyError> {
        self.loans += 1;
        self.loans_open += 1;
        self.financed = self.financed.checked_add(principal)?;
        self.outstanding = self.outstanding.checked_add(principal)?;
        Ok(())
    }

    fn collect(&mut self, loan: &mut PooledLoan, posting: &AssetPostingApplied) -> Result<(), MoneyError> {
        let repaid = loan.outstanding.checked_sub(posting.principal_outstanding)?;
        loan.outstanding = posting.principal_outstanding;
        self.outstanding = self.outstanding.checked_sub(repaid)?;
        self.collected = self.collected.checked_add(posting.amount)?;
        self.loans_open -= i64::from(posting.settled);
        Ok(())
    }
}

fn pool_loan(work: &mut Work, event: &LoanNoteCreated) -> Handled<()> {
    if work.get::<PooledLoan>(event.loan)?.is_some() {
        return Ok(());
    }
    let nothing = Money::zero(event.principal.currency());
    let mut pool = work.get::<AssetPool>(event.funder)?.unwrap_or_else(|| AssetPool::empty(event.funder, nothing));
    pool.take_in(event.principal)?;
    work.save(pool);
    work.save(PooledLoan { loan: event.loan, funder: event.funder, outstanding: event.principal });
    Ok(())
}

fn follow_posting(work: &mut Work, event: &AssetPostingApplied) -> Handled<()> {
    let Some(mut loan) = work.get::<PooledLoan>(event.loan)? else {
        return Ok(());
    };
    let mut pool = work.require::<AssetPool>(loan.funder)?;
    pool.collect(&mut loan, event)?;
    work.save(pool);
    work.save(loan);
    Ok(())
}
