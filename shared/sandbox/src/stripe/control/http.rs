//! The controls over HTTP; the table is in `crate::control`.

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

use super::{Advance, Closing, Control, ControlError, Decision, Opening, Payment};
use crate::{
    app_state::AppState,
    stripe::{Balance, Bank, Card, Lasts, Off, Order, Settings, SettingsChange, with_books},
};

type Shared = State<Arc<AppState>>;
type Answer = Result<Json<Value>, ControlError>;

pub(in crate::stripe) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/_sandbox/stripe", get(get_settings).patch(change_settings))
        .route("/_sandbox/stripe/advance", post(advance))
        .route("/_sandbox/stripe/pay", post(pay))
        .route("/_sandbox/stripe/expire", post(expire))
        .route("/_sandbox/stripe/async", post(decide))
        .route("/_sandbox/stripe/refund", post(refund))
        .route("/_sandbox/stripe/refund_fails", post(fail_refund))
        .route("/_sandbox/stripe/dispute", post(dispute))
        .route("/_sandbox/stripe/dispute/close", post(close_dispute))
        .route("/_sandbox/stripe/discount", post(discount))
        .route("/_sandbox/stripe/cancel", post(cancel))
        .route("/_sandbox/stripe/renew", post(renew))
        .route("/_sandbox/stripe/card", post(set_card))
        .route("/_sandbox/stripe/account/onboard", post(onboard))
        .route("/_sandbox/stripe/account/restrict", post(restrict))
        .route("/_sandbox/stripe/account/close", post(close_account))
        .route("/_sandbox/stripe/bank/pay", post(pay_bank))
        .route("/_sandbox/stripe/bank/fail", post(fail_bank_payout))
        .route("/_sandbox/stripe/balance", get(balance))
        .route("/_sandbox/stripe/transfers", get(list_transfers))
        .route("/_sandbox/stripe/events", get(list_events))
        .route("/_sandbox/stripe/deliver", post(deliver))
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|error| ControlError(error.to_string()))
}

async fn get_settings(State(app): Shared) -> Json<Settings> {
    Json(Control::new(&app).settings())
}

async fn change_settings(State(app): Shared, body: Bytes) -> Result<Json<Settings>, ControlError> {
    let change: SettingsChange = parse(&body)?;
    Ok(Json(Control::new(&app).change_settings(change)?))
}

async fn advance(State(app): Shared, body: Bytes) -> Answer {
    let advance: Advance = parse(&body)?;
    Ok(Json(json!({ "now": Control::new(&app).advance(advance)? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    session: String,
    card: Card,
    #[serde(default)]
    authentication: Authentication,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Authentication {
    #[default]
    Complete,
    Fail,
}

async fn pay(State(app): Shared, body: Bytes) -> Answer {
    let asked: Pay = parse(&body)?;
    let control = Control::new(&app);
    let payment = match asked.authentication {
        Authentication::Complete => control.pay(&asked.session, asked.card)?,
        Authentication::Fail => control.pay_without_authentication(&asked.session, asked.card)?,
    };
    Ok(Json(match payment {
        Payment::Complete(next) => json!({ "status": "complete", "redirect": next }),
        Payment::Declined(message) => json!({ "status": "declined", "message": message }),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    session: String,
}

async fn expire(State(app): Shared, body: Bytes) -> Answer {
    let asked: Session = parse(&body)?;
    Control::new(&app).expire(&asked.session)?;
    Ok(done())
}

/// A payment, identified by one of its ids.
#[derive(Deserialize)]
struct Paid {
    session: Option<String>,
    charge: Option<String>,
    payment_intent: Option<String>,
}

impl Paid {
    fn name(self) -> Result<String, ControlError> {
        let one = self.session.or(self.charge).or(self.payment_intent);
        one.ok_or_else(|| {
            ControlError("one of `session`, `charge` and `payment_intent` is required".to_owned())
        })
    }
}

#[derive(Deserialize)]
struct Decided {
    #[serde(flatten)]
    paid: Paid,
    outcome: Decision,
}

async fn decide(State(app): Shared, body: Bytes) -> Answer {
    let asked: Decided = parse(&body)?;
    Control::new(&app).decide(&asked.paid.name()?, asked.outcome)?;
    Ok(done())
}

#[derive(Deserialize)]
struct Amount {
    #[serde(flatten)]
    paid: Paid,
    amount: Option<i64>,
    #[serde(default, rename = "kind")]
    opening: Opening,
}

async fn refund(State(app): Shared, body: Bytes) -> Answer {
    let asked: Amount = parse(&body)?;
    let refund = Control::new(&app).refund(&asked.paid.name()?, asked.amount)?;
    Ok(Json(json!({ "refund": refund })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refund {
    refund: String,
}

async fn fail_refund(State(app): Shared, body: Bytes) -> Answer {
    let asked: Refund = parse(&body)?;
    Control::new(&app).fail_refund(&asked.refund)?;
    Ok(done())
}

async fn dispute(State(app): Shared, body: Bytes) -> Answer {
    let asked: Amount = parse(&body)?;
    let name = asked.paid.name()?;
    let dispute = Control::new(&app).dispute(&name, asked.amount, asked.opening)?;
    Ok(Json(json!({ "dispute": dispute })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    dispute: String,
    outcome: Closing,
}

async fn close_dispute(State(app): Shared, body: Bytes) -> Answer {
    let asked: Closed = parse(&body)?;
    Control::new(&app).close_dispute(&asked.dispute, asked.outcome)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Discount {
    to: String,
    off: Off,
    lasts: Lasts,
}

async fn discount(State(app): Shared, body: Bytes) -> Answer {
    let asked: Discount = parse(&body)?;
    let discount = Control::new(&app).discount(&asked.to, asked.off, asked.lasts)?;
    Ok(Json(json!({ "discount": discount })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    subscription: String,
}

async fn cancel(State(app): Shared, body: Bytes) -> Answer {
    let asked: Subscription = parse(&body)?;
    Control::new(&app).cancel(&asked.subscription)?;
    Ok(done())
}

async fn renew(State(app): Shared, body: Bytes) -> Answer {
    let asked: Subscription = parse(&body)?;
    Control::new(&app).renew(&asked.subscription)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCard {
    customer: String,
    card: Card,
}

async fn set_card(State(app): Shared, body: Bytes) -> Answer {
    let asked: NewCard = parse(&body)?;
    let method = Control::new(&app).set_card(&asked.customer, asked.card)?;
    Ok(Json(json!({ "payment_method": method })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Onboarded {
    account: String,
    #[serde(default)]
    bank: Bank,
}

async fn onboard(State(app): Shared, body: Bytes) -> Answer {
    let asked: Onboarded = parse(&body)?;
    Control::new(&app).onboard(&asked.account, asked.bank)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    account: String,
}

async fn restrict(State(app): Shared, body: Bytes) -> Answer {
    let asked: Account = parse(&body)?;
    Control::new(&app).restrict(&asked.account)?;
    Ok(done())
}

async fn close_account(State(app): Shared, body: Bytes) -> Answer {
    let asked: Account = parse(&body)?;
    Control::new(&app).close_account(&asked.account)?;
    Ok(done())
}

async fn pay_bank(State(app): Shared, body: Bytes) -> Answer {
    let asked: Account = parse(&body)?;
    let payout = Control::new(&app).pay_bank(&asked.account)?;
    Ok(Json(json!({ "payout": payout })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payout {
    payout: String,
}

async fn fail_bank_payout(State(app): Shared, body: Bytes) -> Answer {
    let asked: Payout = parse(&body)?;
    Control::new(&app).fail_bank_payout(&asked.payout)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerQuery {
    account: Option<String>,
}

/// The platform's balance, or that of `?account=`.
async fn balance(
    State(app): Shared,
    Query(whose): Query<OwnerQuery>,
) -> Result<Json<Balance>, ControlError> {
    let control = Control::new(&app);
    match whose.account {
        None => Ok(Json(control.balance())),
        Some(account) => Ok(Json(control.account_balance(&account)?)),
    }
}

async fn list_transfers(State(app): Shared) -> Json<Value> {
    Json(json!({ "items": Control::new(&app).transfers() }))
}

async fn list_events(State(app): Shared) -> Json<Value> {
    let items: Vec<Value> = with_books(&app, |state| {
        let events = state.events.iter();
        events
            .map(|event| {
                json!({
                    "id": event.id, "type": event.kind, "delivered": event.is_delivered(),
                    "body": event.body,
                })
            })
            .collect()
    });
    Json(json!({ "items": items }))
}

/// One event or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Events {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered {
    #[serde(alias = "events")]
    event: Events,
    #[serde(default = "once")]
    times: u32,
    #[serde(default = "as_made")]
    order: Order,
}

fn once() -> u32 {
    1
}

fn as_made() -> Order {
    Order::Made
}

async fn deliver(State(app): Shared, body: Bytes) -> Answer {
    let asked: Delivered = parse(&body)?;
    let events = match asked.event {
        Events::One(event) => vec![event],
        Events::Several(events) => events,
    };
    Control::new(&app).deliver(&events, asked.times, asked.order)?;
    Ok(done())
}

fn done() -> Json<Value> {
    Json(json!({ "done": true }))
}
