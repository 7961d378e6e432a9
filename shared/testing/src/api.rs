//! A deployed API, called over HTTP as a frontend calls it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallFailed {
    /// A variable that `scripts/up` writes is not set.
    #[error("{0} is not set: run ./scripts/up, then `source .local/env`")]
    NotUp(String),
    /// No answer.
    #[error("no answer: {0}")]
    NoAnswer(#[from] reqwest::Error),
    /// An answer that is a refusal.
    #[error("{method} {url}: {status} {body}")]
    Refused {
        /// The method.
        method: Method,
        /// The URL.
        url: String,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// The API as one person sees it.
#[derive(Debug, Clone)]
pub struct Api {
    root: String,
    token: String,
    client: Client,
}

impl Api {
    /// As the person whose token is in `PROLIGHT_TOKEN_<person>`.
    ///
    /// # Errors
    /// When the stack is not up.
    pub fn of(person: &str) -> Result<Api, CallFailed> {
        let token = variable(&format!("PROLIGHT_TOKEN_{person}"))?;
        Api::with_token(token)
    }

    /// As whoever `token` was made for.
    ///
    /// # Errors
    /// When the stack is not up.
    pub fn with_token(token: String) -> Result<Api, CallFailed> {
        let root = variable("PROLIGHT_API_URL")?;
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Api { root, token, client })
    }

    /// A request with the token; `path` begins with a slash or is a whole URL of this API.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path.starts_with('/') {
            true => format!("{}{path}", self.root),
            false => path.to_owned(),
        };
        self.client.request(method, url).bearer_auth(&self.token)
    }

    /// What a GET answers.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn get(&self, path: &str) -> Result<Value, CallFailed> {
        accepted(Method::GET, self.request(Method::GET, path).send().await?).await
    }

    /// What a POST with an idempotency key answers.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, CallFailed> {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key).json(body);
        accepted(Method::POST, request.send().await?).await
    }

    /// The bytes behind a link that needs no token.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, CallFailed> {
        let response = self.client.get(url).send().await?.error_for_status()?;
        Ok(response.bytes().await?.to_vec())
    }
}

/// An idempotency key nobody has used.
pub fn fresh_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A variable of the running stack.
///
/// # Errors
/// When it is not set.
pub fn variable(name: &str) -> Result<String, CallFailed> {
    #[expect(clippy::disallowed_methods, reason = "scripts/up tells where its stack is this way")]
    std::env::var(name).map_err(|_| CallFailed::NotUp(name.to_owned()))
}

async fn accepted(method: Method, response: Response) -> Result<Value, CallFailed> {
    let (status, url) = (response.status(), response.url().to_string());
    let body = response.text().await?;
    match status.is_success() {
        true => Ok(serde_json::from_str(&body).unwrap_or(Value::Null)),
        false => Err(CallFailed::Refused { method, url, status: status.as_u16(), body }),
    }
}
