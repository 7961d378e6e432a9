//! Webhooks of Stripe and of Bria: what is accepted was signed with the secret, at about this time.

use base64::{Engine, engine::general_purpose::STANDARD};
use clients::{
    Secret,
    bria::webhook as bria_webhook,
    stripe::{WebhookEvent, webhook as stripe_webhook},
};
use domain::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::parts::{code, split_line};

/// The secret of Stripe, and the token of Bria, that sign the corpus.
const SECRET: &str = "whsec_test_secret";
const TOKEN: &str = "contract-test-shared-token";
const SIGNED_AT: &str = "1700000000";
const NOW_S: i64 = 1_700_000_060;
const NOW: Timestamp = Timestamp::from_secs(NOW_S);

/// The header in the first line, then the body.
pub(crate) fn stripe(input: &[u8]) -> bool {
    let (header, body) = split_line(input);
    // Unsigned bodies are never parsed; a signed one is Stripe's, and may be of a newer version.
    drop(WebhookEvent::parse(body));
    let verify = |secret: &str, header: &[u8]| {
        let headers = headers([(stripe_webhook::SIGNATURE_HEADER, header)])?;
        Some(stripe_webhook::verify(&[Secret::new(secret)], &headers, body, NOW))
    };
    let code_at =
        |stamp: &str| hex::encode(code(SECRET.as_bytes(), &[stamp.as_bytes(), b".", body]));
    let genuine = format!("t={SIGNED_AT},v1={}", code_at(SIGNED_AT));
    assert_eq!(verify(SECRET, genuine.as_bytes()), Some(Ok(())));
    let forged = Some(Err(stripe_webhook::SignatureError::Signature));
    assert_eq!(verify("another", genuine.as_bytes()), forged);

    let is_accepted = verify(SECRET, header) == Some(Ok(()));
    if is_accepted {
        let header = str::from_utf8(header).expect("an accepted header is text");
        let mut stamps = header.split(',').filter_map(|part| part.trim().strip_prefix("t="));
        let stamp = stamps.next().expect("it has a time");
        assert_eq!(stamps.next(), None);
        assert!(header.to_ascii_lowercase().contains(&code_at(stamp)), "it has the signature");
        assert_near(stamp, stripe_webhook::TOLERANCE.as_secs());
    }
    is_accepted
}

/// The id, the time and the signatures in three lines, then the body.
pub(crate) fn bria(input: &[u8]) -> bool {
    let (id, rest) = split_line(input);
    let (stamp, rest) = split_line(rest);
    let (signatures, body) = split_line(rest);
    let verify = |token: &str, id: &[u8], stamp: &[u8], signatures: &[u8]| {
        let headers = headers([
            (bria_webhook::ID_HEADER, id),
            (bria_webhook::TIMESTAMP_HEADER, stamp),
            (bria_webhook::SIGNATURE_HEADER, signatures),
        ])?;
        Some(bria_webhook::verify(&[Secret::new(token)], &headers, body, NOW))
    };
    let signed = |id: &str, stamp: &str| {
        let key = code(TOKEN.as_bytes(), &[b"bria-webhook-signing-v1"]);
        let parts = [id.as_bytes(), b".", stamp.as_bytes(), b".", body];
        format!("v1={}", STANDARD.encode(code(&key, &parts)))
    };
    let genuine = signed("req_1", SIGNED_AT);
    let of_us = |token: &str| verify(token, b"req_1", SIGNED_AT.as_bytes(), genuine.as_bytes());
    let is_signed = matches!(of_us(TOKEN), Some(Ok(_) | Err(bria_webhook::WebhookError::Body)));
    assert!(is_signed, "{:?}", of_us(TOKEN));
    assert_eq!(of_us("another"), Some(Err(bria_webhook::WebhookError::Signature)));

    let accepted = verify(TOKEN, id, stamp, signatures).and_then(Result::ok);
    if let Some(event) = &accepted {
        let texts = [id, stamp, signatures]
            .map(|part| str::from_utf8(part).expect("an accepted header is text").trim());
        let [id, stamp, signatures] = texts;
        assert_eq!(event.request_id.as_str(), id);
        assert!(signatures.contains(&signed(id, stamp)), "it has the signature");
        assert_near(stamp, bria_webhook::TIMESTAMP_WINDOW.as_secs());
    }
    accepted.is_some()
}

fn assert_near(stamp: &str, window_s: u64) {
    let signed_at: i64 = stamp.parse().expect("its time is in seconds");
    assert!(signed_at.abs_diff(NOW_S) <= window_s, "{signed_at}");
}

/// The headers, if these bytes can be the values of headers.
fn headers<const N: usize>(pairs: [(&'static str, &[u8]); N]) -> Option<HeaderMap> {
    let header =
        |(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?));
    pairs.into_iter().map(header).collect()
}
