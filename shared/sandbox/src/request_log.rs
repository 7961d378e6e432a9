//! The log of received requests and sent webhooks, so that a test can count: submissions per job,
//! polls, fetches that leaked a credential, webhook deliveries and their answers.
//!
//! Bounded: the oldest entries are dropped, and `forgotten` counts them. Only the names of
//! credentials are recorded.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use axum::http::{HeaderMap, StatusCode, request};
use serde::{Deserialize, Serialize};

use crate::{app_state::locked, clock, faults::AnswerFault, route::Route};

/// Most requests and most deliveries stored.
pub const ENTRIES_MAX: usize = 2_000;
/// Most bytes of a body stored.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Headers whose values are stored.
const HEADERS: [&str; 9] = [
    "content-type",
    "user-agent",
    "accept",
    "traceparent",
    "x-amzn-trace-id",
    "x-request-id",
    "if-none-match",
    "idempotency-key",
    "stripe-version",
];
/// Headers of which only the presence is stored.
const CREDENTIALS: [&str; 3] = ["api_token", "authorization", "cookie"];

/// A received request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Received {
    /// Sequence number from 1 over all requests.
    pub number: u64,
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// The HTTP method, for example `POST`.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark; empty if there is none.
    pub query: String,
    /// The route, if the path is one.
    pub route: Option<Route>,
    /// The recorded headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Names of the credentials in the request.
    pub credentials: Vec<String>,
    /// The body as text, cut after [`BODY_BYTES_MAX`].
    pub body: String,
    /// The length of the whole body.
    pub body_bytes: usize,
    /// The status of the answer; `None` while in progress, or if the caller disconnected first.
    pub status: Option<u16>,
    /// The fault applied to its answer.
    pub fault: Option<AnswerFault>,
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// The job or the event it is about.
    pub request_id: String,
    /// The target URL.
    pub url: String,
    /// Whether it is genuine.
    pub notice: Notice,
    /// Attempt number, from 1.
    pub attempt: u32,
    /// The receiver's status; `None` without an answer.
    pub status: Option<u16>,
}

/// Kind of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The first genuine delivery.
    Genuine,
    /// A genuine repeat.
    Duplicate,
    /// A false report with an invalid signature.
    Forged,
}

/// Which requests to return. An absent field matches everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only this route.
    pub route: Option<Route>,
    /// Only this method.
    pub method: Option<String>,
    /// Only paths with this prefix.
    pub path: Option<String>,
    /// Only requests whose path, query or stored body contains this.
    pub contains: Option<String>,
    /// Only requests after this number.
    pub after: Option<u64>,
    /// At most this many, the oldest first; `matched` counts all.
    pub limit: Option<usize>,
}

/// The answer to a [`Filter`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The requests, oldest first.
    pub items: Vec<Received>,
    /// Number of matches, before the limit.
    pub matched: usize,
    /// Number of dropped requests.
    pub forgotten: u64,
    /// Number of result fetches that carried a credential, ever. Should be 0.
    pub leaks: u64,
}

impl Filter {
    /// Every request of one route.
    pub fn route(route: Route) -> Filter {
        Filter { route: Some(route), ..Filter::default() }
    }

    /// Limits the filter to requests that contain `text`.
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Filter {
        self.contains = Some(text.into());
        self
    }

    fn matches(&self, entry: &Received) -> bool {
        self.route.is_none_or(|route| entry.route == Some(route))
            && self.method.as_ref().is_none_or(|method| entry.method == *method)
            && self.path.as_ref().is_none_or(|path| entry.path.starts_with(path))
            && self.after.is_none_or(|number| number < entry.number)
            && self.contains.as_ref().is_none_or(|text| {
                [&entry.path, &entry.query, &entry.body].iter().any(|part| part.contains(text))
            })
    }
}

/// The stored requests and deliveries.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    received: VecDeque<Received>,
    deliveries: VecDeque<Delivery>,
    last_number: u64,
    forgotten: u64,
    leaks: u64,
}

impl Journal {
    /// Stores a request and returns its number.
    pub(crate) fn record(&self, parts: &request::Parts, route: Option<Route>, body: &[u8]) -> u64 {
        let credentials = present(&parts.headers);
        let mut pages = locked(&self.pages);
        pages.last_number += 1;
        let number = pages.last_number;
        if matches!(route, Some(Route::Result | Route::Elsewhere)) && !credentials.is_empty() {
            pages.leaks += 1;
        }
        if pages.received.len() >= ENTRIES_MAX {
            pages.received.pop_front();
            pages.forgotten += 1;
        }
        pages.received.push_back(Received {
            number,
            at_ms: now_ms(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            route,
            headers: values(&parts.headers),
            credentials,
            body: String::from_utf8_lossy(body.get(..BODY_BYTES_MAX).unwrap_or(body)).into_owned(),
            body_bytes: body.len(),
            status: None,
            fault: None,
        });
        number
    }

    /// Records the fault that is about to be applied to a request.
    pub(crate) fn note_fault(&self, number: u64, fault: AnswerFault) {
        self.edit(number, |entry| entry.fault = Some(fault));
    }

    /// Records the status of a request's answer.
    pub(crate) fn note_status(&self, number: u64, status: StatusCode) {
        self.edit(number, |entry| entry.status = Some(status.as_u16()));
    }

    /// Stores a webhook delivery attempt.
    pub(crate) fn record_delivery(&self, delivery: Delivery) {
        let mut pages = locked(&self.pages);
        if pages.deliveries.len() >= ENTRIES_MAX {
            pages.deliveries.pop_front();
        }
        pages.deliveries.push_back(delivery);
    }

    pub(crate) fn find(&self, filter: &Filter) -> Found {
        let pages = locked(&self.pages);
        let matched = || pages.received.iter().filter(|entry| filter.matches(entry));
        Found {
            items: matched().take(filter.limit.unwrap_or(ENTRIES_MAX)).cloned().collect(),
            matched: matched().count(),
            forgotten: pages.forgotten,
            leaks: pages.leaks,
        }
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        locked(&self.pages).deliveries.iter().cloned().collect()
    }

    /// Clears everything except the numbering.
    pub(crate) fn clear(&self) {
        let mut pages = locked(&self.pages);
        *pages = Pages { last_number: pages.last_number, ..Pages::default() };
    }

    fn edit(&self, number: u64, change: impl FnOnce(&mut Received)) {
        let mut pages = locked(&self.pages);
        if let Some(entry) = pages.received.iter_mut().rev().find(|entry| entry.number == number) {
            change(entry);
        }
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(clock::unix_time().as_millis()).unwrap_or(u64::MAX)
}

/// Names of the credentials among the headers.
pub(crate) fn present(headers: &HeaderMap) -> Vec<String> {
    CREDENTIALS
        .iter()
        .filter(|name| headers.contains_key(**name))
        .map(|n| (*n).to_owned())
        .collect()
}

fn values(headers: &HeaderMap) -> BTreeMap<String, String> {
    HEADERS
        .iter()
        .filter_map(|name| {
            let value = headers.get(*name)?;
            Some(((*name).to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        })
        .collect()
}
