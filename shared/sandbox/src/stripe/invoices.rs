//! Invoices: created with their lines and finalized immediately, then paid, retried, voided or
//! marked uncollectible.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    cards::{DECLINED, Decline, NEEDS_AUTHENTICATION, Presence},
    clock::DAY_S,
    customers,
    errors::Refused,
    json::{int, list, metadata, set, text, text_of},
    params::{CREATED, PAGE, Rules},
    payments::{self, Intent, Outcome},
    subscriptions,
};

mod lines;

pub(super) use lines::{Line, Origin, line, tax_on};

/// Further days after which a subscription's failed payment is retried.
const RETRY_DAYS: [i64; 2] = [3, 5];

const PAY: Rules = &["payment_method", "off_session: bool", "paid_out_of_band: bool"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "invoices",
        &[
            &["customer", "subscription", "status: draft|open|paid|uncollectible|void"],
            PAGE,
            CREATED,
        ],
        list_all,
    ),
    Endpoint::get("invoices/{}", &[], get),
    Endpoint::post("invoices/{}/pay", &[PAY], pay),
    Endpoint::post("invoices/{}/void", &[], void),
    Endpoint::get(
        "invoice_payments",
        &[
            &[
                "invoice",
                "payment.type: payment_intent",
                "payment.payment_intent",
                "status: open|paid|canceled",
            ],
            PAGE,
            CREATED,
        ],
        list_payments,
    ),
];

/// Values of a new invoice.
pub(super) struct Draft<'a> {
    pub(super) customer: &'a str,
    /// Empty for a one-time purchase.
    pub(super) subscription: &'a str,
    /// `billing_reason`.
    pub(super) reason: &'static str,
    pub(super) currency: &'a str,
    /// Created by [`line`].
    pub(super) lines: Vec<Value>,
    /// The billed period, Unix seconds.
    pub(super) period: (i64, i64),
    /// Whether tax is added.
    pub(super) taxed: bool,
    pub(super) metadata: Value,
}

/// Creates and finalizes an invoice, and returns its id. With a total of zero it is paid
/// immediately.
pub(super) fn issue(state: &mut AccountState, draft: Draft) -> String {
    let subscription = draft.subscription.to_owned();
    let invoice = drafted(state, draft);
    let id = state.add(invoice, "invoice.created");
    if !subscription.is_empty() {
        state.edit(&subscription, |object| object["latest_invoice"] = id.clone().into());
    }
    finalize(state, &id);
    if int(&state.object(&id), "/amount_due") == 0 {
        settle(state, &id);
    }
    id
}

fn drafted(state: &mut AccountState, draft: Draft) -> Value {
    let id = state.ids.next("in_");
    let customer = state.object(draft.customer);
    let rate = if draft.taxed { state.settings.tax_bps } else { 0 };
    let (rows, sums) = lines::summed(draft.lines, &id, rate);
    let automatic_tax = json!({
        "disabled_reason": null, "enabled": draft.taxed, "liability": null, "provider": null,
        "status": draft.taxed.then_some("complete"),
    });
    let parent = (!draft.subscription.is_empty()).then(|| {
        json!({
            "quote_details": null,
            "subscription_details": {
                "metadata": state.object(draft.subscription)["metadata"],
                "subscription": draft.subscription,
            },
            "type": "subscription_details",
        })
    });
    let mut invoice = blank(&id, state.now);
    for (name, value) in [
        ("automatic_tax", automatic_tax),
        ("billing_reason", draft.reason.into()),
        ("currency", draft.currency.into()),
        ("customer", draft.customer.into()),
        ("customer_email", customer["email"].clone()),
        ("customer_name", customer["name"].clone()),
        ("customer_address", customer["address"].clone()),
        ("lines", rows),
        ("metadata", metadata(Some(&draft.metadata))),
        ("parent", parent.into()),
        ("period_start", draft.period.0.into()),
        ("period_end", draft.period.1.into()),
        ("subtotal", sums.subtotal.into()),
        ("subtotal_excluding_tax", (sums.subtotal - sums.tax_within).into()),
        ("total", sums.total().into()),
        ("total_discount_amounts", sums.discounts.clone().into()),
        ("total_excluding_tax", sums.excluding_tax().into()),
        ("total_taxes", sums.taxes()),
        ("amount_due", sums.total().max(0).into()),
        ("amount_remaining", sums.total().max(0).into()),
    ] {
        invoice[name] = value;
    }
    invoice
}

fn blank(id: &str, now: i64) -> Value {
    json!({
        "id": id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "ProLight",
        "account_tax_ids": null,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": true,
        "automatically_finalizes_at": null,
        "collection_method": "charge_automatically",
        "created": now,
        "custom_fields": null,
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": [],
        "due_date": null,
        "effective_at": null,
        "ending_balance": null,
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": null,
        "invoice_pdf": null,
        "issuer": { "type": "self" },
        "last_finalization_error": null,
        "latest_revision": null,
        "livemode": false,
        "next_payment_attempt": null,
        "number": null,
        "on_behalf_of": null,
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null, "payment_method_types": null,
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": null,
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": 0,
        "statement_descriptor": null,
        "status": "draft",
        "status_transitions": {
            "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
            "voided_at": null,
        },
        "test_clock": null,
        "total_pretax_credit_amounts": [],
        "webhooks_delivered_at": null,
    })
}

/// Sets its number and pages, and applies the customer's credit balance.
fn finalize(state: &mut AccountState, id: &str) {
    let customer = state.text(id, "/customer");
    let number = customers::next_invoice_number(state, &customer);
    let total = int(&state.object(id), "/total");
    let before = int(&state.object(&customer), "/balance");
    let used = if total < 0 { total } else { total.min(-before).max(0) };
    let page = format!("{}/stripe/invoices/{id}", state.url);
    let now = state.now;
    state.edit(id, |invoice| {
        let due = total.max(0) - used.max(0);
        for (pointer, value) in [
            ("/amount_due", due.into()),
            ("/amount_remaining", due.into()),
            ("/effective_at", now.into()),
            ("/ending_balance", (before + used).into()),
            ("/hosted_invoice_url", page.clone().into()),
            ("/invoice_pdf", format!("{page}/pdf").into()),
            ("/number", Value::from(number)),
            ("/starting_balance", before.into()),
            ("/status", "open".into()),
            ("/status_transitions/finalized_at", now.into()),
        ] {
            set(invoice, pointer, value);
        }
    });
    state.change(&customer, "customer.updated", |customer| {
        customer["balance"] = (before + used).into();
    });
    state.tell("invoice.finalized", id);
}

/// Links a payment intent to an invoice.
pub(super) fn tie(state: &mut AccountState, id: &str, intent: &str) {
    let due = state.object(id)["amount_due"].clone();
    let payment = json!({
        "id": state.ids.next("inpay_"),
        "object": "invoice_payment",
        "amount_paid": null,
        "amount_requested": due,
        "created": state.now,
        "currency": state.text(id, "/currency"),
        "invoice": id,
        "is_default": true,
        "livemode": false,
        "payment": { "payment_intent": intent, "type": "payment_intent" },
        "status": "open",
        "status_transitions": { "canceled_at": null, "paid_at": null },
    });
    state.objects.put(payment);
}

/// The invoice payment, or null.
fn payment_of(state: &AccountState, id: &str) -> Value {
    let mut payments = state.objects.all("invoice_payment");
    payments.find(|payment| text(payment, "/invoice") == id).cloned().unwrap_or_default()
}

/// The invoice paid by a payment intent.
pub(super) fn paid_by(state: &AccountState, intent: &str) -> Option<String> {
    let mut payments = state.objects.all("invoice_payment");
    payments
        .find(|payment| text(payment, "/payment/payment_intent") == intent)
        .map(|payment| text(payment, "/invoice").to_owned())
}

/// Tries to collect an open invoice with `method`, or with the customer's default.
pub(super) fn collect(
    state: &mut AccountState,
    id: &str,
    method: Option<&str>,
    presence: Presence,
) -> Outcome {
    let invoice = state.object(id);
    let customer = text(&invoice, "/customer");
    let subscription = text(&invoice, "/parent/subscription_details/subscription");
    let method =
        method.map(str::to_owned).or_else(|| customers::method_for(state, customer, subscription));
    let tied = text(&payment_of(state, id), "/payment/payment_intent").to_owned();
    let intent = if tied.is_empty() { open_intent(state, &invoice) } else { tied };
    let outcome = match method {
        Some(method) => payments::attempt(state, &intent, &method, presence),
        None => Outcome::Failed(DECLINED),
    };
    conclude(state, id, outcome, presence);
    outcome
}

fn open_intent(state: &mut AccountState, invoice: &Value) -> String {
    let description = match text(invoice, "/billing_reason") {
        "subscription_create" => "Subscription creation",
        "subscription_cycle" | "subscription_update" => "Subscription update",
        _ => "Payment for Invoice",
    };
    let intent = payments::open(
        state,
        Intent {
            amount: int(invoice, "/amount_due"),
            currency: text(invoice, "/currency").to_owned(),
            customer: text_of(invoice, "/customer").map(str::to_owned),
            description: Some(description.to_owned()),
            ..Intent::default()
        },
    );
    tie(state, text(invoice, "/id"), &intent);
    intent
}

/// Records the outcome of an attempt.
pub(super) fn conclude(state: &mut AccountState, id: &str, outcome: Outcome, presence: Presence) {
    state.edit(id, |invoice| {
        invoice["attempted"] = true.into();
        if presence == Presence::Away {
            invoice["attempt_count"] = (int(invoice, "/attempt_count") + 1).into();
        }
    });
    match outcome {
        Outcome::Paid => settle(state, id),
        Outcome::Processing | Outcome::NeedsAction => {}
        Outcome::Failed(decline) => suffer(state, id, decline),
    }
}

/// Marks an invoice as paid. A subscription that waits for it resumes.
pub(super) fn settle(state: &mut AccountState, id: &str) {
    let now = state.now;
    let payment = text(&payment_of(state, id), "/id").to_owned();
    state.edit(id, |invoice| {
        let due = invoice["amount_due"].clone();
        for (pointer, value) in [
            ("/amount_paid", due),
            ("/amount_remaining", 0.into()),
            ("/attempted", true.into()),
            ("/auto_advance", false.into()),
            ("/next_payment_attempt", Value::Null),
            ("/status", "paid".into()),
            ("/status_transitions/paid_at", now.into()),
        ] {
            set(invoice, pointer, value);
        }
    });
    state.edit(&payment, |payment| {
        payment["amount_paid"] = payment["amount_requested"].clone();
        payment["status"] = "paid".into();
        set(payment, "/status_transitions/paid_at", now);
    });
    state.tell("invoice_payment.paid", &payment);
    state.tell("invoice.paid", id);
    state.tell("invoice.payment_succeeded", id);
    let subscription = state.text(id, "/parent/subscription_details/subscription");
    subscriptions::resume(state, &subscription);
}

/// After a failed payment, schedules a retry or ends the subscription.
fn suffer(state: &mut AccountState, id: &str, decline: Decline) {
    let invoice = state.object(id);
    let subscription = text(&invoice, "/parent/subscription_details/subscription").to_owned();
    let tried = usize::try_from(int(&invoice, "/attempt_count")).unwrap_or_default();
    let planned = int(&invoice, "/next_payment_attempt");
    let next = match RETRY_DAYS.get(tried.saturating_sub(1)) {
        _ if subscription.is_empty() || tried == 0 => None,
        _ if state.now < planned => Some(planned),
        days => days.map(|days| state.now + days * DAY_S),
    };
    state.edit(id, |invoice| invoice["next_payment_attempt"] = next.into());
    state.tell("invoice.payment_failed", id);
    if decline == NEEDS_AUTHENTICATION {
        state.tell("invoice.payment_action_required", id);
    }
    if let Some(at) = next {
        state.remind(at, id);
    }
    subscriptions::fall_behind(state, &subscription);
    if next.is_none() && RETRY_DAYS.len() < tried {
        // The invoice stays open: it can still be paid on its page.
        subscriptions::end(state, &subscription, "payment_failed");
    }
}

/// Retries a due payment.
pub(super) fn retry(state: &mut AccountState, id: &str) {
    let invoice = state.object(id);
    let planned = int(&invoice, "/next_payment_attempt");
    if text(&invoice, "/status") == "open" && planned != 0 && planned <= state.now {
        collect(state, id, None, Presence::Away);
    }
}

/// Stops collecting a subscription's open invoices.
pub(super) fn let_rest(state: &mut AccountState, subscription: &str) {
    let of_it = |invoice: &&Value| {
        text(invoice, "/parent/subscription_details/subscription") == subscription
            && text(invoice, "/status") == "open"
    };
    let open = state.objects.all("invoice").filter(of_it);
    let open: Vec<String> = open.map(|invoice| text(invoice, "/id").to_owned()).collect();
    for id in open {
        state.edit(&id, |invoice| {
            invoice["auto_advance"] = false.into();
            invoice["next_payment_attempt"] = Value::Null;
        });
    }
}

fn list_all(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |name: &str, value: &str| call.text(name).is_none_or(|wanted| wanted == value);
    state.objects.page("invoice", "/v1/invoices", &call.params, |invoice| {
        let subscription = text(invoice, "/parent/subscription_details/subscription");
        same("customer", text(invoice, "/customer"))
            && same("subscription", subscription)
            && same("status", text(invoice, "/status"))
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("invoice", call.id()).cloned()
}

fn pay(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    let status = text(state.objects.find("invoice", id)?, "/status").to_owned();
    if !matches!(status.as_str(), "open" | "uncollectible") {
        let message = format!("Invoice is already {status}");
        return Err(Refused::conflict("invoice_not_payable", message));
    }
    if call.flag("paid_out_of_band") == Some(true) {
        settle(state, id);
        return Ok(state.object(id));
    }
    let method = call.text("payment_method");
    if let Some(method) = method {
        state.objects.find_param("payment_method", method, "payment_method")?;
    }
    let presence = match call.flag("off_session") {
        Some(false) => Presence::OnPage,
        Some(true) | None => Presence::Away,
    };
    let tried = state.object(id)["attempt_count"].clone();
    let outcome = collect(state, id, method, presence);
    state.edit(id, |invoice| invoice["attempt_count"] = tried);
    let intent = text(&payment_of(state, id), "/payment/payment_intent").to_owned();
    match outcome {
        Outcome::Paid | Outcome::Processing => Ok(state.object(id)),
        Outcome::NeedsAction => Err(payments::declined(state, &intent, NEEDS_AUTHENTICATION)),
        Outcome::Failed(decline) => Err(payments::declined(state, &intent, decline)),
    }
}

fn void(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    let status = text(state.objects.find("invoice", id)?, "/status").to_owned();
    if !matches!(status.as_str(), "open" | "uncollectible") {
        let message =
            format!("You can only void open or uncollectible invoices; this one is {status}.");
        return Err(Refused::conflict("invoice_not_editable", message));
    }
    let now = state.now;
    let payment = payment_of(state, id);
    state.edit(id, |invoice| {
        invoice["status"] = "void".into();
        invoice["auto_advance"] = false.into();
        invoice["next_payment_attempt"] = Value::Null;
        set(invoice, "/status_transitions/voided_at", now);
    });
    state.edit(text(&payment, "/id"), |payment| payment["status"] = "canceled".into());
    state.change(text(&payment, "/payment/payment_intent"), "payment_intent.canceled", |intent| {
        intent["status"] = "canceled".into();
        intent["canceled_at"] = now.into();
        intent["cancellation_reason"] = "void_invoice".into();
    });
    state.tell("invoice.voided", id);
    Ok(state.object(id))
}

fn list_payments(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |name: &str, value: &str| call.text(name).is_none_or(|wanted| wanted == value);
    if call.text("payment.payment_intent").is_some() && call.text("payment.type").is_none() {
        return Err(Refused::missing("payment[type]"));
    }
    state.objects.page("invoice_payment", "/v1/invoice_payments", &call.params, |payment| {
        same("invoice", text(payment, "/invoice"))
            && same("payment.payment_intent", text(payment, "/payment/payment_intent"))
            && same("status", text(payment, "/status"))
    })
}

/// The lines of an invoice with this price, referenced by a credit.
pub(super) fn lines_of_price(state: &AccountState, id: &str, price: &str) -> Vec<String> {
    let invoice = state.object(id);
    let lines = list(&invoice, "/lines/data").iter();
    lines
        .filter(|line| text(line, "/pricing/price_details/price") == price)
        .map(|line| text(line, "/id").to_owned())
        .collect()
}
