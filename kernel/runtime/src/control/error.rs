//! What a control store refuses.

use sycee_contract::Timestamp;

use crate::Fault;

/// Why a control store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Somebody else may write the market.
    #[error("market {market} is held by {holder} until {until} (lease {epoch}): stop that process, or wait until then")]
    Held {
        /// The market.
        market: String,
        /// Who holds it.
        holder: String,
        /// When the lease expires, unless it is renewed.
        until: Timestamp,
        /// The lease's epoch.
        epoch: i64,
    },
    /// The lease is not the latest one of its market any more.
    #[error("lease {epoch} of market {market} is lost to a later one: stop writing, and take the lease again")]
    Lost {
        /// The market.
        market: String,
        /// The epoch that was lost.
        epoch: i64,
    },
    /// The market is registered at another place.
    #[error("market {market} is kept at {registered}, not at {asked}: name that database, or another control store")]
    Elsewhere {
        /// The market.
        market: String,
        /// Where the control store knows it.
        registered: String,
        /// Where it was looked for.
        asked: String,
    },
    /// Somebody has this login.
    #[error("login {login} is taken: choose another")]
    LoginTaken {
        /// The login.
        login: String,
    },
    /// A bug or an outage.
    #[error(transparent)]
    Fault(#[from] Fault),
}
