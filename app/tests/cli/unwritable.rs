//! What nobody may write can be read all the same: a backup, in a folder that is not ours.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use sycee_runtime::storage::DatabaseUrl;

use crate::reading::market;
use crate::support::{Run, command_of};

/// Somebody without any rights.
const NOBODY: u32 = 65_534;

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A reader without rights, and the program as he may run it.
struct Reader {
    program: PathBuf,
    _home: tempfile::TempDir,
}

impl Reader {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        allow(home.path(), 0o755);
        let program = home.path().join("sycee");
        let built = env!("CARGO_BIN_EXE_sycee");
        std::fs::hard_link(built, &program).or_else(|_| std::fs::copy(built, &program).map(|_| ())).unwrap();
        Self { program, _home: home }
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Run {
        let mut command = command_of(&self.program, folder, arguments, None);
        // Root may write everywhere.
        if std::fs::metadata(folder).unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        Run::of(command.output().unwrap())
    }
}

#[test]
fn a_backup_is_read_where_nothing_can_be_written() {
    let (reader, folder) = (Reader::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("backup of gh.db");
    drop(market(&DatabaseUrl::sqlite(&path)));
    let before = std::fs::read(&path).unwrap();
    for (file_mode, folder_mode) in [(0o444, 0o555), (0o666, 0o555), (0o444, 0o777)] {
        allow(&path, file_mode);
        allow(folder.path(), folder_mode);
        for (arguments, seen) in [
            (&["ledger", "verify"][..], "the books hold"),
            (&["ledger", "trial-balance"], "250000.00"),
            (&["ledger", "statement", "3100"], "funds-arrived"),
            (&["trace", "1"], "cascade 1 of trace 1"),
        ] {
            let run = reader.run(folder.path(), &[&["--db", "backup of gh.db"][..], arguments].concat());
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{file_mode:o} {folder_mode:o} {arguments:?}");
            assert!(run.out.contains(seen), "{}", run.out);
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["backup of gh.db"], "{file_mode:o} {folder_mode:o}");
    }
    allow(folder.path(), 0o755);
    assert!(std::fs::read(&path).unwrap() == before, "the backup was changed");
}

#[test]
fn half_of_a_copy_is_not_read_as_if_it_were_all() {
    let (reader, live, folder) = (Reader::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = market(&DatabaseUrl::sqlite(live.path().join("gh.db")));
    for name in ["gh.db", "gh.db-wal"] {
        std::fs::copy(live.path().join(name), folder.path().join(name)).unwrap();
        allow(&folder.path().join(name), 0o444);
    }
    drop(running);
    allow(folder.path(), 0o555);
    let run = reader.run(folder.path(), &["--db", "gh.db", "ledger", "verify"]);
    allow(folder.path(), 0o755);
    assert_eq!((run.code, run.out.as_str()), (3, ""), "{run:?}");
    assert!(run.err.contains("gh.db cannot be read where") && run.err.contains("copy both files"), "{}", run.err);
}
