//! Reads secrets, in a type that keeps them out of logs.

use std::{collections::HashMap, error::Error, fmt, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
};
use connect::{Aws, InitError};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;
use tracing::warn;

/// The variable of Bria's secret.
pub(crate) const BRIA_SECRET_ARN: &str = "BRIA_SECRET_ARN";

const TIMEOUT: Duration = Duration::from_secs(5);
/// The length of what CloudFormation generates in place of a key.
const PLACEHOLDER_LENGTH: usize = 40;

/// A secret text. It has no `Display`, is never serialized, and its `Debug` is masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself, for the client that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// An empty secret is refused: it would sign or authorize nothing.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        match String::deserialize(deserializer)? {
            text if text.trim().is_empty() => Err(D::Error::custom("the secret is empty")),
            text => Ok(Secret(text)),
        }
    }
}

/// The secret of the image provider.
#[derive(Debug, Clone, Deserialize)]
pub struct BriaSecret {
    /// The current token.
    pub api_token: Secret,
    /// During a rotation, the previous token: webhooks may still be signed with it.
    #[serde(default)]
    pub previous_api_token: Option<Secret>,
}

impl BriaSecret {
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn read(aws: &Aws, arn: &str) -> Result<BriaSecret, InitError> {
        read(aws, arn, "the Bria secret").await
    }

    /// Every token a webhook may be signed with, current first.
    pub fn webhook_tokens(&self) -> Vec<Secret> {
        std::iter::once(&self.api_token).chain(&self.previous_api_token).cloned().collect()
    }
}

/// The secret of Stripe's API.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeSecret {
    /// A restricted or secret key.
    pub api_key: Secret,
}

/// The signing secrets of Stripe's webhooks.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeWebhookSecret {
    /// The endpoint's signing secret.
    pub signing_secret: Secret,
    /// During a rotation, the previous secret.
    #[serde(default)]
    pub previous_signing_secret: Option<Secret>,
    /// Secrets of the connected accounts' endpoints: one for snapshot events, one for thin events,
    /// and during a rotation the previous ones.
    #[serde(default)]
    pub connect_signing_secrets: Vec<Secret>,
}

impl StripeWebhookSecret {
    /// Every secret a webhook may be signed with, current first.
    pub fn all(&self) -> Vec<Secret> {
        std::iter::once(&self.signing_secret)
            .chain(&self.previous_signing_secret)
            .chain(&self.connect_signing_secrets)
            .cloned()
            .collect()
    }
}

/// The secret of the Gemini API.
#[derive(Debug, Clone, Deserialize)]
pub struct GeminiSecret {
    /// The API key.
    pub api_key: Secret,
}

/// The secret of an issuer that signs its tokens with HS256.
#[derive(Debug, Clone, Deserialize)]
pub struct AuthSecret {
    /// As the issuer shows it; its bytes are the key.
    pub shared_secret: Secret,
}

impl AuthSecret {
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn read(aws: &Aws, arn: &str) -> Result<Secret, InitError> {
        read(aws, arn, "the issuer's secret").await.map(|secret: AuthSecret| secret.shared_secret)
    }
}

/// The secret that signs share links.
#[derive(Debug, Clone, Deserialize)]
pub struct ShareSecret {
    /// The current key.
    pub signing_key: Secret,
    /// During a rotation, the previous key. Published links carry codes signed with it: without it
    /// they break.
    #[serde(default)]
    pub previous_signing_key: Option<Secret>,
}

/// The secret of the CDN of images.
#[derive(Debug, Clone, Deserialize)]
pub struct ImagesSecret {
    /// The private key of one of its public keys, in PEM.
    pub private_key: Secret,
}

/// A secret is unavailable or malformed. The text never contains its value.
#[derive(Debug, thiserror::Error)]
#[error("the secret {id} is not available")]
struct SecretUnavailable {
    /// Its name or ARN.
    id: String,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

/// Reads the JSON secret `id` (a name or an ARN) into its type, in at most five seconds; `what` is
/// what an error calls it. Needs `secretsmanager:GetSecretValue`.
///
/// # Errors
/// When it cannot be read, or is not the JSON object that `T` describes.
pub(crate) async fn read<T: DeserializeOwned>(
    aws: &Aws,
    id: &str,
    what: &'static str,
) -> Result<T, InitError> {
    let value = text(aws, id).await.and_then(|text| {
        if has_placeholder(&text) {
            warn!(secret = id, "secret is a placeholder, store the real one with scripts/secrets");
        }
        parse(&text)
    });
    value.map_err(|source| {
        InitError::unavailable(what)(SecretUnavailable { id: id.to_owned(), source })
    })
}

async fn text(aws: &Aws, id: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let client = aws.shared(|config| {
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        Client::from_conf(Builder::from(config).timeout_config(timeouts).build())
    });
    let answer = client.get_secret_value().secret_id(id).send().await?;
    answer.secret_string.ok_or_else(|| "it is binary".into())
}

/// Whether a value is the one that the first deployment generated (`infra/data.yaml`).
fn has_placeholder(text: &str) -> bool {
    let values: HashMap<String, Value> = serde_json::from_str(text).unwrap_or_default();
    values.values().filter_map(Value::as_str).any(|value| {
        value.len() == PLACEHOLDER_LENGTH
            && value.chars().all(|it| it.is_ascii_alphanumeric())
            && value.chars().any(|it| it.is_ascii_uppercase())
            && value.chars().any(|it| it.is_ascii_lowercase())
    })
}

/// serde's own message can quote its input, so only the position is kept.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Box<dyn Error + Send + Sync>> {
    serde_json::from_str(text).map_err(|error| {
        format!("unexpected JSON at line {}, column {}", error.line(), error.column()).into()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret: BriaSecret = parse(r#"{"api_token": "hunter2"}"#).unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
        let error = parse::<BriaSecret>(r#"{"api_token": ["hunter2"]}"#).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_placeholder_is_told_from_a_key() {
        let check = |expected, value: &str| {
            let text = json!({ "api_key": value }).to_string();
            assert_eq!(has_placeholder(&text), expected, "{value}");
        };
        check(true, &format!("aB3{}", "x".repeat(37)));
        check(false, &"0f".repeat(20));
        check(false, &format!("rk_test_B{}", "x".repeat(31)));
        check(false, "aB3");
        assert!(!has_placeholder("no JSON"));
    }

    #[test]
    fn a_rotation_keeps_two_tokens() {
        let tokens = |text| parse::<BriaSecret>(text).map(|secret| secret.webhook_tokens().len());
        assert_eq!(tokens(r#"{"api_token": "a"}"#).unwrap(), 1);
        assert_eq!(tokens(r#"{"api_token": "a", "previous_api_token": null}"#).unwrap(), 1);
        assert_eq!(tokens(r#"{"api_token": "a", "previous_api_token": "b"}"#).unwrap(), 2);
        assert!(tokens(r#"{"api_token": " "}"#).is_err());
        assert!(tokens(r#"{}"#).is_err());
    }
}
