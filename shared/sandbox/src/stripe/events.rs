//! What happened: events, kept as the bytes that are delivered, and their endpoints.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    VERSION,
    api::{Call, Endpoint},
    books::Books,
    clock::DAY_S,
    errors::Refused,
    params::{CREATED, PAGE},
    shelf::{created_range, page_of},
    webhooks,
};

/// How long the API shows an event.
const SHOWN_S: i64 = 30 * DAY_S;

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub(super) id: String,
    pub(super) kind: String,
    /// The event as an object.
    pub(super) event: Value,
    /// The same as it is delivered.
    pub(super) body: String,
    /// The endpoints that are to be told, and those that took it.
    pub(super) wanted_by: BTreeSet<String>,
    pub(super) taken_by: BTreeSet<String>,
}

impl Happening {
    pub(super) fn new(books: &mut Books, kind: &str, data: Value) -> Happening {
        let id = books.ids.next("evt_");
        let wanted_by: BTreeSet<String> =
            webhooks::targets(books, kind).into_iter().map(|target| target.id).collect();
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": VERSION,
            "created": books.now,
            "data": data,
            "livemode": false,
            "pending_webhooks": wanted_by.len(),
            "request": {
                "id": books.cause.request,
                "idempotency_key": books.cause.idempotency_key,
            },
            "type": kind,
        });
        let body = serde_json::to_string_pretty(&event).unwrap_or_default();
        Happening { id, kind: kind.to_owned(), event, body, wanted_by, taken_by: BTreeSet::new() }
    }

    /// Whether everybody who is to be told took it.
    pub(super) fn is_delivered(&self) -> bool {
        self.wanted_by.is_subset(&self.taken_by)
    }
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("events", &[&["type", "types.*", "delivery_success: bool"], PAGE, CREATED], list),
    Endpoint::get("events/{}", &[], get),
];

fn list(books: &mut Books, call: &Call) -> Result<Value, Refused> {
    let types = call.list("types");
    let of_type = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        call.text("type").is_none_or(|wanted| matches_type(wanted, kind))
            && (types.is_empty() || types.contains(&kind))
    };
    let delivered = call.flag("delivery_success");
    let created = created_range(&call.params);
    let shown = books
        .events
        .iter()
        .rev()
        .filter(|happening| delivered.is_none_or(|asked| asked == happening.is_delivered()))
        .map(|happening| &happening.event);
    let fits = |event: &Value| is_shown(books, event) && created(event) && of_type(event);
    page_of(shown, fits, "/v1/events", &call.params)
}

fn get(books: &mut Books, call: &Call) -> Result<Value, Refused> {
    let id = call.id();
    let found = books.events.iter().find(|happening| happening.id == id);
    found
        .map(|happening| happening.event.clone())
        .filter(|event| is_shown(books, event))
        .ok_or_else(|| Refused::no_such("event", id))
}

fn is_shown(books: &Books, event: &Value) -> bool {
    books.now - SHOWN_S <= event["created"].as_i64().unwrap_or_default()
}

/// Whether `kind` is `wanted`, where `charge.*` and `*` stand for many.
pub(super) fn matches_type(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(begin) => kind.starts_with(begin),
        None => wanted == kind,
    }
}
