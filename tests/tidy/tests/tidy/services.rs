//! Where a service stands: in the crate of its domain, in the file that has its name.

use serde_json::Value;

use crate::tree::{File, assert_none, files_ending, is_test_file, root, test_lines};

/// The service ids that a file registers: the literals in `.service("…")`.
fn registered(file: &File) -> Vec<String> {
    let is_test = test_lines(&file.text);
    let code =
        file.text.lines().zip(is_test).filter(|(line, is_test)| !is_test && !line.trim_start().starts_with("//"));
    code.flat_map(|(line, _)| line.split(".service(\"").skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(id, _)| id.to_owned())
        .collect()
}

fn violations(file: &File, catalog: &Value) -> Vec<String> {
    let mut parts = file.path.splitn(4, '/');
    let (Some("domains"), Some(domain), Some("src"), Some(inside)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Vec::new();
    };
    let services = catalog["services"].as_array().unwrap();
    let mut found = Vec::new();
    for id in registered(file) {
        let module = id.replace('-', "_");
        if inside != format!("{module}.rs") && !inside.starts_with(&format!("{module}/")) {
            found.push(format!("{}: registers {id}, whose file is {module}.rs or {module}/mod.rs", file.path));
        }
        let home = services.iter().find(|service| service["id"] == id.as_str()).map(|service| &service["domain"]);
        if home.is_some_and(|home| home != domain) {
            found.push(format!("{}: {id} belongs to the domain {}", file.path, home.unwrap_or(&Value::Null)));
        }
    }
    found
}

fn catalog() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("catalog/catalog.json")).unwrap()).unwrap()
}

#[test]
fn a_service_is_found_by_its_name() {
    let catalog = catalog();
    let sources = files_ending(&[".rs"]);
    let production = sources.iter().filter(|file| !is_test_file(&file.path));
    assert_none(
        "a service that a reader would not find:",
        production.flat_map(|file| violations(file, &catalog)).collect(),
    );
}

/// Messages that a service registers that it sends and that its own code, `text`, never makes.
fn never_made(text: &str) -> Vec<String> {
    let registered = [".emits::<", ".sends::<"].into_iter().flat_map(|how| text.split(how).skip(1));
    let names = registered.filter_map(|rest| rest.split_once('>')).map(|(name, _)| name);
    let made = |name: &str| {
        let wanted = format!("{name} {{");
        text.match_indices(&wanted).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
    };
    names.filter(|name| !made(name)).map(str::to_owned).collect()
}

/// The code of a service: its file, or its folder.
fn code_of(id: &str, sources: &[File]) -> String {
    let module = id.replace('-', "_");
    let is_its = |path: &str| {
        let inside = path.split_once("/src/").filter(|_| path.starts_with("domains/")).map(|(_, inside)| inside);
        inside.is_some_and(|inside| inside == format!("{module}.rs") || inside.starts_with(&format!("{module}/")))
    };
    let code = |file: &File| {
        let lines = file.text.lines().zip(test_lines(&file.text));
        lines.filter(|(_, is_test)| !is_test).map(|(line, _)| format!("{line}\n")).collect::<String>()
    };
    sources.iter().filter(|file| is_its(&file.path)).map(code).collect()
}

#[test]
fn a_service_registers_only_what_it_sends() {
    let sources = files_ending(&[".rs"]);
    let services: Vec<String> =
        sources.iter().filter(|file| file.path.starts_with("domains/")).flat_map(registered).collect();
    assert!(services.len() > 25, "only {} services", services.len());
    let lies = services.iter().flat_map(|id| {
        never_made(&code_of(id, &sources)).into_iter().map(move |message| format!("{id} never makes {message}"))
    });
    assert_none("registered with .emits or .sends, and never made:", lies.collect());
    let told = "registry.service(\"a\").emits::<Made>().sends::<Unmade>();\nwork.emit(Made { x: 1 });\nNotUnmade { }";
    assert_eq!(never_made(told), ["Unmade"]);
}

#[test]
fn a_misplaced_service_is_found() {
    let catalog = catalog();
    let check = |path: &str| {
        let text = "registry\n    .service(\"fund-management-system\")\n".to_owned();
        violations(&File { path: path.to_owned(), text }, &catalog).len()
    };
    assert_eq!(check("domains/funds/src/fund_management_system.rs"), 0);
    assert_eq!(check("domains/funds/src/fund_management_system/mod.rs"), 0);
    assert_eq!(check("domains/funds/src/accounts.rs"), 1);
    assert_eq!(check("domains/credit/src/fund_management_system.rs"), 1);
    assert_eq!(check("domains/credit/src/lib.rs"), 2);
}
