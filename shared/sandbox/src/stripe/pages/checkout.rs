//! The payment page of a Checkout session.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;

use super::{Answers, Shared, authentication, card_choice, escaped, go_to, money, not_found, page};
use crate::stripe::{
    account_state::AccountState,
    checkout_completion::{self, Paid},
    json::{int, text, text_of},
    with_books,
};

/// `GET /stripe/pay/{session}`
pub(super) async fn show(State(app): Shared, Path(id): Path<String>) -> Response {
    with_books(&app, |state| offer(state, &id, None))
}

/// `POST /stripe/pay/{session}`: `card`, and `authentication` after it was asked for.
pub(super) async fn act(State(app): Shared, Path(id): Path<String>, body: Bytes) -> Response {
    let answers = Answers::read(&body);
    let presence = answers.presence();
    with_books(&app, |state| {
        let Some(card) = answers.card() else {
            return offer(state, &id, Some("Please choose a card."));
        };
        match checkout_completion::pay(state, &id, card, presence) {
            Ok(Paid::Complete(next)) if next.is_empty() => offer(state, &id, None),
            Ok(Paid::Complete(next)) => go_to(&next),
            Ok(Paid::NeedsAction) => authentication(card, "pay").into_response(),
            Ok(Paid::Declined(decline)) => offer(state, &id, Some(decline.message)),
            Err(_) => offer(state, &id, None),
        }
    })
}

/// The page for the session's status, with the last error.
fn offer(state: &AccountState, id: &str, wrong: Option<&str>) -> Response {
    let Ok(session) = state.objects.find("checkout.session", id) else { return not_found() };
    match text(session, "/status") {
        "complete" => closed(session, "You are all done", "This has been paid. Thank you."),
        "expired" => closed(session, "This page has expired", "Please start over in the shop."),
        _ => {
            let status =
                if wrong.is_some() { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
            (status, page("Checkout", &content(state, session, wrong))).into_response()
        }
    }
}

fn closed(session: &Value, title: &str, sentence: &str) -> Response {
    let back = match text_of(session, "/success_url").filter(|_| title.starts_with("You")) {
        Some(url) => url.replace("{CHECKOUT_SESSION_ID}", text(session, "/id")),
        None => text(session, "/cancel_url").to_owned(),
    };
    let back = if back.is_empty() { String::new() } else { link(&back, "Back to the shop") };
    page(title, &format!("<h1>{title}</h1><p>{sentence}</p>{back}")).into_response()
}

fn link(url: &str, words: &str) -> String {
    format!("<a class=\"button quiet\" href=\"{}\">{words}</a>", escaped(url))
}

fn content(state: &AccountState, session: &Value, wrong: Option<&str>) -> String {
    let mode = text(session, "/mode");
    let wrong = wrong.map(|wrong| format!("<p class=warning role=alert>{}</p>", escaped(wrong)));
    let (title, verb) = match mode {
        "subscription" => ("Subscribe", "Subscribe"),
        "setup" => ("Save a payment method", "Save"),
        _ => ("Pay ProLight", "Pay"),
    };
    let amount = if mode == "setup" {
        String::new()
    } else {
        let per = if mode == "subscription" { period(state, session) } else { String::new() };
        format!("<p class=amount>{}{per}</p>", money(session, "/amount_total"))
    };
    let cancel = text_of(session, "/cancel_url").map(|url| link(url, "Cancel"));
    format!(
        "<h1>{title}</h1>{amount}{}{}<form method=post>{}<button>{verb}</button></form>{}",
        rows(state, session),
        wrong.unwrap_or_default(),
        card_choice(),
        cancel.unwrap_or_default(),
    )
}

/// ` per month`
fn period(state: &AccountState, session: &Value) -> String {
    let mut items = state.objects.all("item").filter(|item| item["session"] == session["id"]);
    items
        .find_map(|item| text_of(item, "/price/recurring/interval"))
        .map(|interval| format!(" <small>per {}</small>", escaped(interval)))
        .unwrap_or_default()
}

fn rows(state: &AccountState, session: &Value) -> String {
    let mut rows = String::new();
    for item in state.objects.all("item").filter(|item| item["session"] == session["id"]) {
        let every = text_of(item, "/price/recurring/interval");
        let every = every.map(|interval| format!(" / {}", escaped(interval)));
        rows.push_str(&format!(
            "<tr><td>{} × {}</td><td>{}{}</td></tr>",
            int(item, "/quantity"),
            escaped(text(item, "/description")),
            money(item, "/amount_subtotal"),
            every.unwrap_or_default(),
        ));
    }
    if int(session, "/total_details/amount_tax") != 0 {
        let tax = money(session, "/total_details/amount_tax");
        rows.push_str(&format!("<tr><td>Tax</td><td>{tax}</td></tr>"));
    }
    if rows.is_empty() { rows } else { format!("<table>{rows}</table>") }
}
