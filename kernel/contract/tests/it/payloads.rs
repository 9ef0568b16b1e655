//! What a version wrote stays readable: a payload or an answer that changes gets the next version.
//!
//! A committed file has the hash of how each of them is laid out: its fields in their order, and its JSON Schema without
//! titles and descriptions, which nobody stores. The schema tells the order of values and of fields that must be there;
//! two optional fields that change places within a part of a payload are not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use sycee_contract::all_messages;

const FILE: &str = "tests/data/payloads.txt";
/// Set to write the file instead of comparing it.
const WRITE: &str = "SYCEE_WRITE_PAYLOADS";
const HEAD: &str =
    "# Message or answer, version, hash of its layout: kernel/contract/tests/it/payloads.rs compares them.";

/// Version and hash by message id; an answer has `.answer` behind the id.
type Layouts = BTreeMap<String, (u16, String)>;

/// FNV-1a with 64 bits.
fn hash(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

fn without_texts(mut schema: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(keys) => {
                let is_text =
                    |key: &str, value: &Value| ["$schema", "title", "description"].contains(&key) && value.is_string();
                keys.retain(|key, value| !is_text(key, value));
                keys.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut schema);
    schema
}

fn layout(fields: &[&str], schema: Value) -> String {
    hash(&json!([fields, without_texts(schema)]).to_string())
}

fn declared() -> Layouts {
    let mut all = Layouts::new();
    for info in all_messages() {
        all.insert(info.id.to_owned(), (info.version, layout(info.fields, (info.schema)())));
        if let (Some(version), Some(schema)) = (info.answer_version, info.answer_schema) {
            all.insert(format!("{}.answer", info.id), (version, layout(&[], schema())));
        }
    }
    all
}

fn written(text: &str) -> Layouts {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.map(|line| {
        let parts: Vec<&str> = line.split(' ').collect();
        let [name, version, hash] = parts[..] else { panic!("{FILE}: {line:?} is not a name, a version and a hash") };
        (name.to_owned(), (version.parse().unwrap(), hash.to_owned()))
    });
    entries.collect()
}

fn shown(layouts: &Layouts) -> String {
    let lines = layouts.iter().map(|(name, (version, hash))| format!("{name} {version} {hash}\n"));
    format!("{HEAD}\n{}", lines.collect::<String>())
}

/// What is not as it was written, one line each.
fn differences(written: &Layouts, declared: &Layouts) -> Vec<String> {
    let names: BTreeSet<&String> = written.keys().chain(declared.keys()).collect();
    let differs = |name: &String| match (written.get(name), declared.get(name)) {
        (Some((old, before)), Some((version, now))) if old == version => (before != now)
            .then(|| format!("{name} changed and is still version {version}: raise its version and write an upcast")),
        (Some((old, _)), Some((version, _))) if old > version => {
            Some(format!("{name} is version {version} and was version {old}: a version is never taken back"))
        }
        (Some(_), None) => Some(format!("{name} is gone: nobody can read what it logged")),
        _ => Some(format!("{name} is not in the file in the version that it has")),
    };
    names.into_iter().filter_map(differs).collect()
}

#[test]
fn a_payload_that_changes_gets_the_next_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let declared = declared();
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, shown(&declared)).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let found = differences(&written(&text), &declared);
    assert!(
        found.is_empty(),
        "kernel/contract/{FILE} does not fit the contract:\n  {}\n\
         What was released changes with a clause in its declaration: `version: 2, upcast: f`, or, for a command's answer, \
         `answer_version: 2, upcast_answer: f`. Then, or when nothing of it was released yet, write the file: \
         {WRITE}=1 cargo nextest run -p sycee-contract payloads",
        found.join("\n  ")
    );
}

#[test]
fn every_difference_is_found_and_what_is_written_is_read() {
    let layouts = |entries: &[(&str, u16, &str)]| -> Layouts {
        entries.iter().map(|(name, version, hash)| ((*name).to_owned(), (*version, (*hash).to_owned()))).collect()
    };
    let file = layouts(&[("a", 2, "one"), ("a.answer", 1, "two")]);
    assert_eq!(written(&shown(&file)), file);
    assert!(differences(&file, &file).is_empty());
    let found = |entries: &[(&str, u16, &str)]| differences(&file, &layouts(entries)).join("\n");
    assert!(found(&[("a", 2, "other"), ("a.answer", 1, "two")]).contains("a changed and is still version 2"));
    assert!(found(&[("a", 1, "one"), ("a.answer", 1, "two")]).contains("never taken back"));
    assert!(found(&[("a", 3, "other"), ("a.answer", 1, "two")]).contains("a is not in the file"));
    assert!(found(&[("a", 2, "one")]).contains("a.answer is gone"));
    assert!(found(&[("a", 2, "one"), ("a.answer", 1, "two"), ("b", 1, "x")]).contains("b is not in the file"));
}

#[test]
fn a_layout_is_the_order_and_the_kinds_of_fields_and_no_texts() {
    let schema = |kind: &str, text: &str| json!({ "title": text, "description": text, "properties": { "title": { "type": kind, "description": text } } });
    let one = layout(&["title", "other"], schema("string", "one"));
    assert_eq!(one, layout(&["title", "other"], schema("string", "two")));
    assert_ne!(one, layout(&["title", "other"], schema("integer", "one")));
    assert_ne!(one, layout(&["other", "title"], schema("string", "one")));
    assert_eq!(hash("a"), "af63dc4c8601ec8c", "the published value of FNV-1a");
}
