//! Bria's webhook: verifies that an event comes from Bria before its body is read.
//!
//! Scheme (<https://docs.bria.ai/webhooks>): a signing key is derived from the API token, and signs
//! `{id}.{timestamp}.{raw body}`. The raw bytes are signed, so they are verified unmodified. Bria
//! delivers up to five times over some 45 minutes and does not document whether each delivery gets
//! a new timestamp; hence a wide window. Replays are harmless because a job settles once.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use connect::{Aws, Connect, Environment, InitError};
use domain::Timestamp;
use hmac::{Hmac, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;

use super::{ProviderStatus, RequestId, answer::Report};
use crate::{
    secrets::{BRIA_SECRET_ARN, BriaSecret, Secret},
    signature::{SIGNATURES_MAX, is_near, mac, sole_header},
};

/// Header with the request's id.
pub const ID_HEADER: &str = "bria-webhook-id";
/// Header with the Unix time in seconds.
pub const TIMESTAMP_HEADER: &str = "bria-webhook-timestamp";
/// Header with a list of `v1=<base64>`, separated by commas.
pub const SIGNATURE_HEADER: &str = "bria-webhook-signature";
/// Largest difference between an event's time and ours, either way.
pub const TIMESTAMP_WINDOW: Duration = Duration::from_secs(2 * 3600);

const KEY_CONTEXT: &[u8] = b"bria-webhook-signing-v1";

/// A verified webhook event.
#[derive(Debug, Clone, PartialEq)]
pub struct BriaEvent {
    /// The request it is about.
    pub request_id: RequestId,
    /// The status of that request; never `Expired`.
    pub status: ProviderStatus,
}

/// The tokens Bria's webhooks may be signed with, current first. Empty where Bria is not
/// configured: then every signature is refused.
#[derive(Debug)]
pub struct WebhookTokens(pub Vec<Secret>);

impl Connect for WebhookTokens {
    fn variables() -> Vec<&'static str> {
        vec![BRIA_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<WebhookTokens, InitError> {
        Ok(WebhookTokens(match env.optional(BRIA_SECRET_ARN) {
            None => Vec::new(),
            Some(arn) => BriaSecret::read(aws, arn).await?.webhook_tokens(),
        }))
    }
}

/// Why an event is refused. The texts reveal nothing useful to a forger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// A header is missing or invalid.
    #[error("The header {0} is missing or not valid.")]
    Header(&'static str),
    /// No signature matches.
    #[error("The signature does not match the body.")]
    Signature,
    /// It was signed too long ago, or in the future.
    #[error("The timestamp is too far from the present.")]
    Stale,
    /// Signed, but the body is not an event of that request.
    #[error("The body is not an event of the request in the header.")]
    Body,
}

/// Verifies and parses a delivery.
///
/// `tokens` are the API tokens that may have signed it: the current one and, during a rotation, the
/// previous one. `raw_body` is the unmodified body. The comparison takes constant time.
///
/// # Errors
/// See [`WebhookError`]; the body is parsed only after a signature matches.
pub fn verify(
    tokens: &[Secret],
    headers: &HeaderMap,
    raw_body: &[u8],
    now: Timestamp,
) -> Result<BriaEvent, WebhookError> {
    let id = header(headers, ID_HEADER)?;
    let stamp = header(headers, TIMESTAMP_HEADER)?;
    let signatures = header(headers, SIGNATURE_HEADER)?;
    let signed_at = stamp.parse().map_err(|_| WebhookError::Header(TIMESTAMP_HEADER))?;

    if !tokens.iter().any(|token| any_fits(token, signatures, id, stamp, raw_body)) {
        return Err(WebhookError::Signature);
    }
    if !is_near(Timestamp::from_secs(signed_at), now, TIMESTAMP_WINDOW) {
        return Err(WebhookError::Stale);
    }
    let report = Report::parse(raw_body).ok_or(WebhookError::Body)?;
    match (RequestId::parse(id), report.request_id()) {
        (Some(request_id), Some(in_body)) if request_id == in_body => {
            Ok(BriaEvent { request_id, status: report.image_status() })
        }
        (Some(_) | None, Some(_) | None) => Err(WebhookError::Body),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, WebhookError> {
    sole_header(headers, name).ok_or(WebhookError::Header(name))
}

fn any_fits(token: &Secret, signatures: &str, id: &str, stamp: &str, body: &[u8]) -> bool {
    signatures
        .split(',')
        .take(SIGNATURES_MAX)
        .filter_map(|part| part.trim().strip_prefix("v1="))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .any(|signature| {
            signer(token, id, stamp, body)
                .is_some_and(|signer| signer.verify_slice(&signature).is_ok())
        })
}

fn signer(token: &Secret, id: &str, stamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let key = mac(token.expose().as_bytes(), &[KEY_CONTEXT])?.finalize().into_bytes();
    mac(&key, &[id.as_bytes(), b".", stamp.as_bytes(), b".", body])
}

domain::domain_error! {
    WebhookError {
        Header => Malformed, "webhook_header_invalid";
        Signature => Malformed, "webhook_signature_invalid";
        Stale => Malformed, "webhook_timestamp_invalid";
        Body => Malformed, "webhook_body_invalid";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The contract vector of Bria's own verifier.
    const TOKEN: &str = "contract-test-shared-token";
    const ID: &str = "req_contract_test_001";
    const SIGNED_AT: i64 = 1_700_000_000;
    const SIGNATURE: &str = "v1=muClfnkuIXEqW69htILKVEwJdzC0LWB1tP53ptLm7SM=";
    const BODY: &str = concat!(
        r#"{"status":"COMPLETED","result":{"url":"https://cdn.bria.ai/final.png"},"#,
        r#""request_id":"req_contract_test_001"}"#
    );

    struct Delivery {
        tokens: Vec<&'static str>,
        id: String,
        stamp: String,
        signature: String,
        body: String,
        now_s: i64,
    }

    impl Delivery {
        fn of_contract() -> Delivery {
            Delivery {
                tokens: vec![TOKEN],
                id: ID.into(),
                stamp: SIGNED_AT.to_string(),
                signature: SIGNATURE.into(),
                body: BODY.into(),
                now_s: SIGNED_AT + 60,
            }
        }

        fn signed_over(body: &str, id: &str) -> Delivery {
            let stamp = SIGNED_AT.to_string();
            let signer = signer(&Secret::new(TOKEN), id, &stamp, body.as_bytes()).unwrap();
            let signature = format!("v1={}", STANDARD.encode(signer.finalize().into_bytes()));
            Delivery { id: id.into(), body: body.into(), signature, ..Delivery::of_contract() }
        }

        fn verify(&self) -> Result<BriaEvent, WebhookError> {
            let tokens: Vec<Secret> = self.tokens.iter().map(|token| Secret::new(*token)).collect();
            let mut headers = HeaderMap::new();
            headers.insert(ID_HEADER, self.id.parse().unwrap());
            headers.insert(TIMESTAMP_HEADER, self.stamp.parse().unwrap());
            headers.insert(SIGNATURE_HEADER, self.signature.parse().unwrap());
            verify(&tokens, &headers, self.body.as_bytes(), Timestamp::from_secs(self.now_s))
        }
    }

    #[test]
    fn the_contract_vector_is_accepted() {
        let notice = Delivery::of_contract().verify().unwrap();
        assert_eq!(notice.request_id.as_str(), ID);
    }

    #[test]
    fn either_token_of_a_rotation_fits_and_either_signature_of_a_list() {
        let mut rotated = Delivery::of_contract();
        rotated.tokens = vec!["the-new-token", TOKEN];
        assert!(rotated.verify().is_ok());
        let mut listed = Delivery::of_contract();
        listed.signature = format!("v1=AAAA, v0=x,{SIGNATURE}");
        assert!(listed.verify().is_ok());
    }

    #[test]
    fn everything_else_is_refused() {
        let check = |name: &str, expected: WebhookError, change: &dyn Fn(&mut Delivery)| {
            let mut delivery = Delivery::of_contract();
            change(&mut delivery);
            assert_eq!(delivery.verify().unwrap_err(), expected, "{name}");
        };
        let forged = WebhookError::Signature;
        check("other token", forged.clone(), &|d| d.tokens = vec!["guess"]);
        check("no token", forged.clone(), &|d| d.tokens = vec![]);
        check("altered body", forged.clone(), &|d| d.body = d.body.replace("final", "other"));
        check("added space", forged.clone(), &|d| d.body.push(' '));
        check("other id", forged.clone(), &|d| d.id = "req_2".into());
        check("other time", forged.clone(), &|d| d.stamp = (SIGNED_AT + 1).to_string());
        check("other scheme", forged.clone(), &|d| d.signature = SIGNATURE.replace("v1", "v0"));
        check("not base64", forged.clone(), &|d| d.signature = "v1=***".into());
        check("cut short", forged, &|d| d.signature = "v1=muClfg==".into());
        check("late", WebhookError::Stale, &|d| d.now_s = SIGNED_AT + 7201);
        check("early", WebhookError::Stale, &|d| d.now_s = SIGNED_AT - 7201);
        check("no time", WebhookError::Header(TIMESTAMP_HEADER), &|d| d.stamp = "soon".into());
        check("empty", WebhookError::Header(SIGNATURE_HEADER), &|d| d.signature = " ".into());
    }

    #[test]
    fn a_signed_body_must_be_about_the_request_it_names() {
        for body in [r#"{"request_id": "req_2", "status": "COMPLETED"}"#, "{}", "<html>"] {
            let delivery = Delivery::signed_over(body, "req_1");
            assert_eq!(delivery.verify().unwrap_err(), WebhookError::Body, "{body}");
        }
        let failed = r#"{"request_id": "req_1", "status": "ERROR", "error": {"message": "no"}}"#;
        let notice = Delivery::signed_over(failed, "req_1").verify().unwrap();
        assert_eq!(notice.status, ProviderStatus::Failed { message: "no".into() });
    }
}
