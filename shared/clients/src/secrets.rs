//! Reads secrets, in a type that keeps them out of logs.

use std::{error::Error, fmt, time::Duration};

use aws_sdk_secretsmanager::{Client, config::timeout::TimeoutConfig};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

const TIMEOUT: Duration = Duration::from_secs(5);

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

/// Secrets Manager. Needs `secretsmanager:GetSecretValue` on the secrets it reads.
#[derive(Debug, Clone)]
pub struct Secrets(Client);

/// A secret is unavailable or malformed. The text never contains its value.
#[derive(Debug, thiserror::Error)]
#[error("the secret {id} is not available")]
pub struct SecretUnavailable {
    /// Its name or ARN.
    pub id: String,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl Secrets {
    /// Over the process's Secrets Manager client; each read takes at most five seconds.
    pub fn new(client: &Client) -> Secrets {
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        Secrets(Client::from_conf(client.config().to_builder().timeout_config(timeouts).build()))
    }

    /// Reads the JSON secret `id` (a name or an ARN) into its type.
    ///
    /// # Errors
    /// When it cannot be read, or is not the JSON object that `T` describes.
    pub async fn read<T: DeserializeOwned>(&self, id: &str) -> Result<T, SecretUnavailable> {
        let text = self.text(id).await?;
        parse(&text).map_err(|source| SecretUnavailable { id: id.to_owned(), source })
    }

    async fn text(&self, id: &str) -> Result<String, SecretUnavailable> {
        let unavailable = |source| SecretUnavailable { id: id.to_owned(), source };
        let answer = self.0.get_secret_value().secret_id(id).send().await;
        let value = answer.map_err(|error| unavailable(error.into()))?;
        value.secret_string.ok_or_else(|| unavailable("it is binary".into()))
    }
}

/// serde's own message can quote its input, so only the position is kept.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Box<dyn Error + Send + Sync>> {
    serde_json::from_str(text).map_err(|error| {
        format!("unexpected JSON at line {}, column {}", error.line(), error.column()).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret: BriaSecret = parse(r#"{"api_token": "hunter2"}"#).unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
        let error = parse::<BriaSecret>(r#"{"api_token": ["hunter2"]}"#).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
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
