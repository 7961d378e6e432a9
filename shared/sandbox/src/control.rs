//! The sandbox's control API, for tests and developers.
//!
//! | route | what |
//! |---|---|
//! | `GET /healthz` | 200 once the server answers |
//! | `POST`, `GET`, `DELETE /_sandbox/faults` | order a fault, list the pending ones, clear them |
//! | `GET`, `DELETE /_sandbox/requests` | received requests (query: [`Filter`]); clear the log |
//! | `GET /_sandbox/webhooks` | the delivery attempts and their answers |
//! | `PUT`, `GET /_sandbox/hooks/{name}` | how a receiver of webhooks answers; what it was sent |
//! | `GET`, `PATCH /_sandbox/bria` | the provider's settings |
//! | `POST /_sandbox/openid/forge` | an invalid token: `{"email": "..", "flaw": "expired"}` |
//! | `POST /_sandbox/openid/rotate` | sign with new keys; the old ones stay published |
//! | `POST /_sandbox/openid/retire` | publish only the signing keys |
//! | `GET`, `PATCH /_sandbox/stripe` | the account's settings: [`crate::stripe::Settings`] |
//! | `POST /_sandbox/stripe/{control}` | actions in the account, below |
//! | `GET /_sandbox/stripe/balance` | the platform's, or that of `?account=`, in cents |
//! | `GET /_sandbox/stripe/transfers` | every transfer to a connected account |
//! | `GET /_sandbox/stripe/events` | every event, with its bytes |
//!
//! | control | body |
//! |---|---|
//! | `advance` | moves the clock: `{"days": 3}`, `{"months": 1}`, `{"to": unix}` |
//! | `pay` | `{"session": .., "card": "4242424242424242"}`, as the page does |
//! | `expire` | `{"session": ..}` |
//! | `async` | `{"session" or "payment_intent": .., "outcome": "succeed" or "fail"}` |
//! | `refund` | `{"charge" or "payment_intent": .., "amount": cents}`; in full without `amount` |
//! | `refund_fails` | `{"refund": ..}` |
//! | `dispute` | as a refund; `"kind": "warning"` for an inquiry |
//! | `dispute/close` | `{"dispute": .., "outcome": "won", "lost" or "warning_closed"}` |
//! | `discount` | `{"to": subscription or item, "off": {"percent": 20}, "lasts": "forever"}` |
//! | `cancel` | `{"subscription": ..}`, immediately |
//! | `renew` | `{"subscription": ..}`: ends the period of this subscription only |
//! | `card` | `{"customer": .., "card": ..}`: the default card from now on |
//! | `account/onboard` | `{"account": .., "bank": "works", "closed" or "missing"}`: activates it |
//! | `account/restrict`, `account/close` | `{"account": ..}`: restricts it, or closes it for good |
//! | `bank/pay` | `{"account": ..}`: pays its whole balance out now |
//! | `bank/fail` | `{"payout": ..}`, even after it arrived |
//! | `deliver` | `{"event": id or ids, "times": 2, "order": "reverse"}`, now |
//!
//! Settings that disturb deliveries: `deliver` (`on`, `off`, `held`), `order` (`made`, `reverse`,
//! `{"shuffle": seed}`), `copies`, `drop` (types), `tries_max`, `pauses_ms`.
//!
//! These requests are not logged and meet no faults.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    bria::{Settings, SettingsChange},
    faults::Order,
    openid::Flaw,
    request_log::{Filter, Found},
    stripe,
};

type Shared = State<Arc<AppState>>;

pub(crate) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/_sandbox/faults", get(list_faults).post(order_fault).delete(clear_faults))
        .route("/_sandbox/requests", get(list_requests).delete(forget_requests))
        .route("/_sandbox/webhooks", get(list_deliveries))
        .route("/_sandbox/bria", get(get_settings).patch(change_settings))
        .route("/_sandbox/openid/forge", post(forge_token))
        .route("/_sandbox/openid/rotate", post(rotate_keys))
        .route("/_sandbox/openid/retire", post(retire_keys))
        .merge(stripe::control_router())
}

/// A misused control: answered with 400 and a sentence.
struct Misuse(String);

impl IntoResponse for Misuse {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

impl<E: std::error::Error> From<E> for Misuse {
    fn from(error: E) -> Misuse {
        Misuse(error.to_string())
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Misuse> {
    Ok(serde_json::from_slice(body)?)
}

async fn order_fault(State(app): Shared, body: Bytes) -> Result<(StatusCode, Json<Order>), Misuse> {
    let order: Order = parse(&body)?;
    app.faults.order(order.clone())?;
    Ok((StatusCode::CREATED, Json(order)))
}

async fn list_faults(State(app): Shared) -> Json<Value> {
    Json(json!({ "items": app.faults.waiting() }))
}

async fn clear_faults(State(app): Shared) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

async fn list_requests(State(app): Shared, Query(filter): Query<Filter>) -> Json<Found> {
    Json(app.journal.find(&filter))
}

async fn forget_requests(State(app): Shared) -> StatusCode {
    app.journal.clear();
    StatusCode::NO_CONTENT
}

async fn list_deliveries(State(app): Shared) -> Json<Value> {
    Json(json!({ "items": app.journal.deliveries() }))
}

async fn get_settings(State(app): Shared) -> Json<Settings> {
    Json(app.bria.settings())
}

async fn change_settings(State(app): Shared, body: Bytes) -> Result<Json<Settings>, Misuse> {
    let change: SettingsChange = parse(&body)?;
    Ok(Json(app.bria.change_settings(change)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgery {
    email: String,
    flaw: Flaw,
}

async fn forge_token(State(app): Shared, body: Bytes) -> Result<Json<Value>, Misuse> {
    let forgery: Forgery = parse(&body)?;
    let token = app.openid.forge(&app.url, &forgery.email, forgery.flaw)?;
    Ok(Json(json!({ "access_token": token, "token_type": "Bearer" })))
}

async fn rotate_keys(State(app): Shared) -> Result<Json<Value>, Misuse> {
    app.openid.rotate()?;
    Ok(Json(json!({ "published": app.openid.key_ids() })))
}

async fn retire_keys(State(app): Shared) -> Result<Json<Value>, Misuse> {
    app.openid.retire()?;
    Ok(Json(json!({ "published": app.openid.key_ids() })))
}
