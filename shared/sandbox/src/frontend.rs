//! The pages of our frontend that Stripe and shared links lead to, for a machine that has no frontend.
//!
//! Each says in a sentence what has happened and where to look: the payment is Stripe's word, and
//! what follows from it comes by the webhook.

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
            "<h1>Thank you</h1><p class=note>Stripe has taken the payment. It tells the API by a \
             signed webhook, which grants the credits within moments.</p>\
             <p>Session <code>{}</code></p>{}",
            short(&back.session_id),
            LOOK,
        ),
    )
}

async fn cancelled() -> Html<String> {
    let body = "<h1>Nothing was bought</h1><p>The page stays open for a while: its address can be \
                opened again.</p>";
    page("Nothing was bought", body)
}

async fn billing() -> Html<String> {
    page("Billing", &format!("<h1>Back from the portal</h1>{LOOK}"))
}

async fn payouts() -> Html<String> {
    page(
        "Payouts",
        "<h1>Payouts</h1><p>This page stands in for the frontend. Whether Stripe knows enough to pay \
         you says <code>GET /api/v1/marketplace/creator/stats</code>; a page that was used before is \
         replaced by <code>POST /api/v1/marketplace/creator/onboarding</code>.</p>",
    )
}

async fn marketplace() -> Html<String> {
    page(
        "Marketplace",
        "<h1>Marketplace</h1><p>This page stands in for the frontend. Find something with \
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
            "<p>Somebody shared it: a purchase is to carry <code>\"referral\": \"{}\"</code>.</p>",
            short(token)
        ),
    };
    page(
        "Listing",
        &format!(
            "<h1>Listing {id}</h1><p>This page stands in for the frontend. See it with <code>GET \
             /api/v1/marketplace/listings/{id}</code>.</p>{referral}",
            id = short(&id),
        ),
    )
}

async fn purchase(Path(id): Path<String>) -> Html<String> {
    page(
        "Thank you",
        &format!(
            "<h1>Thank you</h1><p class=note>Stripe has taken the payment. It tells the API by a \
             signed webhook, and the listing is yours within moments.</p><p>Look at it with \
             <code>GET /api/v1/marketplace/purchases</code>, and get what you bought with <code>GET \
             /api/v1/marketplace/purchases/{}/download</code>.</p>",
            short(&id),
        ),
    )
}

/// As much of what an address says as a page shows, harmless.
fn short(text: &str) -> String {
    escaped(&text.chars().take(80).collect::<String>())
}

/// Where the API tells of it.
const LOOK: &str = "<p>This page stands in for the frontend. Look at what came of it with \
                    <code>GET /api/v1/billing/credits</code> and \
                    <code>GET /api/v1/billing/subscription</code>.</p>";
