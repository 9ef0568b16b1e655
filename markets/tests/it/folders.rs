//! A market's folder on disk: every file of it is read, is for people, or is refused by its name.

use std::path::{Path, PathBuf};

use sycee_markets::MarketFiles;

/// A copy of the built-in market's folder, in a place of its own.
fn copied(name: &str) -> PathBuf {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("gh");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if copy.exists() {
        std::fs::remove_dir_all(&copy).unwrap();
    }
    for folder in ["", "templates", "products", "contracts"] {
        std::fs::create_dir_all(copy.join(folder)).unwrap();
        for entry in std::fs::read_dir(built_in.join(folder)).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                std::fs::copy(entry.path(), copy.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    copy
}

#[test]
fn readmes_and_hidden_files_are_for_people() {
    let folder = copied("market-for-people");
    for (path, content) in [("README.md", &b"Ours"[..]), (".swap", &[0xff, 0xfe]), ("products/.old.yaml", b"x")] {
        std::fs::write(folder.join(path), content).unwrap();
    }
    std::fs::create_dir(folder.join(".git")).unwrap();
    let opened = MarketFiles::open(&folder).unwrap();
    assert!(opened.versions().eq(MarketFiles::ghana().versions()));
}

#[test]
fn what_nobody_reads_is_refused_by_its_path() {
    for (nr, path) in ["products/gh-cash.yml", "policy.yaml", "templates/old/loan-disbursed.yaml"].iter().enumerate() {
        let folder = copied(&format!("market-unread-{nr}"));
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "product: gh-cash").unwrap();
        let error = MarketFiles::open(&folder).unwrap_err();
        assert!(file.starts_with(&error.file), "{error}");
        assert!(error.what.contains("nobody reads this"), "{error}");
    }
}

#[test]
fn a_template_that_is_missing_is_named() {
    let folder = copied("market-without-template");
    std::fs::remove_file(folder.join("templates/loan-disbursed.yaml")).unwrap();
    let error = MarketFiles::open(&folder).unwrap_err().to_string();
    assert!(error.contains("templates/loan-disbursed.yaml"), "{error}");
    assert!(error.contains("services post loan-disbursed with net, upfront-fee"), "{error}");
}
