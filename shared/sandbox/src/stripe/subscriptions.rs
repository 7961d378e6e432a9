//! Subscriptions: started by a paid session, changed and canceled through the API.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::{DAY_S, months_after},
    discounts,
    errors::Refused,
    invoices,
    json::{flag, int, list, merge_metadata, set, text},
    params::{CREATED, PAGE, Rules},
    proration::{self, Prorate},
    schedules,
};

const UPDATE: Rules = &[
    "cancel_at_period_end: bool",
    "items.*.id",
    "items.*.price",
    "items.*.quantity: int",
    "proration_behavior: always_invoice|create_prorations|none",
    "payment_behavior: allow_incomplete",
    "metadata.*",
    "default_payment_method",
    "cancellation_details.comment",
    "cancellation_details.feedback",
    "description",
];
const CANCEL: Rules = &[
    "invoice_now: bool",
    "prorate: bool",
    "cancellation_details.comment",
    "cancellation_details.feedback",
];
const LIST: Rules = &[
    "customer",
    "price",
    "status: active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|\
     unpaid",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("subscriptions", &[LIST, PAGE, CREATED], list_all),
    Endpoint::get("subscriptions/{}", &[], get),
    Endpoint::post("subscriptions/{}", &[UPDATE], update),
    Endpoint::delete("subscriptions/{}", &[CANCEL], cancel),
    Endpoint::get("subscription_items/{}", &[], get_item),
];

/// Values of a new subscription.
pub(super) struct Start<'a> {
    pub(super) customer: &'a str,
    /// Prices and quantities.
    pub(super) items: Vec<(Value, i64)>,
    pub(super) method: &'a str,
    pub(super) metadata: Value,
    pub(super) description: Value,
    pub(super) taxed: bool,
}

/// Creates a subscription that is not paid yet.
pub(super) fn start(state: &mut AccountState, start: Start) -> String {
    let now = state.now;
    let id = state.ids.next("sub_");
    let items: Vec<Value> =
        start.items.iter().map(|(price, quantity)| item(state, &id, price, *quantity)).collect();
    let currency = items.first().map_or(Value::Null, |item| item["price"]["currency"].clone());
    let end = items.first().map(|item| int(item, "/current_period_end")).unwrap_or(now);
    let subscription = json!({
        "id": id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": start.taxed, "liability": null },
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": null,
        "billing_mode": {
            "flexible": { "proration_discounts": "included" }, "type": "flexible",
            "updated_at": now,
        },
        "billing_schedules": [],
        "billing_thresholds": null,
        "cancel_at": null,
        "cancel_at_period_end": false,
        "canceled_at": null,
        "cancellation_details": { "comment": null, "feedback": null, "reason": null },
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": start.customer,
        "days_until_due": null,
        "default_payment_method": start.method,
        "default_source": null,
        "default_tax_rates": [],
        "description": start.description,
        "discounts": [],
        "ended_at": null,
        "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
        "items": {
            "object": "list", "data": items, "has_more": false,
            "url": format!("/v1/subscription_items?subscription={id}"),
        },
        "latest_invoice": null,
        "livemode": false,
        "metadata": start.metadata,
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": null,
        "payment_settings": {
            "payment_method_options": null, "payment_method_types": null,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": null,
        "schedule": null,
        "start_date": now,
        "status": "incomplete",
        "test_clock": null,
        "transfer_data": null,
        "trial_end": null,
        "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } },
        "trial_start": null,
    });
    state.add(subscription, "customer.subscription.created");
    state.remind(end, &id);
    id
}

fn item(state: &mut AccountState, subscription: &str, price: &Value, quantity: i64) -> Value {
    json!({
        "id": state.ids.next("si_"),
        "object": "subscription_item",
        "billing_thresholds": null,
        "created": state.now,
        "current_period_end": period_end(price, state.now, state.now),
        "current_period_start": state.now,
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    })
}

/// The legacy `plan` of a price, which items still have.
pub(super) fn plan_of(price: &Value) -> Value {
    json!({
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": false,
        "metadata": price["metadata"],
        "meter": null,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": null,
        "transform_usage": null,
        "trial_period_days": null,
        "usage_type": "licensed",
    })
}

/// The end of the price's period that contains `after`, counted from the anchor, so that a 31st
/// returns after February.
pub(super) fn period_end(price: &Value, anchor: i64, after: i64) -> i64 {
    let count = int(price, "/recurring/interval_count").max(1);
    let interval = text(price, "/recurring/interval");
    let end = |periods: i64| {
        let months = |of_it: i64| {
            months_after(anchor, i32::try_from(periods * count * of_it).unwrap_or(i32::MAX))
        };
        match interval {
            "day" => anchor + periods * count * DAY_S,
            "week" => anchor + periods * count * 7 * DAY_S,
            "year" => months(12),
            _ => months(1),
        }
    };
    (1..).map(end).find(|end| after < *end).unwrap_or(after + DAY_S)
}

/// A subscription's payment recovered: it becomes active, immediately or after the delay in the
/// settings.
pub(super) fn resume(state: &mut AccountState, id: &str) {
    match state.settings.activates_after_s {
        0 => activate(state, id),
        seconds => state.remind(state.now + seconds, id),
    }
}

/// Activates a subscription if its invoice is paid.
pub(super) fn activate_if_paid(state: &mut AccountState, id: &str) {
    let invoice = state.text(id, "/latest_invoice");
    if state.text(&invoice, "/status") == "paid" {
        activate(state, id);
    }
}

fn activate(state: &mut AccountState, id: &str) {
    if matches!(state.text(id, "/status").as_str(), "incomplete" | "past_due" | "unpaid") {
        state.change(id, "customer.subscription.updated", |subscription| {
            subscription["status"] = "active".into();
        });
    }
}

/// Marks a subscription as past due after an unpaid invoice.
pub(super) fn fall_behind(state: &mut AccountState, id: &str) {
    if state.text(id, "/status") == "active" {
        state.change(id, "customer.subscription.updated", |subscription| {
            subscription["status"] = "past_due".into();
        });
    }
}

/// Ends a subscription immediately; `reason` is the value in `cancellation_details`.
pub(super) fn end(state: &mut AccountState, id: &str, reason: &str) {
    if state.text(id, "/status") == "canceled" {
        return;
    }
    let now = state.now;
    schedules::let_go(state, id);
    state.change(id, "customer.subscription.deleted", |subscription| {
        subscription["status"] = "canceled".into();
        subscription["ended_at"] = now.into();
        if subscription["canceled_at"].is_null() {
            subscription["canceled_at"] = now.into();
        }
        set(subscription, "/cancellation_details/reason", reason);
    });
    invoices::let_rest(state, id);
}

/// Whether a subscription cancels at period end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It does.
    AtPeriodEnd,
    /// It does not, or no longer.
    Never,
}

/// Sets or clears the cancellation of a subscription.
pub(super) fn set_ending(
    state: &mut AccountState,
    id: &str,
    ending: Ending,
    details: Option<&Value>,
) {
    let now = state.now;
    state.change(id, "customer.subscription.updated", |subscription| {
        write_ending(subscription, ending, now);
        write_details(subscription, details);
    });
}

fn write_ending(subscription: &mut Value, ending: Ending, now: i64) {
    let ends = ending == Ending::AtPeriodEnd;
    if flag(subscription, "/cancel_at_period_end") == ends {
        return;
    }
    let end = subscription["items"]["data"][0]["current_period_end"].clone();
    subscription["cancel_at_period_end"] = ends.into();
    subscription["cancel_at"] = if ends { end } else { Value::Null };
    subscription["canceled_at"] = ends.then_some(now).into();
    set(subscription, "/cancellation_details/reason", ends.then_some("cancellation_requested"));
}

fn write_details(subscription: &mut Value, details: Option<&Value>) {
    for (name, value) in details.and_then(Value::as_object).into_iter().flatten() {
        set(subscription, &format!("/cancellation_details/{name}"), value.clone());
    }
}

fn list_all(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |name: &str, value: &str| call.text(name).is_none_or(|wanted| wanted == value);
    state.objects.page("subscription", "/v1/subscriptions", &call.params, |subscription| {
        let status = text(subscription, "/status");
        let fits = match call.text("status") {
            None => status != "canceled",
            Some("all") => true,
            Some("ended") => matches!(status, "canceled" | "incomplete_expired"),
            Some(wanted) => wanted == status,
        };
        fits && same("customer", text(subscription, "/customer"))
            && same("price", text(subscription, "/items/data/0/price/id"))
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("subscription", call.id()).cloned()
}

fn get_item(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let (subscription, index) = discounts::item_of(state, call.id())?;
    Ok(subscription["items"]["data"][index].clone())
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    let subscription = state.objects.find("subscription", id)?.clone();
    if text(&subscription, "/status") == "canceled" {
        let message = "A canceled subscription can only update its cancellation_details and \
                       metadata.";
        return Err(Refused::conflict("subscription_canceled", message));
    }
    if let Some(method) = call.text("default_payment_method")
        && state.text(method, "/customer") != text(&subscription, "/customer")
    {
        return Err(Refused::no_such_param("default_payment_method", "PaymentMethod", method));
    }
    let change = changed_item(state, call, &subscription)?;
    let prorate = match call.text("proration_behavior") {
        Some("always_invoice") => Prorate::Invoice,
        Some("none") => Prorate::No,
        _ => Prorate::Later,
    };
    let now = state.now;
    let ending = call.flag("cancel_at_period_end");
    if ending.is_some() {
        schedules::check_unmanaged(&subscription)?;
    }
    state.change(id, "customer.subscription.updated", |subscription| {
        if let Some(ends) = ending {
            let ending = if ends { Ending::AtPeriodEnd } else { Ending::Never };
            write_ending(subscription, ending, now);
        }
        write_details(subscription, call.get("cancellation_details"));
        for name in ["default_payment_method", "description"] {
            if let Some(value) = call.text(name) {
                subscription[name] = value.into();
            }
        }
        merge_metadata(subscription, call.get("metadata"));
    });
    if let Some(price) = change {
        proration::switch(state, id, &price, prorate);
    }
    Ok(state.object(id))
}

/// The new price in an update of the subscription's item.
fn changed_item(
    state: &AccountState,
    call: &Call,
    subscription: &Value,
) -> Result<Option<Value>, Refused> {
    let Some(asked) = call.get("items").and_then(Value::as_array) else { return Ok(None) };
    let [asked] = asked.as_slice() else {
        return Err(Refused::invalid("items", "The sandbox changes one item of a subscription."));
    };
    let own = list(subscription, "/items/data");
    let id = text(asked, "/id");
    let Some(item) = own.iter().find(|item| text(item, "/id") == id) else {
        return Err(Refused::no_such_param("items[0][id]", "subscription_item", id));
    };
    if !matches!(int(asked, "/quantity"), 0 | 1) {
        return Err(Refused::invalid("items[0][quantity]", "The sandbox sells one of each plan."));
    }
    let wanted = text(asked, "/price");
    if wanted.is_empty() || wanted == text(item, "/price/id") {
        return Ok(None);
    }
    let price = state.objects.find_param("price", wanted, "items[0][price]")?;
    check_recurring(price, "items[0][price]")?;
    if price["recurring"]["interval"] != item["price"]["recurring"]["interval"] {
        let message = "The sandbox does not change a subscription's interval.";
        return Err(Refused::invalid("items[0][price]", message));
    }
    Ok(Some(price.clone()))
}

/// Checks that a price is recurring and active.
pub(super) fn check_recurring(price: &Value, param: &str) -> Result<(), Refused> {
    let id = text(price, "/id");
    if !flag(price, "/active") {
        let message = format!("The price specified is inactive: {id}.");
        return Err(Refused::invalid(param, message));
    }
    if text(price, "/type") != "recurring" {
        let message = format!(
            "The price specified is set to `type=one_time` but this field only accepts prices \
             with `type=recurring`: {id}."
        );
        return Err(Refused::invalid(param, message));
    }
    Ok(())
}

fn cancel(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    let subscription = state.objects.find("subscription", id)?;
    if text(subscription, "/status") == "canceled" {
        return Err(Refused::no_such("subscription", id).begun());
    }
    if call.flag("prorate") == Some(true) {
        proration::credit_rest(state, id);
    }
    if call.flag("invoice_now") == Some(true) {
        proration::invoice_waiting(state, id);
    }
    state.edit(id, |subscription| {
        write_details(subscription, call.get("cancellation_details"));
    });
    end(state, id, "cancellation_requested");
    Ok(state.object(id))
}
