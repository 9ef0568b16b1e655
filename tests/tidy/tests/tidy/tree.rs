//! The files of the workspace, as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "node_modules", "dist"];

/// A text file: its path from the workspace root, with `/` between folders, and its content.
pub struct File {
    pub path: String,
    pub text: String,
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every text file of the workspace, ordered by path.
pub fn files() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "only {} files under {}: is the root right?", found.len(), root.display());
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            walk(root, &path, found);
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(&path)
        {
            let relative = path.strip_prefix(root).unwrap();
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            found.push(File { path: parts.join("/"), text });
        }
    }
}

/// The files whose path ends in one of these.
pub fn files_ending(ends: &[&str]) -> Vec<File> {
    files().into_iter().filter(|file| ends.iter().any(|end| file.path.ends_with(end))).collect()
}

/// Whether a whole file is test code: nothing in it runs in production.
pub fn is_test_file(path: &str) -> bool {
    let folders_and_name: Vec<_> = path.split('/').collect();
    let (name, folders) = folders_and_name.split_last().unwrap();
    folders.iter().any(|folder| ["tests", "benches", "testing"].contains(folder))
        || ["tests.rs", "testing.rs"].contains(name)
}

/// For every line of a formatted Rust file: whether it belongs to an item under `#[cfg(test)]`.
///
/// A test module at the left margin is the last item of its file (clippy's `items_after_test_module`).
pub fn test_lines(text: &str) -> Vec<bool> {
    let lines: Vec<_> = text.lines().collect();
    let mut is_test = vec![false; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        if lines[at].trim_start().starts_with("#[cfg(test)]") {
            let end = item_end(&lines, at);
            is_test[at..=end].fill(true);
            at = end;
        }
        at += 1;
    }
    is_test
}

/// The last line of the item that the attribute in line `at` belongs to.
fn item_end(lines: &[&str], at: usize) -> usize {
    let last = lines.len() - 1;
    let Some(head) = (at + 1..lines.len()).find(|&line| !lines[line].trim_start().starts_with("#[")) else {
        return last;
    };
    if lines[head].trim_end().ends_with(';') {
        return head;
    }
    if lines[head].starts_with("mod ") {
        return last;
    }
    let indent = &lines[head][..lines[head].len() - lines[head].trim_start().len()];
    let close = format!("{indent}}}");
    (head..lines.len()).find(|&line| lines[line] == close).unwrap_or(last)
}

/// Whether `word` stands in `line` with no letter, digit or underscore on either side.
pub fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(inside)
            && !line[at + word.len()..].chars().next().is_some_and(inside)
    })
}

/// Fails with every finding, one a line.
pub fn assert_none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}

#[test]
fn test_code_ends_where_its_item_ends() {
    let text = "#[cfg(test)]\nmod more;\nfn a() {}\n#[cfg(test)]\nfn b() {\n    c();\n}\nfn d() {}\n#[cfg(test)]\nmod tests {\n}\n\";\n";
    let expected = [true, true, false, true, true, true, true, false, true, true, true, true];
    assert_eq!(test_lines(text), expected);
}

#[test]
fn words_end_at_word_boundaries() {
    assert!(has_word("a: f64,", "f64"));
    assert!(!has_word("self64", "f64"));
    assert!(!has_word("f64_like", "f64"));
}
