//! Runs the binary, and makes databases for it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::testing::test_databases;

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Of a run that is over.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What was printed, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `sycee` in a folder of its own.
pub fn sycee(arguments: &[&str]) -> Run {
    sycee_with(arguments, "", None)
}

/// Runs `sycee` on a database.
pub fn sycee_on(url: &DatabaseUrl, arguments: &[&str]) -> Run {
    sycee_with(arguments, "", Some(url))
}

/// Runs `sycee` with a text on stdin.
pub fn sycee_with(arguments: &[&str], stdin: &str, url: Option<&DatabaseUrl>) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), arguments, url).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    let writing = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Run::of(output)
}

/// `sycee` in a folder, on a database when there is one, away from the settings of whoever runs the test.
pub fn command(folder: &Path, arguments: &[&str], url: Option<&DatabaseUrl>) -> Command {
    command_of(Path::new(env!("CARGO_BIN_EXE_sycee")), folder, arguments, url)
}

/// As [`command`], of a copy of the program.
pub fn command_of(program: &Path, folder: &Path, arguments: &[&str], url: Option<&DatabaseUrl>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    for variable in ["SYCEE_DB", "SYCEE_MASTER_KEY", "COLUMNS"] {
        command.env_remove(variable);
    }
    if let Some(url) = url {
        command.env("SYCEE_DB", text_of(url));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text_of(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite { path, .. } => path.display().to_string(),
        DatabaseUrl::Postgres { config, schema } if config.contains("://") => {
            let and = if config.contains('?') { '&' } else { '?' };
            format!("{config}{and}schema={schema}&control={schema}_control")
        }
        DatabaseUrl::Postgres { config, schema } => format!("{config} schema={schema} control={schema}_control"),
    }
}

/// Runs `body` with a new database on every engine that is there.
pub fn on_each_engine(body: impl Fn(&DatabaseUrl)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        println!("on {}", url.engine());
        body(&url);
    }
}
