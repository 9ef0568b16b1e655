//! A line to PostgreSQL that can be cut at any message, and a session of one's own beside the market's.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::{POSTGRES_VARIABLE, TestGuard, test_databases};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// The server under test; `None` when none is named.
pub fn server() -> Option<String> {
    std::env::var(POSTGRES_VARIABLE).ok()
}

/// A schema of one's own, reached with `config`.
pub fn schema_at(config: &str) -> (DatabaseUrl, TestGuard) {
    let (urls, guard) = test_databases();
    let schema = urls.into_iter().find_map(|url| match url {
        DatabaseUrl::Postgres { schema, .. } => Some(schema),
        DatabaseUrl::Sqlite { .. } => None,
    });
    (DatabaseUrl::Postgres { config: config.to_owned(), schema: schema.unwrap() }, guard)
}

/// A connection besides those of the market.
pub struct Session {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Session {
    pub fn in_schema_of(url: &DatabaseUrl) -> Self {
        let DatabaseUrl::Postgres { schema, .. } = url else { panic!("not on PostgreSQL") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&server().unwrap(), NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        let session = Self { runtime, client };
        session.run(&format!("SET search_path TO {schema}"));
        session
    }

    pub fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.client.query_one(sql, &[])).unwrap().get(0)
    }

    /// Waits until somebody in this database waits for a lock that this session holds.
    pub fn somebody_waits(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))";
        while self.number(sql) == 0 {}
    }
}

/// Where a line is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nowhere.
    Never,
    /// Before the message to the server with this number reaches it, counted from a commit's BEGIN.
    Before(usize),
    /// After the server has executed COMMIT, before its answer arrives.
    AfterCommit,
}

struct State {
    cut: Cut,
    /// How often it was cut.
    cuts: usize,
    /// Nobody gets through any more.
    closed: bool,
}

/// A line that is cut.
pub struct Proxy {
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
    to: Config,
}

trait Line: Read + Write + Send {
    fn hang_up(&self);
    fn twin(&self) -> Box<dyn Line>;
}

macro_rules! line {
    ($stream:ty) => {
        impl Line for $stream {
            fn hang_up(&self) {
                drop(self.shutdown(Shutdown::Both));
            }
            fn twin(&self) -> Box<dyn Line> {
                Box::new(self.try_clone().unwrap())
            }
        }
    };
}
line!(UnixStream);
line!(TcpStream);

impl Proxy {
    pub fn start(server: &str) -> Self {
        let to: Config = server.parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let state = Arc::new(Mutex::new(State { cut: Cut::Never, cuts: 0, closed: false }));
        let (shared, upstream) = (Arc::clone(&state), to.clone());
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                if shared.lock().unwrap().closed {
                    near.hang_up();
                } else {
                    join(near.twin(), dial(&upstream), &shared);
                }
            }
        });
        Self { state, folder, to }
    }

    /// The connection string that leads through it.
    pub fn config(&self) -> String {
        let name = |name: Option<&str>| name.unwrap_or("postgres").to_owned();
        let mut config = format!(
            "host={} user={} dbname={}",
            self.folder.path().display(),
            name(self.to.get_user()),
            name(self.to.get_dbname())
        );
        if let Some(password) = self.to.get_password() {
            config.push_str(&format!(" password={}", String::from_utf8_lossy(password)));
        }
        config
    }

    /// Cuts the next commit there.
    pub fn cut_at(&self, cut: Cut) {
        self.state.lock().unwrap().cut = cut;
    }

    /// Whether the cut that was asked for was made.
    pub fn was_cut(&self) -> bool {
        self.state.lock().unwrap().cut == Cut::Never
    }

    /// Lets nobody through who is not through already.
    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
    }

    pub fn cuts(&self) -> usize {
        self.state.lock().unwrap().cuts
    }
}

fn dial(to: &Config) -> Box<dyn Line> {
    let port = to.get_ports().first().copied().unwrap_or(5432);
    match &to.get_hosts()[0] {
        Host::Tcp(name) => Box::new(TcpStream::connect((name.as_str(), port)).unwrap()),
        Host::Unix(folder) => Box::new(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).unwrap()),
    }
}

fn join(near: Box<dyn Line>, far: Box<dyn Line>, state: &Arc<Mutex<State>>) {
    let swallow = Arc::new(Mutex::new(false));
    let (answers_to, answers_from, swallowed) = (near.twin(), far.twin(), Arc::clone(&swallow));
    std::thread::spawn(move || pass_answers(answers_from, answers_to, &swallowed));
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        let hang_up = [near.twin(), far.twin()];
        // Whoever hangs up first ends both directions.
        drop(pass_messages(near, far, &state, &swallow));
        hang_up.iter().for_each(|line| line.hang_up());
    });
}

fn pass_answers(mut from: Box<dyn Line>, mut to: Box<dyn Line>, swallow: &Mutex<bool>) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..length];
        if *swallow.lock().unwrap() {
            if bytes.windows(7).any(|window| window == b"COMMIT\0") {
                break;
            }
        } else if to.write_all(bytes).is_err() {
            break;
        }
    }
    from.hang_up();
    to.hang_up();
}

/// Passes message by message: a tag, a length of 4 bytes that counts itself, a body. The first one has no tag.
fn pass_messages(
    mut from: Box<dyn Line>,
    mut to: Box<dyn Line>,
    state: &Mutex<State>,
    swallow: &Mutex<bool>,
) -> std::io::Result<()> {
    let mut tagged = false;
    let mut since_begin = None;
    loop {
        let mut message = vec![0; usize::from(tagged) + 4];
        from.read_exact(&mut message)?;
        let length = u32::from_be_bytes(message[usize::from(tagged)..].try_into().unwrap()) as usize;
        let head = message.len();
        message.resize(head + length - 4, 0);
        from.read_exact(&mut message[head..])?;
        let body = &message[head..];
        if tagged && message[0] == b'Q' && body == b"BEGIN\0" {
            since_begin = Some(0);
        }
        tagged = true;
        if let Some(number) = since_begin {
            since_begin = (body != b"COMMIT\0").then_some(number + 1);
            let mut state = state.lock().unwrap();
            let is_here = match state.cut {
                Cut::Never => false,
                Cut::Before(wanted) => wanted == number,
                Cut::AfterCommit => body == b"COMMIT\0",
            };
            if is_here {
                state.cuts += 1;
                if std::mem::replace(&mut state.cut, Cut::Never) == Cut::AfterCommit {
                    *swallow.lock().unwrap() = true;
                } else {
                    return Ok(());
                }
            }
        }
        to.write_all(&message)?;
    }
}
