//! The steps of a creator and of a moderator, and searches.

use std::{fmt, time::Duration};

use domain::{audit::Action, id::ListingId, lighting::LightingRig};
use serde_json::{Value, json};
use testing::{Actor, Answer, Client, ClientRequest, TestApp, listings};

use super::LISTINGS;

/// A draft of a lighting preset; its id.
pub(super) async fn draft(creator: &Client<'_>, title: &str) -> ListingId {
    draft_of(creator, lighting(title)).await
}

/// A draft created from `body`; its id.
pub(super) async fn draft_of(creator: &Client<'_>, body: Value) -> ListingId {
    let key = body["title"].as_str().unwrap().replace(' ', "-");
    let created = creator.post(LISTINGS).key(&key).json(body).await;
    assert_eq!(created.status(), 201, "{}", created.pretty());
    ListingId::parse(created.json()["id"].as_str().unwrap()).unwrap()
}

/// A listing on sale.
pub(super) async fn on_sale(app: &TestApp, creator: &Client<'_>, title: &str) -> ListingId {
    let id = draft(creator, title).await;
    publish(app, creator, &id).await;
    id
}

/// Submits the newest version, which has an image, and approves it.
pub(super) async fn publish(app: &TestApp, creator: &Actor, id: &ListingId) {
    listings::publish(&app.store, &creator.id, id, app.now()).await;
}

/// The creator submits the newest version through the API, and it is prepared.
pub(super) async fn submit(app: &TestApp, creator: &Client<'_>, id: &ListingId) {
    let submitted = creator.post(format!("{LISTINGS}/{id}/submit")).await;
    assert_eq!(submitted.status(), 202, "{}", submitted.pretty());
    listings::prepare(&app.store, id, app.now()).await;
}

/// A moderator approves the version in review.
pub(super) async fn approve(app: &TestApp, id: &ListingId) {
    listings::approve(&app.store, id, app.now()).await;
}

/// A moderator rejects the version in review.
pub(super) async fn reject(app: &TestApp, id: &ListingId, reason: &str) {
    let (entry, now) = (listings::judged(Action::RejectListing, id), app.now());
    let rejected = app.store.moderate_listing(&entry, id, now, |update| {
        update.listing.reject(update.newest.number, reason.to_owned(), now)
    });
    rejected.await.unwrap();
}

/// The public page of a listing.
pub(super) fn page(app: &TestApp, id: impl fmt::Display) -> ClientRequest<'_> {
    app.visitor().get(format!("{LISTINGS}/{id}"))
}

/// The result of a search, half a second after the last action.
pub(super) async fn search(app: &TestApp, query: &[(&str, &str)]) -> Answer {
    app.ambient.clock.advance(Duration::from_millis(500));
    let request = app.visitor().get(format!("{LISTINGS}/search"));
    query.iter().fold(request, |request, (name, value)| request.query(name, value)).await
}

/// The titles that a search finds.
pub(super) async fn titles(app: &TestApp, query: &[(&str, &str)]) -> Vec<String> {
    let answer = search(app, query).await;
    assert_eq!(answer.status(), 200, "{}", answer.pretty());
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

pub(super) fn lighting(title: &str) -> Value {
    json!({
        "type": "lighting_preset", "title": title, "description": "One warm key, high and hard.",
        "category": "portrait", "tags": ["Moody", "low-key"],
        "price": { "amount": 900, "currency": "usd" },
        "demo": { "stops_max": 1.0 },
        "content": { "lighting": LightingRig::rembrandt() },
    })
}

pub(super) fn camera(title: &str, aspect_ratio: &str) -> Value {
    json!({
        "type": "camera_preset", "title": title, "description": "A long lens, wide open.",
        "category": "portrait", "price": { "amount": 300, "currency": "usd" },
        "content": { "camera": { "focal_length_mm": 135.0, "aspect_ratio": aspect_ratio } },
    })
}

pub(super) fn template(title: &str) -> Value {
    let prompt = "A secret recipe for {{product}} on slate.";
    json!({
        "type": "fibo_template", "title": title, "description": "Anything, on slate.",
        "category": "product", "price": { "amount": 1_000, "currency": "usd" },
        "content": {
            "structured_prompt": domain::fibo::StructuredPrompt::from_prompt(prompt, None, None),
            "slots": [{ "name": "product", "label": "What is shown", "default": "a bottle" }],
        },
    })
}
