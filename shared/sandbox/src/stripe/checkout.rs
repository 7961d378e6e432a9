//! Checkout sessions: open until paid or expired.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    catalogue::{self, NewPrice},
    clock::DAY_S,
    errors::Refused,
    invoices::tax_on,
    json::{flag, int, metadata, text, text_of},
    params::{CREATED, PAGE, Rules},
    payments::check_amount,
    subscriptions::check_recurring,
};

/// Shortest and longest lifetime of a session.
const LIFE_S: (i64, i64) = (30 * 60, DAY_S);
/// Tolerated lag of a caller's clock.
const SLACK_S: i64 = 60;
/// Most lines of a session.
const LINES_MAX: usize = 100;

const CREATE: Rules = &[
    "mode!: payment|subscription|setup",
    "ui_mode: hosted_page",
    "customer",
    "customer_email",
    "customer_creation: always|if_required",
    "client_reference_id",
    "currency",
    "success_url",
    "cancel_url",
    "expires_at: int",
    "locale",
    "allow_promotion_codes: bool",
    "billing_address_collection: auto|required",
    "automatic_tax.enabled: bool",
    "customer_update.address: auto|never",
    "customer_update.name: auto|never",
    "tax_id_collection.enabled: bool",
    "integration_identifier",
    "submit_type: auto|book|donate|pay|subscribe",
    "metadata.*",
    "payment_method_collection: always|if_required",
    "saved_payment_method_options.payment_method_save: enabled|disabled",
    "saved_payment_method_options.allow_redisplay_filters.*",
    "allowed_payment_method_types.*",
    "excluded_payment_method_types.*",
];
const LINES: Rules = &[
    "line_items.*.price",
    "line_items.*.quantity: int",
    "line_items.*.metadata.*",
    "line_items.*.price_data.currency",
    "line_items.*.price_data.unit_amount: int",
    "line_items.*.price_data.product",
    "line_items.*.price_data.product_data.name",
    "line_items.*.price_data.product_data.description",
    "line_items.*.price_data.product_data.tax_code",
    "line_items.*.price_data.product_data.metadata.*",
    "line_items.*.price_data.recurring.interval: day|week|month|year",
    "line_items.*.price_data.recurring.interval_count: int",
    "line_items.*.price_data.tax_behavior: inclusive|exclusive|unspecified",
];
/// Parameters that only sessions of one mode accept; the mode comes first.
const OF_MODE: [(&str, &str); 4] = [
    ("payment", "payment_intent_data"),
    ("payment", "invoice_creation"),
    ("subscription", "subscription_data"),
    ("setup", "setup_intent_data"),
];
const MODES: Rules = &[
    "payment_intent_data.metadata.*",
    "payment_intent_data.description",
    "payment_intent_data.setup_future_usage: on_session|off_session",
    "payment_intent_data.transfer_group",
    "payment_intent_data.receipt_email",
    "payment_intent_data.statement_descriptor_suffix",
    "invoice_creation.enabled: bool",
    "invoice_creation.invoice_data.metadata.*",
    "invoice_creation.invoice_data.description",
    "subscription_data.metadata.*",
    "subscription_data.description",
    "setup_intent_data.metadata.*",
    "setup_intent_data.description",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("checkout/sessions", &[CREATE, LINES, MODES], create),
    Endpoint::get(
        "checkout/sessions",
        &[
            &["customer", "payment_intent", "subscription", "status: open|complete|expired"],
            PAGE,
            CREATED,
        ],
        list,
    ),
    Endpoint::get("checkout/sessions/{}", &[], get),
    Endpoint::get("checkout/sessions/{}/line_items", &[PAGE], list_lines),
    Endpoint::post("checkout/sessions/{}/expire", &[], expire),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let mode = call.text("mode").unwrap_or_default();
    check_fields(state, call, mode)?;
    let now = state.now;
    let asked = call.int("expires_at").map(|at| at + state.clock.ahead_s());
    let expires_at = asked.unwrap_or(now + LIFE_S.1);
    if !(now + LIFE_S.0 - SLACK_S..=now + LIFE_S.1 + SLACK_S).contains(&expires_at) {
        let message =
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.";
        return Err(Refused::invalid("expires_at", message));
    }
    let lines = lines(state, call, mode)?;
    let id = state.ids.next("cs_test_");
    let taxed = call.flag("automatic_tax.enabled").unwrap_or_default();
    let rate = if taxed { state.settings.tax_bps } else { 0 };
    let sums = put_lines(state, &id, &lines, rate);
    if mode == "payment" {
        check_amount(sums.total, "line_items")?;
    }
    let mut session = blank(state, &id);
    for name in [
        "mode",
        "customer",
        "customer_email",
        "client_reference_id",
        "success_url",
        "cancel_url",
        "locale",
        "allow_promotion_codes",
        "billing_address_collection",
        "integration_identifier",
        "submit_type",
    ] {
        session[name] = call.get(name).filter(|value| **value != "").cloned().unwrap_or_default();
    }
    session["automatic_tax"] = json!({
        "enabled": taxed, "liability": taxed.then(|| json!({ "type": "self" })),
        "provider": taxed.then_some("stripe"), "status": taxed.then_some("complete"),
    });
    session["expires_at"] = expires_at.into();
    session["metadata"] = metadata(call.get("metadata"));
    if mode == "setup" {
        session["payment_status"] = "no_payment_required".into();
    } else {
        session["currency"] = "usd".into();
        session["amount_subtotal"] = sums.subtotal.into();
        session["amount_total"] = sums.total.into();
        session["total_details"] =
            json!({ "amount_discount": 0, "amount_shipping": 0, "amount_tax": sums.tax });
    }
    fill_by_mode(&mut session, call, mode);
    state.objects.put(session);
    state.promises.insert(id.clone(), promised(call, mode));
    state.remind(expires_at, &id);
    Ok(state.object(&id))
}

/// Fields of a session that depend on its mode.
fn fill_by_mode(session: &mut Value, call: &Call, mode: &str) {
    match mode {
        "payment" => {
            let data = call.get("invoice_creation.invoice_data");
            session["customer_creation"] =
                call.text("customer_creation").unwrap_or("if_required").into();
            session["invoice_creation"] = json!({
                "enabled": call.flag("invoice_creation.enabled").unwrap_or_default(),
                "invoice_data": {
                    "account_tax_ids": null, "custom_fields": null,
                    "description": data.and_then(|data| data.get("description")),
                    "footer": null, "issuer": null,
                    "metadata": metadata(data.and_then(|data| data.get("metadata"))),
                    "rendering_options": null,
                },
            });
        }
        "subscription" => {
            session["customer_creation"] = "always".into();
            session["payment_method_collection"] = "always".into();
        }
        _ => {}
    }
}

/// Data for the payment, the subscription or the setup.
fn promised(call: &Call, mode: &str) -> Value {
    let data = match mode {
        "payment" => call.get("payment_intent_data"),
        "subscription" => call.get("subscription_data"),
        _ => call.get("setup_intent_data"),
    };
    data.cloned().unwrap_or_default()
}

fn blank(state: &mut AccountState, id: &str) -> Value {
    json!({
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": null,
        "after_expiration": null,
        "amount_subtotal": null,
        "amount_total": null,
        "client_secret": null,
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "created": state.now,
        "currency": null,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": {
            "after_submit": null, "shipping_address": null, "submit": null,
            "terms_of_service_acceptance": null,
        },
        "customer_creation": null,
        "customer_details": null,
        "discounts": [],
        "invoice": null,
        "invoice_creation": null,
        "livemode": false,
        "origin_context": null,
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid",
        "permissions": null,
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": "open",
        "subscription": null,
        "total_details": null,
        "ui_mode": "hosted_page",
        "url": format!("{}/stripe/pay/{id}", state.url),
        "wallet_options": null,
    })
}

fn check_fields(state: &AccountState, call: &Call, mode: &str) -> Result<(), Refused> {
    for (of_mode, name) in OF_MODE {
        if of_mode != mode && call.get(name).is_some() {
            let message = format!("You can not pass `{name}` in `{mode}` mode.");
            return Err(Refused::invalid(name, message));
        }
    }
    if call.get("customer_creation").is_some() && mode != "payment" {
        let message = "`customer_creation` can only be used in `payment` mode.";
        return Err(Refused::invalid("customer_creation", message));
    }
    if let Some(customer) = call.text("customer") {
        state.objects.find_param("customer", customer, "customer")?;
        for other in ["customer_email", "customer_creation"] {
            if call.get(other).is_some() {
                let message =
                    format!("You may only specify one of these parameters: customer, {other}.");
                return Err(Refused::invalid("customer", message));
            }
        }
    }
    for name in ["success_url", "cancel_url"] {
        match call.text(name) {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {}
            None if name == "cancel_url" => {}
            None => return Err(Refused::missing(name)),
            Some(_) => {
                let message = "Not a valid URL. URL must be 5000 characters or less.";
                return Err(Refused::invalid(name, message).coded("url_invalid"));
            }
        }
    }
    if call.text("client_reference_id").is_some_and(|id| 200 < id.len()) {
        let message = "Invalid string: must be at most 200 characters";
        return Err(Refused::invalid("client_reference_id", message));
    }
    Ok(())
}

/// Prices and quantities of a session's line items.
fn lines(state: &mut AccountState, call: &Call, mode: &str) -> Result<Vec<(Value, i64)>, Refused> {
    let asked = call.get("line_items").and_then(Value::as_array).cloned().unwrap_or_default();
    if mode == "setup" {
        if !asked.is_empty() {
            let message = "You can not pass `line_items` in `setup` mode.";
            return Err(Refused::invalid("line_items", message));
        }
        return Ok(Vec::new());
    }
    if asked.is_empty() {
        return Err(Refused::missing("line_items"));
    }
    if LINES_MAX < asked.len() {
        let message = format!("A session has at most {LINES_MAX} line items.");
        return Err(Refused::invalid("line_items", message));
    }
    let mut lines = Vec::new();
    for (index, asked) in asked.iter().enumerate() {
        let name = format!("line_items[{index}]");
        let price = line_price(state, asked, &name)?;
        let recurs = text(&price, "/type") == "recurring";
        if mode == "payment" && recurs {
            let message = "You specified `payment` mode but passed a recurring price. Either \
                           switch to `subscription` mode or use only one-time prices.";
            return Err(Refused::invalid("mode", message));
        }
        if recurs {
            check_recurring(&price, &format!("{name}[price]"))?;
        }
        let quantity = asked.get("quantity").and_then(Value::as_i64);
        let quantity = quantity.ok_or_else(|| Refused::missing(&format!("{name}[quantity]")))?;
        if !(1..=999_999).contains(&quantity) {
            let message = "This value must be greater than or equal to 1.";
            return Err(Refused::invalid(&format!("{name}[quantity]"), message)
                .coded("parameter_invalid_integer"));
        }
        lines.push((price, quantity));
    }
    if mode == "subscription" && !lines.iter().any(|(price, _)| text(price, "/type") == "recurring")
    {
        let message = "You must provide at least one recurring price in `subscription` mode when \
                       using prices.";
        return Err(Refused::invalid("line_items", message));
    }
    Ok(lines)
}

fn line_price(state: &mut AccountState, asked: &Value, name: &str) -> Result<Value, Refused> {
    match (text_of(asked, "/price"), asked.get("price_data")) {
        (Some(id), None) => {
            let param = format!("{name}[price]");
            let price = state.objects.find_param("price", id, &param)?;
            if flag(price, "/active") {
                return Ok(price.clone());
            }
            let message = format!("The price specified is inactive: {id}.");
            Err(Refused::invalid(&param, message))
        }
        (None, Some(data)) => inline_price(state, data, &format!("{name}[price_data]")),
        (None, None) => Err(Refused::missing(&format!("{name}[price]"))),
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: price, price_data.";
            Err(Refused::invalid(name, message))
        }
    }
}

/// A price created for one session. It is inactive, so no other session can use it.
fn inline_price(state: &mut AccountState, data: &Value, name: &str) -> Result<Value, Refused> {
    let missing = |field: &str| Refused::missing(&format!("{name}{field}"));
    let currency = text_of(data, "/currency").ok_or_else(|| missing("[currency]"))?;
    let currency = catalogue::currency(currency, &format!("{name}[currency]"))?;
    let amount = data["unit_amount"].as_i64().ok_or_else(|| missing("[unit_amount]"))?;
    if amount < 0 {
        let message = "Invalid non-negative integer";
        return Err(Refused::invalid(&format!("{name}[unit_amount]"), message)
            .coded("parameter_invalid_integer"));
    }
    let product = match (text_of(data, "/product"), text_of(data, "/product_data/name")) {
        (Some(id), None) => {
            state.objects.find_param("product", id, &format!("{name}[product]"))?;
            id.to_owned()
        }
        (None, Some(called)) => {
            let mut product = catalogue::new_product(state, None, called);
            for name in ["description", "tax_code"] {
                product[name] = data["product_data"][name].clone();
            }
            product["metadata"] = metadata(data.pointer("/product_data/metadata"));
            state.objects.put(product)
        }
        (None, None) | (Some(_), Some(_)) => return Err(missing("[product_data][name]")),
    };
    let interval = text_of(data, "/recurring/interval");
    let recurring =
        interval.map(|interval| (interval, int(data, "/recurring/interval_count").max(1)));
    let new =
        NewPrice { product: &product, currency, unit_amount: amount, recurring, lookup_key: None };
    let mut price = catalogue::new_price(state, &new);
    price["active"] = false.into();
    if let Some(behavior) = text_of(data, "/tax_behavior") {
        price["tax_behavior"] = behavior.into();
    }
    let id = state.objects.put(price);
    Ok(state.object(&id))
}

/// Totals of a session.
#[derive(Debug, Default)]
struct Sums {
    subtotal: i64,
    tax: i64,
    total: i64,
}

/// Stores the line items of a session.
fn put_lines(state: &mut AccountState, session: &str, lines: &[(Value, i64)], rate: i64) -> Sums {
    let mut sums = Sums::default();
    for (price, quantity) in lines {
        let subtotal = int(price, "/unit_amount") * quantity;
        let within = text(price, "/tax_behavior") == "inclusive";
        let tax = if within {
            subtotal - (subtotal * 10_000).div_euclid(10_000 + rate)
        } else {
            tax_on(subtotal, rate)
        };
        let total = if within { subtotal } else { subtotal + tax };
        let item = json!({
            "id": state.ids.next("li_"),
            "object": "item",
            "adjustable_quantity": null,
            "amount_discount": 0,
            "amount_subtotal": subtotal,
            "amount_tax": tax,
            "amount_total": total,
            "created": state.now,
            "currency": price["currency"],
            "description": state.text(text(price, "/product"), "/name"),
            "metadata": {},
            "price": price,
            "quantity": quantity,
            "session": session,
        });
        state.objects.put(item);
        sums.subtotal += subtotal;
        sums.tax += tax;
        sums.total += total;
    }
    sums
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |session: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(session, &format!("/{name}")) == wanted)
    };
    state.objects.page("checkout.session", "/v1/checkout/sessions", &call.params, |session| {
        ["customer", "payment_intent", "subscription", "status"]
            .iter()
            .all(|name| same(session, name))
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("checkout.session", call.id()).cloned()
}

fn list_lines(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    state.objects.find("checkout.session", id)?;
    let url = format!("/v1/checkout/sessions/{id}/line_items");
    state.objects.page("item", &url, &call.params, |item| text(item, "/session") == id)
}

fn expire(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    expire_now(state, call.id())?;
    Ok(state.object(call.id()))
}

/// Expires an open session.
pub(super) fn expire_now(state: &mut AccountState, id: &str) -> Result<(), Refused> {
    let status = text(state.objects.find("checkout.session", id)?, "/status");
    if status != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout \
             Session has a status of {status}."
        );
        return Err(Refused::conflict("checkout_session_state", message));
    }
    state.change(id, "checkout.session.expired", |session| {
        session["status"] = "expired".into();
        session["url"] = Value::Null;
    });
    Ok(())
}

/// Expires a session at the end of its lifetime, unless it was used.
pub(super) fn expire_if_due(state: &mut AccountState, id: &str) {
    let session = state.object(id);
    if text(&session, "/status") == "open" && int(&session, "/expires_at") <= state.now {
        state.change(id, "checkout.session.expired", |session| {
            session["status"] = "expired".into();
            session["url"] = Value::Null;
        });
    }
}
