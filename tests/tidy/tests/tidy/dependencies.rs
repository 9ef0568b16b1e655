//! Who may depend on whom. The arrows point inwards: app, sim, markets and adapters, domains, runtime, contract, money.

use crate::tree::{assert_none, files_ending};
use toml::Table;

/// Crates that do I/O; domains and the pure crates stay away from them.
const IO_CRATES: &[&str] = &[
    "tokio",
    "tokio-postgres",
    "rusqlite",
    "reqwest",
    "hyper",
    "ureq",
    "axum",
    "tower",
    "rskafka",
    "async-nats",
    "alloy",
    "getrandom",
    "rand",
];

/// Crates that only people-facing HTTP needs.
const HTTP_CRATES: &[&str] = &["axum", "tower", "tokio", "hyper"];

/// The workspace crates a crate in this folder may depend on; `None` when it stands outside and may know any that is not
/// further out.
fn allowed(folder: &str) -> Option<&'static [&'static str]> {
    match folder {
        "kernel/money" => Some(&[]),
        "kernel/contract" | "domains/loan-math" => Some(&["sycee-money"]),
        "kernel/runtime" => Some(&["sycee-money", "sycee-contract"]),
        _ if folder.starts_with("kernel/") => Some(&["sycee-money", "sycee-contract", "sycee-runtime"]),
        _ if folder.starts_with("domains/") => {
            Some(&["sycee-money", "sycee-contract", "sycee-runtime", "sycee-loan-math"])
        }
        _ if folder.starts_with("adapters/") => Some(&["sycee-money", "sycee-contract", "sycee-runtime"]),
        _ => None,
    }
}

/// What is further out than an outer crate.
fn outer(folder: &str) -> &'static [&'static str] {
    match folder {
        "markets" => &["sycee", "sycee-sim", "sycee-psp"],
        _ => &["sycee"],
    }
}

fn may_do_io(folder: &str, dependency: &str) -> bool {
    let is_pure = folder.starts_with("domains/") || ["kernel/money", "kernel/contract"].contains(&folder);
    !is_pure
        || !IO_CRATES.contains(&dependency)
        || (folder == "domains/business-frontend" && HTTP_CRATES.contains(&dependency))
}

/// What a manifest depends on, under any table: normal, build, dev, per target.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        match key.as_str() {
            "dependencies" | "dev-dependencies" | "build-dependencies" => {
                found.extend(table.iter().map(|(name, spec)| {
                    spec.get("package").and_then(|package| package.as_str()).unwrap_or(name).to_owned()
                }));
            }
            "target" => found.extend(table.values().filter_map(|target| target.as_table()).flat_map(dependencies)),
            _ => {}
        }
    }
    found
}

fn violations(folder: &str, manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for dependency in dependencies(manifest) {
        let is_ours = dependency == "sycee" || dependency.starts_with("sycee-");
        let is_allowed = match allowed(folder) {
            Some(crates) => !is_ours || crates.contains(&dependency.as_str()),
            None => !outer(folder).contains(&dependency.as_str()),
        };
        if !is_allowed {
            found.push(format!("{folder} depends on {dependency}: services talk by messages only"));
        }
        if !may_do_io(folder, &dependency) {
            found.push(format!("{folder} depends on {dependency}: handlers are pure, I/O is an effect"));
        }
    }
    found
}

#[test]
fn the_arrows_point_inwards() {
    let manifests = files_ending(&["/Cargo.toml"]);
    assert!(manifests.len() > 3, "no crates found");
    let found = manifests.iter().flat_map(|file| {
        let manifest = file.text.parse::<Table>().unwrap_or_else(|error| panic!("{}: {error}", file.path));
        violations(file.path.trim_end_matches("/Cargo.toml"), &manifest)
    });
    assert_none("a crate depends on one that it must not know:", found.collect());
}

#[test]
fn an_arrow_that_points_outwards_is_found() {
    let cases = [
        ("kernel/runtime", "[dependencies]\nsycee-funds = { path = \"x\" }", 1),
        ("kernel/money", "[dev-dependencies]\nsycee-contract.workspace = true", 1),
        ("domains/funds", "[dependencies]\nsycee-credit.workspace = true\nsycee-money.workspace = true", 1),
        ("domains/funds", "[dependencies]\nmath = { package = \"sycee-accounting\", path = \"x\" }", 1),
        ("domains/funds", "[target.'cfg(unix)'.dependencies]\ntokio = \"1\"", 1),
        ("domains/business-frontend", "[dependencies]\naxum = \"0.8\"", 0),
        ("domains/business-frontend", "[dependencies]\nrusqlite = \"0.41\"", 1),
        ("adapters/psp", "[dependencies]\nsycee-funds.workspace = true", 1),
        ("adapters/psp", "[dependencies]\nsycee-runtime.workspace = true\nreqwest = \"0.12\"", 0),
        ("markets", "[dependencies]\nsycee-funds.workspace = true", 0),
        ("markets", "[dependencies]\nsycee-sim.workspace = true", 1),
        ("sim", "[dependencies]\nsycee-funds.workspace = true", 0),
        ("sim", "[dependencies]\nsycee = { path = \"../app\" }", 1),
    ];
    for (folder, manifest, expected) in cases {
        let found = violations(folder, &manifest.parse::<Table>().unwrap());
        assert_eq!(found.len(), expected, "{folder}: {manifest}: {found:?}");
    }
}
