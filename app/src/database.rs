//! Which database a command works on, the control store beside it, and the secret that opens the personal data in it.
//!
//! Invariant: reading never raises the fencing epoch, so it never stops a running writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sycee_runtime::storage::{DatabaseUrl, Reader, has_table, open_reader};

use crate::output::Failure;

/// Environment variable with the market's master secret.
const MASTER_VARIABLE: &str = "SYCEE_MASTER_KEY";
/// Fewest characters of a master secret that a person chose.
const MASTER_CHARS_MIN: usize = 16;
/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(10);
/// What every SQLite database begins with.
const SQLITE_HEAD: &[u8] = b"SQLite format 3\0";

/// The database that `--db` names.
pub struct Database {
    /// Where it is.
    pub url: DatabaseUrl,
    /// The control store beside it.
    pub control: DatabaseUrl,
}

impl Database {
    /// Errors: `Input` with the accepted forms.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |fault: sycee_runtime::Fault| Failure::input(format!("--db: {}", fault.message));
        let url = DatabaseUrl::parse(text).map_err(wrong)?;
        let control = DatabaseUrl::parse_control(text).map_err(wrong)?;
        if url == control {
            let text = format!("--db: {} is the name of the control store: name the market otherwise", name_of(&url));
            return Err(Failure::input(text));
        }
        Ok(Self { url, control })
    }

    /// The database for people; shows no password.
    pub fn name(&self) -> String {
        name_of(&self.url)
    }

    /// The control store for people; shows no password.
    pub fn control_name(&self) -> String {
        format!("control store {}", name_of(&self.control))
    }

    /// Whether there is something to read: a file with content, or a server.
    pub fn exists(&self) -> bool {
        is_there(&self.url)
    }

    /// Before anything opens the database: a file that is there is one that SQLite made.
    ///
    /// Errors: `Input` for a folder, a file that may not be read, and a file of another kind.
    pub fn check_file(&self) -> Result<(), Failure> {
        match &self.url {
            // What a virtual file system makes of a database is its own.
            DatabaseUrl::Sqlite { path, vfs: None, .. } => check_file(path),
            _ => Ok(()),
        }
    }

    /// Whether a market lives there already.
    ///
    /// Errors: `Fault` when the database does not answer; as [`Self::check_file`].
    pub fn holds_market(&self) -> Result<bool, Failure> {
        if !self.exists() {
            return Ok(false);
        }
        self.check_file()?;
        let mut reader = open_reader(&self.url, BUSY)?;
        Ok(has_table(&self.url, &mut *reader, "message_log")?)
    }

    /// Reads what is committed, beside a running writer; `table` is what the command cannot do without.
    ///
    /// Errors: `Input` when the database is not there or holds no market.
    pub fn reader(&self, table: &str) -> Result<Box<dyn Reader>, Failure> {
        let advice = "name it with --db or SYCEE_DB, or make it with sycee migrate";
        if !self.exists() {
            return Err(Failure::input(format!("there is no database {}: {advice}", self.name())));
        }
        self.check_file()?;
        let mut reader = open_reader(&self.url, BUSY)?;
        if !has_table(&self.url, &mut *reader, table)? {
            return Err(Failure::input(format!("{} holds no market (no table {table}): {advice}", self.name())));
        }
        Ok(reader)
    }

    /// The market's master secret: from the environment, or from the key file next to a SQLite database, which is made
    /// together with the database.
    ///
    /// Errors: `Input` when there is none and one must not be made up: personal data would become unreadable.
    pub fn master_key(&self) -> Result<Vec<u8>, Failure> {
        if let Ok(secret) = std::env::var(MASTER_VARIABLE) {
            if secret.chars().count() < MASTER_CHARS_MIN {
                let text = format!(
                    "{MASTER_VARIABLE} is shorter than {MASTER_CHARS_MIN} characters: use openssl rand -hex 32"
                );
                return Err(Failure::input(text));
            }
            return Ok(secret.into_bytes());
        }
        let DatabaseUrl::Sqlite { path, .. } = &self.url else {
            let text =
                format!("a PostgreSQL market needs its master secret in {MASTER_VARIABLE}: use openssl rand -hex 32");
            return Err(Failure::input(text));
        };
        let file = key_file(path);
        let missing = |read: &std::io::Result<String>| {
            read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        let mut read = std::fs::read_to_string(&file);
        if missing(&read) && is_filled(path) {
            // Another process may have made both since: the key comes before the database.
            read = std::fs::read_to_string(&file);
        }
        match read {
            Ok(text) if text.trim().len() >= MASTER_CHARS_MIN => Ok(text.trim().as_bytes().to_vec()),
            Ok(_) => Err(Failure::input(format!("{} holds no key: restore it from your backup", file.display()))),
            read if missing(&read) && !is_filled(path) => make_key(&file),
            Err(error) => Err(Failure::input(format!(
                "{}, the key to the personal data in {}, cannot be read ({error}): restore it, or set {MASTER_VARIABLE}",
                file.display(),
                path.display()
            ))),
        }
    }
}

fn name_of(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite { path, .. } => path.display().to_string(),
        DatabaseUrl::Postgres { schema, .. } => format!("PostgreSQL, schema {schema}"),
    }
}

/// Whether there is something to read at `url`: a file with content, or a server. A folder is something, and refused later.
pub fn is_there(url: &DatabaseUrl) -> bool {
    match url {
        DatabaseUrl::Sqlite { path, .. } => path.is_dir() || is_filled(path),
        DatabaseUrl::Postgres { .. } => true,
    }
}

/// Reads the first bytes. Nothing in this process may have the file open: closing it here would give up SQLite's locks.
fn check_file(path: &Path) -> Result<(), Failure> {
    use std::io::{ErrorKind, Read as _};
    let wrong = |why: String| Err(Failure::input(format!("--db: {} {why}", path.display())));
    if path.is_dir() {
        return wrong(format!("is a folder: name a file in it, such as {}", path.join("sycee.db").display()));
    }
    let mut head = Vec::new();
    let length = SQLITE_HEAD.len() as u64;
    match std::fs::File::open(path).and_then(|file| file.take(length).read_to_end(&mut head)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => wrong(format!("cannot be read ({error}): name a file that you may read")),
        Ok(_) if head.is_empty() || head == SQLITE_HEAD => Ok(()),
        Ok(_) => wrong("is no SQLite database: name another file, or a new one".to_owned()),
    }
}

fn is_filled(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// `sycee.db` has its key in `sycee.db.key`.
fn key_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn make_key(file: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Write as _;
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Fault(format!("the system gives no random bytes: {error}")))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file("made", folder, error))?;
    }
    // Whole or not at all, and once: of several processes that make the same market, all use the key of the first.
    let draft = file.with_extension(format!("key-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&draft)
        .and_then(|mut out| writeln!(out, "{text}").and_then(|()| out.sync_all()))
        .and_then(|()| std::fs::hard_link(&draft, file));
    drop(std::fs::remove_file(&draft));
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(file).map_err(|error| Failure::file("read", file, error))?;
            return Ok(text.trim().as_bytes().to_vec());
        }
        written => written.map_err(|error| Failure::file("written", file, error))?,
    }
    eprintln!("made {}: the key to this market's personal data; keep a copy apart from the backups", file.display());
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_for_a_new_file_and_never_for_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gh.db");
        let database = Database::parse(&path.display().to_string()).unwrap();
        let made = database.master_key().unwrap();
        assert_eq!((made.len(), database.master_key().unwrap()), (64, made.clone()));
        std::fs::write(&path, "a market").unwrap();
        assert_eq!(database.master_key().unwrap(), made);
        std::fs::remove_file(key_file(&path)).unwrap();
        let Err(Failure::Input(lost)) = database.master_key() else { panic!("a key was made up") };
        assert!(lost.contains("restore it"), "{lost}");
    }

    #[test]
    fn what_is_no_database_is_refused_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Database::parse(&folder.path().join(name).display().to_string()).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "what to buy").unwrap();
        std::fs::write(folder.path().join("empty.db"), "").unwrap();
        for name in ["new.db", "empty.db"] {
            at(name).check_file().unwrap();
        }
        for (name, why) in [("notes.txt", "notes.txt is no SQLite database"), ("", "is a folder: name a file in it")] {
            let Err(Failure::Input(said)) = at(name).check_file() else { panic!("{name} was taken") };
            assert!(said.starts_with("--db: ") && said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_market_is_not_kept_in_its_control_store() {
        for text in ["folder/control.db", "postgres://u@localhost/d?schema=ops&control=ops"] {
            let Err(Failure::Input(why)) = Database::parse(text) else { panic!("{text} was taken") };
            assert!(why.contains("name the market otherwise"), "{why}");
        }
    }
}
