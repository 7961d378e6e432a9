//! The provider's webhooks: signed, tried up to five times, and faulty on demand.
//!
//! Scheme (docs.bria.ai/webhooks): the key is HMAC-SHA256 of a fixed context under the API token;
//! the signature is the base64 of HMAC-SHA256 of `{id}.{timestamp}.{raw body}` under that key.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Settings,
    jobs::{Job, Report},
};
use crate::{
    app_state::AppState,
    clock,
    faults::WebhookFault,
    request_log::{Delivery, Notice, now_ms},
};

/// Most attempts to deliver one webhook.
pub const DELIVERY_ATTEMPTS_MAX: u32 = 5;

/// Context that the signing key is derived for.
const CONTEXT: &[u8] = b"bria-webhook-signing-v1";

/// The value of `Bria-Webhook-Signature` for a webhook about `id`, sent at `timestamp` (Unix
/// seconds) by the holder of `api_token`.
pub fn sign(api_token: &str, id: &str, timestamp: u64, body: &[u8]) -> String {
    let token = hmac::Key::new(hmac::HMAC_SHA256, api_token.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&token, CONTEXT).as_ref());
    let mut message = hmac::Context::with_key(&key);
    message.update(format!("{id}.{timestamp}.").as_bytes());
    message.update(body);
    format!("v1={}", STANDARD.encode(message.sign()))
}

/// Sends a job's webhook once the job ends, if the submission asked for one.
pub(crate) async fn announce(app: Arc<AppState>, job: Arc<Job>, fault: Option<WebhookFault>) {
    let Some(url) = job.webhook_url.as_deref() else { return };
    let settings = app.bria.settings();
    let call = Call { app: &app, settings: &settings, job: &job, url };
    if fault == Some(WebhookFault::Forged) {
        call.deliver(Notice::Forged, 1, &lie(&job)).await;
    }
    let Some(ends_at) = job.ends_at.filter(|_| fault != Some(WebhookFault::Dropped)) else {
        return;
    };
    sleep_until(Instant::from_std(ends_at)).await;
    if let Some(WebhookFault::Late { delay_ms }) = fault {
        sleep(Duration::from_millis(delay_ms)).await;
    }
    let Some(body) = job.report(&app.results_origin, ends_at).as_ref().map(body_of) else {
        return;
    };
    call.insist(&body).await;
    if let Some(WebhookFault::Duplicate { copies }) = fault {
        join_all((0..copies).map(|_| call.deliver(Notice::Duplicate, 1, &body))).await;
    }
}

/// One job's webhook in delivery.
struct Call<'a> {
    app: &'a AppState,
    settings: &'a Settings,
    job: &'a Job,
    url: &'a str,
}

impl Call<'_> {
    /// Retries until the receiver answers 2xx or the attempts are used up.
    async fn insist(&self, body: &Bytes) {
        let mut pauses = self.settings.webhook_pauses_ms.iter().copied();
        let mut pause_ms = 0;
        for attempt in 1..=DELIVERY_ATTEMPTS_MAX {
            if self.deliver(Notice::Genuine, attempt, body).await {
                return;
            }
            pause_ms = pauses.next().unwrap_or(pause_ms);
            if attempt < DELIVERY_ATTEMPTS_MAX {
                sleep(Duration::from_millis(pause_ms)).await;
            }
        }
    }

    /// One attempt; true if the receiver answered 2xx.
    async fn deliver(&self, notice: Notice, attempt: u32, body: &Bytes) -> bool {
        let token = match notice {
            Notice::Genuine | Notice::Duplicate => self.settings.api_token.as_str(),
            Notice::Forged => "not-the-token-we-share",
        };
        let id = self.job.id.as_str();
        let timestamp = clock::unix_time().as_secs();
        let sent = self
            .app
            .http
            .post(self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("Bria-Webhook-Id", id)
            .header("Bria-Webhook-Timestamp", timestamp)
            .header("Bria-Webhook-Signature", sign(token, id, timestamp, body))
            .body(body.clone())
            .send()
            .await;
        let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
        tracing::info!(id, ?notice, attempt, status, "POST {}", self.url);
        self.app.journal.record_delivery(Delivery {
            at_ms: now_ms(),
            request_id: id.to_owned(),
            url: self.url.to_owned(),
            notice,
            attempt,
            status,
        });
        sent.is_ok_and(|answer| answer.status().is_success())
    }
}

fn lie(job: &Job) -> Bytes {
    body_of(&Report::failed(&job.id, "ERROR", 500))
}

fn body_of(report: &Report) -> Bytes {
    serde_json::to_vec(report).map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of the provider's own contract tests.
    #[test]
    fn the_signature_is_the_contracts() {
        let body = concat!(
            r#"{"status":"COMPLETED","result":{"url":"https://cdn.bria.ai/final.png"},"#,
            r#""request_id":"req_contract_test_001"}"#
        );
        assert_eq!(
            sign(
                "contract-test-shared-token",
                "req_contract_test_001",
                1_700_000_000,
                body.as_bytes()
            ),
            "v1=muClfnkuIXEqW69htILKVEwJdzC0LWB1tP53ptLm7SM="
        );
    }
}
