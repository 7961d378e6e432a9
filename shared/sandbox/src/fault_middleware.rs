//! Middleware of every request: logs it and applies a fault if one matches.

use std::{future::ready, io, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::sleep;

use crate::{
    app_state::AppState,
    bria::Refused,
    faults::AnswerFault,
    route::{Route, Vendor},
    stripe::{self, Failure},
};

/// Most bytes of a request: a reference image in base64 plus its JSON.
const REQUEST_BYTES_MAX: usize = 12 * 1024 * 1024;
/// How long a silent answer holds the connection: longer than any caller waits.
const SILENCE: Duration = Duration::from_secs(120);

/// Wraps every route of the simulated vendors.
pub(crate) async fn pass(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, REQUEST_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let route = Route::of(&parts.method, parts.uri.path());
    let number = app.journal.record(&parts, route, &body);
    let asked = app.log.asked(&parts, route, &body);
    let text = app.text_of(route, &parts, &body);
    let fault = route.and_then(|route| app.faults.answer(route, &text));
    if let Some(fault) = &fault {
        app.journal.note_fault(number, fault.clone());
    }
    let line = format!("{} {}", parts.method, parts.uri.path());
    let vendor = route.map_or(Vendor::Issuer, Route::vendor);
    let mut request = Request::from_parts(parts, Body::from(body));
    let failure = fault.as_ref().filter(|_| vendor == Vendor::Stripe).and_then(Failure::of);
    let response = match failure {
        // The payment provider's failures are stored under the idempotency key, as its answers are.
        Some(failure) => {
            request.extensions_mut().insert(failure);
            next.run(request).await
        }
        None => meet(fault.as_ref(), vendor, next.run(request)).await,
    };
    let response = match asked {
        None => response,
        Some(asked) if fault.is_none() => app.log.answered(asked, response).await,
        Some(asked) => {
            app.log.faulted(asked);
            response
        }
    };
    app.journal.note_status(number, response.status());
    let status = response.status().as_u16();
    tracing::info!(number, status, fault = fault.map(tracing::field::debug), "{line}");
    response
}

/// The answer, or the fault in its place.
async fn meet(
    fault: Option<&AnswerFault>,
    vendor: Vendor,
    answer: impl Future<Output = Response>,
) -> Response {
    match fault {
        None => answer.await,
        Some(AnswerFault::Delay { delay_ms }) => {
            sleep(Duration::from_millis(*delay_ms)).await;
            answer.await
        }
        Some(AnswerFault::TooMany { retry_after_s }) => too_many(vendor, *retry_after_s),
        Some(AnswerFault::Blocked) => blocked(vendor),
        Some(AnswerFault::NotUnderstood) => not_understood(vendor),
        Some(AnswerFault::Refused { status, code }) => refused(vendor, *status, code),
        Some(AnswerFault::ServerError) => server_error(vendor),
        Some(AnswerFault::HtmlPage) => (StatusCode::BAD_GATEWAY, ERROR_PAGE).into_response(),
        Some(AnswerFault::ServerErrorAfterAccepting) => {
            instead_of(answer, ready(server_error(vendor))).await
        }
        Some(AnswerFault::Silence) => instead_of(answer, silence()).await,
        Some(AnswerFault::BrokenConnection) => instead_of(answer, ready(broken())).await,
        Some(AnswerFault::MalformedJson) => {
            instead_of(answer, ready((JSON, CUT_OFF).into_response())).await
        }
    }
}

fn too_many(vendor: Vendor, retry_after_s: Option<u32>) -> Response {
    match vendor {
        Vendor::Issuer | Vendor::Bria => Refused::too_many(retry_after_s).into_response(),
        Vendor::Stripe => {
            let mut response = stripe::refusal(StatusCode::TOO_MANY_REQUESTS);
            if let Some(seconds) = retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

fn blocked(vendor: Vendor) -> Response {
    match vendor {
        Vendor::Issuer | Vendor::Bria => Refused::blocked().into_response(),
        Vendor::Stripe => stripe::refusal(StatusCode::PAYMENT_REQUIRED),
    }
}

fn not_understood(vendor: Vendor) -> Response {
    match vendor {
        Vendor::Issuer | Vendor::Bria => Refused::not_understood().into_response(),
        Vendor::Stripe => stripe::refusal(StatusCode::BAD_REQUEST),
    }
}

fn refused(vendor: Vendor, status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    match vendor {
        Vendor::Issuer | Vendor::Bria => not_understood(vendor),
        Vendor::Stripe => stripe::refusal_as(status, code),
    }
}

fn server_error(vendor: Vendor) -> Response {
    match vendor {
        Vendor::Issuer | Vendor::Bria => Refused::server_error().into_response(),
        Vendor::Stripe => stripe::refusal(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// An HTML page where a program expects JSON.
pub(crate) const ERROR_PAGE: Html<&str> =
    Html("<!DOCTYPE html><html><head><title>502</title></head><body>Bad Gateway</body></html>");

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
const CUT_OFF: &str = r#"{"request_id": "0123"#;

/// Executes the request, then answers `other`. An error had no effect and is returned as it is.
async fn instead_of(
    answer: impl Future<Output = Response>,
    other: impl Future<Output = Response>,
) -> Response {
    let answer = answer.await;
    if answer.status().is_success() { other.await } else { answer }
}

async fn silence() -> Response {
    sleep(SILENCE).await;
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

fn broken() -> Response {
    let parts = [Ok(Bytes::from_static(CUT_OFF.as_bytes())), Err(io::Error::other("cut off"))];
    (JSON, Body::from_stream(stream::iter(parts))).into_response()
}
