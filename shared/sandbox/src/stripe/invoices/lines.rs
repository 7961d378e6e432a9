//! Invoice lines, and their totals with tax.

use serde_json::{Value, json};

use crate::stripe::{
    account_state::AccountState,
    discounts::{TakenOff, taken_off},
    json::{int, list, text, value},
};

/// Id of the only tax rate.
const TAX_RATE: &str = "txr_sandbox";

/// Values of a new line.
pub(in crate::stripe) struct Line<'a> {
    pub(in crate::stripe) price: &'a Value,
    /// In cents; negative for a credit.
    pub(in crate::stripe) amount: i64,
    pub(in crate::stripe) quantity: i64,
    /// Unix seconds.
    pub(in crate::stripe) period: (i64, i64),
    pub(in crate::stripe) description: String,
    pub(in crate::stripe) origin: Origin<'a>,
}

/// Source of a line.
pub(in crate::stripe) enum Origin<'a> {
    /// A period of a subscription.
    Item { subscription: &'a Value, item: &'a Value },
    /// A change within a period; `credited` names the invoice and the lines that a credit refunds.
    Proration { subscription: &'a Value, item: &'a str, credited: Option<(String, Vec<String>)> },
    /// A one-time item.
    Alone,
}

/// Totals of the lines.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Before invoice-level discounts.
    pub(super) subtotal: i64,
    /// Invoice-level discounts.
    off: i64,
    /// Cents by discount, at both levels.
    pub(super) discounts: Vec<Value>,
    /// Exclusive and inclusive tax.
    tax_on_top: i64,
    pub(super) tax_within: i64,
}

impl Sums {
    pub(super) fn total(&self) -> i64 {
        self.before_tax() + self.tax_on_top
    }

    /// `total_excluding_tax`.
    pub(super) fn excluding_tax(&self) -> i64 {
        self.before_tax() - self.tax_within
    }

    fn before_tax(&self) -> i64 {
        self.subtotal - self.off
    }

    /// Adds a line. Returns its amount before tax.
    fn add(&mut self, line: &Value) -> i64 {
        let (mut own, mut whole) = (0, 0);
        for off in list(line, "/discount_amounts") {
            let cents = int(off, "/amount");
            let is_own = list(line, "/discounts").contains(&off["discount"]);
            *if is_own { &mut own } else { &mut whole } += cents;
            let known = self.discounts.iter_mut().find(|sum| sum["discount"] == off["discount"]);
            match known {
                Some(sum) => sum["amount"] = (int(sum, "/amount") + cents).into(),
                None => self.discounts.push(off.clone()),
            }
        }
        let before = int(line, "/amount") - own;
        self.subtotal += before;
        self.off += whole;
        before - whole
    }

    /// `total_taxes`.
    pub(super) fn taxes(&self) -> Value {
        let taxable = self.excluding_tax();
        let kinds = [("exclusive", self.tax_on_top), ("inclusive", self.tax_within)];
        kinds
            .into_iter()
            .filter(|(_, amount)| *amount != 0)
            .map(|(behavior, amount)| tax(amount, behavior, taxable))
            .collect()
    }
}

/// The tax on an amount at a rate in hundredths of a percent, rounded half up.
pub(in crate::stripe) fn tax_on(amount: i64, rate_bps: i64) -> i64 {
    (amount * rate_bps + 5_000).div_euclid(10_000)
}

/// A line, before its invoice and tax are known. A proration's amount includes its discounts.
pub(in crate::stripe) fn line(state: &mut AccountState, line: Line) -> Value {
    let subscription = match &line.origin {
        Origin::Alone => &Value::Null,
        Origin::Item { subscription, .. } | Origin::Proration { subscription, .. } => *subscription,
    };
    let metadata =
        if subscription.is_null() { json!({}) } else { value(subscription, "/metadata") };
    let taken = match &line.origin {
        Origin::Item { subscription, item } => taken_off(state, subscription, item, line.amount),
        Origin::Proration { .. } | Origin::Alone => TakenOff::default(),
    };
    let parent = parent(&line.origin);
    json!({
        "id": state.ids.next("il_"),
        "object": "line_item",
        "amount": line.amount,
        "currency": line.price["currency"],
        "description": line.description,
        "discount_amounts": taken.amounts,
        "discountable": !matches!(line.origin, Origin::Proration { .. }),
        "discounts": taken.own,
        "livemode": false,
        "metadata": metadata,
        "parent": parent,
        "period": { "end": line.period.1, "start": line.period.0 },
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": { "price": line.price["id"], "product": line.price["product"] },
            "type": "price_details",
            "unit_amount_decimal": line.price["unit_amount_decimal"],
        },
        "quantity": line.quantity,
        "subscription": subscription["id"],
        "subtotal": line.amount,
        "tax_behavior": line.price["tax_behavior"],
        "taxes": [],
    })
}

/// `parent` of a line; `None` for a one-time item.
fn parent(origin: &Origin) -> Option<Value> {
    let (subscription, item, proration, credited) = match origin {
        Origin::Alone => return None,
        Origin::Item { subscription, item } => (subscription, text(item, "/id"), false, &None),
        Origin::Proration { subscription, item, credited } => (subscription, *item, true, credited),
    };
    let credited = credited
        .as_ref()
        .map(|(invoice, lines)| json!({ "invoice": invoice, "invoice_line_items": lines }));
    Some(json!({
        "invoice_item_details": null,
        "subscription_item_details": {
            "invoice_item": null,
            "proration": proration,
            "proration_details": { "credited_items": credited },
            "subscription": subscription["id"],
            "subscription_item": item,
        },
        "type": "subscription_item_details",
    }))
}

/// The invoice's line list with tax, and its totals.
pub(super) fn summed(lines: Vec<Value>, invoice: &str, rate_bps: i64) -> (Value, Sums) {
    let mut sums = Sums::default();
    let mut data = Vec::with_capacity(lines.len());
    for mut line in lines {
        let amount = sums.add(&line);
        let within = text(&line, "/tax_behavior") == "inclusive";
        if let Some(fields) = line.as_object_mut() {
            fields.remove("tax_behavior");
            fields.insert("invoice".to_owned(), invoice.into());
        }
        if rate_bps != 0 && within {
            let net = (amount * 10_000).div_euclid(10_000 + rate_bps);
            sums.tax_within += amount - net;
            line["taxes"] = json!([tax(amount - net, "inclusive", net)]);
        } else if rate_bps != 0 {
            let on_top = tax_on(amount, rate_bps);
            sums.tax_on_top += on_top;
            line["taxes"] = json!([tax(on_top, "exclusive", amount)]);
        }
        data.push(line);
    }
    let url = format!("/v1/invoices/{invoice}/lines");
    let list = json!({
        "object": "list", "data": data, "has_more": false, "url": url,
    });
    (list, sums)
}

fn tax(amount: i64, behavior: &str, taxable: i64) -> Value {
    json!({
        "amount": amount, "tax_behavior": behavior,
        "tax_rate_details": { "tax_rate": TAX_RATE }, "taxability_reason": "standard_rated",
        "taxable_amount": taxable, "type": "tax_rate_details",
    })
}
