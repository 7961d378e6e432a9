//! Decides from one of Stripe's responses what was done.

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde::Deserialize;

use crate::{
    http::Answer,
    stripe::error::{Detail, StripeError},
};

/// Longest logged message of Stripe's, in characters.
const MESSAGE_MAX: usize = 300;

/// The result of one attempt.
pub(super) enum Attempt {
    Done(Bytes),
    /// Stripe replayed this failure, which it stores under the key.
    Replayed(StripeError),
    /// Permanent: another attempt would fail the same way.
    Over(StripeError),
    /// Transient: retry, after so many seconds if Stripe asks for them.
    Again(StripeError, Option<u32>),
}

/// Classifies a response: done, permanent failure or transient failure.
pub(super) fn judge(answer: Answer) -> Attempt {
    if answer.status.is_success() {
        return Attempt::Done(Bytes::from(answer.body));
    }
    let should_retry = answer.headers.get("stripe-should-retry").map(HeaderValue::as_bytes);
    let is_replayed = answer.headers.get("idempotent-replayed").is_some_and(|it| it == "true");
    let again = match should_retry {
        Some(b"true") => true,
        Some(b"false") => false,
        Some(_) | None => is_transient(answer.status),
    };
    match again {
        true => Attempt::Again(error_of(&answer), answer.retry_after_s),
        false if is_replayed && answer.status.is_server_error() => {
            Attempt::Replayed(error_of(&answer))
        }
        false => Attempt::Over(error_of(&answer)),
    }
}

fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 409 | 424 | 429)
}

/// The only place that interprets an error response. A 408 or a 409 may mean that the request is
/// still in progress; Stripe itself sends no redirect.
fn error_of(answer: &Answer) -> StripeError {
    let status = answer.status.as_u16();
    let said = Said::read(answer);
    match status {
        // v2 uses another code.
        404 if matches!(said.code.as_deref(), Some("resource_missing" | "not_found")) => {
            StripeError::Missing
        }
        429 => StripeError::unreached(format!("rate-limited (429): {}", said.message)),
        408 | 409 | 424 => StripeError::unknown(format!("{status}: {}", said.message)),
        400..=499 => StripeError::Refused {
            status,
            code: said.code,
            param: said.param,
            message: Detail(said.message),
        },
        _ => StripeError::unknown(format!("status {status}: {}", said.message)),
    }
}

/// An earlier attempt may have been carried out, whatever the result of this one.
pub(super) fn as_unknown(error: StripeError) -> StripeError {
    match error {
        StripeError::Unreached { detail } => {
            StripeError::unknown(format!("{detail}, after an attempt without a response"))
        }
        StripeError::Refused { .. } | StripeError::Missing | StripeError::Unknown { .. } => error,
    }
}

/// A Stripe error: <https://docs.stripe.com/api/errors>.
struct Said {
    code: Option<String>,
    param: Option<String>,
    /// Includes Stripe's request id, which its support asks for.
    message: String,
}

impl Said {
    fn read(answer: &Answer) -> Said {
        // Read from: refusal
        #[derive(Deserialize)]
        struct Body {
            error: Error,
        }
        #[derive(Default, Deserialize)]
        struct Error {
            #[serde(rename = "type")]
            kind: Option<String>,
            code: Option<String>,
            param: Option<String>,
            message: Option<String>,
        }
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        let error = body.map(|body| body.error).unwrap_or_default();
        let text: String = error.message.unwrap_or_default().chars().take(MESSAGE_MAX).collect();
        let message = match request_id(&answer.headers) {
            Some(id) => format!("{text} (request {id})"),
            None => text,
        };
        Said { code: error.code.or(error.kind), param: error.param, message }
    }
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("request-id").and_then(|id| id.to_str().ok())
}
