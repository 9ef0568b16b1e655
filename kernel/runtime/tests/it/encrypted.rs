//! PostgreSQL over a network: the line is encrypted, and leads to nobody but the server that was named.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sycee_runtime::Fault;
use sycee_runtime::storage::{DatabaseUrl, open_reader};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::proxy::{schema_at, server};
use crate::shop::{Step, open, please, times};

/// Length of the message by which a client asks for encryption.
const TLS_REQUEST_BYTES: usize = 8;

/// An authority, and a certificate that it signed for `localhost`.
struct Authority {
    folder: tempfile::TempDir,
    acceptor: TlsAcceptor,
}

impl Authority {
    fn new() -> Self {
        let (key, server_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let server = server.signed_by(&server_key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], key)
            .unwrap();
        Self { folder, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }
}

/// A port that passes on to `server` what it hears; encrypted with `acceptor`, or refusing to encrypt.
fn listen(server: &str, acceptor: Option<TlsAcceptor>) -> u16 {
    let server: Config = server.parse().unwrap();
    let port = server.get_ports().first().copied().unwrap_or(5432);
    let Some(Host::Unix(folder)) = server.get_hosts().first() else { panic!("the test server has a socket") };
    let socket: PathBuf = folder.join(format!(".s.PGSQL.{port}"));
    let (told, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let (acceptor, socket) = (acceptor.clone(), socket.clone());
                tokio::spawn(async move {
                    let mut request = [0; TLS_REQUEST_BYTES];
                    near.read_exact(&mut request).await.unwrap();
                    let Some(acceptor) = acceptor else { return near.write_all(b"N").await.unwrap() };
                    near.write_all(b"S").await.unwrap();
                    // Who does not trust the certificate hangs up.
                    let Ok(mut near) = acceptor.accept(near).await else { return };
                    let mut far = UnixStream::connect(socket).await.unwrap();
                    drop(copy_bidirectional(&mut near, &mut far).await);
                });
            }
        });
    });
    port.recv().unwrap()
}

/// The connection string of `server`'s user and database at this host and port.
fn config(server: &str, host: &str, port: u16, more: &str) -> String {
    let server: Config = server.parse().unwrap();
    let (user, database) = (server.get_user().unwrap_or("postgres"), server.get_dbname().unwrap_or("postgres"));
    format!("host={host} port={port} user={user} dbname={database} {more}")
}

fn refused(config: String) -> Fault {
    let url = DatabaseUrl::Postgres { config, schema: "sycee".to_owned() };
    open_reader(&url, Duration::from_secs(1)).err().unwrap()
}

#[test]
fn a_market_lives_over_an_encrypted_line() {
    let Some(server) = server() else { return };
    let authority = Authority::new();
    let port = listen(&server, Some(authority.acceptor.clone()));
    let said = format!("sslmode=verify-full sslrootcert={}", authority.file());
    let (url, _guard) = schema_at(&config(&server, "localhost", port, &said));
    let mut shop = open(&url);
    shop.execute(please(&[Step::Count(1)])).unwrap().outcome.unwrap();
    shop.sync().unwrap();
    drop(shop);
    assert_eq!(times(&mut open(&url), 1), 1);
}

#[test]
fn nobody_but_the_server_that_was_named_is_talked_to() {
    let Some(server) = server() else { return };
    let (authority, stranger) = (Authority::new(), Authority::new());
    let port = listen(&server, Some(authority.acceptor.clone()));
    let trusting = |authority: &Authority| format!("sslmode=verify-full sslrootcert={}", authority.file());
    for (config, says) in [
        (config(&server, "localhost", port, &trusting(&stranger)), "name the file with its authority's certificate"),
        (config(&server, "localhost", port, "sslmode=verify-full"), "name the file with its authority's certificate"),
        (config(&server, "127.0.0.1", port, &trusting(&authority)), "the host as its certificate does"),
        (config(&server, "localhost", listen(&server, None), &trusting(&authority)), "switch TLS on there"),
    ] {
        let said = refused(config.clone()).to_string();
        assert!(said.contains(says), "{config}: {said}");
    }
}
