//! Text that may be in only one place of the sources, or in none.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use runtime::Trigger;

use crate::{functions, place, read, root};

/// The Rust files below a folder, without tests.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if name.ends_with(".rs")
                && name != "tests.rs"
                && name != "against_the_sandbox.rs"
            {
                found.push((relative(&path), without_tests(&path)));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

fn without_tests(path: &PathBuf) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Asserts that none of `words` is in `folders`, except in the files of `but`.
fn nowhere(words: &[&str], folders: &[&str], but: &[&str]) {
    for folder in folders {
        for (path, text) in sources(folder) {
            let found: Vec<&&str> = words.iter().filter(|word| text.contains(**word)).collect();
            assert!(found.is_empty() || but.contains(&path.as_str()), "{path}: {found:?}");
        }
    }
}

const DEPLOYED: [&str; 10] = [
    "shared/domain",
    "shared/studio/src",
    "shared/store",
    "shared/media",
    "shared/connect",
    "shared/clients",
    "shared/runtime",
    "shared/search/src",
    "shared/settlement",
    "functions",
];

#[test]
fn no_request_scans_the_table() {
    nowhere(&[".scan("], &DEPLOYED, &[]);
}

#[test]
fn only_the_store_contains_keys_of_the_table() {
    let names = ["\"pk\"", "\"sk\"", "\"gsi1\"", "\"gsi1pk\"", "\"gsi1sk\""];
    let prefixes = [
        "\"USER#",
        "\"JOB#",
        "\"INPUT#",
        "\"LEDGER#",
        "\"PRESET#",
        "\"KEY#",
        "\"IDEM#",
        "\"RATE#",
        "\"OPEN#",
        "\"ORDER#",
        "\"INVOICE#",
        "\"CUSTOMER#",
        "\"EVENT#",
        "\"RECONCILE#",
        "\"ORDERS#",
        "\"EVENTS#",
        "\"LISTING#",
        "\"REVISION#",
        "\"UPLOAD#",
        "\"REVIEW#",
        "\"PURCHASE#",
        "\"OWNS#",
        "\"CARD#",
        "\"SALE#",
        "\"DELIVERY#",
        "\"REWARD#",
        "\"JOURNAL#",
        "\"SHARE#",
        "\"CLICK#",
        "\"SIMILAR#",
        "\"CHANGES#",
        "\"CREATOR#",
        "\"ONSALE#",
        "\"HOT#",
        "\"STATS\"",
        "\"FLAGS\"",
        "\"VIEWS\"",
        "\"POPULAR\"",
        "\"TOPUPS\"",
        "\"BILLING\"",
        "\"ACCOUNT\"",
        "\"WEBHOOKS\"",
    ];
    let words = [&names[..], &prefixes[..]].concat();
    let keys: Vec<(String, String)> = sources("shared/store/src")
        .into_iter()
        .filter(|(path, _)| path.starts_with("shared/store/src/keys"))
        .collect();
    let paths: Vec<&str> = keys.iter().map(|(path, _)| path.as_str()).collect();
    nowhere(&words, &DEPLOYED, &paths);
    let document: String = keys.iter().map(|(_, text)| text.as_str()).collect();
    assert!(words.iter().all(|word| document.contains(*word)), "the words are up to date");
}

#[test]
fn the_environment_and_the_clock_are_read_in_one_place() {
    let programs = [
        "shared/studio/src/bin/studio-render.rs",
        "shared/clients/src/bin/stripe-setup.rs",
        "shared/search/src/bin/search-bench.rs",
    ];
    let reads = [&["shared/connect/src/environment.rs"], &programs[..]].concat();
    nowhere(&["std::env", "env::var"], &DEPLOYED, &reads);
    nowhere(&["SystemTime::now"], &DEPLOYED, &["shared/connect/src/clock.rs"]);
}

#[test]
fn functions_contain_no_words_of_the_sdk_or_http() {
    let words = ["aws_sdk", "StatusCode", "lambda_runtime", "serde_dynamo", "reqwest::", "http::"];
    nowhere(&words, &["functions"], &[]);
}

#[test]
fn the_domain_is_pure() {
    let words = ["async ", ".await", "tokio", "std::fs", "std::net", "rand::", "::now()"];
    nowhere(&words, &["shared/domain"], &[]);
}

/// A binary has nothing to compile: all of its process is in its library.
#[test]
fn every_function_is_a_file_and_a_binary_that_only_links() {
    let mut binaries = BTreeSet::new();
    for function in functions() {
        let name = function.name();
        let (package, module) = place(name);
        let (constant, kind) = match function.trigger {
            Trigger::Route(_) => ("ENDPOINT", "http"),
            Trigger::Queue(_) => ("WORKER", "queue"),
            Trigger::Stream(_) => ("WORKER", "stream"),
            Trigger::Schedule(_) => ("WORKER", "schedule"),
            Trigger::Token(_) => ("WORKER", "authorizer"),
        };
        let main = format!("    {package}::{module}::function().serve()");
        let expected = format!("fn main() -> std::process::ExitCode {{\n{main}\n}}\n");
        let path = format!("functions/{package}/src/bin/{name}.rs");
        assert_eq!(read(&path), expected, "{path}");
        binaries.insert(path);

        let source = read(&format!("functions/{package}/src/{module}.rs"));
        let body = format!("    Function::{kind}({constant}, handle)\n");
        let expected = format!("pub fn function() -> Function {{\n{body}}}\n");
        assert!(source.contains(&expected), "{module}.rs defines its function");
        if let Trigger::Route(endpoint) = function.trigger {
            let route = format!("//! `{} {}`: ", endpoint.method, endpoint.path);
            assert!(source.starts_with(&route), "{module}.rs begins with its route");
            assert!(source.contains("\n//! Access: "), "{module}.rs says who may call");
            assert!(source.contains("Changes: "), "{module}.rs says what it changes");
        }
    }
    let files = sources("functions").into_iter().map(|(path, _)| path);
    let found: BTreeSet<String> = files.filter(|path| path.contains("/src/bin/")).collect();
    assert_eq!(found, binaries);
}
