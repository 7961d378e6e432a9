//! The pages of our frontend that Stripe sends people back to, for a machine that has no frontend.
//!
//! Each says in a sentence what has happened and where to look: the payment is Stripe's word, and
//! what follows from it comes by the webhook.

use std::sync::Arc;

use axum::{Router, extract::Query, response::Html, routing::get};
use serde::Deserialize;

use crate::{
    stripe::{escaped, page},
    world::World,
};

pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/billing/success", get(success))
        .route("/billing/cancelled", get(cancelled))
        .route("/billing", get(billing))
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
            escaped(&back.session_id.chars().take(80).collect::<String>()),
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

/// Where the API tells of it.
const LOOK: &str = "<p>This page stands in for the frontend. Look at what came of it with \
                    <code>GET /api/v1/billing/credits</code> and \
                    <code>GET /api/v1/billing/subscription</code>.</p>";
