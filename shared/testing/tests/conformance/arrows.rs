//! Dependencies between crates: `domain` <- `search`, `studio`, `pdf`, `media`, `connect` <-
//! `store`, `clients` <- `settlement`, `runtime` <- functions.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use crate::root;

/// Allowed dependencies of each shared crate on the others. A crate of functions may use every
/// crate that is deployed; the sandbox and test crates are for tests only.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("search", &["domain"]),
    ("studio", &["domain"]),
    ("pdf", &["domain"]),
    ("media", &["domain"]),
    ("connect", &["domain"]),
    ("connect-derive", &[]),
    ("store", &["domain", "connect"]),
    ("clients", &["domain", "media", "connect"]),
    ("runtime", &["domain", "connect", "connect-derive", "store", "clients"]),
    ("settlement", &["domain", "store", "clients"]),
];
const FUNCTIONS_MAY_USE: &[&str] =
    &["domain", "search", "studio", "pdf", "store", "media", "clients", "runtime", "settlement"];
const NEVER_DEPLOYED: [&str; 7] =
    ["contract", "demo", "fuzz", "sandbox", "simulator", "testing", "upkeep"];

/// The packages of the workspace by name, from `cargo metadata`.
fn packages() -> BTreeMap<String, Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = cargo.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| (package["name"].as_str().unwrap().to_owned(), package.clone()))
        .collect()
}

/// A package's dependencies as it is deployed: without those of tests and of features.
fn dependencies(package: &Value) -> Vec<&str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    let built = all.filter(|it| it["kind"] != "dev" && it["optional"] != true);
    built.map(|dependency| dependency["name"].as_str().unwrap()).collect()
}

#[test]
fn a_crate_depends_only_on_crates_below_it() {
    let packages = packages();
    let shared: BTreeMap<&str, &[&str]> = MAY_USE.into();
    for (name, package) in &packages {
        if NEVER_DEPLOYED.contains(&name.as_str()) {
            continue;
        }
        let may_use = shared.get(name.as_str()).copied().unwrap_or(FUNCTIONS_MAY_USE);
        for dependency in dependencies(package) {
            let is_ours = packages.contains_key(dependency);
            assert!(!is_ours || may_use.contains(&dependency), "{name} depends on {dependency}");
        }
    }
}

#[test]
fn every_package_is_in_its_folder() {
    let place = |package: &Value| {
        let manifest = package["manifest_path"].as_str().unwrap().to_owned();
        let mut parts = manifest.rsplit('/').skip(1);
        let (folder, above) = (parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned());
        (above, folder)
    };
    let known = MAY_USE.map(|(name, _)| name);
    for (name, package) in packages() {
        let (above, folder) = place(&package);
        assert_eq!(folder, name);
        let is_shared = known.contains(&name.as_str()) || NEVER_DEPLOYED.contains(&name.as_str());
        assert_eq!(above, if is_shared { "shared" } else { "functions" }, "{name}");
    }
}

/// Time, months, ids, JSON, names of variants, hashes, hex and errors: nothing that does I/O.
#[test]
fn the_domain_needs_little() {
    let packages = packages();
    let mut needed = dependencies(&packages["domain"]);
    needed.sort_unstable();
    assert_eq!(
        needed,
        [
            "hex",
            "jiff",
            "serde",
            "serde_json",
            "serde_with",
            "sha2",
            "strum",
            "thiserror",
            "ulid",
            "unicode-normalization"
        ]
    );
}

#[test]
fn a_function_needs_no_sdk() {
    for (name, package) in packages() {
        let shared = MAY_USE.iter().any(|(known, _)| *known == name);
        if shared || NEVER_DEPLOYED.contains(&name.as_str()) {
            continue;
        }
        for dependency in dependencies(&package) {
            let is_wire = dependency.starts_with("aws") || dependency.starts_with("lambda_");
            let is_wire = is_wire || ["http", "hyper", "reqwest"].contains(&dependency);
            assert!(!is_wire, "{name} needs {dependency}");
        }
    }
}

/// Tests are in the libraries: a test in a binary would only be linked again.
#[test]
fn binaries_have_no_tests_of_their_own() {
    for (name, package) in packages() {
        for target in package["targets"].as_array().unwrap() {
            let is_binary = target["kind"][0] == "bin";
            assert!(!is_binary || target["test"] == false, "{name}: {}", target["name"]);
        }
    }
}
