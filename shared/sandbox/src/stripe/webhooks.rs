//! Webhook targets and deliveries: signed, retried until accepted, and out of order, duplicated,
//! late or dropped if the settings say so.
//!
//! Scheme (docs.stripe.com/webhooks/signature): `Stripe-Signature: t=<unix>,v1=<hex>`, HMAC-SHA256
//! of `{t}.{raw body}` under the whole secret, `whsec_` included; one `v1` for each secret in use.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Deliver, Order, Settings, SignatureTime, VERSION,
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::real_now,
    errors::Refused,
    events::{Audience, matches_type},
    json::{list, merge_metadata, metadata, text, text_of},
    params::{PAGE, Rules},
};
use crate::{
    app_state::{AppState, locked},
    request_log::{Delivery, Notice, now_ms},
};

/// Ids of the targets in the settings: for the platform, for connected accounts.
const SETTINGS_TARGET: &str = "we_settings";
const SETTINGS_CONNECT_TARGET: &str = "we_settings_connect";
/// Most endpoints, as in the API.
const ENDPOINTS_MAX: usize = 16;

/// The value of `Stripe-Signature` for a body sent at `timestamp` (Unix seconds).
pub fn sign(body: &[u8], secrets: &[&str], timestamp: i64) -> String {
    let mut value = format!("t={timestamp}");
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let mut message = hmac::Context::with_key(&key);
        message.update(format!("{timestamp}.").as_bytes());
        message.update(body);
        value.push_str(",v1=");
        value.push_str(&hex::encode(message.sign()));
    }
    value
}

/// A delivery target.
#[derive(Debug, Clone)]
pub(super) struct DeliveryTarget {
    pub(super) id: String,
    url: String,
    secrets: Vec<String>,
}

/// An event pending delivery.
#[derive(Debug, Clone)]
pub(super) struct PendingDelivery {
    event: String,
    body: Bytes,
    to: Vec<DeliveryTarget>,
    notice: Notice,
}

/// The targets of events of this kind. An endpoint of another API version has none: events exist in
/// one version only.
pub(super) fn targets(state: &AccountState, kind: &str, audience: Audience) -> Vec<DeliveryTarget> {
    let (set, name) = match audience {
        Audience::Platform => (&state.settings.webhook, SETTINGS_TARGET),
        Audience::Connected | Audience::Thin => {
            (&state.settings.connect_webhook, SETTINGS_CONNECT_TARGET)
        }
    };
    let set = set.iter().map(|target| DeliveryTarget {
        id: name.to_owned(),
        url: target.url.clone(),
        secrets: [Some(target.secret.clone()), target.second_secret.clone()]
            .into_iter()
            .flatten()
            .collect(),
    });
    let of_kind = match audience {
        Audience::Platform | Audience::Connected => "webhook_endpoint",
        Audience::Thin => "v2.core.event_destination",
    };
    let registered = state.platform().all(of_kind).filter(|endpoint| {
        let types = list(endpoint, "/enabled_events");
        let hears_connected = state.connect_endpoints.contains(text(endpoint, "/id"));
        hears_connected == (audience != Audience::Platform)
            && text(endpoint, "/status") == "enabled"
            && text_of(endpoint, "/api_version").is_none_or(|version| version == VERSION)
            && types.iter().filter_map(Value::as_str).any(|wanted| matches_type(wanted, kind))
    });
    let registered = registered.map(|endpoint| DeliveryTarget {
        id: text(endpoint, "/id").to_owned(),
        url: text_of(endpoint, "/webhook_endpoint/url")
            .unwrap_or_else(|| text(endpoint, "/url"))
            .to_owned(),
        secrets: state.secrets.get(text(endpoint, "/id")).cloned().into_iter().collect(),
    });
    set.chain(registered).collect()
}

/// Takes the new events, in the order and number of the settings.
pub(super) fn pack(state: &mut AccountState) -> Vec<PendingDelivery> {
    let mut fresh = std::mem::take(&mut state.fresh);
    match state.settings.deliver {
        Deliver::Off => {
            state.held.clear();
            Vec::new()
        }
        Deliver::Held => {
            state.held.append(&mut fresh);
            Vec::new()
        }
        Deliver::On => {
            let mut ids = std::mem::take(&mut state.held);
            ids.append(&mut fresh);
            let dropped = |id: &String| {
                state.events.iter().rev().find(|event| event.id == *id).is_none_or(|event| {
                    state.settings.drop.iter().any(|wanted| matches_type(wanted, &event.kind))
                })
            };
            ids.retain(|id| !dropped(id));
            parcels(state, &ids, state.settings.copies, state.settings.order)
        }
    }
}

/// Deliveries of these events, `copies` each, in this order.
pub(super) fn parcels(
    state: &AccountState,
    ids: &[String],
    copies: u32,
    order: Order,
) -> Vec<PendingDelivery> {
    let mut parcels: Vec<PendingDelivery> = Vec::new();
    for id in ids {
        let Some(event) = state.events.iter().rev().find(|event| event.id == *id) else { continue };
        let to = targets(state, &event.kind, event.audience);
        let again = event.taken_by.is_empty();
        for copy in 0..copies {
            let first = copy == 0 && again;
            parcels.push(PendingDelivery {
                event: id.clone(),
                body: Bytes::from(event.body.clone()),
                to: to.clone(),
                notice: if first { Notice::Genuine } else { Notice::Duplicate },
            });
        }
    }
    match order {
        Order::Made => {}
        Order::Reverse => parcels.reverse(),
        Order::Shuffle(seed) => parcels.shuffle(&mut StdRng::seed_from_u64(seed)),
    }
    parcels
}

/// Sends deliveries one after the other; failed ones are retried in parallel with the rest.
pub(super) fn send(app: &Arc<AppState>, parcels: Vec<PendingDelivery>) {
    if parcels.iter().all(|delivery| delivery.to.is_empty()) {
        return;
    }
    let app_of_batch = Arc::clone(app);
    app.go_on_with(async move {
        for delivery in parcels {
            for target in delivery.to.clone() {
                deliver_or_insist(&app_of_batch, delivery.clone(), target).await;
            }
        }
    });
}

async fn deliver_or_insist(app: &Arc<AppState>, delivery: PendingDelivery, target: DeliveryTarget) {
    if deliver(app, &delivery, &target, 1).await {
        return;
    }
    let later = Arc::clone(app);
    app.go_on_with(async move {
        let settings = settings_of(&later);
        let mut pauses = settings.pauses_ms.iter().copied();
        let mut pause_ms = 0;
        for attempt in 2..=settings.tries_max {
            pause_ms = pauses.next().unwrap_or(pause_ms);
            sleep(Duration::from_millis(pause_ms)).await;
            if deliver(&later, &delivery, &target, attempt).await {
                return;
            }
        }
    });
}

/// One attempt; true if the receiver answered 2xx.
async fn deliver(
    app: &Arc<AppState>,
    delivery: &PendingDelivery,
    target: &DeliveryTarget,
    attempt: u32,
) -> bool {
    let at = match settings_of(app).signature_time {
        SignatureTime::Real => real_now(),
        SignatureTime::Stripe => locked(&app.stripe.state).clock.now(),
    };
    let secrets: Vec<&str> = target.secrets.iter().map(String::as_str).collect();
    let sent = app
        .http
        .post(&target.url)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header("Stripe-Signature", sign(&delivery.body, &secrets, at))
        .header("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .body(delivery.body.clone())
        .send()
        .await;
    let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
    tracing::info!(id = delivery.event, attempt, status, "POST {}", target.url);
    app.journal.record_delivery(Delivery {
        at_ms: now_ms(),
        request_id: delivery.event.clone(),
        url: target.url.clone(),
        notice: delivery.notice,
        attempt,
        status,
    });
    let taken = sent.is_ok_and(|answer| answer.status().is_success());
    if taken {
        let mut state = locked(&app.stripe.state);
        let event = state.events.iter_mut().rev().find(|event| event.id == delivery.event);
        if let Some(event) = event {
            event.taken_by.insert(target.id.clone());
        }
    }
    taken
}

fn settings_of(app: &AppState) -> Settings {
    locked(&app.stripe.state).settings.clone()
}

const UPDATE: Rules = &["url", "enabled_events.*", "description", "metadata.*", "disabled: bool"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "webhook_endpoints",
        &[&[
            "url!",
            "enabled_events.*",
            "api_version",
            "description",
            "metadata.*",
            "connect: bool",
        ]],
        create,
    ),
    Endpoint::get("webhook_endpoints", &[PAGE], list_all),
    Endpoint::get("webhook_endpoints/{}", &[], get),
    Endpoint::post("webhook_endpoints/{}", &[UPDATE], update),
    Endpoint::delete("webhook_endpoints/{}", &[], delete),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let types = call.list("enabled_events");
    if types.is_empty() {
        return Err(Refused::missing("enabled_events"));
    }
    check_url(call.text("url"))?;
    if ENDPOINTS_MAX <= state.objects.all("webhook_endpoint").count() {
        let message =
            format!("You have reached the maximum of {ENDPOINTS_MAX} test webhook endpoints.");
        return Err(Refused::invalid("url", message));
    }
    let mut endpoint = json!({
        "id": state.ids.next("we_"),
        "object": "webhook_endpoint",
        "api_version": call.text("api_version"),
        "application": null,
        "created": state.now,
        "description": call.text("description"),
        "enabled_events": types,
        "livemode": false,
        "metadata": metadata(call.get("metadata")),
        "status": "enabled",
        "url": call.text("url"),
    });
    let id = state.objects.put(endpoint.clone());
    let secret = state.ids.next("whsec_");
    endpoint["secret"] = secret.clone().into();
    if call.flag("connect").unwrap_or_default() {
        state.connect_endpoints.insert(id.clone());
    }
    state.secrets.insert(id, secret);
    Ok(endpoint)
}

fn list_all(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.page("webhook_endpoint", "/v1/webhook_endpoints", &call.params, |_| true)
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("webhook_endpoint", call.id()).cloned()
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("webhook_endpoint", call.id())?;
    check_url(call.text("url"))?;
    state.edit(call.id(), |endpoint| {
        for name in ["url", "description"] {
            if let Some(value) = text_of(&call.params, &format!("/{name}")) {
                endpoint[name] = value.into();
            }
        }
        if let Some(types) = call.get("enabled_events") {
            endpoint["enabled_events"] = types.clone();
        }
        if let Some(disabled) = call.flag("disabled") {
            endpoint["status"] = if disabled { "disabled" } else { "enabled" }.into();
        }
        merge_metadata(endpoint, call.get("metadata"));
    });
    Ok(state.object(call.id()))
}

fn delete(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("webhook_endpoint", call.id())?;
    state.objects.remove(call.id());
    state.secrets.remove(call.id());
    state.connect_endpoints.remove(call.id());
    Ok(json!({ "id": call.id(), "object": "webhook_endpoint", "deleted": true }))
}

pub(super) fn check_url(url: Option<&str>) -> Result<(), Refused> {
    if url.is_none_or(|url| url.starts_with("http://") || url.starts_with("https://")) {
        return Ok(());
    }
    Err(Refused::invalid(
        "url",
        "Invalid URL: An explicit scheme (such as https) must be provided.",
    )
    .coded("url_invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected value computed with another implementation.
    #[test]
    fn the_signature_is_the_documented_one() {
        let body = br#"{"id":"evt_1","object":"event"}"#;
        let signature = "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd";
        let signed = sign(body, &["whsec_test_secret"], 1_700_000_000);
        assert_eq!(signed, format!("t=1700000000,v1={signature}"));
        let both = sign(body, &["whsec_test_secret", "whsec_other"], 1_700_000_000);
        assert!(both.starts_with(&format!("{signed},v1=")), "{both}");
    }
}
