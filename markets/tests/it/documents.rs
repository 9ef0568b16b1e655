//! What `docs/market-files.md` shows of files can be copied as it stands.

use std::path::Path;

use sycee_accounting::rules::Template;
use sycee_markets::{FunderFile, MarketFiles};

/// The YAML blocks of the document.
fn blocks() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/market-files.md");
    let text = std::fs::read_to_string(file).unwrap();
    text.split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

#[test]
fn what_the_document_shows_is_whole() {
    let chart = MarketFiles::ghana().chart().unwrap();
    let mut kinds = Vec::new();
    for block in blocks() {
        let kind = block.split(':').next().unwrap_or_default();
        match kind {
            "product" => drop(sycee_product::load_product(&block).unwrap_or_else(|error| panic!("{error}\n{block}"))),
            "template" => {
                drop(Template::parse(kind, &block, &chart).unwrap_or_else(|error| panic!("{error}\n{block}")));
            }
            "- code" => {
                let funders: Vec<FunderFile> =
                    serde_yaml_ng::from_str(&block).unwrap_or_else(|error| panic!("{error}\n{block}"));
                assert_eq!(funders.len(), 1);
            }
            other => panic!("{other:?} begins a block that nobody reads: read it here\n{block}"),
        }
        kinds.push(kind.to_owned());
    }
    for wanted in ["product", "template"] {
        assert!(kinds.iter().any(|kind| kind == wanted), "the document shows no {wanted}: {kinds:?}");
    }
}
