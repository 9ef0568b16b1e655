//! No floating-point number where money is.

use crate::tree::{File, assert_none, files_ending, has_word};

const MONEY_FOLDERS: &[&str] = &["kernel/", "domains/", "adapters/", "markets/", "sim/"];

fn floats(file: &File) -> Vec<String> {
    if !MONEY_FOLDERS.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    file.text
        .lines()
        .enumerate()
        .filter(|(_, line)| ["f32", "f64"].iter().any(|float| has_word(&code(line), float)))
        .map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim()))
        .collect()
}

#[test]
fn money_is_an_integer() {
    assert_none(
        "a float near money: use Money, Rate or Precise:",
        files_ending(&[".rs"]).iter().flat_map(floats).collect(),
    );
}

#[test]
fn a_float_near_money_is_found() {
    let text = "// an f64 would lose the cent\nlet interest = principal as f64 * rate;\n".to_owned();
    let in_money = File { path: "domains/asset/src/asset_center/mod.rs".to_owned(), text: text.clone() };
    assert_eq!(floats(&in_money).len(), 1);
    assert!(floats(&File { path: "app/src/bench/progress.rs".to_owned(), text }).is_empty());
}
