//! Stripe's side: its hosted pages, and the sandbox's controls.

use demo::api::{Answer, Api, variable};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    member::{answer, text},
    sandbox::{call, items},
};

/// A card that succeeds.
pub(crate) const PAYS: &str = "4242424242424242";
/// A card that is declined.
pub(crate) const DECLINED: &str = "4000000000000002";
/// A card that requires authentication.
pub(crate) const AUTHENTICATES: &str = "4000002760003184";

/// The response of a URL, as a browser gets it.
pub(crate) async fn visit(url: &str) -> Answer {
    answer(Api::anonymous().unwrap().request(Method::GET, url)).await
}

/// The HTML of an existing page.
pub(crate) async fn page(url: &str) -> String {
    let page = visit(url).await;
    assert_eq!(page.status, 200, "{url}");
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{url}");
    String::from_utf8(page.body).unwrap()
}

/// The response to a submitted form.
pub(crate) async fn send(url: &str, form: &str) -> Answer {
    let request = Api::anonymous().unwrap().request(Method::POST, url);
    let form_type = "application/x-www-form-urlencoded";
    answer(request.header("Content-Type", form_type).body(form.to_owned())).await
}

/// Pays on a checkout page and follows the redirect to the frontend.
pub(crate) async fn pay(url: &str) {
    assert!(page(url).await.contains(&format!("name=card value={PAYS}")), "a card to pay with");
    leads_back(&send(url, &format!("card={PAYS}")).await, url).await;
}

/// Asserts a redirect to the frontend's success page, which exists.
pub(crate) async fn leads_back(answer: &Answer, checkout: &str) {
    answer.ok(303);
    let (next, session) = (answer.header("location").unwrap(), session_of(checkout));
    let frontend = variable("FRONTEND_URL").unwrap();
    assert!(next.starts_with(&format!("{frontend}/billing/success?checkout_id=chk_")), "{next}");
    assert!(next.ends_with(&format!("&session_id={session}")), "{next}");
    assert!(page(next).await.contains("<title>ProLight</title>"));
}

/// The session of a checkout URL.
pub(crate) fn session_of(checkout: &str) -> &str {
    checkout.rsplit('/').next().unwrap()
}

/// Calls a control of the sandbox's Stripe.
pub(crate) async fn make(what: &str, body: Value) -> Value {
    call(Method::POST, &format!("stripe/{what}"), Some(&body), 200).await
}

/// Changes settings of the sandbox's Stripe, for all tests.
pub(crate) async fn set(change: Value) {
    call(Method::PATCH, "stripe", Some(&change), 200).await;
}

/// The events that contain `text`, oldest first.
pub(crate) async fn events_about(text: &str) -> Vec<Value> {
    let all = items(call(Method::GET, "stripe/events", None, 200).await);
    let says = |event: &Value| event["body"].as_str().unwrap_or_default().contains(text);
    all.into_iter().filter(says).collect()
}

/// The session of a checkout, as it was completed.
pub(crate) async fn completed(checkout: &str) -> Value {
    let events = events_about(session_of(checkout)).await;
    let done = events.iter().find(|event| event["type"] == "checkout.session.completed");
    let event: Value = serde_json::from_str(text(&done.unwrap()["body"])).unwrap();
    event["data"]["object"].clone()
}

/// The delivery attempts of an event, with their statuses.
pub(crate) async fn deliveries_of(event: &str) -> Vec<Value> {
    let all = items(call(Method::GET, "webhooks", None, 200).await);
    all.into_iter().filter(|one| one["request_id"] == json!(event)).collect()
}
