//! Who may listen to what is said to PostgreSQL: nobody, on the machine itself and over an encrypted connection.
//!
//! Invariant: an encrypted connection leads to the server that the URL names: its certificate and its name are checked.
//! Invariant: a password goes over a network in the clear only where somebody wrote `sslmode=disable`.

use rustls_tokio_postgres::{MakeRustlsConnect, config_from_ca_cert, config_platform_verifier};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::Fault;
use crate::storage::url::take_parameter;

/// The value of `sslrootcert` that means the authorities that the operating system trusts, as with libpq.
const SYSTEM: &str = "system";

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// Not encrypted.
    Plain,
    /// Encrypted, by a server whose certificate one of these authorities signed.
    Tls(Authorities),
}

/// Who vouches for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Authorities {
    /// Whom the operating system trusts.
    System,
    /// A file with their certificates, PEM.
    File(String),
}

/// What a connection string says of encryption, and the string without it.
pub(in crate::storage) struct Said {
    mode: Option<String>,
    authorities: Option<String>,
}

impl Said {
    /// Takes `sslmode` and `sslrootcert` out of `config`: what reads the rest does not know all of their values.
    pub(in crate::storage) fn take(config: &str) -> (String, Self) {
        let (config, mode) = take_parameter(config, "sslmode");
        let (config, authorities) = take_parameter(&config, "sslrootcert");
        (config, Self { mode, authorities })
    }

    /// Sets `config` up accordingly.
    ///
    /// Errors: `Outage` for a mode that would leave open whether the connection is private, and for a server on a network
    /// of which nothing is said.
    pub(super) fn apply(self, config: &mut Config) -> Result<Privacy, Fault> {
        let authorities = || match self.authorities.as_deref() {
            None | Some(SYSTEM) => Authorities::System,
            Some(file) => Authorities::File(file.to_owned()),
        };
        let privacy = match self.mode.as_deref() {
            Some("verify-full" | "require") => Privacy::Tls(authorities()),
            Some("disable") => Privacy::Plain,
            None if self.authorities.is_some() => Privacy::Tls(authorities()),
            None if is_on_this_machine(config) => Privacy::Plain,
            None => return Err(unsaid(config)),
            Some(other) => {
                let text = format!(
                    "sslmode={other}: use verify-full (encrypted, the server's certificate and name checked), or disable"
                );
                return Err(Fault::outage(text));
            }
        };
        config.ssl_mode(if privacy == Privacy::Plain { SslMode::Disable } else { SslMode::Require });
        Ok(privacy)
    }
}

impl Authorities {
    /// What encrypts a connection and checks who answers.
    ///
    /// Errors: `Outage` when no authority can be read.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Fault> {
        let config = match self {
            Self::System => config_platform_verifier().map_err(|error| {
                let text = "the authorities that this system trusts cannot be read: install its certificates (Debian: \
                            ca-certificates), or name a file with sslrootcert=";
                Fault::outage(text).because(error)
            })?,
            Self::File(file) => config_from_ca_cert(file).map_err(|error| {
                let text = format!("sslrootcert={file}: {error}: name a file with the authority's certificate, PEM");
                Fault::outage(text)
            })?,
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

fn unsaid(config: &Config) -> Fault {
    let named = config.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) => Some(name.clone()),
        Host::Unix(_) => None,
    });
    let host = named.or_else(|| config.get_hostaddrs().first().map(ToString::to_string)).unwrap_or_default();
    Fault::outage(format!(
        "PostgreSQL at {host} is reached over a network: add sslmode=verify-full (and sslrootcert=FILE where its \
         certificate is signed by an authority of your own), or sslmode=disable where nobody else can listen"
    ))
}

/// Whether every server that may be asked is reached without a network.
fn is_on_this_machine(config: &Config) -> bool {
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    });
    let addresses = config.get_hostaddrs();
    // An address is what is dialled; the name beside it is only checked against a certificate.
    if addresses.is_empty() { hosts } else { addresses.iter().all(std::net::IpAddr::is_loopback) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use super::*;

    fn privacy(text: &str) -> Result<Privacy, Fault> {
        let (config, said) = Said::take(text);
        said.apply(&mut config.parse().unwrap())
    }

    #[test]
    fn a_connection_is_private_or_somebody_said_that_it_need_not_be() {
        let system = Privacy::Tls(Authorities::System);
        let file = Privacy::Tls(Authorities::File("/etc/ca.pem".to_owned()));
        for (config, wanted) in [
            ("host=/run/postgresql user=u", Privacy::Plain),
            ("host=localhost user=u", Privacy::Plain),
            ("postgres://u@127.0.0.1/d", Privacy::Plain),
            ("postgres://u@[::1]/d", Privacy::Plain),
            ("hostaddr=127.0.0.1 host=db user=u", Privacy::Plain),
            ("postgres://u@db.example/d?sslmode=disable", Privacy::Plain),
            ("postgres://u@db.example/d?sslmode=verify-full", system.clone()),
            ("postgres://u@db.example/d?sslmode=require&sslrootcert=system", system),
            ("postgres://u@db.example/d?sslrootcert=/etc/ca.pem", file.clone()),
            ("host=localhost user=u sslmode=verify-full sslrootcert=/etc/ca.pem", file),
        ] {
            assert_eq!(privacy(config).unwrap(), wanted, "{config}");
        }
        for (config, says) in [
            ("postgres://u:geheim@db.example/d", "PostgreSQL at db.example is reached over a network: add sslmode"),
            ("host=/run/postgresql,10.0.0.2 user=u", "PostgreSQL at 10.0.0.2 is reached over a network"),
            ("hostaddr=10.0.0.2 user=u", "PostgreSQL at 10.0.0.2 is reached over a network"),
            ("host=localhost user=u sslmode=prefer", "sslmode=prefer: use verify-full"),
            ("host=localhost user=u sslmode=verify-ca", "sslmode=verify-ca: use verify-full"),
        ] {
            let said = privacy(config).unwrap_err().to_string();
            assert!(said.contains(says) && !said.contains("geheim"), "{config}: {said}");
        }
    }

    #[test]
    fn a_file_without_an_authority_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let connector = || Authorities::File(file.display().to_string()).connector().err().unwrap().to_string();
        assert!(connector().contains("ca.pem: failed to read"), "{}", connector());
        std::fs::write(&file, "no certificate").unwrap();
        assert!(connector().contains("did not contain any certificates"), "{}", connector());
    }
}
