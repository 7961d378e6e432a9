//! The hosted pages: Checkout, customer portal, invoices and their payment, and creator onboarding.
//! Self-contained HTML that works without scripts; forms post back to the page itself.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde_json::Value;

use super::{
    cards::{Card, Presence},
    form,
    json::{int, text, text_of},
    refunds::dollars,
    with_books,
};
use crate::app_state::AppState;

mod checkout;
mod invoice;
mod onboarding;
mod pdf;
mod portal;

type Shared = State<Arc<AppState>>;

pub(super) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/stripe/pay/{id}", get(checkout::show).post(checkout::act))
        .route("/stripe/portal/{id}", get(portal::show).post(portal::act))
        .route("/stripe/invoices/{id}", get(invoice::show))
        .route("/stripe/invoices/{id}/pay", get(invoice::show).post(invoice::pay))
        .route("/stripe/invoices/{id}/pdf", get(invoice::download))
        .route("/stripe/connect/{id}", get(onboarding::show).post(onboarding::act))
        .route("/stripe/receipts/{id}", get(receipt))
}

/// A submitted form.
struct Answers(Value);

impl Answers {
    /// Parses a form; one that cannot be parsed counts as empty.
    fn read(body: &Bytes) -> Answers {
        Answers(form::parse(body).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn card(&self) -> Option<Card> {
        self.get("card").and_then(Card::of_number)
    }

    /// Whether the cardholder was asked to authenticate, and the result.
    fn presence(&self) -> Presence {
        match self.get("authentication") {
            Some("complete") => Presence::Authenticated,
            Some(_) => Presence::NotAuthenticated,
            None => Presence::OnPage,
        }
    }
}

/// The receipt of a charge.
async fn receipt(State(app): Shared, Path(id): Path<String>) -> Response {
    let charge = with_books(&app, |state| state.objects.find("charge", &id).ok().cloned());
    let Some(charge) = charge else { return not_found() };
    let body = format!(
        "<h1>Receipt</h1><p class=amount>{}</p><p>{}</p>",
        money(&charge, "/amount"),
        escaped(text(&charge, "/description")),
    );
    page("Receipt", &body).into_response()
}

fn not_found() -> Response {
    let body = "<h1>Nothing here</h1><p>The page you are looking for does not exist, or it is no \
                longer valid.</p>";
    (StatusCode::NOT_FOUND, page("Not found", body)).into_response()
}

/// Redirects with a GET.
fn go_to(url: &str) -> Response {
    let Ok(location) = header::HeaderValue::from_str(url) else { return not_found() };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// A whole page around `content`.
pub(crate) fn page(title: &str, content: &str) -> Html<String> {
    let title = escaped(title);
    Html(format!(
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{title} · ProLight sandbox</title><style>{STYLE}</style></head>\
         <body><main><p class=brand>ProLight <b>TEST MODE</b></p>{content}</main>\
         <footer>The sandbox. No money moves.</footer></body></html>"
    ))
}

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}\
body{margin:0;background:#f3f4f7;color:#1c2030;font:16px/1.5 system-ui,sans-serif}\
main{max-width:34rem;margin:6vh auto 1rem;padding:2rem;background:#fff;border-radius:14px;\
box-shadow:0 10px 40px #1c203018}\
.brand{margin:0 0 1.5rem;font-weight:600;color:#5b6070}\
.brand b{margin-left:.5rem;padding:.1rem .5rem;border-radius:4px;background:#ffdf9e;color:#7a4b00;\
font-size:.7rem;vertical-align:middle}\
h1{margin:0;font-size:1.15rem;font-weight:600}code{overflow-wrap:anywhere}\
.amount{margin:.25rem 0 1rem;font-size:2.1rem;font-weight:700;line-height:1.2}\
.amount small{font-size:1rem;font-weight:400;color:#5b6070}\
table{width:100%;margin:1rem 0;border-collapse:collapse}td{padding:.45rem 0;\
border-top:1px solid #e6e8ee;vertical-align:top}td:last-child{text-align:right;white-space:nowrap}\
fieldset{margin:1rem 0;padding:0;border:1px solid #d9dce5;border-radius:10px;overflow:hidden}\
legend{position:absolute;clip-path:inset(50%)}\
label{display:flex;align-items:baseline;gap:.75rem;padding:.7rem .9rem;\
border-top:1px solid #e6e8ee;cursor:pointer}\
label:first-of-type{border-top:0}label:hover{background:#f7f8fb}label span{color:#5b6070}\
label code{flex:none;width:19ch;font-size:.9rem}\
label input{flex:none;margin:0;align-self:center;accent-color:#4b3df5}\
button,.button{display:block;width:100%;margin-top:.6rem;padding:.75rem;border:0;border-radius:8px;\
background:#4b3df5;color:#fff;font:inherit;font-weight:600;text-align:center;text-decoration:none;\
cursor:pointer}button:hover{background:#3a2ed0}\
button.quiet,.button.quiet{background:#eef0f5;color:#1c2030}\
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid #a49cff}\
.warning{padding:.75rem .9rem;border-radius:8px;background:#fde8e8;color:#8d1c1c}\
.note{padding:.75rem .9rem;border-radius:8px;background:#eaf6ee;color:#155c2e}\
footer{margin-bottom:2rem;text-align:center;font-size:.8rem;color:#5b6070}";

/// The card selection, the first one checked.
fn card_choice() -> String {
    let mut rows = String::from("<fieldset><legend>Pay with</legend>");
    for (index, card) in Card::ALL.into_iter().enumerate() {
        let checked = if index == 0 { " checked" } else { "" };
        let number = card.number();
        let shown = match card {
            Card::Bank => "Bank account".to_owned(),
            Card::Succeeds
            | Card::SucceedsToo
            | Card::Declines
            | Card::LacksFunds
            | Card::DeclinesLater
            | Card::Authenticates => grouped(number),
        };
        rows.push_str(&format!(
            "<label><input type=radio name=card value={number}{checked}><code>{shown}</code>\
             <span>{}</span></label>",
            card.conduct(),
        ));
    }
    rows + "</fieldset>"
}

/// A card number in groups of four.
fn grouped(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let groups = digits.chunks(4).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<String>>().join(" ")
}

/// The page on which a cardholder passes or fails authentication.
fn authentication(card: Card, action: &str) -> Html<String> {
    let body = format!(
        "<h1>Your bank wants to know it is you</h1><p>This test card asks for authentication.</p>\
         <form method=post><input type=hidden name=card value={}>\
         <input type=hidden name=action value=\"{}\">\
         <button name=authentication value=complete>Complete authentication</button>\
         <button class=quiet name=authentication value=fail>Fail authentication</button></form>",
        card.number(),
        escaped(action),
    );
    page("Authentication", &body)
}

/// An amount with its currency symbol.
fn money(object: &Value, pointer: &str) -> String {
    let sign = match text_of(object, "/currency") {
        Some("eur") => "€",
        Some("gbp") => "£",
        Some(_) | None => "$",
    };
    let amount = int(object, pointer);
    let minus = if amount < 0 { "-" } else { "" };
    format!("{minus}{sign}{}", dollars(amount.saturating_abs()))
}

/// HTML-escaped text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
