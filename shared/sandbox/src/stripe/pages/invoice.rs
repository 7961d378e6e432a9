//! The page of an invoice, its payment while it is open, and its PDF.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;

use super::{
    Answers, Shared, authentication, card_choice, escaped, go_to, money, not_found, page, pdf,
};
use crate::stripe::{
    account_state::AccountState,
    clock::date,
    customers,
    invoices::collect,
    json::{int, list, text},
    payments::Outcome,
    with_books,
};

/// `GET /stripe/invoices/{invoice}`
pub(super) async fn show(State(app): Shared, Path(id): Path<String>) -> Response {
    with_books(&app, |state| offer(state, &id, None))
}

/// `POST /stripe/invoices/{invoice}/pay`: `card`, and `authentication` after it was asked for.
pub(super) async fn pay(State(app): Shared, Path(id): Path<String>, body: Bytes) -> Response {
    let answers = Answers::read(&body);
    let presence = answers.presence();
    with_books(&app, |state| {
        let open = matches!(state.text(&id, "/status").as_str(), "open" | "uncollectible");
        let Some(card) = answers.card().filter(|_| open) else { return offer(state, &id, None) };
        let customer = state.text(&id, "/customer");
        let email = state.text(&customer, "/email");
        let method = customers::method_of(state, card, &email);
        match collect(state, &id, Some(&method), presence) {
            Outcome::Paid | Outcome::Processing => go_to(&format!("/stripe/invoices/{id}")),
            Outcome::NeedsAction => authentication(card, "pay").into_response(),
            Outcome::Failed(decline) => offer(state, &id, Some(decline.message)),
        }
    })
}

/// `GET /stripe/invoices/{invoice}/pdf`
pub(super) async fn download(State(app): Shared, Path(id): Path<String>) -> Response {
    let invoice = with_books(&app, |state| state.objects.find("invoice", &id).ok().cloned());
    let Some(invoice) = invoice else { return not_found() };
    let mut lines = vec![
        format!("Invoice {}", text(&invoice, "/number")),
        format!("Date {}", date(int(&invoice, "/created"))),
        format!("To {}", text(&invoice, "/customer_email")),
        String::new(),
    ];
    lines.extend(rows(&invoice).map(|(what, amount)| format!("{what}   {amount}")));
    lines.push(String::new());
    lines.push(format!("Total {}", money(&invoice, "/total")));
    lines.push(format!("Paid {}", money(&invoice, "/amount_paid")));
    let name = format!("attachment; filename=\"invoice-{}.pdf\"", text(&invoice, "/number"));
    let headers =
        [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, pdf::document(&lines)).into_response()
}

fn offer(state: &AccountState, id: &str, wrong: Option<&str>) -> Response {
    let Ok(invoice) = state.objects.find("invoice", id) else { return not_found() };
    let status = if wrong.is_some() { StatusCode::PAYMENT_REQUIRED } else { StatusCode::OK };
    (status, page("Invoice", &content(invoice, wrong))).into_response()
}

/// Lines and discounts, each with its amount.
fn rows(invoice: &Value) -> impl Iterator<Item = (String, String)> {
    let lines = list(invoice, "/lines/data").iter();
    let lines = lines.map(|line| (text(line, "/description").to_owned(), money(line, "/amount")));
    let taken_off = (0..list(invoice, "/total_discount_amounts").len()).map(|nth| {
        let amount = money(invoice, &format!("/total_discount_amounts/{nth}/amount"));
        ("Discount".to_owned(), format!("-{amount}"))
    });
    lines.chain(taken_off)
}

fn content(invoice: &Value, wrong: Option<&str>) -> String {
    let rows: String = rows(invoice)
        .map(|(what, amount)| format!("<tr><td>{}</td><td>{amount}</td></tr>", escaped(&what)))
        .collect();
    let id = text(invoice, "/id");
    let wrong = wrong.map(|wrong| format!("<p class=warning role=alert>{}</p>", escaped(wrong)));
    let form = if text(invoice, "/status") == "open" {
        format!(
            "<form method=post action=\"/stripe/invoices/{id}/pay\">{}\
             <button>Pay {}</button></form>",
            card_choice(),
            money(invoice, "/amount_remaining"),
        )
    } else {
        String::new()
    };
    format!(
        "<h1>Invoice {}</h1><p class=amount>{} <small>{}</small></p><p>{}</p><table>{rows}\
         <tr><td><b>Total</b></td><td><b>{}</b></td></tr></table>{}{form}\
         <a class=\"button quiet\" href=\"/stripe/invoices/{id}/pdf\">Download the PDF</a>",
        escaped(text(invoice, "/number")),
        money(invoice, "/amount_due"),
        escaped(text(invoice, "/status")),
        date(int(invoice, "/created")),
        money(invoice, "/total"),
        wrong.unwrap_or_default(),
    )
}
