//! What is drawn from code is what stands in the documents.

use std::path::PathBuf;

use sycee_transaction::loan_engine::state_diagram;

/// Set to write the documents instead of comparing them.
const WRITE: &str = "SYCEE_WRITE_DOCUMENTS";

#[test]
fn the_states_of_a_loan_are_drawn_as_they_are() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/loan-states.md");
    let diagram = format!("```mermaid\n{}```\n", state_diagram());
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once("```mermaid\n").expect("the document has a diagram");
    let (_, tail) = rest.split_once("```\n").expect("the diagram ends");
    let fresh = format!("{head}{diagram}{tail}");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &fresh).unwrap();
    } else {
        assert!(text == fresh, "docs/loan-states.md is out of date: run this test with {WRITE}=1");
    }
}
