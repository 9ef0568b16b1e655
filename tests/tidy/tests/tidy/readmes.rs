//! What both READMEs show of a run is one run.

use std::fs;

use crate::tree::root;

/// What `make demo` printed, as a README shows it: the fenced block between the marks.
fn demo_output(readme: &str) -> Option<&str> {
    let (_, marked) = readme.split_once("<!-- demo-output -->\n")?;
    let (marked, _) = marked.split_once("<!-- /demo-output -->\n")?;
    let (_, block) = marked.split_once("\n```\n")?;
    block.split_once("\n```\n").map(|(block, _)| block)
}

/// The first line in which the blocks differ; none where they are the same.
fn difference(english: &str, chinese: &str) -> Option<String> {
    let (mut ours, mut theirs) = (english.lines(), chinese.lines());
    loop {
        let (line, other) = (ours.next(), theirs.next());
        if line != other {
            return Some(format!("{line:?} in README.md, {other:?} in README.zh-CN.md"));
        }
        // Without a line, both ended together.
        line?;
    }
}

#[test]
fn both_readmes_show_the_same_demo() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (english, chinese) = (read("README.md"), read("README.zh-CN.md"));
    let (english, chinese) = (demo_output(&english).unwrap(), demo_output(&chinese).unwrap());
    assert!(english.lines().any(|line| line.starts_with("hash of the state ")), "no hash in {english}");
    assert_eq!(difference(english, chinese), None, "copy what one `make demo` printed into both");
}

#[test]
fn another_hash_is_found() {
    let readme = |hash: &str| {
        format!(
            "# A\n<!-- demo-output -->\nTwo cores:\n\n```\n3 loans\n\nhash {hash}\n```\n\nSo.\n<!-- /demo-output -->\n"
        )
    };
    let (one, other) = (readme("85"), readme("86"));
    let (one, other) = (demo_output(&one).unwrap(), demo_output(&other).unwrap());
    assert_eq!(one, "3 loans\n\nhash 85");
    assert_eq!(difference(one, one), None);
    assert!(difference(one, other).is_some_and(|line| line.contains("hash 85") && line.contains("hash 86")));
    assert!(difference(one, "3 loans").is_some() && difference("3 loans", one).is_some());
    assert_eq!(demo_output("# A\n```\n3 loans\n```\n"), None);
}
