//! Subscription schedules: the portal creates one for a change at the end of a period. While it is
//! active, the subscription's end cannot be changed directly
//! (docs.stripe.com/billing/subscriptions/subscription-schedules).

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    errors::Refused,
    json::{int, text, text_of},
    subscriptions::period_end,
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("subscription_schedules/{}", &[], get),
    Endpoint::post(
        "subscription_schedules/{}/release",
        &[&["preserve_cancel_date: bool"]],
        release,
    ),
];

/// Schedules a subscription to change to `price` at the end of its period.
pub(super) fn switch_at_period_end(state: &mut AccountState, subscription: &str, price: &str) {
    let_go(state, subscription);
    let now = state.object(subscription);
    let item = &now["items"]["data"][0];
    let (start, end) = (int(item, "/current_period_start"), int(item, "/current_period_end"));
    let next = period_end(&state.object(price), int(&now, "/billing_cycle_anchor"), end);
    let schedule = json!({
        "id": state.ids.next("sub_sched_"),
        "object": "subscription_schedule",
        "application": null,
        "billing_mode": now["billing_mode"],
        "canceled_at": null,
        "completed_at": null,
        "created": state.now,
        "current_phase": { "start_date": start, "end_date": end },
        "customer": now["customer"],
        "customer_account": null,
        "default_settings": {
            "application_fee_percent": null, "automatic_tax": null,
            "billing_cycle_anchor": "automatic", "billing_thresholds": null,
            "collection_method": "charge_automatically", "default_payment_method": null,
            "description": null, "on_behalf_of": null, "transfer_data": null,
            "invoice_settings": {
                "account_tax_ids": null, "custom_fields": null, "days_until_due": null,
                "description": null, "footer": null,
                "issuer": { "account": null, "type": "self" },
            },
        },
        "end_behavior": "release",
        "livemode": false,
        "metadata": {},
        "pause_schedules": null,
        "phases": [
            phase(&now["currency"], text(item, "/price/id"), (start, end)),
            phase(&now["currency"], price, (end, next)),
        ],
        "released_at": null,
        "released_subscription": null,
        "status": "active",
        "subscription": subscription,
        "test_clock": null,
    });
    let schedule = state.add(schedule, "subscription_schedule.created");
    state.switches.insert(subscription.to_owned(), price.to_owned());
    state.change(subscription, "customer.subscription.updated", |subscription| {
        subscription["schedule"] = schedule.into();
    });
}

/// A phase: a price and its time range.
fn phase(currency: &Value, price: &str, (start, end): (i64, i64)) -> Value {
    json!({
        "add_invoice_items": [],
        "application_fee_percent": null,
        "automatic_tax": null,
        "billing_cycle_anchor": null,
        "billing_thresholds": null,
        "collection_method": null,
        "currency": currency,
        "default_payment_method": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": [],
        "end_date": end,
        "invoice_settings": null,
        "items": [{
            "billing_thresholds": null, "discounts": [], "metadata": {}, "plan": price,
            "price": price, "quantity": 1, "tax_rates": [],
        }],
        "metadata": {},
        "on_behalf_of": null,
        "proration_behavior": "none",
        "start_date": start,
        "transfer_data": null,
        "trial": null,
        "trial_end": null,
    })
}

/// Releases a subscription from its schedule, without the scheduled change.
pub(super) fn let_go(state: &mut AccountState, subscription: &str) {
    state.switches.remove(subscription);
    let schedule = state.text(subscription, "/schedule");
    let now = state.now;
    state.change(&schedule, "subscription_schedule.released", |schedule| {
        schedule["status"] = "released".into();
        schedule["released_at"] = now.into();
        schedule["released_subscription"] = schedule["subscription"].take();
    });
    state.change(subscription, "customer.subscription.updated", |subscription| {
        subscription["schedule"] = Value::Null;
    });
}

/// Refuses to change the end of a subscription that a schedule manages.
pub(super) fn check_unmanaged(subscription: &Value) -> Result<(), Refused> {
    let Some(schedule) = text_of(subscription, "/schedule") else { return Ok(()) };
    let message = format!(
        "The subscription is managed by the subscription schedule `{schedule}`, and updating any \
         cancelation behavior directly is not allowed. Please update the schedule instead."
    );
    Err(Refused::invalid("cancel_at_period_end", message).begun())
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("subscription_schedule", call.id()).cloned()
}

fn release(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let schedule = state.objects.find("subscription_schedule", call.id())?;
    let status = text(schedule, "/status");
    if status != "active" {
        let message = format!(
            "You cannot release a subscription schedule that is currently in the `{status}` \
             status. It must be in `not_started` or `active`."
        );
        return Err(Refused::invalid("", message).begun());
    }
    let subscription = text(schedule, "/subscription").to_owned();
    let_go(state, &subscription);
    Ok(state.object(call.id()))
}
