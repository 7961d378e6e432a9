//! Error responses: problem documents (RFC 9457).
//!
//! A handler never builds one. Any [`DomainError`] passes through `?` and becomes an [`ApiError`];
//! one table maps its kind to a status. An internal error is reported to the caller only as such,
//! and its chain of causes is logged once, when the call ends.

use std::fmt;

use connect::chain;
use domain::{DomainError, ErrorKind};
use serde_json::{Map, Value, json};

use crate::links::Links;

/// The `type` of a problem is the page of this path, followed by its code, which explains it.
pub const PROBLEM_PAGES: &str = "/docs/problems/";

/// What can be bought (GET), and how: `{"plan": "pro"}` or `{"pack": "pack_50"}` (POST).
const PLANS: &str = "/api/v1/billing/plans";
const CHECKOUT: &str = "/api/v1/billing/checkout";

/// An extension whose name ends in `_url` and whose value is a path of this API becomes a link.
fn absolute(name: &str, value: Value, links: &Links) -> Value {
    match value.as_str().filter(|path| name.ends_with("_url") && path.starts_with('/')) {
        Some(path) => json!(links.to(path)),
        None => value,
    }
}

/// The HTTP form of an error kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusMapping {
    /// The status.
    pub status: u16,
    /// The `title` of the problem document.
    pub title: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What a caller does about it.
    pub advice: &'static str,
}

/// The single table from error kinds to statuses.
pub const fn meaning(kind: ErrorKind) -> StatusMapping {
    let (status, title, advice) = match kind {
        ErrorKind::Malformed => {
            (400, "Bad request", "Send what the operation's document asks for.")
        }
        ErrorKind::Unauthenticated => {
            (401, "Not signed in", "Sign in again, and send the current access token or API key.")
        }
        ErrorKind::PaymentRequired => (
            402,
            "Payment required",
            "Buy credits or a plan at `buy_url`, or wait for the credits of the next month.",
        ),
        ErrorKind::Forbidden => {
            (403, "Not allowed", "Nothing about the request is wrong: `detail` says who may.")
        }
        ErrorKind::NotFound => {
            (404, "Not found", "Look at the id. What a caller may not see does not exist for them.")
        }
        ErrorKind::Conflict => (409, "Conflict", "Read what is there now, and decide again."),
        ErrorKind::PreconditionFailed => (
            412,
            "Precondition failed",
            "Read it again, take over what has changed, and send its new `ETag` as `If-Match`.",
        ),
        ErrorKind::TooLarge => (413, "Too large", "Send less."),
        ErrorKind::Invalid => (422, "Not valid", "Correct the fields that `errors` points to."),
        ErrorKind::TooMany => {
            (429, "Too many requests", "Wait as long as `Retry-After` says, then send it again.")
        }
        ErrorKind::Unavailable => (
            503,
            "Not available right now",
            "Send it again after `Retry-After`, with the same `Idempotency-Key`.",
        ),
        ErrorKind::Internal => (
            500,
            "Something failed on our side",
            "Send it again, with the same `Idempotency-Key`. If it still fails, tell us its \
             `request_id`.",
        ),
    };
    let retryable =
        matches!(kind, ErrorKind::TooMany | ErrorKind::Unavailable | ErrorKind::Internal);
    StatusMapping { status, title, retryable, advice }
}

/// The status of an error, where it is not that of its kind.
pub const fn status_of(code: &str, kind: ErrorKind) -> u16 {
    match code.as_bytes() {
        b"unsupported_media_type" => 415,
        _ => meaning(kind).status,
    }
}

/// The `title` of a problem document with this status and an error of this kind.
pub const fn title_of(status: u16, kind: ErrorKind) -> &'static str {
    match status {
        415 => "Unsupported media type",
        _ => meaning(kind).title,
    }
}

/// What a creator does about a file that is refused.
const MEND_FILE: &str = "Mend the file as `detail` says, and send it with another upload.";

/// What a caller does about an error, where there is more to say than of its kind.
pub fn advice_of(code: &str, kind: ErrorKind) -> &'static str {
    match code {
        "not_found" => "Look at the method and the path: the reference has all routes.",
        "idempotency_key_reused" => "Send another request with another key.",
        "idempotency_key_in_flight" => "Wait for the first request's answer, then repeat it.",
        "plan_not_sold" => "Choose one of `GET /api/v1/billing/plans`.",
        "unsupported_media_type" => "Send `Content-Type: application/json`.",
        "no_saved_card" => "Open `add_card_url`, and repeat it once a card is added.",
        "already_subscribed" => {
            "Change the plan on the page that a POST to `portal_url` opens, instead of buying one."
        }
        "already_owned" => "Use what was bought: `purchase_id` names it.",
        "cannot_buy_own_listing" => "Use it without buying it.",
        "file_damaged"
        | "file_not_as_declared"
        | "file_not_clean"
        | "file_too_large"
        | "not_an_asset"
        | "safetensors_invalid" => MEND_FILE,
        code if code.starts_with("archive_") || code.starts_with("picture_") => MEND_FILE,
        "upload_waiting" => "Read the upload until its status is not `waiting`, then submit again.",
        _ => meaning(kind).advice,
    }
}

/// An error on its way to the caller. Made from any [`DomainError`] by `?`.
pub struct ApiError {
    refusal: Box<dyn DomainError>,
    status: u16,
}

impl<R: DomainError> From<R> for ApiError {
    fn from(refusal: R) -> ApiError {
        let status = status_of(refusal.code(), refusal.kind());
        ApiError { refusal: Box::new(refusal), status }
    }
}

impl ApiError {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.refusal.kind()
    }

    /// The stable code; the caller sees `internal` instead if the error is internal.
    pub fn code(&self) -> &'static str {
        match self.kind() {
            ErrorKind::Internal => "internal",
            ErrorKind::Malformed
            | ErrorKind::Unauthenticated
            | ErrorKind::PaymentRequired
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::PreconditionFailed
            | ErrorKind::TooLarge
            | ErrorKind::Invalid
            | ErrorKind::TooMany
            | ErrorKind::Unavailable => self.refusal.code(),
        }
    }

    /// The domain error itself.
    pub fn refusal(&self) -> &dyn DomainError {
        &*self.refusal
    }

    /// Whether the error is internal: then the caller gets no details.
    pub(crate) fn is_ours(&self) -> bool {
        self.status >= 500
    }

    /// Seconds for `Retry-After`.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        self.refusal.retry_after_s()
    }

    /// The error and its sources, outermost first.
    pub(crate) fn chain(&self) -> String {
        chain(&*self.refusal)
    }

    /// The problem document. Its links are absolute, and one about payment says where to pay.
    pub(crate) fn problem(&self, request_id: &str, links: &Links) -> Value {
        let code = self.code();
        let mut problem = Map::new();
        if self.kind() == ErrorKind::PaymentRequired {
            problem.insert("plans_url".to_owned(), json!(links.to(PLANS)));
            problem.insert("buy_url".to_owned(), json!(links.to(CHECKOUT)));
        }
        let detail = if self.is_ours() {
            "Nothing is wrong with the request; we could not carry it out.".to_owned()
        } else {
            let extensions = self.refusal.extensions().into_iter();
            problem.extend(extensions.map(|(k, v)| (k.to_owned(), absolute(k, v, links))));
            self.refusal.to_string()
        };
        problem.insert("type".to_owned(), json!(links.to(format_args!("{PROBLEM_PAGES}{code}"))));
        problem.insert("title".to_owned(), json!(self.title()));
        problem.insert("status".to_owned(), json!(self.status));
        problem.insert("code".to_owned(), json!(code));
        problem.insert("detail".to_owned(), json!(detail));
        problem.insert("request_id".to_owned(), json!(request_id));
        if !self.refusal.fields().is_empty() {
            problem.insert("errors".to_owned(), json!(self.refusal.fields()));
        }
        Value::Object(problem)
    }

    fn title(&self) -> &'static str {
        title_of(self.status, self.kind())
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.refusal.code(), self.chain())
    }
}

/// An internal error: a panic, a response that does not serialize, inconsistent wiring.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(crate) String);

domain::domain_error!(Fault => Internal, "internal");
