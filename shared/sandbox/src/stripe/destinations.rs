//! Event destinations: receivers of thin events about connected accounts
//! (docs.stripe.com/api/v2/core/event-destinations). Only webhooks are supported.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::rfc3339,
    errors::Refused,
    json::{list, metadata, set, text, text_of},
    params::Rules,
    webhooks::check_url,
};

/// Most destinations, as in the API.
const DESTINATIONS_MAX: usize = 16;
/// Default page size: smaller than the API's 20, so that paging is exercised.
const PAGE: i64 = 5;

const INCLUDE: Rules = &["include.*: webhook_endpoint.signing_secret|webhook_endpoint.url"];
const CREATE: Rules = &[
    "name!",
    "type!: webhook_endpoint",
    "event_payload!: thin",
    "enabled_events.*",
    "events_from.*: @self|@accounts|self|other_accounts",
    "webhook_endpoint.url!",
    "description",
    "metadata.*",
];
const UPDATE: Rules = &["name", "enabled_events.*", "webhook_endpoint.url", "description"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post_v2("core/event_destinations", &[CREATE, INCLUDE], create),
    Endpoint::get_v2("core/event_destinations", &[&["limit: int", "page"], INCLUDE], list_all),
    Endpoint::get_v2("core/event_destinations/{}", &[INCLUDE], get),
    Endpoint::post_v2("core/event_destinations/{}", &[UPDATE, INCLUDE], update),
    Endpoint::post_v2("core/event_destinations/{}/enable", &[INCLUDE], enable),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let types = call.list("enabled_events");
    if types.is_empty() {
        return Err(Refused::missing("enabled_events"));
    }
    check_url(call.text("webhook_endpoint.url"))?;
    if DESTINATIONS_MAX <= state.objects.all("v2.core.event_destination").count() {
        let message = format!("There are at most {DESTINATIONS_MAX} event destinations.");
        return Err(Refused::invalid("", message));
    }
    let from = call.list("events_from");
    let now = rfc3339(state.now);
    let destination = json!({
        "id": state.ids.next("ed_test_"),
        "object": "v2.core.event_destination",
        "created": now,
        "description": call.text("description").unwrap_or_default(),
        "enabled_events": types,
        "event_payload": "thin",
        "events_from": if from.is_empty() { vec!["@self"] } else { from.clone() },
        "livemode": false,
        "metadata": metadata(call.get("metadata")),
        "name": call.text("name"),
        "snapshot_api_version": null,
        "status": "enabled",
        "status_details": null,
        "type": "webhook_endpoint",
        "updated": now,
        "webhook_endpoint": { "signing_secret": null, "url": call.text("webhook_endpoint.url") },
    });
    let id = state.objects.put(destination);
    if from.iter().any(|from| matches!(*from, "@accounts" | "other_accounts")) {
        state.connect_endpoints.insert(id.clone());
    }
    let secret = state.ids.next("whsec_");
    state.secrets.insert(id.clone(), secret.clone());
    let mut made = shown(&state.object(&id), call);
    if call.list("include").contains(&"webhook_endpoint.signing_secret") {
        set(&mut made, "/webhook_endpoint/signing_secret", secret);
    }
    Ok(made)
}

/// A destination, with its URL only if `include` lists it.
fn shown(destination: &Value, call: &Call) -> Value {
    let mut shown = destination.clone();
    if call.list("include").is_empty() {
        shown["webhook_endpoint"] = Value::Null;
    } else if !call.list("include").contains(&"webhook_endpoint.url") {
        set(&mut shown, "/webhook_endpoint/url", Value::Null);
    }
    shown
}

fn list_all(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let limit = call.int("limit").unwrap_or(PAGE);
    if !(1..=100).contains(&limit) {
        return Err(Refused::invalid("limit", "It must be 1 to 100."));
    }
    let page = call.text("page");
    let mut all = state.objects.all("v2.core.event_destination").rev().peekable();
    if let Some(first) = page {
        while all.next_if(|destination| text(destination, "/id") != first).is_some() {}
        if all.peek().is_none() {
            return Err(Refused::invalid("page", "There is no such page."));
        }
    }
    let data: Vec<Value> = all
        .by_ref()
        .take(usize::try_from(limit).unwrap_or(0))
        .map(|destination| shown(destination, call))
        .collect();
    let next = all.next().map(|first| {
        format!("/v2/core/event_destinations?limit={limit}&page={}", text(first, "/id"))
    });
    Ok(json!({ "data": data, "next_page_url": next }))
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    find(state, call.id()).map(|destination| shown(destination, call))
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    find(state, call.id())?;
    check_url(call.text("webhook_endpoint.url"))?;
    state.edit(call.id(), |destination| {
        for name in ["name", "description"] {
            if let Some(value) = text_of(&call.params, &format!("/{name}")) {
                destination[name] = value.into();
            }
        }
        if !list(&call.params, "/enabled_events").is_empty() {
            destination["enabled_events"] = call.params["enabled_events"].clone();
        }
        if let Some(url) = call.text("webhook_endpoint.url") {
            set(destination, "/webhook_endpoint/url", url);
        }
    });
    get(state, call)
}

fn enable(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    find(state, call.id())?;
    state.edit(call.id(), |destination| destination["status"] = "enabled".into());
    get(state, call)
}

fn find<'a>(state: &'a AccountState, id: &str) -> Result<&'a Value, Refused> {
    let found = state.objects.get(id);
    found
        .filter(|object| text(object, "/object") == "v2.core.event_destination")
        .ok_or_else(|| Refused::no_such_v2("event destination", id))
}
