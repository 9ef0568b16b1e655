//! What stands where in a market's folder.
//!
//! Invariant: every file of a folder that opens is read, or is for people: README.md and what is hidden.

use crate::files::{MarketError, wrong};

/// Files of the folder itself.
const FILES: &[&str] = &[
    "calendar.yaml",
    "channels.yaml",
    "chart.yaml",
    "funders.yaml",
    "market.yaml",
    "outreach.yaml",
    "policies.yaml",
    "strategy.yaml",
];
/// Folders within it, and how the names of their files end.
pub(crate) const FOLDERS: &[(&str, &str)] = &[("contracts", ".md.j2"), ("products", ".yaml"), ("templates", ".yaml")];

/// Whether the file at `path` within the folder is read; README.md, hidden files and databases are not.
///
/// Errors: nobody would read it, and what it should be called.
pub(crate) fn is_read(path: &str) -> Result<bool, MarketError> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    // Commands keep their database where they are started, which may be here.
    let is_database = folder.is_empty() && name.contains(".db");
    if name.starts_with('.') || name == "README.md" || is_database {
        return Ok(false);
    }
    let (is_known, names) = match FOLDERS.iter().find(|(known, _)| *known == folder) {
        Some((_, end)) => (name.ends_with(*end), format!("names here end in {end}")),
        None => (folder.is_empty() && FILES.contains(&name), format!("files here are {}", FILES.join(", "))),
    };
    if is_known {
        return Ok(true);
    }
    Err(wrong(path, format!("nobody reads this file: {names}; rename it, hide it with a dot, or take it out")))
}

/// Whether a folder within the folder may be there.
///
/// Errors: nobody would read what is in it.
pub(crate) fn check_folder(path: &str) -> Result<(), MarketError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let known: Vec<&str> = FOLDERS.iter().map(|(known, _)| *known).collect();
    if name.starts_with('.') || known.contains(&path) {
        return Ok(());
    }
    let folders = known.join(", ");
    Err(wrong(path, format!("nobody reads this folder: folders are {folders}; hide it with a dot, or take it out")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_or_for_people_or_refused() {
        for (path, read) in [
            ("market.yaml", Some(true)),
            ("calendar.yaml", Some(true)),
            ("products/gh-cash.yaml", Some(true)),
            ("products/gh-cash-2.yaml", Some(true)),
            ("templates/loan-disbursed.yaml", Some(true)),
            ("contracts/loan-agreement.en.md.j2", Some(true)),
            ("README.md", Some(false)),
            ("products/README.md", Some(false)),
            (".gitignore", Some(false)),
            ("products/.gh-cash.yaml.swp", Some(false)),
            ("sycee.db", Some(false)),
            ("sycee.db-wal", Some(false)),
            ("products/gh-cash.yml", None),
            ("products/gh-cash.yaml.bak", None),
            ("products/gh-cash.db", None),
            ("contracts/loan-agreement.en.md", None),
            ("templates/loan-disbursed.yaml~", None),
            ("policy.yaml", None),
            ("gh-cash.yaml", None),
            ("notes.txt", None),
        ] {
            match is_read(path) {
                Ok(is_read) => assert_eq!(Some(is_read), read, "{path}"),
                Err(error) => {
                    assert_eq!((error.file.as_str(), read), (path, None), "{error}");
                    assert!(error.what.contains("nobody reads this file"), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_folder_is_known_or_hidden_or_refused() {
        for (path, may_be) in [
            ("products", true),
            (".git", true),
            ("products/.old", true),
            ("product", false),
            ("products/old", false),
            ("templates/products", false),
        ] {
            assert_eq!(check_folder(path).is_ok(), may_be, "{path}");
        }
    }
}
