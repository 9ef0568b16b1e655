//! Where a market is kept: `sqlite:///path/to/market.db`, or `postgres://…?schema=market_gh`; and its control store.
//!
//! `sqlite:///path/to/market.db?vfs=name` opens the file through a virtual file system that the process has registered.
//! `postgres://…?durability=off` takes a PostgreSQL server as it is, even one that loses what it acknowledged.

use std::path::PathBuf;
use std::str::FromStr as _;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::postgres;
use crate::Fault;

/// Schema of a market, when its URL names none.
const MARKET_SCHEMA: &str = "sycee";
/// Schema of the control store, when a market's URL names none.
const CONTROL_SCHEMA: &str = "sycee_control";
/// File of the control store, beside the markets' files.
const CONTROL_FILE: &str = "control.db";
/// What SQLite takes for no file at all.
const IN_MEMORY: &str = ":memory:";
/// The form of a PostgreSQL URL.
pub(super) const POSTGRES_FORM: &str = "postgres://user@host/db?schema=market_gh";

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqliteDurability {
    /// `synchronous=FULL`: a commit survives power loss.
    Full,
    /// `synchronous=OFF`: for tests that do not test durability.
    Off,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of its own.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Whether a commit waits for the disk.
        durability: SqliteDurability,
        /// SQLite's virtual file system; the default one when none is named.
        vfs: Option<String>,
    },
    /// A schema of a PostgreSQL database.
    Postgres {
        /// Connection string, as libpq takes it (key=value or URL); besides, `durability=off` (see the module).
        config: String,
        /// Schema of the market.
        schema: String,
    },
}

impl DatabaseUrl {
    /// Parses a database URL. A plain path is SQLite; `schema=` in a PostgreSQL URL names the schema (`sycee`).
    ///
    /// Errors: a Fault that shows the accepted forms, and nothing of what may be a password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let market = Self::read(text)?;
        market.check()?;
        if let Self::Postgres { .. } = market {
            Self::postgres(text).1.check()?;
        }
        Ok(market)
    }

    /// As [`Self::parse`], of a URL that nobody connects to: it may lack what a connection needs.
    ///
    /// Errors: a Fault when it is of no engine.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") || is_key_value(text) {
            return Ok(Self::postgres(text).0);
        }
        if let Some(meant) = near_miss(text) {
            return Err(meant);
        }
        let path = match text.split_once("://") {
            None if text.is_empty() => return Err(no_database("nothing")),
            None => text,
            Some(("sqlite", path)) => path,
            Some((scheme, _)) if is_name(scheme) => return Err(no_database(&format!("{scheme}://"))),
            Some(_) => return Err(no_database("this")),
        };
        match path.split_once('?').map(|(path, parameters)| (path, parameters.strip_prefix("vfs="))) {
            _ if path.split('?').next().is_none_or(str::is_empty) => Err(no_database("a file without a name")),
            _ if path == IN_MEMORY => Err(no_database("what is in memory, and gone with the command,")),
            None => Ok(Self::sqlite(path)),
            Some((path, Some(vfs))) if is_name(vfs) => Ok(Self::sqlite_through(path, Some(vfs.to_owned()))),
            Some((path, _)) => Err(no_database(&format!("{path:?} with other parameters"))),
        }
    }

    /// Errors: a Fault that names what PostgreSQL, or we, do not know.
    fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres { config, schema } => postgres::check(config, schema),
        }
    }

    /// A durable SQLite file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::sqlite_through(path, None)
    }

    fn sqlite_through(path: impl Into<PathBuf>, vfs: Option<String>) -> Self {
        Self::Sqlite { path: path.into(), durability: SqliteDurability::Full, vfs }
    }

    /// Both schemas of a PostgreSQL URL, the market's and the control store's.
    fn postgres(text: &str) -> (Self, Self) {
        let (config, schema) = take_parameter(text, "schema");
        let (config, control) = take_parameter(&config, "control");
        let at = |schema: Option<String>, default: &str| Self::Postgres {
            config: config.clone(),
            schema: schema.unwrap_or_else(|| default.to_owned()),
        };
        (at(schema, MARKET_SCHEMA), at(control, CONTROL_SCHEMA))
    }

    /// The control store of the market at `text`: the file `control.db` beside a SQLite file; in PostgreSQL the schema
    /// that `control=` names (`sycee_control`).
    ///
    /// Errors: as [`Self::parse`].
    pub fn parse_control(text: &str) -> Result<Self, Fault> {
        let market = Self::parse(text)?;
        Ok(match &market {
            Self::Sqlite { .. } => market.control(),
            Self::Postgres { .. } => Self::postgres(text).1,
        })
    }

    /// The control store beside this market, when nobody names another.
    #[must_use]
    pub fn control(&self) -> Self {
        match self {
            Self::Sqlite { path, durability, vfs } => {
                let path = path.with_file_name(CONTROL_FILE);
                Self::Sqlite { path, durability: *durability, vfs: vfs.clone() }
            }
            Self::Postgres { config, .. } => {
                Self::Postgres { config: config.clone(), schema: CONTROL_SCHEMA.to_owned() }
            }
        }
    }

    /// Where the market is, as its control store keeps it: no password, and a file by its name, which stays true when the
    /// folder moves.
    pub fn without_secrets(&self) -> String {
        match self {
            Self::Sqlite { path, .. } => {
                format!("sqlite://{}", path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default())
            }
            Self::Postgres { config, schema } => {
                let (config, _) = take_parameter(config, "durability");
                let (config, _) = postgres::Said::take(&config);
                let server = Config::from_str(&config).map(|config| server_of(&config) + " ").unwrap_or_default();
                format!("{server}schema={schema}")
            }
        }
    }

    /// Engine name for people.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// Whether it is libpq's `key=value …`.
fn is_key_value(text: &str) -> bool {
    let keys = ["host=", "hostaddr=", "dbname=", "user=", "password="];
    text.split_whitespace().any(|word| keys.iter().any(|key| word.starts_with(key)))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn no_database(shown: &str) -> Fault {
    Fault::outage(format!(
        "{shown} is no database: use sqlite:///path/market.db, sqlite:///path/market.db?vfs=name, a path, or \
         {POSTGRES_FORM}"
    ))
}

/// What other programs take for a database, with the form that is taken here; none for anything else.
fn near_miss(text: &str) -> Option<Fault> {
    let (scheme, rest) = text.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" if scheme == "sqlite" && rest.starts_with("//") => None,
        "file" | "sqlite" | "sqlite3" => {
            let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next().filter(|path| !path.is_empty())?;
            let text = format!("{scheme}:{path} is no database URL: use the path {path}, or sqlite://{path}");
            Some(Fault::outage(text))
        }
        "postgres" | "postgresql" | "jdbc" => {
            Some(Fault::outage(format!("{scheme}:… is no database URL: use {POSTGRES_FORM}")))
        }
        _ => None,
    }
}

/// Takes `name=value` out of a connection string in either of libpq's forms.
pub(super) fn take_parameter(config: &str, name: &str) -> (String, Option<String>) {
    let separators: &[char] = if config.contains("://") { &['?', '&'] } else { &[' '] };
    let named = format!("{name}=");
    let found = config
        .match_indices(&named)
        .map(|(at, _)| at)
        .find(|at| *at == 0 && separators == [' '] || config[..*at].ends_with(separators));
    let Some(at) = found else { return (config.to_owned(), None) };
    let rest = &config[at + named.len()..];
    let end = rest.find(['&', ' ']).unwrap_or(rest.len());
    let without = format!("{}{}", &config[..at], rest[end..].trim_start_matches(['&', ' ']));
    (without.trim_end_matches(['?', '&', ' ']).to_owned(), Some(rest[..end].to_owned()))
}

/// Host, port, user and database of a server, and nothing else of how it is reached.
pub(super) fn server_of(config: &Config) -> String {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    };
    let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    let addresses: Vec<String> = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    let parts = [
        ("host", hosts.join(",")),
        ("hostaddr", addresses.join(",")),
        ("port", ports.join(",")),
        ("user", config.get_user().unwrap_or_default().to_owned()),
        ("dbname", config.get_dbname().unwrap_or_default().to_owned()),
    ];
    let named = parts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}"));
    named.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_engine_and_schema() {
        let postgres =
            |config: &str, schema: &str| DatabaseUrl::Postgres { config: config.into(), schema: schema.into() };
        for (text, url) in [
            ("sqlite:///a/b.db", DatabaseUrl::sqlite("/a/b.db")),
            ("sqlite:///a/b.db?vfs=x", DatabaseUrl::sqlite_through("/a/b.db", Some("x".to_owned()))),
            ("b.db", DatabaseUrl::sqlite("b.db")),
            ("postgres://u@localhost/d?schema=gh", postgres("postgres://u@localhost/d", "gh")),
            (
                "postgres://u@localhost/d?application_name=b&schema=gh&connect_timeout=3",
                postgres("postgres://u@localhost/d?application_name=b&connect_timeout=3", "gh"),
            ),
            ("host=/tmp user=me schema=gh", postgres("host=/tmp user=me", "gh")),
            ("host=/tmp user=me", postgres("host=/tmp user=me", "sycee")),
            ("schema=gh host=/tmp", postgres("host=/tmp", "gh")),
            ("user=u password=p hostaddr=127.0.0.1", postgres("user=u password=p hostaddr=127.0.0.1", "sycee")),
            ("port=5433 user=u", postgres("port=5433 user=u", "sycee")),
            ("a/user=u.db", DatabaseUrl::sqlite("a/user=u.db")),
            ("a/profile:b.db", DatabaseUrl::sqlite("a/profile:b.db")),
        ] {
            assert_eq!(DatabaseUrl::parse(text).unwrap(), url, "{text}");
        }
    }

    #[test]
    fn what_is_no_database_is_refused_with_the_forms_and_without_its_password() {
        for text in ["", "mysql://u:geheim@localhost/d", "u:geheim@localhost/d?x=://"] {
            let said = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(said.contains("use sqlite:///path") && !said.contains("geheim"), "{said}");
        }
        for text in ["sqlite:///x.db?mode=ro", "sqlite:///x.db?vfs=a&mode=ro", "x.db?vfs=", "sqlite:///x.db?key=geheim"]
        {
            let said = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(said.contains("x.db\" with other parameters is no database") && !said.contains("geheim"), "{said}");
        }
    }

    #[test]
    fn what_other_programs_take_is_answered_with_what_is_taken_here() {
        for (text, form) in [
            ("file:x.db", "use the path x.db, or sqlite://x.db"),
            ("file:///a/x.db?mode=ro", "use the path /a/x.db, or sqlite:///a/x.db"),
            ("sqlite:rel.db", "use the path rel.db, or sqlite://rel.db"),
            ("SQLite:///a/x.db", "use the path /a/x.db, or sqlite:///a/x.db"),
            ("sqlite3:/a/x.db?key=geheim", "use the path /a/x.db"),
            ("Postgres://u:geheim@localhost/d", "use postgres://user@host/db?schema=market_gh"),
            ("jdbc:postgresql://localhost/d?password=geheim", "use postgres://user@host/db?schema=market_gh"),
            ("sqlite://", "a file without a name is no database: use sqlite:///path"),
            ("sqlite://?vfs=x", "a file without a name"),
            (":memory:", "gone with the command"),
        ] {
            let said = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(said.contains(form) && !said.contains("geheim"), "{text}: {said}");
        }
    }

    #[test]
    fn parameters_that_nobody_knows_are_named_before_a_server_is_asked() {
        for (text, named) in [
            ("postgres://u@localhost/d?my_schema=x", "my_schema"),
            ("postgres://u:geheim@localhost:port/d", "port"),
            ("host=localhost user=u password=geheim colour=red", "colour"),
            ("postgres://u@localhost/d?schema=Market-GH", "use lower case, digits and _"),
            ("postgres://u@localhost/d?control=Ops", "use lower case, digits and _"),
            ("postgres://u@localhost/d?durability=no", "durability=no: use full"),
        ] {
            let said = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(said.contains(named) && !said.contains("geheim"), "{text}: {said}");
        }
    }

    #[test]
    fn a_parameter_is_taken_out_whole() {
        for (config, without, value) in [
            ("postgres://u@localhost/d?durability=off&a=b", "postgres://u@localhost/d?a=b", Some("off")),
            ("host=/tmp durability=off user=me", "host=/tmp user=me", Some("off")),
            ("host=/tmp user=durability", "host=/tmp user=durability", None),
            ("postgres://u@localhost/d?my_durability=off", "postgres://u@localhost/d?my_durability=off", None),
        ] {
            assert_eq!(
                take_parameter(config, "durability"),
                (without.to_owned(), value.map(str::to_owned)),
                "{config}"
            );
        }
    }

    #[test]
    fn a_market_has_its_control_store_beside_it() {
        for (text, control) in [
            ("sqlite:///a/b.db", "sqlite:///a/control.db"),
            ("b.db", "control.db"),
            ("postgres://u@localhost/d?schema=gh", "postgres://u@localhost/d?schema=sycee_control"),
            ("postgres://u@localhost/d?control=ops&schema=gh", "postgres://u@localhost/d?schema=ops"),
            ("host=/tmp schema=gh control=ops user=me", "host=/tmp user=me schema=ops"),
        ] {
            let control = DatabaseUrl::parse(control).unwrap();
            assert_eq!(DatabaseUrl::parse_control(text).unwrap(), control, "{text}");
        }
        let named = DatabaseUrl::parse("postgres://u@localhost/d?control=ops&schema=gh").unwrap();
        assert_eq!(named, DatabaseUrl::parse("postgres://u@localhost/d?schema=gh").unwrap());
    }

    #[test]
    fn what_is_shown_of_a_url_has_no_password() {
        for (text, shown) in [
            ("sqlite:///a/b.db", "sqlite://b.db"),
            ("postgres://u:secret@localhost:5433/d?schema=gh", "host=localhost port=5433 user=u dbname=d schema=gh"),
            ("host=/tmp user=u password='sec ret' schema=gh", "host=/tmp user=u schema=gh"),
            ("hostaddr=127.0.0.1 user=u password=secret schema=gh", "hostaddr=127.0.0.1 user=u schema=gh"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.without_secrets(), shown);
        }
        let broken = DatabaseUrl::Postgres { config: "postgres://u:secret@[broken".into(), schema: "gh".into() };
        assert_eq!(broken.without_secrets(), "schema=gh");
    }
}
