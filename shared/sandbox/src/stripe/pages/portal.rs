//! The customer portal's page.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;

use super::{Answers, Shared, card_choice, escaped, go_to, money, not_found, page};
use crate::stripe::{
    account_state::AccountState,
    clock::date,
    customers,
    json::{flag, int, text, text_of},
    proration::{self, Prorate, product_name},
    schedules,
    subscriptions::{Ending, set_ending},
    with_books,
};

/// `GET /stripe/portal/{session}`
pub(super) async fn show(State(app): Shared, Path(id): Path<String>) -> Response {
    with_books(&app, |state| offer(state, &id, None))
}

/// `POST /stripe/portal/{session}`: `action` is `cancel`, `resume`, `switch` with `price`, or
/// `card` with `card`.
pub(super) async fn act(State(app): Shared, Path(id): Path<String>, body: Bytes) -> Response {
    let answers = Answers::read(&body);
    with_books(&app, |state| {
        let Ok(session) = state.objects.find("billing_portal.session", &id).cloned() else {
            return not_found();
        };
        let done = perform(state, text(&session, "/customer"), &answers);
        let redirect = text_of(&session, "/flow/after_completion/redirect/return_url");
        match (done, redirect) {
            (Some(_), Some(url)) => go_to(url),
            (done, _) => offer(state, &id, done.or(Some("Nothing was changed."))),
        }
    })
}

/// Performs the action and returns the confirmation to show.
fn perform(state: &mut AccountState, customer: &str, answers: &Answers) -> Option<&'static str> {
    let action = answers.get("action")?;
    if action == "card" {
        let card = answers.card()?;
        let email = state.text(customer, "/email");
        let method = customers::method_of(state, card, &email);
        customers::attach(state, &method, customer);
        customers::make_default(state, &method, customer);
        if let Some(subscription) = current(state, customer) {
            let id = text(&subscription, "/id").to_owned();
            state.change(&id, "customer.subscription.updated", |subscription| {
                subscription["default_payment_method"] = method.into();
            });
        }
        return Some("Your payment method was saved.");
    }
    let subscription = current(state, customer)?;
    let id = text(&subscription, "/id").to_owned();
    match action {
        "cancel" => {
            schedules::let_go(state, &id);
            set_ending(state, &id, Ending::AtPeriodEnd, None);
            Some("Your plan ends with the period that is paid for.")
        }
        "resume" => {
            set_ending(state, &id, Ending::Never, None);
            Some("Your plan goes on.")
        }
        "switch" => switch(state, &subscription, answers.get("price")?),
        _ => None,
    }
}

/// A more expensive plan starts now, a cheaper one with the next period.
fn switch(state: &mut AccountState, subscription: &Value, price: &str) -> Option<&'static str> {
    let id = text(subscription, "/id").to_owned();
    let now = &subscription["items"]["data"][0]["price"];
    let next = offers(state, now).into_iter().find(|offer| text(offer, "/id") == price)?;
    if int(now, "/unit_amount") < int(&next, "/unit_amount") {
        proration::switch(state, &id, &next, Prorate::Invoice);
        return Some("Your new plan has begun; the difference was charged.");
    }
    schedules::switch_at_period_end(state, &id, price);
    Some("Your new plan begins with the next period.")
}

/// The customer's subscription, unless it has ended.
fn current(state: &AccountState, customer: &str) -> Option<Value> {
    let mut all = state.objects.all("subscription").rev();
    all.find(|subscription| {
        text(subscription, "/customer") == customer && text(subscription, "/status") != "canceled"
    })
    .cloned()
}

/// The plans to change to.
fn offers(state: &AccountState, now: &Value) -> Vec<Value> {
    let prices = state.objects.all("price").filter(|price| {
        flag(price, "/active")
            && text_of(price, "/lookup_key").is_some()
            && price["recurring"]["interval"] == now["recurring"]["interval"]
            && text(price, "/type") == "recurring"
            && price["id"] != now["id"]
    });
    prices.cloned().collect()
}

fn offer(state: &AccountState, id: &str, note: Option<&str>) -> Response {
    let Ok(session) = state.objects.find("billing_portal.session", id) else { return not_found() };
    let customer = text(session, "/customer");
    let plan = match current(state, customer) {
        Some(subscription) => plan(state, &subscription),
        None => "<p>You have no subscription.</p>".to_owned(),
    };
    let note = note.map(|note| format!("<p class=note role=status>{}</p>", escaped(note)));
    let back = text_of(session, "/return_url").map(|url| {
        format!("<a class=\"button quiet\" href=\"{}\">Return to ProLight</a>", escaped(url))
    });
    let content = format!(
        "<h1>Your billing</h1>{}{plan}<form method=post>{}\
         <button class=quiet name=action value=card>Use this card from now on</button></form>\
         {}{}",
        note.unwrap_or_default(),
        card_choice(),
        invoices(state, customer),
        back.unwrap_or_default(),
    );
    page("Billing", &content).into_response()
}

fn plan(state: &AccountState, subscription: &Value) -> String {
    let item = &subscription["items"]["data"][0];
    let end = date(int(item, "/current_period_end"));
    let name = escaped(&product_name(state, &item["price"]));
    let ends = flag(subscription, "/cancel_at_period_end");
    let switches = state.switches.get(text(subscription, "/id"));
    let next = match (ends, switches) {
        (true, _) => format!("Ends on {end}."),
        (false, Some(price)) => {
            let price = state.object(price);
            format!("Becomes {} on {end}.", escaped(&product_name(state, &price)))
        }
        (false, None) => format!("Renews on {end}."),
    };
    let mut buttons = String::new();
    for offer in offers(state, &item["price"]) {
        buttons.push_str(&format!(
            "<form method=post><input type=hidden name=price value=\"{}\">\
             <button name=action value=switch>Change to {} ({} per month)</button></form>",
            escaped(text(&offer, "/id")),
            escaped(&product_name(state, &offer)),
            money(&offer, "/unit_amount"),
        ));
    }
    let (action, words) = if ends { ("resume", "Keep my plan") } else { ("cancel", "Cancel plan") };
    format!(
        "<p class=amount>{} <small>per month</small></p><p><b>{name}</b>, {}. {next}</p>{buttons}\
         <form method=post><button class=quiet name=action value={action}>{words}</button></form>",
        money(&item["price"], "/unit_amount"),
        escaped(&text(subscription, "/status").replace('_', " ")),
    )
}

fn invoices(state: &AccountState, customer: &str) -> String {
    let mut rows = String::new();
    let all = state.objects.all("invoice").rev();
    for invoice in all.filter(|invoice| text(invoice, "/customer") == customer).take(12) {
        rows.push_str(&format!(
            "<tr><td><a href=\"{}\">{}</a> {}</td><td>{}</td></tr>",
            escaped(text(invoice, "/hosted_invoice_url")),
            escaped(text(invoice, "/number")),
            escaped(text(invoice, "/status")),
            money(invoice, "/total"),
        ));
    }
    if rows.is_empty() { rows } else { format!("<table>{rows}</table>") }
}
