//! Customers and their payment methods.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    cards::Card,
    errors::Refused,
    json::{flag, int, merge_metadata, metadata, set, text, text_of},
    params::{CREATED, PAGE, Rules},
    subscriptions,
};

const FIELDS: Rules = &[
    "email",
    "name",
    "phone",
    "description",
    "metadata.*",
    "invoice_settings.default_payment_method",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("customers", &[FIELDS], create),
    Endpoint::get("customers", &[&["email"], PAGE, CREATED], list),
    Endpoint::get("customers/{}", &[], get),
    Endpoint::post("customers/{}", &[FIELDS], update),
    Endpoint::delete("customers/{}", &[], delete),
    Endpoint::get("customers/{}/payment_methods", &[&["type"], PAGE], list_methods),
    Endpoint::get("payment_methods/{}", &[], get_method),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    check(call)?;
    if let Some(method) = call.text("invoice_settings.default_payment_method") {
        return Err(not_theirs(method));
    }
    let mut customer = new(state, call.text("email"), call.text("name"));
    for name in ["phone", "description"] {
        customer[name] = call.text(name).into();
    }
    customer["metadata"] = metadata(call.get("metadata"));
    let id = state.add(customer, "customer.created");
    Ok(state.object(&id))
}

/// Creates a customer for a payment without one.
pub(super) fn open(state: &mut AccountState, email: Option<&str>) -> String {
    let customer = new(state, email, None);
    state.add(customer, "customer.created")
}

fn new(state: &mut AccountState, email: Option<&str>, name: Option<&str>) -> Value {
    json!({
        "id": state.ids.next("cus_"),
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": state.now,
        "currency": null,
        "default_source": null,
        "delinquent": false,
        "description": null,
        "discount": null,
        "email": email,
        "invoice_prefix": state.ids.invoice_prefix(),
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": null,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": false,
        "metadata": {},
        "name": name,
        "next_invoice_sequence": 1,
        "phone": null,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    })
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let email = call.text("email");
    state.objects.page("customer", "/v1/customers", &call.params, |customer| {
        let wanted = email.is_none_or(|email| text(customer, "/email") == email);
        wanted && !flag(customer, "/deleted")
    })
}

/// Gets a customer. A deleted one is answered with only its id and `deleted`.
fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let deleted = state.objects.get(call.id()).filter(|it| flag(it, "/deleted"));
    match deleted {
        Some(deleted) => Ok(deleted.clone()),
        None => state.objects.find("customer", call.id()).cloned(),
    }
}

fn delete(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    erase(state, call.id())?;
    Ok(state.object(call.id()))
}

/// Deletes a customer permanently: their subscriptions end immediately
/// (docs.stripe.com/api/customers/delete).
pub(super) fn erase(state: &mut AccountState, id: &str) -> Result<(), Refused> {
    state.objects.find("customer", id)?;
    let all = state.objects.all("subscription");
    let own = all.filter(|subscription| text(subscription, "/customer") == id);
    let own: Vec<String> = own.map(|object| text(object, "/id").to_owned()).collect();
    for subscription in own {
        subscriptions::end(state, &subscription, "cancellation_requested");
    }
    state.tell("customer.deleted", id);
    state.edit(id, |customer| {
        *customer = json!({ "id": id, "object": "customer", "deleted": true });
    });
    Ok(())
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    state.objects.find("customer", id)?;
    check(call)?;
    let default = call.text("invoice_settings.default_payment_method");
    if let Some(method) = default
        && state.text(method, "/customer") != id
    {
        return Err(not_theirs(method));
    }
    state.change(id, "customer.updated", |customer| {
        for name in ["email", "name", "phone", "description"] {
            if let Some(value) = call.get(name) {
                customer[name] = value.as_str().filter(|text| !text.is_empty()).into();
            }
        }
        if let Some(method) = default {
            set(customer, "/invoice_settings/default_payment_method", method);
        }
        merge_metadata(customer, call.get("metadata"));
    });
    Ok(state.object(id))
}

fn list_methods(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    state.objects.find("customer", id)?;
    let url = format!("/v1/customers/{id}/payment_methods");
    state.objects.page("payment_method", &url, &call.params, |method| {
        text(method, "/customer") == id
            && call.text("type").is_none_or(|kind| text(method, "/type") == kind)
    })
}

fn get_method(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("payment_method", call.id()).cloned()
}

/// A payment method of a test card, not attached to a customer.
pub(super) fn method_of(state: &mut AccountState, card: Card, email: &str) -> String {
    let mut method = json!({
        "id": state.ids.next("pm_"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {
            "address": {
                "city": null, "country": "US", "line1": null, "line2": null,
                "postal_code": "10001", "state": null,
            },
            "email": Some(email).filter(|email| !email.is_empty()),
            "name": null,
            "phone": null,
            "tax_id": null,
        },
        "created": state.now,
        "customer": null,
        "livemode": false,
        "metadata": {},
        "type": card.kind(),
    });
    method[card.kind()] = card.details();
    state.objects.put(method)
}

/// Attaches a payment method to a customer, for later payments.
pub(super) fn attach(state: &mut AccountState, method: &str, customer: &str) {
    state.edit(method, |method| set(method, "/customer", customer));
    state.tell("payment_method.attached", method);
}

/// Makes it the default for invoices.
pub(super) fn make_default(state: &mut AccountState, method: &str, customer: &str) {
    state.change(customer, "customer.updated", |customer| {
        set(customer, "/invoice_settings/default_payment_method", method);
    });
}

/// The payment method for a customer's invoice: the subscription's, or the customer's default.
pub(super) fn method_for(
    state: &AccountState,
    customer: &str,
    subscription: &str,
) -> Option<String> {
    let own = state.text(subscription, "/default_payment_method");
    let usual = state.text(customer, "/invoice_settings/default_payment_method");
    [own, usual].into_iter().find(|method| !method.is_empty())
}

/// The next number of a customer's invoices.
pub(super) fn next_invoice_number(state: &mut AccountState, customer: &str) -> String {
    let mut number = String::new();
    state.edit(customer, |customer| {
        let sequence = int(customer, "/next_invoice_sequence");
        number = format!("{}-{sequence:04}", text(customer, "/invoice_prefix"));
        set(customer, "/next_invoice_sequence", sequence + 1);
    });
    number
}

fn check(call: &Call) -> Result<(), Refused> {
    match text_of(&call.params, "/email") {
        Some(email) if !email.contains('@') => {
            Err(Refused::invalid("email", format!("Invalid email address: {email}"))
                .coded("email_invalid"))
        }
        Some(_) | None => Ok(()),
    }
}

fn not_theirs(method: &str) -> Refused {
    let message = format!("The customer does not have a payment method with the ID {method}.");
    Refused::invalid("invoice_settings[default_payment_method]", message).coded("resource_missing")
}
