//! The sandbox's controls: faults on demand, and received requests.

use demo::api::{fresh_key, variable};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::member::answer;

/// Text in a prompt that identifies a test's requests in the sandbox.
pub(crate) fn marker() -> String {
    format!("marker {}", fresh_key())
}

/// Orders a fault for requests that contain `marker`.
pub(crate) async fn order(fault: Value, marker: &str) {
    let order = json!({ "fault": fault, "on": { "marker": marker } });
    call(Method::POST, "faults", Some(&order), 201).await;
}

/// A token for `email` that is invalid because of `flaw`.
pub(crate) async fn forge(email: &str, flaw: &str) -> String {
    let forgery = json!({ "email": email, "flaw": flaw });
    let forged = call(Method::POST, "openid/forge", Some(&forgery), 200).await;
    forged["access_token"].as_str().unwrap().to_owned()
}

/// A valid token, requested with `more` parameters.
pub(crate) async fn sign_in(email: &str, more: Value) -> String {
    let mut ask = json!({ "grant_type": "password", "username": email });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = client().post(format!("{}/token", url())).json(&ask);
    answer(request).await.ok(200)["access_token"].as_str().unwrap().to_owned()
}

/// The image requests that contained `marker`, oldest first.
pub(crate) async fn submissions(marker: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for route in ["generate", "generate_lite"] {
        let query = format!("requests?route={route}&contains={}", marker.replace(' ', "%20"));
        found.extend(items(call(Method::GET, &query, None, 200).await));
    }
    found
}

/// The webhook deliveries of a job, oldest first.
pub(crate) async fn deliveries(job: &str) -> Vec<Value> {
    let all = items(call(Method::GET, "webhooks", None, 200).await);
    all.into_iter().filter(|one| one["url"].as_str().unwrap_or_default().contains(job)).collect()
}

/// Number of result fetches that ever carried a credential.
pub(crate) async fn leaks() -> u64 {
    let found = call(Method::GET, "requests?limit=1", None, 200).await;
    found["leaks"].as_u64().unwrap()
}

/// Calls the sandbox's controls below `/_sandbox/`; asserts the status.
pub(crate) async fn call(method: Method, path: &str, body: Option<&Value>, status: u16) -> Value {
    let request = client().request(method, format!("{}/_sandbox/{path}", url()));
    let request = body.into_iter().fold(request, |request, body| request.json(body));
    answer(request).await.ok(status)
}

pub(crate) fn items(found: Value) -> Vec<Value> {
    found["items"].as_array().unwrap().clone()
}

fn url() -> String {
    variable("SANDBOX_URL").unwrap()
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}
