//! A connection to PostgreSQL with a runtime of its own: how a session is set up, and how soon a dead one is noticed.
//!
//! Invariant: a writer's commit waits for the server's disk, whatever the server's default says.

use std::error::Error as _;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, Socket};

use super::fault;
use super::tls::{Privacy, Said};
use crate::Fault;
use crate::storage::url::{POSTGRES_FORM, server_of, take_parameter};

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
    privacy: Privacy,
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
        let (config, said) = Said::take(&config);
        let any_session = !config.contains("target_session_attrs");
        let mut config: Config = config.parse().map_err(misread)?;
        let privacy = said.apply(&mut config)?;
        if any_session && config.get_hosts().len().max(config.get_hostaddrs().len()) > 1 {
            // What a standby shows may be old: a market reads where it writes.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
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
        Ok(Self { config, privacy, schema: schema.to_owned(), careless })
    }

    pub(super) fn link(&self, purpose: Purpose) -> Result<Link, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::outage("no runtime for PostgreSQL").because(error))?;
        let client = runtime.block_on(async {
            let client = match &self.privacy {
                Privacy::Plain => self.connect(NoTls).await,
                Privacy::Tls(authorities) => self.connect(authorities.connector()?).await,
            }?;
            client.batch_execute(&self.setup(purpose)).await.map_err(fault)?;
            Ok::<_, Fault>(client)
        })?;
        Ok(Link { runtime, client })
    }

    async fn connect<T>(&self, tls: T) -> Result<Client, Fault>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static>,
    {
        let connected = self.config.connect(tls).await;
        let (client, connection) = connected.map_err(|error| unreachable(&self.config, error))?;
        tokio::spawn(async move {
            // The client reports a lost connection at its next use.
            drop(connection.await);
        });
        Ok(client)
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

/// Errors: `Outage` when the connection string or the schema's name is not one. No server is asked.
pub(in crate::storage) fn check(config: &str, schema: &str) -> Result<(), Fault> {
    Server::new(config, schema).map(|_| ())
}

/// Which part of a connection string is not known; nothing of its values, which may be a password.
fn misread(error: Error) -> Fault {
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let text = format!(
        "the PostgreSQL URL cannot be read ({why}): use {POSTGRES_FORM}, with parameters such as sslmode, sslrootcert, \
         connect_timeout and application_name, and with schema, control and durability of ours"
    );
    Fault { source: Some(Box::new(error)), ..Fault::outage(text) }
}

/// Where nobody answered, or who answered and let nobody in, and why.
fn unreachable(config: &Config, error: Error) -> Fault {
    let place = server_of(config);
    if error.as_db_error().is_some() {
        let Fault { kind, message, source } = fault(error);
        let message = format!("{message}: PostgreSQL at {place} lets nobody in: check user, password and database");
        return Fault { kind, message, source };
    }
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        why.push_str(&format!(": {error}"));
        cause = error.source();
    }
    let way_out = if why.contains("certificate") {
        "name the file with its authority's certificate with sslrootcert=, and the host as its certificate does"
    } else if why.contains("TLS") {
        "switch TLS on there (ssl = on), or say sslmode=disable where nobody else can listen"
    } else {
        "start it, or correct the database URL"
    };
    let message = format!("PostgreSQL at {place} cannot be reached ({why}): {way_out}");
    Fault { source: Some(Box::new(error)), ..Fault::outage(message) }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use super::*;

    #[test]
    fn of_several_hosts_the_one_that_writes_is_read_too_unless_somebody_says_otherwise() {
        for (config, attrs) in [
            ("host=/a user=u", TargetSessionAttrs::Any),
            ("host=/a,/b user=u", TargetSessionAttrs::ReadWrite),
            ("postgres://u@a,b/d?sslmode=verify-full", TargetSessionAttrs::ReadWrite),
            ("host=/a,/b user=u target_session_attrs=any", TargetSessionAttrs::Any),
        ] {
            let server = Server::new(config, "sycee").unwrap();
            assert_eq!(server.config.get_target_session_attrs(), attrs, "{config}");
        }
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_named_with_the_cause_and_without_its_password() {
        let server = Server::new("host=/nowhere port=5433 user=u password=geheim dbname=d", "sycee").unwrap();
        let fault = server.link(Purpose::Reading).err().unwrap();
        let said = fault.to_string();
        assert!(said.contains("PostgreSQL at host=/nowhere port=5433 user=u dbname=d cannot be reached"), "{said}");
        assert!(said.contains("No such file or directory") && said.contains("start it"), "{said}");
        assert!(!said.contains("geheim") && super::super::cause(&fault).is_some(), "{said}");
    }
}
