//! A link in a document leads to a file that exists.

use std::collections::BTreeSet;

use crate::tree::{File, assert_none, files, files_ending};

/// Targets of Markdown links that are paths, without their anchors.
fn targets(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains(':') && !target.contains("{{"))
        .collect()
}

/// The path that `target` means in the document `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn dead_links(file: &File, paths: &BTreeSet<String>) -> Vec<String> {
    let exists = |path: &str| paths.iter().any(|known| known == path || known.starts_with(&format!("{path}/")));
    let dead = targets(&file.text).into_iter().filter(|target| !exists(&resolve(&file.path, target)));
    dead.map(|target| format!("{}: {target}", file.path)).collect()
}

#[test]
fn links_lead_somewhere() {
    let paths = files().into_iter().map(|file| file.path).collect();
    let found = files_ending(&[".md"]).iter().flat_map(|file| dead_links(file, &paths)).collect();
    assert_none("a link that leads nowhere:", found);
}

#[test]
fn a_dead_link_is_found() {
    let paths = BTreeSet::from(["docs/a.md".to_owned(), "kernel/money/lib.rs".to_owned()]);
    let text = "[a](a.md#top) [b](../kernel/money) [c](b.md) [d](https://example.org/x)".to_owned();
    assert_eq!(dead_links(&File { path: "docs/b.md".to_owned(), text }, &paths), ["docs/b.md: b.md"]);
}
