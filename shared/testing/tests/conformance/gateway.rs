//! What callers and operators see when no function answers.

use std::collections::{BTreeMap, BTreeSet};

use runtime::{EXPOSED_HEADERS, contract::PROBLEM_PAGES};
use serde_json::Value;
use testing::{TestApp, grants::load};
use yaml_rust2::Yaml;

use crate::{
    CRATES, read, root,
    template::{keys, text},
};

fn headers_of(response: &Yaml) -> BTreeMap<String, String> {
    let headers = response["ResponseParameters"]["Headers"].as_hash().unwrap();
    let plain = |value: &Yaml| text(value).trim_matches('\'').to_owned();
    headers.iter().map(|(name, value)| (text(name).to_lowercase(), plain(value))).collect()
}

/// A page of the frontend may read every error, including the gateway's.
#[tokio::test]
async fn the_gateways_own_answers_carry_the_headers_of_ours() {
    let ours = TestApp::serving(&CRATES).visitor().get("/api/v1/me").await;
    assert_eq!(ours.status(), 401);
    let mut common = ours.headers.clone();
    for differs in ["x-request-id", "vary"] {
        assert!(common.remove(differs).is_some(), "{differs}");
    }
    let challenge = common.remove("www-authenticate");
    assert_eq!(common["access-control-expose-headers"], EXPOSED_HEADERS);
    // They hold nothing of anybody's: every page may read them.
    common.insert("access-control-allow-origin".to_owned(), "*".to_owned());

    let template = load("template.yaml");
    let responses = &template["Resources"]["Api"]["Properties"]["GatewayResponses"];
    for (kind, response) in responses.as_hash().unwrap() {
        let mut headers = headers_of(response);
        headers.remove("retry-after");
        let challenged = headers.remove("www-authenticate");
        assert_eq!(challenged, challenge.clone().filter(|_| text(kind) == "UNAUTHORIZED"));
        assert_eq!(headers, common, "{}", text(kind));
    }
    let kinds = keys(responses);
    for kind in ["UNAUTHORIZED", "ACCESS_DENIED", "THROTTLED", "REQUEST_TOO_LARGE", "DEFAULT_4XX"] {
        assert!(kinds.contains(kind), "{kind}");
    }
    assert!(kinds.contains("DEFAULT_5XX") && kinds.contains("WAF_FILTERED"), "{kinds:?}");
}

/// Their codes are ours: each leads to its page, and has the title that every answer with it has.
#[test]
fn the_gateways_own_answers_are_problems_of_the_document() {
    let document: Value = serde_json::from_str(&read("shared/contract/openapi.json")).unwrap();
    let template = load("template.yaml");
    let responses = &template["Resources"]["Api"]["Properties"]["GatewayResponses"];
    for (kind, response) in responses.as_hash().unwrap() {
        let body = text(&response["ResponseTemplates"]["application/json"][0]);
        let body = body.replace("$context.error.messageString", "\"\"");
        let problem: Value = serde_json::from_str(&body).unwrap();
        let code = problem["code"].as_str().unwrap();
        let page = format!("${{Root}}{PROBLEM_PAGES}{code}");
        assert_eq!(problem["type"], page, "{}", text(kind));
        assert_eq!(problem["title"], document["x-problems"][code]["title"], "{code}");
    }
}

/// An alarm on a metric that is never emitted never fires.
#[test]
fn every_alarm_is_on_a_metric_that_is_counted() {
    let mut counted: BTreeSet<String> = BTreeSet::new();
    let mut watched: BTreeSet<String> = BTreeSet::new();
    for file in std::fs::read_dir(root().join("infra")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".yaml") {
            continue;
        }
        let stack = load(&format!("infra/{name}"));
        for resource in stack["Resources"].as_hash().unwrap().values() {
            let properties = &resource["Properties"];
            for made in properties["MetricTransformations"].as_vec().into_iter().flatten() {
                counted.insert(text(&made["MetricName"]).to_owned());
            }
            if text(&properties["Namespace"]) == "ProLight" {
                watched.insert(text(&properties["MetricName"]).to_owned());
            }
        }
    }
    let sources = ["functions", "shared/runtime/src"].map(|folder| root().join(folder));
    let told = sources.iter().map(|folder| all_text(folder)).collect::<String>();
    let silent: Vec<&String> = watched
        .iter()
        .filter(|metric| !counted.contains(*metric) && !told.contains(&format!("\"{metric}\"")))
        .collect();
    assert!(silent.is_empty(), "no function emits {silent:?}");
    assert!(watched.len() > 10, "{watched:?}");
}

fn all_text(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true if path.ends_with("tests") => String::new(),
            true => all_text(&path),
            false => std::fs::read_to_string(&path).unwrap_or_default(),
        })
        .collect()
}

/// Callers' IP addresses are not logged.
#[test]
fn the_access_log_has_no_address() {
    let template = read("template.yaml");
    assert!(template.contains("$context.requestId") && !template.contains("sourceIp"));
}
