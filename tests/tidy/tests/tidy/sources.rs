//! What may stand in a source file, and what a file may be called.

use crate::tree::{File, assert_none, files, files_ending, has_word, is_test_file, root, test_lines};

const LINES_MAX: usize = 700;

/// Words that say that something is not finished. Split here so that this file does not find itself.
const OPEN_ENDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];

fn open_ends(file: &File) -> Vec<String> {
    let is_open = |line: &str| {
        OPEN_ENDS.iter().any(|open| {
            if open.ends_with(char::is_alphabetic) && !open.starts_with('#') {
                has_word(line, open)
            } else {
                line.contains(open)
            }
        })
    };
    numbered(file)
        .filter(|(_, line)| is_open(line))
        .map(|(nr, line)| format!("{}:{nr}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn nothing_is_left_open() {
    let found = files_ending(&[".rs", ".md", ".toml", ".yaml", ".yml", ".ts", ".tsx", ".sql", "Makefile", ".ci/run"]);
    assert_none("finish it, or drop it:", found.iter().flat_map(open_ends).collect());
}

#[test]
fn an_open_end_is_found() {
    for open in OPEN_ENDS {
        assert_eq!(open_ends(&sample("a.rs", &format!("fn a() {{}}\n// {open} later\n"))).len(), 1, "{open}");
    }
    assert!(open_ends(&sample("a.rs", "let mastodons = TODOS;\n")).is_empty());
}

/// Lines outside tests that can panic and do not say why they will not.
fn bare_unwraps(file: &File) -> Vec<String> {
    if is_test_file(&file.path) {
        return Vec::new();
    }
    let is_test = test_lines(&file.text);
    numbered(file)
        .filter(|&(nr, line)| !is_test[nr - 1] && !line.trim_start().starts_with("//"))
        .filter(|(_, line)| [".unwrap()", ".expect("].iter().any(|call| line.contains(call)) && !line.contains("// "))
        .map(|(nr, line)| format!("{}:{nr}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn an_unwrap_says_why_it_cannot_fail() {
    let found = files_ending(&[".rs"]).iter().flat_map(bare_unwraps).collect();
    assert_none("return an error, or say on the line why it cannot fail:", found);
}

#[test]
fn a_bare_unwrap_is_found() {
    let text = "fn a() {\n    b.unwrap();\n    c.expect(\"c\"); // c was set above\n}\n#[cfg(test)]\nmod tests {\n    fn d() { e.unwrap(); }\n}\n";
    assert_eq!(bare_unwraps(&sample("kernel/x/src/a.rs", text)), ["kernel/x/src/a.rs:2: b.unwrap();"]);
    assert!(bare_unwraps(&sample("kernel/x/tests/a.rs", text)).is_empty());
}

fn too_long(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > LINES_MAX).then(|| format!("{}: {lines} lines", file.path))
}

#[test]
fn a_file_tells_one_story() {
    // Migrations are generated, and a migration is one story however many tables it has.
    let found = files_ending(&[".rs", ".ts", ".tsx", ".md"]).iter().filter_map(too_long).collect();
    assert_none(&format!("at most {LINES_MAX} lines: split it by what changes together:"), found);
}

#[test]
fn a_long_file_is_found() {
    assert!(too_long(&sample("a.rs", &"x\n".repeat(LINES_MAX + 1))).is_some());
    assert!(too_long(&sample("a.rs", &"x\n".repeat(LINES_MAX))).is_none());
}

/// Paths that exist on one machine only: homes, and the folder the workspace happens to stand in.
fn machine_paths(file: &File, workspace: &str) -> Vec<String> {
    let mut roots =
        vec!["/home/".to_owned(), "/Users/".to_owned(), concat!("/ro", "ot/").to_owned(), r"C:\Users".to_owned()];
    if workspace.matches('/').count() > 1 {
        roots.push(format!("{workspace}/"));
    }
    let in_a_longer_path = |c: char| c.is_alphanumeric() || "_.-}*)".contains(c);
    let starts_one = |line: &str| {
        roots.iter().any(|root| {
            line.match_indices(root.as_str()).any(|(at, _)| {
                !line[..at].chars().next_back().is_some_and(in_a_longer_path)
                    && line[at + root.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == '\\')
            })
        })
    };
    numbered(file)
        .filter(|(_, line)| starts_one(line))
        .map(|(nr, line)| format!("{}:{nr}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn no_path_of_one_machine() {
    let workspace = root().to_string_lossy().into_owned();
    let found = files()
        .iter()
        .filter(|file| !file.path.ends_with(".lock"))
        .flat_map(|file| machine_paths(file, &workspace))
        .collect();
    assert_none("name it from the workspace root, or take it from the environment:", found);
}

#[test]
fn a_machine_path_is_found() {
    let home = concat!("cd /ho", "me/ama/sycee");
    assert_eq!(machine_paths(&sample("a.md", home), "/src/sycee").len(), 1);
    assert_eq!(machine_paths(&sample("a.md", "cd /src/sycee/kernel"), "/src/sycee").len(), 1);
    assert!(
        machine_paths(&sample("a.md", "see domains/home/index.rs and /usr/lib/postgresql"), "/src/sycee").is_empty()
    );
}

/// Documents that describe a moment, not the system.
fn is_diary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    name.ends_with(".md")
        && [
            "plan",
            "status",
            "notes",
            "progress",
            "summary",
            "next-steps",
            "next_steps",
            "handoff",
            "diary",
            "worklog",
            "roadmap",
        ]
        .iter()
        .any(|start| name.starts_with(start))
}

#[test]
fn no_plans_and_no_diaries() {
    let found = files().into_iter().map(|file| file.path).filter(|path| is_diary(path)).collect();
    assert_none("git and the issues keep these:", found);
}

#[test]
fn a_diary_is_found() {
    assert!(is_diary("docs/PLAN.md") && is_diary("status-report.md"));
    assert!(!is_diary("docs/repayment-plan-calculated.md") && !is_diary("docs/plan.rs"));
}

fn numbered(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn sample(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}
