//! Stripe's webhook: verifies that an event comes from Stripe before its body is read.
//!
//! Scheme (<https://docs.stripe.com/webhooks#verify-manually>): the header is a list of a time and
//! signatures, `t=<unix>,v1=<hex>[,v1=...]`; each `v1` is the HMAC-SHA256 of `{t}.{raw body}` with
//! the whole secret, `whsec_` included, as its key. While a secret is rolled Stripe signs with
//! both, and every delivery attempt is signed again.

use std::time::Duration;

use connect::{Aws, Connect, Environment, InitError};
use domain::Timestamp;
use reqwest::header::HeaderMap;

use crate::{
    secrets::{self, Secret, StripeWebhookSecret},
    signature::{SIGNATURES_MAX, fits, is_near, sole_header},
};

const STRIPE_WEBHOOK_SECRET_ARN: &str = "STRIPE_WEBHOOK_SECRET_ARN";

/// Header with the time and the signatures.
pub const SIGNATURE_HEADER: &str = "stripe-signature";
/// Largest difference between an event's time and ours, either way: the default of Stripe's
/// libraries.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Why an event is refused. The texts reveal nothing useful to a forger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is missing, repeated or malformed.
    #[error("The header {SIGNATURE_HEADER} is missing or not valid.")]
    Header,
    /// No signature matches.
    #[error("The signature does not match the body.")]
    Signature,
    /// It was signed too long ago, or in the future.
    #[error("The timestamp is too far from the present.")]
    Stale,
}

/// The webhook signing secrets of Stripe, current first.
#[derive(Debug)]
pub struct StripeWebhookSecrets(pub Vec<Secret>);

impl Connect for StripeWebhookSecrets {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_WEBHOOK_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<StripeWebhookSecrets, InitError> {
        let arn = env.text(STRIPE_WEBHOOK_SECRET_ARN)?;
        let secret = secrets::read(aws, arn, "the Stripe webhook secret").await?;
        Ok(StripeWebhookSecrets(StripeWebhookSecret::all(&secret)))
    }
}

/// Verifies a delivery.
///
/// `secrets` are those that may have signed it: the current one and, during a rotation, the
/// previous one. `body` is the unmodified body. The comparison takes constant time.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let header = sole_header(headers, SIGNATURE_HEADER).ok_or(SignatureError::Header)?;
    let stamp = sole_stamp(header).ok_or(SignatureError::Header)?;
    let signed_at = stamp.parse().map_err(|_| SignatureError::Header)?;

    let parts = [stamp.as_bytes(), b".", body];
    let signed = signatures(header).any(|signature| {
        secrets.iter().any(|secret| fits(secret.expose().as_bytes(), &parts, &signature))
    });
    if !signed {
        return Err(SignatureError::Signature);
    }
    match is_near(Timestamp::from_secs(signed_at), now, TOLERANCE) {
        true => Ok(()),
        false => Err(SignatureError::Stale),
    }
}

/// The single `t`: two of them would be ambiguous.
fn sole_stamp(header: &str) -> Option<&str> {
    let mut stamps = header.split(',').filter_map(|part| part.trim().strip_prefix("t="));
    let (stamp, None) = (stamps.next()?, stamps.next()) else { return None };
    Some(stamp)
}

fn signatures(header: &str) -> impl Iterator<Item = Vec<u8>> {
    header
        .split(',')
        .filter_map(|part| part.trim().strip_prefix("v1="))
        .take(SIGNATURES_MAX)
        .filter_map(bytes_of_hex)
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

domain::domain_error! {
    SignatureError {
        Header => Malformed, "webhook_header_invalid";
        Signature => Malformed, "webhook_signature_invalid";
        Stale => Malformed, "webhook_timestamp_invalid";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_test_secret";
    const SIGNED_AT: i64 = 1_700_000_000;
    const SIGNATURE: &str = "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd";
    const BODY: &str = r#"{"id":"evt_1","object":"event"}"#;

    struct Delivery {
        secrets: Vec<&'static str>,
        headers: Vec<String>,
        body: String,
        now_s: i64,
    }

    impl Delivery {
        fn genuine() -> Delivery {
            Delivery {
                secrets: vec![SECRET],
                headers: vec![format!("t={SIGNED_AT},v1={SIGNATURE},v0={SIGNATURE}")],
                body: BODY.into(),
                now_s: SIGNED_AT + 60,
            }
        }

        fn verify(&self) -> Result<(), SignatureError> {
            let secrets: Vec<Secret> = self.secrets.iter().map(|text| Secret::new(*text)).collect();
            let mut headers = HeaderMap::new();
            for value in &self.headers {
                headers.append(SIGNATURE_HEADER, value.parse().unwrap());
            }
            verify(&secrets, &headers, self.body.as_bytes(), Timestamp::from_secs(self.now_s))
        }
    }

    fn check(name: &str, expected: Result<(), SignatureError>, change: &dyn Fn(&mut Delivery)) {
        let mut delivery = Delivery::genuine();
        change(&mut delivery);
        assert_eq!(delivery.verify(), expected, "{name}");
    }

    #[test]
    fn what_stripe_signed_is_accepted() {
        check("the vector", Ok(()), &|_| ());
        check("either secret", Ok(()), &|d| d.secrets = vec!["whsec_new", SECRET]);
        check("either signature", Ok(()), &|d| {
            d.headers = vec![format!("t={SIGNED_AT}, v1=00ff, v1=zz, v1={SIGNATURE}")];
        });
        check("in capitals", Ok(()), &|d| {
            d.headers = vec![format!("t={SIGNED_AT},v1={}", SIGNATURE.to_ascii_uppercase())];
        });
        check("just in time", Ok(()), &|d| d.now_s = SIGNED_AT + 300);
        check("just not too early", Ok(()), &|d| d.now_s = SIGNED_AT - 300);
    }

    #[test]
    fn a_forged_delivery_is_refused() {
        let forged = || Err(SignatureError::Signature);
        check("other secret", forged(), &|d| d.secrets = vec!["whsec_guess"]);
        check("no secret", forged(), &|d| d.secrets = vec![]);
        check("altered body", forged(), &|d| d.body = d.body.replace("evt_1", "evt_2"));
        check("added space", forged(), &|d| d.body.push(' '));
        check("other time", forged(), &|d| {
            d.headers = vec![format!("t={},v1={SIGNATURE}", SIGNED_AT + 1)];
        });
        check("other scheme", forged(), &|d| {
            d.headers = vec![format!("t={SIGNED_AT},v0={SIGNATURE}")];
        });
        check("cut short", forged(), &|d| {
            d.headers = vec![format!("t={SIGNED_AT},v1={}", &SIGNATURE[..62])];
        });
        check("odd digits", forged(), &|d| {
            d.headers = vec![format!("t={SIGNED_AT},v1={}", &SIGNATURE[..63])];
        });
        check("ninth of many", forged(), &|d| {
            d.headers = vec![format!("t={SIGNED_AT}{},v1={SIGNATURE}", ",v1=00".repeat(8))];
        });
    }

    #[test]
    fn an_old_or_future_delivery_is_refused() {
        check("old", Err(SignatureError::Stale), &|d| d.now_s = SIGNED_AT + 301);
        check("future", Err(SignatureError::Stale), &|d| d.now_s = SIGNED_AT - 301);
    }

    #[test]
    fn a_header_that_cannot_be_read_is_refused() {
        let refused = || Err(SignatureError::Header);
        check("missing", refused(), &|d| d.headers = vec![]);
        check("empty", refused(), &|d| d.headers = vec![" ".into()]);
        check("doubled", refused(), &|d| d.headers.push(d.headers[0].clone()));
        check("two times", refused(), &|d| {
            d.headers = vec![format!("t={SIGNED_AT},t=1,v1={SIGNATURE}")];
        });
        check("no time", refused(), &|d| d.headers = vec![format!("v1={SIGNATURE}")]);
        check("not a time", refused(), &|d| d.headers = vec![format!("t=soon,v1={SIGNATURE}")]);
    }
}
