//! A connection to PostgreSQL with a runtime of its own: how a session is set up, and how soon a dead one is noticed.
//!
//! Invariant: a writer's commit waits for the server's disk, whatever the server's default says.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

use super::fault;
use crate::Fault;
use crate::storage::url::take_parameter;

/// How long making a connection may take.
const CONNECT_SECONDS: u64 = 10;
/// After so long without a sign of life, one side asks the other; seconds.
const KEEPALIVE_SECONDS: u64 = 10;
/// Unanswered questions, a second each, after which a connection is dead.
const KEEPALIVE_PROBES: u32 = 5;
/// A transaction that its client forgot is undone after this, so that it holds no lock that the next writer needs.
const FORGOTTEN_SECONDS: u32 = 30;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Writing,
    Reading,
}

/// Where a market is, and how careful its owner wants it to be.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    pub schema: String,
    /// The owner accepts that acknowledged work is lost with the power.
    pub careless: bool,
}

impl Server {
    /// Errors: `Outage` when the connection string or the schema's name is not one.
    pub(super) fn new(config: &str, schema: &str) -> Result<Self, Fault> {
        check_schema(schema)?;
        let (config, durability) = take_parameter(config, "durability");
        let careless = match durability.as_deref() {
            None | Some("full") => false,
            Some("off") => true,
            Some(other) => return Err(Fault::outage(format!("durability={other}: use full, or off for tests"))),
        };
        let mut config: Config = config.parse().map_err(fault)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(CONNECT_SECONDS));
        }
        if config.get_keepalives_interval().is_none() && config.get_keepalives_retries().is_none() {
            config.keepalives_idle(Duration::from_secs(KEEPALIVE_SECONDS));
            config.keepalives_interval(Duration::from_secs(1)).keepalives_retries(KEEPALIVE_PROBES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(KEEPALIVE_SECONDS + u64::from(KEEPALIVE_PROBES)));
        }
        Ok(Self { config, schema: schema.to_owned(), careless })
    }

    pub(super) fn link(&self, purpose: Purpose) -> Result<Link, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::outage("no runtime for PostgreSQL").because(error))?;
        let client = runtime.block_on(async {
            let (client, connection) = self.config.connect(NoTls).await.map_err(fault)?;
            tokio::spawn(async move {
                // The client reports a lost connection at its next use.
                drop(connection.await);
            });
            client.batch_execute(&self.setup(purpose)).await.map_err(fault)?;
            Ok::<_, Fault>(client)
        })?;
        Ok(Link { runtime, client })
    }

    fn setup(&self, purpose: Purpose) -> String {
        let mut setup =
            format!("SET search_path TO {}; SET client_min_messages TO warning; SET jit TO off;", self.schema);
        match purpose {
            Purpose::Reading => setup.push_str("SET default_transaction_read_only TO on;"),
            Purpose::Writing => {
                setup.push_str(&format!(
                    "SET idle_in_transaction_session_timeout TO '{FORGOTTEN_SECONDS}s'; \
                     SET tcp_keepalives_idle TO {KEEPALIVE_SECONDS}; SET tcp_keepalives_interval TO 1; \
                     SET tcp_keepalives_count TO {KEEPALIVE_PROBES};"
                ));
                if !self.careless {
                    setup.push_str(WAIT_FOR_DISK);
                }
            }
        }
        setup
    }
}

/// `remote_apply` waits for the disk and for standbys to show the commit: it is the one setting that is stricter.
const WAIT_FOR_DISK: &str = "SELECT set_config('synchronous_commit', 'on', false) \
                             WHERE current_setting('synchronous_commit') <> 'remote_apply';";

pub(super) struct Link {
    pub runtime: Runtime,
    pub client: Client,
}

pub(super) fn check_schema(schema: &str) -> Result<(), Fault> {
    let fine = !schema.is_empty() && schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if fine {
        Ok(())
    } else {
        Err(Fault::outage(format!("schema {schema:?}: use lower case, digits and _, such as market_gh")))
    }
}
