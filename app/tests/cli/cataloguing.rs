//! `sycee catalog`: the baseline holds, and everything is exported.

use crate::conformance::flaws;
use crate::support::sycee;

#[test]
fn nothing_that_was_covered_is_lost() {
    let run = sycee(&["catalog", "check"]);
    assert_eq!(run.code, 0, "{}", run.out);
    for word in ["customer-onboarding", "loan-engine", "reserve-funds", "nothing that was covered is lost"] {
        assert!(run.out.contains(word), "{word} is missing:\n{}", run.out);
    }
    let report = sycee(&["catalog", "check", "--json"]).json();
    let of = |kind: &str| report[kind].as_array().unwrap().len();
    assert_eq!((of("messages"), of("services"), of("flows")), (105, 55, 15));
    assert_eq!((of("unlisted"), of("lost")), (0, 0));
    assert!(report["messages"][0]["status"].is_string());
}

#[test]
fn the_baseline_is_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalog");
    std::fs::create_dir(folder.path().join("catalog")).unwrap();
    std::fs::copy(format!("{catalog}/catalog.json"), folder.path().join("catalog/catalog.json")).unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_sycee"))
        .current_dir(&folder)
        .args(["catalog", "check", "--write"])
        .status()
        .unwrap();
    assert!(status.success());
    let written = std::fs::read_to_string(folder.path().join("catalog/coverage.json")).unwrap();
    let committed = std::fs::read_to_string(format!("{catalog}/coverage.json")).unwrap();
    assert!(
        written == committed,
        "more is covered than the baseline says: run `cargo run -p sycee -- catalog check --write`"
    );
}

#[test]
fn everything_is_exported_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let export = |name: &str| {
        let out = folder.path().join(name);
        let run = sycee(&["catalog", "export", "--json", "--out", out.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{}", run.err);
        let files: Vec<String> =
            run.json()["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().to_owned()).collect();
        files.into_iter().map(|file| (std::fs::read(out.join(&file)).unwrap(), file)).collect::<Vec<_>>()
    };
    let first = export("a");
    assert!(first.len() > 300, "only {} files", first.len());
    assert!(first == export("b"));
    let asyncapi = first.iter().find(|(_, file)| file == "asyncapi.json").unwrap();
    let document: serde_json::Value = serde_json::from_slice(&asyncapi.0).unwrap();
    assert_eq!(document["asyncapi"], "3.0.0");
    let sender = &document["operations"]["loan-engine.sends.reserve-funds"];
    assert_eq!((&sender["action"], &sender["tags"][0]["name"]), (&"send".into(), &"loan-engine".into()));
    assert!(document["operations"]["fund-management-system.receives.reserve-funds"]["reply"].is_object());
}

#[test]
fn every_sample_is_what_its_exported_schema_describes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sycee(&["catalog", "export", "--out", folder.path().to_str().unwrap()]).code, 0);
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap()
    };
    let document = read("asyncapi.json");
    let mut samples = 0;
    for (id, message) in document["components"]["messages"].as_object().unwrap() {
        let Some(sample) = message["examples"][0].get("payload") else { continue };
        let found = flaws(&read(&format!("schemas/{id}.json")), sample);
        assert!(found.is_empty(), "{id}: {found:#?} in {sample:#}");
        samples += 1;
    }
    assert!(samples > 110, "only {samples} samples");
}
