//! Events, stored as the bytes that are delivered, and their endpoints.
//!
//! An event about a connected account's object carries the account's id and goes to other endpoints
//! than the platform's. One about a v2 object is thin: it names the object, and the receiver
//! retrieves it (docs.stripe.com/event-destinations).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    VERSION,
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::{DAY_S, rfc3339},
    errors::Refused,
    object_store::{created_range, page_of},
    params::{CREATED, PAGE},
    webhooks,
};

/// How long the API lists an event.
const SHOWN_S: i64 = 30 * DAY_S;

/// Payload of an event.
#[derive(Debug)]
pub(super) enum Form {
    /// The object's state, and the connected account that holds it, if any.
    Snapshot { data: Value, account: Option<String> },
    /// The id of a connected account that changed.
    Thin { account: String },
}

/// What an event is about, which selects its receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// The platform's own objects.
    Platform,
    /// A connected account's objects.
    Connected,
    /// A connected account itself, as a thin event.
    Thin,
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct StripeEvent {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) audience: Audience,
    /// Its connected account.
    account: Option<String>,
    /// The event as an object.
    pub(super) event: Value,
    /// The body that is delivered.
    pub(super) body: String,
    /// The endpoints to deliver to, and those that accepted it.
    pub(super) wanted_by: BTreeSet<String>,
    pub(super) taken_by: BTreeSet<String>,
}

impl StripeEvent {
    pub(super) fn new(state: &mut AccountState, kind: &str, form: Form) -> StripeEvent {
        let id = state.ids.next("evt_");
        let (audience, account) = match &form {
            Form::Snapshot { account: None, .. } => (Audience::Platform, None),
            Form::Snapshot { account, .. } => (Audience::Connected, account.clone()),
            Form::Thin { account } => (Audience::Thin, Some(account.clone())),
        };
        let wanted_by: BTreeSet<String> =
            webhooks::targets(state, kind, audience).into_iter().map(|target| target.id).collect();
        let event = match form {
            Form::Snapshot { data, account } => {
                snapshot(state, &id, kind, (data, account), wanted_by.len())
            }
            Form::Thin { account } => thin(state, &id, kind, &account),
        };
        let body = serde_json::to_string_pretty(&event).unwrap_or_default();
        let kind = kind.to_owned();
        StripeEvent {
            id,
            kind,
            audience,
            account,
            event,
            body,
            wanted_by,
            taken_by: BTreeSet::new(),
        }
    }

    /// Whether the API lists it for the current account: the platform, or a connected one.
    fn is_listed(&self, state: &AccountState) -> bool {
        self.audience != Audience::Thin && self.account == state.account
    }

    /// Whether every endpoint accepted it.
    pub(super) fn is_delivered(&self) -> bool {
        self.wanted_by.is_subset(&self.taken_by)
    }
}

fn snapshot(
    state: &AccountState,
    id: &str,
    kind: &str,
    (data, account): (Value, Option<String>),
    told: usize,
) -> Value {
    let mut event = json!({
        "id": id,
        "object": "event",
        "api_version": VERSION,
        "created": state.now,
        "data": data,
        "livemode": false,
        "pending_webhooks": told,
        "request": {
            "id": state.cause.request,
            "idempotency_key": state.cause.idempotency_key,
        },
        "type": kind,
    });
    if let Some(account) = account {
        event["account"] = account.into();
    }
    event
}

fn thin(state: &AccountState, id: &str, kind: &str, account: &str) -> Value {
    json!({
        "id": id,
        "object": "v2.core.event",
        "context": account,
        "created": rfc3339(state.now),
        "livemode": false,
        "related_object": {
            "id": account,
            "type": "v2.core.account",
            "url": format!("/v2/core/accounts/{account}"),
        },
        "type": kind,
    })
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("events", &[&["type", "types.*", "delivery_success: bool"], PAGE, CREATED], list),
    Endpoint::get("events/{}", &[], get),
];

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let types = call.list("types");
    let of_type = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        call.text("type").is_none_or(|wanted| matches_type(wanted, kind))
            && (types.is_empty() || types.contains(&kind))
    };
    let delivered = call.flag("delivery_success");
    let created = created_range(&call.params);
    let shown = state
        .events
        .iter()
        .rev()
        .filter(|stripe_event| stripe_event.is_listed(state))
        .filter(|stripe_event| delivered.is_none_or(|asked| asked == stripe_event.is_delivered()))
        .map(|stripe_event| &stripe_event.event);
    let fits = |event: &Value| is_shown(state, event) && created(event) && of_type(event);
    page_of(shown, fits, "/v1/events", &call.params)
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    let mut listed = state.events.iter().filter(|stripe_event| stripe_event.is_listed(state));
    let found = listed.find(|stripe_event| stripe_event.id == id);
    found
        .map(|stripe_event| stripe_event.event.clone())
        .filter(|event| is_shown(state, event))
        .ok_or_else(|| Refused::no_such("event", id))
}

fn is_shown(state: &AccountState, event: &Value) -> bool {
    state.now - SHOWN_S <= event["created"].as_i64().unwrap_or_default()
}

/// Whether `kind` matches `wanted`, which may be a wildcard: `charge.*` or `*`.
pub(super) fn matches_type(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(begin) => kind.starts_with(begin),
        None => wanted == kind,
    }
}
