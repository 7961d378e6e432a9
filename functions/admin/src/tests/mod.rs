//! The functions for staff, tested with complete requests, from API Gateway's event to the
//! response.

use domain::{
    id::ListingId,
    marketplace::{Kind, listing::revision::Edit},
};
use serde_json::json;
use store::ListingUpdate;
use testing::{Actor, Answer, Client, ClientRequest, TestApp, listings};

mod appeals;
mod flags;
mod lists;
mod models;
mod moderation;
mod pending;
mod people;
mod reports;
mod stats;

const PENDING: &str = "/api/v1/admin/marketplace/pending";
const FLAGS: &str = "/api/v1/admin/marketplace/flags";

/// Where staff `approve`, `reject` or `delist` a listing.
fn listing_path(id: impl std::fmt::Display, action: &str) -> String {
    format!("/api/v1/admin/marketplace/listings/{id}/{action}")
}

/// Where staff decide on the flags of a listing.
fn resolve_path(id: &ListingId) -> String {
    format!("{FLAGS}/{id}/resolve")
}

fn staff_app() -> TestApp {
    TestApp::serving(&[crate::functions])
}

fn lena() -> Actor {
    Actor::member("lena")
}

fn advance_a_minute(app: &TestApp) {
    app.ambient.clock.advance(std::time::Duration::from_secs(60));
}

/// A listing in review.
async fn pending_listing(app: &TestApp, creator: &Actor, title: &str) -> ListingId {
    let (store, now) = (&app.store, app.now());
    let draft = (Kind::LightingPreset, listings::description(title, 900));
    let id = ListingId::new(now, app.ambient.entropy.next());
    listings::draft(store, (&creator.id, id.clone()), draft, now).await;
    listings::with_file(store, &creator.id, &id, now).await;
    submit(app, creator, &id).await;
    id
}

async fn submit(app: &TestApp, creator: &Actor, id: &ListingId) {
    listings::submit(&app.store, &creator.id, id, app.now()).await;
}

async fn edit(app: &TestApp, creator: &Actor, id: &ListingId, title: &str) {
    let now = app.now();
    let edited = app.store.change_listing(&creator.id, id, now, |update| {
        let edit = Edit { title: Some(title.to_owned()), ..Edit::default() };
        update.listing.edit(update.newest.clone(), edit, now).map(|newest| update.newest = newest)
    });
    edited.await.unwrap();
}

async fn own_listing(app: &TestApp, creator: &Actor, id: &ListingId) -> ListingUpdate {
    app.store.own_listing(&creator.id, id).await.unwrap()
}

/// The `content_hash` of the version in review.
async fn content_hash(app: &TestApp, id: &ListingId) -> String {
    app.store.any_listing(id).await.unwrap().newest.content_hash()
}

/// An approval of the version in review.
async fn approval<'a>(app: &TestApp, by: &Client<'a>, id: &ListingId) -> ClientRequest<'a> {
    let body = json!({ "content_hash": content_hash(app, id).await });
    by.post(listing_path(id, "approve")).json(body)
}

async fn approve(app: &TestApp, by: &Client<'_>, id: &ListingId) -> Answer {
    approval(app, by, id).await.await
}

/// A rejection of the version in review.
async fn rejection<'a>(
    app: &TestApp,
    by: &Client<'a>,
    id: &ListingId,
    reason: &str,
) -> ClientRequest<'a> {
    let body = json!({ "content_hash": content_hash(app, id).await, "reason": reason });
    by.post(listing_path(id, "reject")).json(body)
}

async fn reject(app: &TestApp, by: &Client<'_>, id: &ListingId, reason: &str) -> Answer {
    rejection(app, by, id, reason).await.await
}

/// A listing of Lena's on sale, with its next version in review; and the moderators who bought and
/// reported it, with the refusals they get.
async fn listing_with_involved_staff(app: &TestApp) -> (ListingId, [(Actor, &'static str); 2]) {
    let id = lists::free_listing(app, &lena(), "Rembrandt").await;
    let (buyer, reporter) = (Actor::member("kim"), Actor::member("ada"));
    lists::take(app, &buyer, &id).await;
    flags::flag(app, &id, &[reporter.id.as_str()]).await;
    edit(app, &lena(), &id, "Rembrandt, again").await;
    submit(app, &lena(), &id).await;
    (id, [(buyer.as_moderator(), "403 own_purchase"), (reporter.as_moderator(), "403 own_report")])
}
