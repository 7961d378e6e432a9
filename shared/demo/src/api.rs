//! HTTP client of a deployed API, used as a frontend would.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

/// User agent of a browser.
pub const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 (ProLight's tests)";

/// Timeout of one call.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallFailed {
    /// A variable that `scripts/up` writes is not set.
    #[error("{0} is not set: run ./scripts/up, then `source .local/env`")]
    NotUp(String),
    /// No response.
    #[error("no answer: {0}")]
    NoAnswer(#[from] reqwest::Error),
    /// An error response.
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

/// The API as one person, or without a token.
#[derive(Debug, Clone)]
pub struct Api {
    root: String,
    token: Option<String>,
    client: Client,
}

/// A response of any status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Api {
    /// As the person whose token is in `PROLIGHT_TOKEN_<person>`.
    ///
    /// # Errors
    /// If the stack is not up.
    pub fn of(person: &str) -> Result<Api, CallFailed> {
        let token = variable(&format!("PROLIGHT_TOKEN_{person}"))?;
        Api::with_token(token)
    }

    /// As the holder of `token`.
    ///
    /// # Errors
    /// If the stack is not up.
    pub fn with_token(token: String) -> Result<Api, CallFailed> {
        Ok(Api { token: Some(token), ..Api::anonymous()? })
    }

    /// Without a token.
    ///
    /// # Errors
    /// If the stack is not up.
    pub fn anonymous() -> Result<Api, CallFailed> {
        let root = variable("PROLIGHT_API_URL")?;
        let client = Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(BROWSER)
            // Tests inspect redirects instead of following them.
            .redirect(Policy::none())
            .build()?;
        Ok(Api { root, token: None, client })
    }

    /// As a new member: the local issuer accepts every name.
    ///
    /// # Errors
    /// If the stack is not up.
    pub async fn of_new_member() -> Result<Api, CallFailed> {
        let api = Api::anonymous()?;
        let username = format!("e2e-{:016x}@prolight.test", rand::random::<u64>());
        let ask = json!({ "grant_type": "password", "username": username });
        let url = format!("{}/token", variable("SANDBOX_URL")?);
        let answer = accepted(Method::POST, api.client.post(url).json(&ask).send().await?).await?;
        let token = answer["access_token"].as_str().map(str::to_owned);
        Ok(Api { token, ..api })
    }

    /// A request, with the token if there is one; `path` begins with a slash or is a whole URL of
    /// this API.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path.starts_with('/') {
            true => format!("{}{path}", self.root),
            false => path.to_owned(),
        };
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Response body of a GET.
    ///
    /// # Errors
    /// On an error response or no response.
    pub async fn get(&self, path: &str) -> Result<Value, CallFailed> {
        accepted(Method::GET, self.request(Method::GET, path).send().await?).await
    }

    /// Response body of a POST with an idempotency key.
    ///
    /// # Errors
    /// On an error response or no response.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, CallFailed> {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key).json(body);
        accepted(Method::POST, request.send().await?).await
    }

    /// Response body of any other call with a JSON body.
    ///
    /// # Errors
    /// On an error response or no response.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, CallFailed> {
        let request = self.request(method.clone(), path).json(body);
        accepted(method, request.send().await?).await
    }

    /// Uploads a file through the form in an upload's response, as a browser does.
    ///
    /// # Errors
    /// On an error response or no response.
    pub async fn send_form(&self, form: &Value, file: &[u8]) -> Result<(), CallFailed> {
        let answer = Answer::to(self.form(form, file)).await?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(CallFailed::Refused {
                method: Method::POST,
                url: form["url"].as_str().unwrap_or_default().to_owned(),
                status,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            }),
        }
    }

    /// The multipart request of such a form: its fields, then the file (RFC 7578).
    pub fn form(&self, form: &Value, file: &[u8]) -> RequestBuilder {
        const BOUNDARY: &str = "prolight-7f3c0a6b1d";
        let mut body = Vec::with_capacity(file.len() + 4096);
        for (name, value) in form["fields"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"file\"\r\n\r\n"
        );
        body.extend_from_slice(part.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        self.client
            .post(form["url"].as_str().unwrap_or_default())
            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body)
    }

    /// Pays on one of the sandbox's pages with a test card.
    ///
    /// # Errors
    /// On an error response or no response.
    pub async fn pay(&self, page: &str, card: &str) -> Result<(), CallFailed> {
        let form_type = "application/x-www-form-urlencoded";
        let request = self.client.post(page).header("Content-Type", form_type);
        let paid = request.body(format!("card={card}")).send().await?;
        let (status, url) = (paid.status().as_u16(), page.to_owned());
        match status {
            200..=399 => Ok(()),
            _ => {
                let body = paid.text().await?;
                Err(CallFailed::Refused { method: Method::POST, url, status, body })
            }
        }
    }

    /// The bytes behind a link that needs no token.
    ///
    /// # Errors
    /// On an error response or no response.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, CallFailed> {
        let response = self.client.get(url).send().await?.error_for_status()?;
        Ok(response.bytes().await?.to_vec())
    }
}

impl Answer {
    /// The response to `request`, including errors.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn to(request: RequestBuilder) -> Result<Answer, CallFailed> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The JSON body, `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Asserts the status and returns the body.
    ///
    /// # Panics
    /// On another status: the message shows the whole response.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Asserts a problem document with this status and code, and returns it (RFC 9457).
    ///
    /// # Panics
    /// If the response is anything else.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.ok(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        for member in ["type", "title", "detail", "request_id"] {
            assert!(problem[member].is_string(), "`{member}` in {problem}");
        }
        problem
    }
}

/// An unused idempotency key.
pub fn fresh_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A variable of the running stack.
///
/// # Errors
/// If it is not set.
pub fn variable(name: &str) -> Result<String, CallFailed> {
    #[expect(clippy::disallowed_methods, reason = "scripts/up exports addresses this way")]
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
