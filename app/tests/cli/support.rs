//! Runs the binary, and makes databases for it.

use std::io::Write as _;
use std::process::{Command, Stdio};

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
    let mut command = Command::new(env!("CARGO_BIN_EXE_sycee"));
    command.current_dir(&folder).env_remove("SYCEE_DB").env_remove("SYCEE_MASTER_KEY").args(arguments);
    if let Some(url) = url {
        command.env("SYCEE_DB", text_of(url));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    let writing = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
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
