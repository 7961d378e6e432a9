//! Discounts: coupons on a whole subscription or one of its items, added from the dashboard (the
//! controls). An item's discounts apply before the subscription's.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    clock::months_after,
    errors::Refused,
    json::{int, list, text},
};

/// Most discounts of one subscription or item.
const DISCOUNTS_MAX: usize = 20;

/// Value of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// Percent, more than 0 and at most 100, with up to two decimal places.
    Percent(f64),
    /// Cents off each payment, at least 1.
    Cents(i64),
}

/// Duration of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasts {
    /// The next payment.
    Once,
    /// Number of months from now.
    Months(i32),
    /// Every payment.
    Forever,
}

/// Adds a discount with a new coupon to a subscription (`sub_`) or one of its items (`si_`).
/// Returns the discount's id.
pub(super) fn give(
    state: &mut AccountState,
    to: &str,
    off: Off,
    lasts: Lasts,
) -> Result<String, Refused> {
    let (subscription, place) = place_of(state, to)?;
    let in_order = match off {
        Off::Percent(percent) => 0.0 < percent && percent <= 100.0,
        Off::Cents(cents) => 0 < cents,
    };
    if !in_order || matches!(lasts, Lasts::Months(..=0)) {
        return Err(Refused::invalid("off", "It takes off nothing, or more than all."));
    }
    if DISCOUNTS_MAX <= list(&subscription, &place).len() {
        let message = format!("At most {DISCOUNTS_MAX} discounts.");
        return Err(Refused::invalid("discounts", message));
    }
    let coupon = coupon(state, &subscription, off, lasts);
    let coupon = state.objects.put(coupon);
    let end = match lasts {
        Lasts::Months(months) => Some(months_after(state.now, months)),
        Lasts::Once | Lasts::Forever => None,
    };
    let discount = json!({
        "id": state.ids.next("di_"),
        "object": "discount",
        "checkout_session": null,
        "customer": subscription["customer"],
        "customer_account": null,
        "end": end,
        "invoice": null,
        "invoice_item": null,
        "promotion_code": null,
        "source": { "coupon": coupon, "type": "coupon" },
        "start": state.now,
        "subscription": subscription["id"],
        "subscription_item": (to != text(&subscription, "/id")).then_some(to),
    });
    let id = state.objects.put(discount);
    state.change(text(&subscription, "/id"), "customer.subscription.updated", |subscription| {
        if let Some(Value::Array(all)) = subscription.pointer_mut(&place) {
            all.push(id.clone().into());
        }
    });
    Ok(id)
}

/// The subscription, and the pointer to its discounts or the item's.
fn place_of(state: &AccountState, to: &str) -> Result<(Value, String), Refused> {
    if !to.starts_with("si_") {
        return Ok((state.objects.find("subscription", to)?.clone(), "/discounts".to_owned()));
    }
    let (subscription, index) = item_of(state, to)?;
    Ok((subscription.clone(), format!("/items/data/{index}/discounts")))
}

/// The subscription of an item, and the item's index.
pub(super) fn item_of<'a>(
    state: &'a AccountState,
    item: &str,
) -> Result<(&'a Value, usize), Refused> {
    let mut all = state.objects.all("subscription");
    let found = all.find_map(|subscription| {
        let mut items = list(subscription, "/items/data").iter();
        Some((subscription, items.position(|own| text(own, "/id") == item)?))
    });
    found.ok_or_else(|| Refused::no_such("subscription_item", item))
}

fn coupon(state: &mut AccountState, subscription: &Value, off: Off, lasts: Lasts) -> Value {
    let (percent, cents) = match off {
        Off::Percent(percent) => (Some(percent), None),
        Off::Cents(cents) => (None, Some(cents)),
    };
    let (duration, months) = match lasts {
        Lasts::Once => ("once", None),
        Lasts::Months(months) => ("repeating", Some(months)),
        Lasts::Forever => ("forever", None),
    };
    json!({
        "id": state.ids.next("co_"),
        "object": "coupon",
        "amount_off": cents,
        "created": state.now,
        "currency": cents.map(|_| subscription["currency"].clone()),
        "duration": duration,
        "duration_in_months": months,
        "livemode": false,
        "max_redemptions": null,
        "metadata": {},
        "name": null,
        "percent_off": percent,
        "redeem_by": null,
        "times_redeemed": 1,
        "valid": true,
    })
}

/// Discount of a payment for an item.
#[derive(Debug, Default)]
pub(super) struct TakenOff {
    /// The item's own discounts.
    pub(super) own: Vec<Value>,
    /// Cents by discount, in the shape of `discount_amounts`.
    pub(super) amounts: Vec<Value>,
    /// Total in cents.
    pub(super) cents: i64,
}

/// The discount on `amount` cents for an item.
pub(super) fn taken_off(
    state: &AccountState,
    subscription: &Value,
    item: &Value,
    amount: i64,
) -> TakenOff {
    let own = list(item, "/discounts");
    let mut taken = TakenOff { own: own.to_vec(), ..TakenOff::default() };
    for discount in own.iter().chain(list(subscription, "/discounts")) {
        let left = amount - taken.cents;
        let coupon = coupon_of(state, discount);
        let off = match coupon["percent_off"].as_f64() {
            Some(percent) => (left * hundredths(percent) + 5_000).div_euclid(10_000),
            None => int(&coupon, "/amount_off").min(left),
        };
        taken.cents += off;
        taken.amounts.push(json!({ "amount": off, "discount": discount }));
    }
    taken
}

fn coupon_of(state: &AccountState, discount: &Value) -> Value {
    let discount = discount.as_str().unwrap_or_default();
    state.object(&state.text(discount, "/source/coupon"))
}

fn hundredths(percent: f64) -> i64 {
    format!("{:.0}", percent * 100.0).parse().unwrap_or(0)
}

/// Removes a subscription's expired discounts.
pub(super) fn end_old(state: &mut AccountState, subscription: &str) {
    let now = state.now;
    end(state, subscription, |discount, _| discount["end"].as_i64().is_some_and(|end| end <= now));
}

/// Removes a subscription's one-time discounts, after they were billed.
pub(super) fn end_used(state: &mut AccountState, subscription: &str) {
    end(state, subscription, |_, coupon| text(coupon, "/duration") == "once");
}

fn end(state: &mut AccountState, subscription: &str, is_over: impl Fn(&Value, &Value) -> bool) {
    let before = state.object(subscription);
    let items = list(&before, "/items/data").iter().flat_map(|item| list(item, "/discounts"));
    let all = list(&before, "/discounts").iter().chain(items);
    let over: Vec<&Value> = all
        .filter(|discount| {
            let object = state.object(discount.as_str().unwrap_or_default());
            is_over(&object, &coupon_of(state, discount))
        })
        .collect();
    let keep = |discounts: &mut Value| {
        if let Value::Array(all) = discounts {
            all.retain(|discount| !over.contains(&discount));
        }
    };
    state.change(subscription, "customer.subscription.updated", |subscription| {
        keep(&mut subscription["discounts"]);
        let items = subscription["items"]["data"].as_array_mut();
        items.into_iter().flatten().for_each(|item| keep(&mut item["discounts"]));
    });
}
