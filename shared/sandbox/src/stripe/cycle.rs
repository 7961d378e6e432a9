//! Automatic changes: processes everything in the account that falls due, in order.

use serde_json::Value;

use super::{
    account_state::AccountState,
    balance_settings,
    cards::Presence,
    checkout,
    clock::{DAY_S, LEAP_S_MAX, months_after},
    discounts,
    invoices::{self, Draft, Line, Origin, line},
    json::{flag, int, list, set, text},
    payments, payouts,
    proration::{product_name, write_price},
    schedules,
    subscriptions::{activate_if_paid, end, period_end},
};

/// How far to move the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// This many days.
    Days(i64),
    /// This many calendar months.
    Months(i32),
    /// To this Unix time.
    To(i64),
}

impl Advance {
    /// The new time, or `None` if it is before `now` or too far ahead.
    pub(super) fn from(self, now: i64) -> Option<i64> {
        let to = match self {
            Advance::Days(days) => now.checked_add(days.checked_mul(DAY_S)?)?,
            Advance::Months(months) if (0..=120).contains(&months) => months_after(now, months),
            Advance::Months(_) => return None,
            Advance::To(to) => to,
        };
        (now <= to && to <= now + LEAP_S_MAX).then_some(to)
    }
}

/// Processes everything due until `to`.
pub(super) fn walk_to(state: &mut AccountState, to: i64) {
    while let Some((at, id)) = state.scheduled.first().cloned() {
        if to < at {
            break;
        }
        state.scheduled.remove(&(at, id.clone()));
        state.now = state.now.max(at);
        happen(state, &id);
    }
    state.now = to;
}

/// Processes one object that is due. Its reason may no longer apply.
fn happen(state: &mut AccountState, id: &str) {
    match state.text(id, "/object").as_str() {
        "checkout.session" => checkout::expire_if_due(state, id),
        "invoice" => invoices::retry(state, id),
        "balance_transaction" => {
            state.edit(id, |transaction| transaction["status"] = "available".into());
        }
        "v2.core.account" => payouts::end_day(state, id),
        "charge" => payments::book(state, id),
        "balance_settings" => balance_settings::end_day(state),
        "subscription" => {
            activate_if_paid(state, id);
            let subscription = state.object(id);
            let due = int(&subscription, "/items/data/0/current_period_end") <= state.now;
            if due && text(&subscription, "/status") != "canceled" {
                renew(state, id);
            }
        }
        _ => {}
    }
}

/// Ends a subscription's period now; the next one starts here.
pub(super) fn end_period(state: &mut AccountState, id: &str) {
    let now = state.now;
    state.edit(id, |subscription| {
        subscription["billing_cycle_anchor"] = now.into();
        let items = subscription["items"]["data"].as_array_mut();
        for item in items.into_iter().flatten() {
            set(item, "/current_period_end", now);
        }
    });
    renew(state, id);
}

/// At the end of a period, ends the subscription or starts and bills the next period.
fn renew(state: &mut AccountState, id: &str) {
    if flag(&state.object(id), "/cancel_at_period_end") {
        end(state, id, "cancellation_requested");
        return;
    }
    discounts::end_old(state, id);
    let next_price = state.switches.get(id).map(|price| state.object(price));
    schedules::let_go(state, id);
    let before = state.object(id);
    let anchor = int(&before, "/billing_cycle_anchor");
    let now = state.now;
    state.change(id, "customer.subscription.updated", |subscription| {
        if let Some(price) = &next_price {
            write_price(subscription, price);
        }
        let items = subscription["items"]["data"].as_array_mut();
        for item in items.into_iter().flatten() {
            let end = period_end(&item["price"], anchor, now);
            set(item, "/current_period_start", now);
            set(item, "/current_period_end", end);
        }
    });
    let subscription = state.object(id);
    state.remind(int(&subscription, "/items/data/0/current_period_end"), id);
    let mut lines = period_lines(state, &subscription);
    lines.splice(0..0, state.waiting_lines.remove(id).unwrap_or_default());
    let invoice = invoices::issue(
        state,
        Draft {
            customer: text(&subscription, "/customer"),
            subscription: id,
            reason: "subscription_cycle",
            currency: text(&subscription, "/currency"),
            lines,
            period: (int(&before, "/items/data/0/current_period_start"), now),
            taxed: flag(&subscription, "/automatic_tax/enabled"),
            metadata: Value::Null,
        },
    );
    discounts::end_used(state, id);
    if state.text(&invoice, "/status") == "open" {
        invoices::collect(state, &invoice, None, Presence::Away);
    }
}

/// The invoice lines of a subscription's current period.
pub(super) fn period_lines(state: &mut AccountState, subscription: &Value) -> Vec<Value> {
    let items = list(subscription, "/items/data");
    let lines = items.iter().map(|item| {
        let price = &item["price"];
        let quantity = int(item, "/quantity");
        let interval = text(price, "/recurring/interval");
        let unit = int(price, "/unit_amount");
        let description = format!(
            "{quantity} × {} (at ${} / {interval})",
            product_name(state, price),
            super::refunds::dollars(unit),
        );
        let period = (int(item, "/current_period_start"), int(item, "/current_period_end"));
        let origin = Origin::Item { subscription, item };
        let amount = unit * quantity;
        line(state, Line { price, amount, quantity, period, description, origin })
    });
    lines.collect()
}
