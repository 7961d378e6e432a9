//! Plan changes within a period: the rest of the old plan is credited and the rest of the new one
//! charged, both by the second (docs.stripe.com/billing/subscriptions/prorations).

use serde_json::Value;

use super::{
    account_state::AccountState,
    cards::Presence,
    clock::date,
    discounts,
    invoices::{self, Draft, Line, Origin, line},
    json::{flag, int, text},
    schedules,
    subscriptions::plan_of,
};

/// When the difference is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prorate {
    /// Immediately.
    Invoice,
    /// With the next invoice.
    Later,
    /// Never.
    No,
}

/// Changes a subscription's item to another price immediately.
pub(super) fn switch(state: &mut AccountState, id: &str, price: &Value, prorate: Prorate) {
    if prorate != Prorate::No {
        credit_rest(state, id);
        charge_rest(state, id, price);
    }
    schedules::let_go(state, id);
    state.change(id, "customer.subscription.updated", |subscription| {
        write_price(subscription, price);
    });
    if prorate == Prorate::Invoice {
        invoice_waiting(state, id);
    }
}

/// Writes a price into a subscription's item.
pub(super) fn write_price(subscription: &mut Value, price: &Value) {
    let item = &mut subscription["items"]["data"][0];
    item["price"] = price.clone();
    item["plan"] = plan_of(price);
}

/// Credits the rest of the period on the next invoice.
pub(super) fn credit_rest(state: &mut AccountState, id: &str) {
    let subscription = state.object(id);
    let price = subscription["items"]["data"][0]["price"].clone();
    let latest = text(&subscription, "/latest_invoice").to_owned();
    let lines = invoices::lines_of_price(state, &latest, text(&price, "/id"));
    let credited = Some((latest, lines)).filter(|(_, lines)| !lines.is_empty());
    let amount = -rest_of(state, &subscription, &price);
    let name = product_name(state, &price);
    let description = format!("Unused time on {name} after {}", date(state.now));
    wait(state, &subscription, &price, amount, description, credited);
}

fn charge_rest(state: &mut AccountState, id: &str, price: &Value) {
    let subscription = state.object(id);
    let amount = rest_of(state, &subscription, price);
    let name = product_name(state, price);
    let description = format!("Remaining time on {name} after {}", date(state.now));
    wait(state, &subscription, price, amount, description, None);
}

fn wait(
    state: &mut AccountState,
    subscription: &Value,
    price: &Value,
    amount: i64,
    description: String,
    credited: Option<(String, Vec<String>)>,
) {
    let item = &subscription["items"]["data"][0];
    let period = (state.now, int(item, "/current_period_end"));
    let origin = Origin::Proration { subscription, item: text(item, "/id"), credited };
    let line = line(state, Line { price, amount, quantity: 1, period, description, origin });
    state.waiting_lines.entry(text(subscription, "/id").to_owned()).or_default().push(line);
}

/// Invoices the pending lines and tries to collect them.
pub(super) fn invoice_waiting(state: &mut AccountState, id: &str) {
    let Some(lines) = state.waiting_lines.remove(id) else { return };
    let subscription = state.object(id);
    let invoice = invoices::issue(
        state,
        Draft {
            customer: text(&subscription, "/customer"),
            subscription: id,
            reason: "subscription_update",
            currency: text(&subscription, "/currency"),
            lines,
            period: (state.now, state.now),
            taxed: flag(&subscription, "/automatic_tax/enabled"),
            metadata: Value::Null,
        },
    );
    if state.text(&invoice, "/status") == "open" {
        invoices::collect(state, &invoice, None, Presence::Away);
    }
}

/// Price of the rest of the period, after discounts, rounded to the cent.
fn rest_of(state: &AccountState, subscription: &Value, price: &Value) -> i64 {
    let item = &subscription["items"]["data"][0];
    let (start, end) = (int(item, "/current_period_start"), int(item, "/current_period_end"));
    let (whole, rest) = ((end - start).max(1), (end - state.now).max(0));
    let unit = int(price, "/unit_amount");
    let paid = unit - discounts::taken_off(state, subscription, item, unit).cents;
    (paid * rest + whole / 2) / whole
}

/// Name of a price's product.
pub(super) fn product_name(state: &AccountState, price: &Value) -> String {
    state.text(text(price, "/product"), "/name")
}
