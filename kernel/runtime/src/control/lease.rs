//! Leases: who may write a market, until when.
//!
//! `now` is the caller's clock. A clock that runs ahead takes over early, one that runs behind waits longer; whoever
//! opened the market last writes, whatever the clocks say.

use std::time::Duration;

use sycee_contract::Timestamp;

use super::{BUSY, ControlError, ControlLease, ControlStore};
use crate::Fault;
use crate::storage::{ColumnKind, DatabaseUrl, Reader, Value, collect, has_table, open_store};
use crate::system::market_fence;

/// Looks before a lease is refused, when it is released or taken between a look and the next.
const LOOKS: u32 = 3;

const ACQUIRE: &str = "\
INSERT INTO control_lease (market, holder, epoch, taken_at, expires_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (market) DO UPDATE SET holder = excluded.holder,
  epoch = CASE WHEN control_lease.epoch < excluded.epoch THEN excluded.epoch ELSE control_lease.epoch + 1 END,
  taken_at = excluded.taken_at, expires_at = excluded.expires_at
WHERE control_lease.holder IS NULL OR control_lease.holder = excluded.holder
  OR control_lease.expires_at <= excluded.taken_at
RETURNING epoch";

const RENEW: &str = "\
UPDATE control_lease SET expires_at = CASE WHEN expires_at < $4 THEN $4 ELSE expires_at END
WHERE market = $1 AND holder = $2 AND epoch = $3
RETURNING expires_at";

const RELEASE: &str = "\
UPDATE control_lease SET holder = NULL WHERE market = $1 AND holder = $2 AND epoch = $3 RETURNING epoch";

/// A lease as its holder has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The market.
    pub market: String,
    /// Who holds it.
    pub holder: String,
    /// Greater than that of every lease of this market before.
    pub epoch: i64,
    /// When it ends, unless it is renewed.
    pub expires_at: Timestamp,
}

impl Lease {
    fn key(&self) -> Vec<Value> {
        vec![Value::text(&self.market), Value::text(&self.holder), Value::Int(self.epoch)]
    }

    fn lost(&self) -> ControlError {
        ControlError::Lost { market: self.market.clone(), epoch: self.epoch }
    }
}

fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    Timestamp::from_micros(now.as_micros().saturating_add(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX)))
}

impl ControlStore {
    /// Takes the lease of `market` for `ttl`: one that is free, expired, or held by the same `holder`, who has started
    /// again. Every lease has a greater epoch than all before it.
    ///
    /// Errors: `Held` while somebody else holds it.
    pub fn acquire(
        &mut self,
        market: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, ControlError> {
        self.acquire_after(0, market, holder, ttl, now)
    }

    /// As [`Self::acquire`], with an epoch greater than `latest`, see [`latest_lease`]: for a control store that may be
    /// younger than the market.
    ///
    /// Errors: `Held` while somebody else holds it; `Bug` for an empty market or holder, `Outage` when the control
    /// store does not answer.
    pub fn acquire_after(
        &mut self,
        latest: i64,
        market: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, ControlError> {
        if market.is_empty() || holder.is_empty() {
            return Err(Fault::bug("a lease needs a market and a holder").into());
        }
        let expires_at = after(now, ttl);
        let params = [
            Value::text(market),
            Value::text(holder),
            Value::Int(latest.saturating_add(1)),
            Value::Int(now.as_micros()),
            Value::Int(expires_at.as_micros()),
        ];
        let mut found = None;
        for _ in 0..LOOKS {
            let rows = self.write(ACQUIRE, &params, &[ColumnKind::Int])?;
            if let Some(epoch) = rows.first().and_then(|row| row[0].as_int()) {
                return Ok(Lease { market: market.to_owned(), holder: holder.to_owned(), epoch, expires_at });
            }
            found = self.get::<ControlLease>(&market.to_owned())?;
            if found.as_ref().is_some_and(|lease| lease.holder.is_some()) {
                break;
            }
        }
        let lease = found.ok_or_else(|| Fault::corrupt(format!("the lease of market {market} vanished")))?;
        Err(ControlError::Held {
            market: lease.market,
            holder: lease.holder.unwrap_or_else(|| "somebody".to_owned()),
            until: lease.expires_at,
            epoch: lease.epoch,
        })
    }

    /// Makes `lease` last until `ttl` after `now`; never shorter than it lasts already. An expired lease that nobody has
    /// taken is renewed too.
    ///
    /// Errors: `Lost` when a later lease was taken, or it was released.
    pub fn renew(&mut self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Lease, ControlError> {
        let mut params = lease.key();
        params.push(Value::Int(after(now, ttl).as_micros()));
        let rows = self.write(RENEW, &params, &[ColumnKind::Timestamp])?;
        let until = rows.first().and_then(|row| row[0].as_int()).ok_or_else(|| lease.lost())?;
        Ok(Lease { expires_at: Timestamp::from_micros(until), ..lease.clone() })
    }

    /// Gives `lease` back: anybody may take the market at once.
    ///
    /// Errors: `Lost` when it is not the latest one, or was released.
    pub fn release(&mut self, lease: &Lease) -> Result<(), ControlError> {
        let rows = self.write(RELEASE, &lease.key(), &[ColumnKind::Int])?;
        if rows.is_empty() { Err(lease.lost()) } else { Ok(()) }
    }
}

/// Epoch of the latest lease under which the market at `url` was opened; 0 for one that is new.
///
/// Reads only: nothing is made, and a running writer is not disturbed.
///
/// Errors: `Outage` when the database does not answer, `Corrupt` when it holds what it must not.
pub fn latest_lease(url: &DatabaseUrl) -> Result<i64, Fault> {
    if let DatabaseUrl::Sqlite { path, .. } = url
        && !path.exists()
    {
        return Ok(0);
    }
    latest_lease_of(url, &mut *open_store(url, BUSY)?.reader()?)
}

pub(crate) fn latest_lease_of(url: &DatabaseUrl, reader: &mut dyn Reader) -> Result<i64, Fault> {
    if !has_table(url, reader, market_fence().name)? {
        return Ok(0);
    }
    let rows = collect(reader, "SELECT lease FROM market_fence WHERE id = 1", &[], &[ColumnKind::Int])?;
    Ok(rows.first().and_then(|row| row[0].as_int()).unwrap_or(0))
}
