//! What was measured on: processor, memory, file system, and how durable the database is.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use sycee_runtime::storage::Commit;

use super::latency::Latencies;
use super::place::Place;
use crate::output::Failure;

/// Commits or writes of which the latency is taken.
const PROBES: i64 = 200;
/// File systems that lose everything with the power.
const MEMORY_FILE_SYSTEMS: [&str; 2] = ["tmpfs", "ramfs"];

/// The machine, as far as it tells.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory_mib: u64,
    system: String,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: kib("/proc/meminfo", "MemTotal") / 1_024,
            system: format!("{} {}", std::env::consts::OS, release.trim()),
        }
    }

    /// One line for people.
    pub fn text(&self) -> String {
        format!("{}, {} cores, {} MiB, {}\n", self.cpu, self.cores, self.memory_mib, self.system)
    }
}

/// Where the database is and what a durable write costs there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseFacts {
    settings: Vec<(String, String)>,
    file_system: FileSystem,
    /// What was timed: a write with fsync here, or a commit, which is one at the server.
    probe: &'static str,
    probe_us_p50: u64,
    probe_us_p99: u64,
}

/// What holds the database.
#[derive(Serialize)]
struct FileSystem {
    kind: String,
    device: String,
    /// Whether it was looked at: one that is unknown may lie in memory.
    checked: bool,
}

impl FileSystem {
    fn known(kind: &str, device: &str) -> Self {
        Self { kind: kind.to_owned(), device: device.to_owned(), checked: true }
    }

    fn unknown() -> Self {
        Self { kind: "unknown".to_owned(), device: "unknown".to_owned(), checked: false }
    }

    fn text(&self) -> String {
        if self.checked {
            format!("file system {} on {}\n", self.kind, self.device)
        } else {
            "file system unknown: not checked whether it lies in memory\n".to_owned()
        }
    }
}

impl DatabaseFacts {
    /// Times writes at `place`.
    pub fn of(place: &Place) -> Result<Self, Failure> {
        let mut store = place.market_store()?.0;
        let settings = store.describe()?;
        let mut latencies = Latencies::default();
        let (probe, file_system) = match place.folder() {
            Some(folder) => {
                time_fsync(folder, &mut latencies).map_err(|error| Failure::file("written", folder, error))?;
                ("write of 4 KiB and fsync", file_system(folder))
            }
            None => {
                for batch in 1..=PROBES {
                    let began = Instant::now();
                    store.commit(&Commit { tables: Vec::new(), batch })?;
                    latencies.add(began, Instant::now());
                }
                let folder = settings.iter().find(|(name, _)| name == "data_directory");
                (
                    "commit of one row: a write and fsync of the server's log",
                    folder.and_then(|(_, folder)| file_system(Path::new(folder))),
                )
            }
        };
        let (probe_us_p50, probe_us_p99) = (latencies.percentile(500), latencies.percentile(990));
        let file_system = file_system.unwrap_or_else(FileSystem::unknown);
        Ok(Self { settings, file_system, probe, probe_us_p50, probe_us_p99 })
    }

    /// A few lines for people.
    pub fn text(&self) -> String {
        let settings: Vec<String> = self.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let mut text = format!("{}\n", settings.join(", "));
        text.push_str(&self.file_system.text());
        let Self { probe, probe_us_p50, probe_us_p99, .. } = self;
        text.push_str(&format!("{probe}: p50 {probe_us_p50} us, p99 {probe_us_p99} us\n\n"));
        text
    }

    /// Passes a file system that is unknown: the report says that it was not checked.
    ///
    /// Errors: `Input` when a commit here would not survive a power failure.
    pub fn refuse_undurable(&self) -> Result<(), Failure> {
        let FileSystem { kind, device, .. } = &self.file_system;
        if MEMORY_FILE_SYSTEMS.contains(&kind.as_str()) {
            let text = format!("the database would lie in memory ({kind} on {device}): run it in a folder on a disk");
            return Err(Failure::input(text));
        }
        let value = |name: &str| self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wanted: &[(&str, &[&str])] = if value("engine").is_some_and(|engine| engine.starts_with("sqlite")) {
            &[("synchronous", &["2", "3"]), ("journal_mode", &["wal", "WAL"]), ("durable", &["true"])]
        } else {
            &[("fsync", &["on"]), ("synchronous_commit", &["on", "remote_apply"]), ("full_page_writes", &["on"])]
        };
        for (name, accepted) in wanted {
            let found = value(name).unwrap_or("unknown");
            if !accepted.contains(&found) {
                let text =
                    format!("{name} is {found}: a commit would not survive a power failure; set it to {}", accepted[0]);
                return Err(Failure::input(text));
            }
        }
        Ok(())
    }
}

fn time_fsync(folder: &Path, latencies: &mut Latencies) -> std::io::Result<()> {
    let path = folder.join("fsync.probe");
    let mut file = fs::File::create(&path)?;
    for nr in 0..PROBES {
        let page = [nr as u8; 4_096];
        let began = Instant::now();
        file.seek(SeekFrom::Start(nr as u64 % 16 * 4_096))?;
        file.write_all(&page)?;
        file.sync_all()?;
        latencies.add(began, Instant::now());
    }
    fs::remove_file(&path)
}

/// The file system that holds `folder`; none where the system does not tell.
fn file_system(folder: &Path) -> Option<FileSystem> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    innermost(&mounts, &folder)
}

/// The last mount among those whose point is the longest prefix of `folder`: it hides the earlier ones.
fn innermost(mounts: &str, folder: &Path) -> Option<FileSystem> {
    let mut best: Option<(usize, FileSystem)> = None;
    for line in mounts.lines() {
        let Some((head, tail)) = line.split_once(" - ") else { continue };
        let Some(point) = head.split(' ').nth(4).filter(|point| folder.starts_with(point)) else { continue };
        let mut tail = tail.split(' ');
        let (Some(kind), Some(device)) = (tail.next(), tail.next()) else { continue };
        if best.as_ref().is_none_or(|(length, _)| point.len() >= *length) {
            best = Some((point.len(), FileSystem::known(kind, device)));
        }
    }
    best.map(|(_, found)| found)
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// A size that the kernel tells in KiB; 0 where it does not.
pub fn kib(file: &str, name: &str) -> u64 {
    field(file, name).and_then(|text| text.trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /dev/shm rw shared:2 - tmpfs shm rw
24 22 0:6 / /data rw shared:3 master:1 - xfs /dev/vdb rw";

    #[test]
    fn the_innermost_mount_counts() {
        for (folder, kind, device) in [
            ("/srv/x", "ext4", "/dev/vda"),
            ("/dev/shm/y", "tmpfs", "shm"),
            ("/data", "xfs", "/dev/vdb"),
            ("/database", "ext4", "/dev/vda"),
        ] {
            let found = innermost(MOUNTS, Path::new(folder)).unwrap();
            assert_eq!((found.kind.as_str(), found.device.as_str()), (kind, device), "{folder}");
        }
    }

    #[test]
    fn an_unknown_file_system_is_said_to_be_unchecked() {
        assert_eq!(FileSystem::known("ext4", "/dev/vda").text(), "file system ext4 on /dev/vda\n");
        assert!(file_system(Path::new("/no/such/folder")).is_none());
        let unknown = FileSystem::unknown();
        assert!(unknown.text().contains("unknown: not checked"));
        let json = serde_json::json!({ "kind": "unknown", "device": "unknown", "checked": false });
        assert_eq!(serde_json::to_value(unknown).unwrap(), json);
    }

    #[test]
    fn undurable_settings_are_refused() {
        let facts = |settings: &[(&str, &str)], kind: &str| DatabaseFacts {
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            file_system: FileSystem::known(kind, "x"),
            probe: "write",
            probe_us_p50: 1,
            probe_us_p99: 1,
        };
        let sqlite = [("engine", "sqlite 3"), ("synchronous", "2"), ("journal_mode", "wal"), ("durable", "true")];
        let postgres =
            [("engine", "postgres"), ("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")];
        assert!(facts(&sqlite, "ext4").refuse_undurable().is_ok());
        assert!(facts(&postgres, "ext4").refuse_undurable().is_ok());
        assert!(facts(&sqlite, "tmpfs").refuse_undurable().is_err());
        for (settings, at) in
            [(&sqlite[..], 1), (&sqlite[..], 3), (&postgres[..], 1), (&postgres[..], 2), (&postgres[..], 3)]
        {
            let mut settings = settings.to_vec();
            settings[at].1 = "off";
            assert!(facts(&settings, "ext4").refuse_undurable().is_err(), "{:?}", settings[at]);
        }
    }
}
