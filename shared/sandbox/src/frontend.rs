//! Stand-in pages of our frontend, which Stripe's pages and shared links lead to.
//!
//! Each says in a sentence what happened and where to look: Stripe reports the payment, and its
//! effects follow by webhook.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query},
    response::Html,
    routing::get,
};
use serde::Deserialize;

use crate::{
    app_state::AppState,
    stripe::{escaped, page},
};

pub(crate) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/billing/success", get(success))
        .route("/billing/cancelled", get(cancelled))
        .route("/billing", get(billing))
        .route("/creator/payouts", get(payouts))
        .route("/marketplace", get(marketplace))
        .route("/marketplace/listings/{id}", get(listing))
        .route("/marketplace/purchases/{id}", get(purchase))
}

#[derive(Deserialize)]
struct Return {
    #[serde(default)]
    session_id: String,
}

async fn success(Query(back): Query<Return>) -> Html<String> {
    page(
        "Thank you",
        &format!(
            "<h1>Thank you</h1><p class=note>Stripe has the payment. A signed webhook reports it to \
             the API, which grants the credits within moments.</p>\
             <p>Session <code>{}</code></p>{}",
            short(&back.session_id),
            LOOK,
        ),
    )
}

async fn cancelled() -> Html<String> {
    let body = "<h1>Nothing was bought</h1><p>The session stays open for a while: its URL can be \
                opened again.</p>";
    page("Nothing was bought", body)
}

async fn billing() -> Html<String> {
    page("Billing", &format!("<h1>Back from the portal</h1>{LOOK}"))
}

async fn payouts() -> Html<String> {
    page(
        "Payouts",
        "<h1>Payouts</h1><p>This page replaces the frontend. <code>GET \
         /api/v1/marketplace/creator/stats</code> shows whether Stripe can pay you; <code>POST \
         /api/v1/marketplace/creator/onboarding</code> replaces a used link.</p>",
    )
}

async fn marketplace() -> Html<String> {
    page(
        "Marketplace",
        "<h1>Marketplace</h1><p>This page replaces the frontend. Search with \
         <code>GET /api/v1/marketplace/listings/search?q=</code>.</p>",
    )
}

#[derive(Deserialize)]
struct Followed {
    #[serde(default, rename = "ref")]
    referral: String,
}

async fn listing(Path(id): Path<String>, Query(followed): Query<Followed>) -> Html<String> {
    let referral = match followed.referral.as_str() {
        "" => String::new(),
        token => format!(
            "<p>A shared link: send <code>\"referral\": \"{}\"</code> with the purchase.</p>",
            short(token)
        ),
    };
    page(
        "Listing",
        &format!(
            "<h1>Listing {id}</h1><p>This page replaces the frontend. See it with <code>GET \
             /api/v1/marketplace/listings/{id}</code>.</p>{referral}",
            id = short(&id),
        ),
    )
}

async fn purchase(Path(id): Path<String>) -> Html<String> {
    page(
        "Thank you",
        &format!(
            "<h1>Thank you</h1><p class=note>Stripe has the payment. A signed webhook reports it to \
             the API, and the listing is yours within moments.</p><p>See it with <code>GET \
             /api/v1/marketplace/purchases/{id}</code>, and download it with <code>POST \
             /api/v1/marketplace/purchases/{id}/downloads</code>.</p>",
            id = short(&id),
        ),
    )
}

/// A value from the URL, shortened and escaped for a page.
fn short(text: &str) -> String {
    escaped(&text.chars().take(80).collect::<String>())
}

/// Where the API shows the result.
const LOOK: &str = "<p>This page replaces the frontend. See the result with \
                    <code>GET /api/v1/billing/credits</code> and \
                    <code>GET /api/v1/billing/subscription</code>.</p>";
