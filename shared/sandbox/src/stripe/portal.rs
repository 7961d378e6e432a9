//! The customer portal: configurations and sessions. Its page is in `pages`.

use serde_json::{Map, Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    errors::Refused,
    json::{flag, metadata, set, text, text_of},
    params::{PAGE, Rules},
};

const CONFIGURATION: Rules = &[
    "business_profile.**",
    "features.**",
    "default_return_url",
    "login_page.enabled: bool",
    "metadata.*",
    "name",
    "active: bool",
];
const SESSION: Rules = &[
    "customer!",
    "return_url",
    "configuration",
    "locale",
    "flow_data.type: payment_method_update|subscription_cancel|subscription_update|\
     subscription_update_confirm",
    "flow_data.subscription_cancel.subscription",
    "flow_data.subscription_update.subscription",
    "flow_data.subscription_update_confirm.subscription",
    "flow_data.subscription_update_confirm.items.*.id",
    "flow_data.subscription_update_confirm.items.*.price",
    "flow_data.subscription_update_confirm.items.*.quantity: int",
    "flow_data.after_completion.type: hosted_confirmation|portal_homepage|redirect",
    "flow_data.after_completion.redirect.return_url",
    "flow_data.after_completion.hosted_confirmation.custom_message",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("billing_portal/configurations", &[CONFIGURATION], create),
    Endpoint::get(
        "billing_portal/configurations",
        &[&["active: bool", "is_default: bool"], PAGE],
        list,
    ),
    Endpoint::get("billing_portal/configurations/{}", &[], get),
    Endpoint::post("billing_portal/configurations/{}", &[CONFIGURATION], update),
    Endpoint::post("billing_portal/sessions", &[SESSION], open),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    if call.get("features").is_none() {
        return Err(Refused::missing("features"));
    }
    let first = state.objects.all("billing_portal.configuration").next().is_none();
    let mut configuration = blank(state);
    configuration["is_default"] = first.into();
    fill(&mut configuration, call);
    configuration["metadata"] = metadata(call.get("metadata"));
    let id = state.add(configuration, "billing_portal.configuration.created");
    Ok(state.object(&id))
}

fn blank(state: &mut AccountState) -> Value {
    json!({
        "id": state.ids.next("bpc_"),
        "object": "billing_portal.configuration",
        "active": true,
        "application": null,
        "business_profile": {
            "headline": null, "privacy_policy_url": null, "terms_of_service_url": null,
        },
        "created": state.now,
        "default_return_url": null,
        "features": {
            "customer_update": { "allowed_updates": [], "enabled": false },
            "invoice_history": { "enabled": false },
            "payment_method_update": { "enabled": false },
            "subscription_cancel": {
                "cancellation_reason": { "enabled": false, "options": [] }, "enabled": false,
                "mode": "at_period_end", "proration_behavior": "none",
            },
            "subscription_update": {
                "billing_cycle_anchor": null, "default_allowed_updates": [], "enabled": false,
                "products": [], "proration_behavior": "none",
                "schedule_at_period_end": { "conditions": [] },
                "trial_update_behavior": "end_trial",
            },
        },
        "is_default": false,
        "livemode": false,
        "login_page": { "enabled": false, "url": null },
        "metadata": {},
        "name": null,
        "updated": state.now,
    })
}

/// Merges the sent fields. Nested fields are stored as sent, with `true` and `false` as booleans.
fn fill(configuration: &mut Value, call: &Call) {
    for name in ["business_profile", "features", "default_return_url", "name", "active"] {
        if let Some(sent) = call.get(name) {
            lay(&mut configuration[name], sent);
        }
    }
    if let Some(enabled) = call.flag("login_page.enabled") {
        set(configuration, "/login_page/enabled", enabled);
        let url = enabled.then_some("https://billing.stripe.com/p/login/test_sandbox");
        set(configuration, "/login_page/url", url);
    }
}

fn lay(place: &mut Value, sent: &Value) {
    let Some(fields) = sent.as_object() else {
        *place = match sent.as_str() {
            Some("true") => true.into(),
            Some("false") => false.into(),
            Some("") => Value::Null,
            Some(_) | None => sent.clone(),
        };
        return;
    };
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    for (name, inner) in fields {
        lay(&mut place[name.as_str()], inner);
    }
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let url = "/v1/billing_portal/configurations";
    state.objects.page("billing_portal.configuration", url, &call.params, |configuration| {
        ["active", "is_default"].iter().all(|name| {
            call.flag(name).is_none_or(|asked| flag(configuration, &format!("/{name}")) == asked)
        })
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("billing_portal.configuration", call.id()).cloned()
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("billing_portal.configuration", call.id())?;
    let now = state.now;
    state.change(call.id(), "billing_portal.configuration.updated", |configuration| {
        fill(configuration, call);
        super::json::merge_metadata(configuration, call.get("metadata"));
        configuration["updated"] = now.into();
    });
    Ok(state.object(call.id()))
}

fn open(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let customer = call.text("customer").unwrap_or_default();
    state.objects.find_param("customer", customer, "customer")?;
    let configuration = configuration(state, call.text("configuration"))?;
    let fallback = state.text(&configuration, "/default_return_url");
    let return_url = call.text("return_url").map(str::to_owned);
    let return_url = return_url.or(Some(fallback).filter(|url| !url.is_empty()));
    if let Some(url) = &return_url
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        return Err(Refused::invalid("return_url", "Not a valid URL").coded("url_invalid"));
    }
    let flow = flow(state, call, customer)?;
    let id = state.ids.next("bps_");
    let session = json!({
        "id": id,
        "object": "billing_portal.session",
        "configuration": configuration,
        "created": state.now,
        "customer": customer,
        "flow": flow,
        "livemode": false,
        "locale": call.text("locale"),
        "on_behalf_of": null,
        "return_url": return_url,
        "url": format!("{}/stripe/portal/{id}", state.url),
    });
    state.objects.put(session);
    state.tell("billing_portal.session.created", &id);
    Ok(state.object(&id))
}

/// The configuration with that id, or the default. Stripe has no default until one is created; the
/// sandbox creates it with every feature on, as the first visit to the dashboard's settings would.
fn configuration(state: &mut AccountState, asked: Option<&str>) -> Result<String, Refused> {
    if let Some(id) = asked {
        let kind = "billing_portal.configuration";
        return Ok(text(state.objects.find_param(kind, id, "configuration")?, "/id").to_owned());
    }
    let usual = state
        .objects
        .all("billing_portal.configuration")
        .find(|configuration| flag(configuration, "/is_default"))
        .map(|configuration| text(configuration, "/id").to_owned());
    if let Some(usual) = usual {
        return Ok(usual);
    }
    let mut made = blank(state);
    made["is_default"] = true.into();
    for feature in
        ["invoice_history", "payment_method_update", "subscription_cancel", "subscription_update"]
    {
        set(&mut made, &format!("/features/{feature}/enabled"), true);
    }
    Ok(state.objects.put(made))
}

fn flow(state: &AccountState, call: &Call, customer: &str) -> Result<Value, Refused> {
    let Some(asked) = call.get("flow_data") else { return Ok(Value::Null) };
    let kind = text_of(asked, "/type").ok_or_else(|| Refused::missing("flow_data[type]"))?;
    if kind != "payment_method_update" {
        let param = format!("flow_data[{kind}][subscription]");
        let id = text_of(asked, &format!("/{kind}/subscription"));
        let id = id.ok_or_else(|| Refused::missing(&param))?;
        let subscription = state.objects.find_param("subscription", id, &param)?;
        if text(subscription, "/customer") != customer {
            return Err(Refused::no_such_param(&param, "subscription", id));
        }
        if text(subscription, "/status") == "canceled" {
            let message = "This subscription is canceled.";
            return Err(Refused::invalid(&param, message));
        }
        if kind == "subscription_cancel" && flag(subscription, "/cancel_at_period_end") {
            let message = "This subscription is already set to be canceled at period end.";
            return Err(Refused::invalid(&param, message));
        }
    }
    let mut flow = json!({
        "after_completion": {
            "hosted_confirmation": null, "redirect": null, "type": "portal_homepage",
        },
        "subscription_cancel": null,
        "subscription_update": null,
        "subscription_update_confirm": null,
        "type": kind,
    });
    lay(&mut flow, asked);
    if kind == "subscription_cancel" {
        set(&mut flow, "/subscription_cancel/retention", Value::Null);
    }
    if kind == "subscription_update_confirm" {
        set(&mut flow, "/subscription_update_confirm/discounts", Value::Null);
    }
    Ok(flow)
}
