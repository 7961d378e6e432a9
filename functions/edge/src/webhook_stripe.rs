//! `POST /webhooks/stripe`: receives a Stripe event.
//!
//! Access: requests signed with one of the endpoint's two secrets, at most five minutes old.
//! Changes: `settlement` fetches the object that the event names, and one transaction applies its
//! current state together with the event's marker.
//! Retry: duplicate, late and reordered events lead to the same state. A transient failure is
//! answered with an error, so that Stripe retries for up to three days; a permanent failure is
//! parked with an alarm and answered with 200, so that Stripe does not retry.

use clients::{Stripe, stripe::webhook::verify};
use runtime::{
    Access, ApiError, Call, CallError, Connect, Endpoint, Function, Metrics, NoStore,
    StripeWebhookSecrets,
};
use serde::{Deserialize, Serialize};
use settlement::{EventOutcome, ReceivedEvent, Settlement};
use store::Store;

use crate::signatures::refused;

pub const ENDPOINT: Endpoint =
    Endpoint::post("edge-webhook-stripe", "/webhooks/stripe", Access::Signed)
        .ignores_key()
        .with_body_bytes_max(256 * 1024)
        .with_errors(&[
            "body_not_text",
            "webhook_header_invalid",
            "webhook_signature_invalid",
            "webhook_timestamp_invalid",
        ]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    received: bool,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
    secrets: StripeWebhookSecrets,
}

async fn handle(
    Deps { store, stripe, secrets }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Response>, ApiError> {
    let raw = call.raw();
    let body = std::str::from_utf8(&raw.body).map_err(|_| CallError::NotText)?;
    verify(&secrets.0, &raw.headers, &raw.body, call.now).inspect_err(|_| refused())?;
    let received = Settlement::new(store, stripe).receive(body, call.now).await?;
    count(&received);
    Ok(NoStore(Response { received: true }))
}

fn count(received: &ReceivedEvent) {
    let name = match received {
        ReceivedEvent::Processed(EventOutcome::Applied, _) => "StripeEventsApplied",
        ReceivedEvent::Processed(EventOutcome::DuplicateRefunded, _) => "SurplusSubscriptions",
        ReceivedEvent::Processed(EventOutcome::LatePaymentRefunded, _) => "PurchasesReturned",
        ReceivedEvent::Processed(EventOutcome::Already, _) => "StripeEventsRepeated",
        ReceivedEvent::Processed(EventOutcome::NotOurs, _) => "StripeEventsNotOurs",
        ReceivedEvent::Processed(EventOutcome::Ignored, _) => "StripeEventsIgnored",
        ReceivedEvent::Parked(_) => "StripeEventsParked",
    };
    Metrics::new().count(name, 1).emit();
}
