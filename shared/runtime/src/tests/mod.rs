//! Whole invocations through the shells: events as AWS sends them, with a test capability.

mod authorizer;
mod caching;
mod http;
mod idempotency;
mod input;
mod logs;
mod start;
mod workers;

use domain::{DomainError, ErrorKind, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    ApiError, Aws, Call, Connect, Endpoint, Environment, InvocationContext, Reply,
    apigw::{self, Response},
};

/// Test capabilities, built directly and without a table.
macro_rules! put_together {
    ($($type:ty),*) => {$(
        impl crate::Connect for $type {
            fn variables() -> Vec<&'static str> {
                Vec::new()
            }
            async fn connect(
                _: &crate::Environment,
                _: &crate::Aws,
            ) -> Result<Self, crate::InitError> {
                unreachable!("a test builds it")
            }
        }
    )*};
}
put_together!(http::Shelf, idempotency::TestApp, logs::Outcome);

/// 2026-11-22T09:30:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_339_800);

/// AWS with credentials that are valid nowhere.
pub(crate) fn aws() -> Aws {
    let variables =
        ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "none"));
    Aws::from_environment(&Environment::of(variables)).expect("a configuration")
}

fn context() -> InvocationContext {
    InvocationContext {
        cors_origins: Some("https://app.prolight.ai, https://staff.prolight.ai".into()),
        ..InvocationContext::fixed(NOW)
    }
}

/// API Gateway's complete event for a member's request.
fn request(method: &str, path: &str) -> Value {
    json!({
        "resource": "/api/v1/books/{id}",
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "a1b2c3.execute-api.eu-west-1.amazonaws.com"},
        "multiValueHeaders": {
            "Host": ["a1b2c3.execute-api.eu-west-1.amazonaws.com"],
            "Origin": ["https://app.prolight.ai"]
        },
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "resourceId": "k9x", "resourcePath": "/api/v1/books/{id}", "httpMethod": method,
            "extendedRequestId": "JKJaXmPLvHcESHA=", "requestTime": "22/Nov/2026:09:30:00 +0000",
            "path": format!("/prod{path}"), "accountId": "123456789012", "protocol": "HTTP/1.1",
            "stage": "prod", "domainPrefix": "a1b2c3", "requestTimeEpoch": 1_795_339_800_000_u64,
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0", "user": null},
            "domainName": "a1b2c3.execute-api.eu-west-1.amazonaws.com", "apiId": "a1b2c3",
            "authorizer": {
                "principalId": "user_1", "integrationLatency": 12, "user_id": "user_1",
                "email": "member@prolight.test"
            }
        },
        "body": null,
        "isBase64Encoded": false
    })
}

/// The same event with changes, each at a JSON pointer.
fn with<const N: usize>(mut event: Value, changes: [(&str, Value); N]) -> Value {
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[key] = value;
    }
    event
}

/// The same event with one more header.
fn with_header(event: Value, name: &str, value: &str) -> Value {
    with(event, [(&format!("/multiValueHeaders/{name}"), json!([value]))])
}

/// The same event with a JSON body.
fn with_json(event: Value, body: &str) -> Value {
    with_header(with(event, [("/body", json!(body))]), "Content-Type", "application/json")
}

fn event(value: Value) -> lambda_http::Request {
    apigw::request(&value).unwrap()
}

/// The response of an endpoint to a request.
async fn dispatch<C: Connect, R: DeserializeOwned, T: Reply>(
    endpoint: &Endpoint,
    handle: &impl AsyncFn(&C, Call<R>) -> Result<T, ApiError>,
    capabilities: &C,
    context: &InvocationContext,
    request: lambda_http::Request,
) -> Response {
    crate::http::dispatch(endpoint, handle, capabilities, context, request).await.0
}

/// A response as read from the wire.
fn show(response: &Response) -> String {
    let headers: String =
        response.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body = serde_json::from_str::<Value>(&response.body)
        .map_or(String::new(), |body| serde_json::to_string_pretty(&body).unwrap());
    format!("{}\n{headers}\n{body}", response.status_code)
}

/// A response's status and code, and its first field error.
fn brief(response: &Response) -> String {
    let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let field = |it: &Value| ["pointer", "code", "detail"].map(|name| text(&it[name])).join(" ");
    let fields: Vec<_> = body["errors"].as_array().into_iter().flatten().map(field).collect();
    let parts = [response.status_code.to_string(), text(&body["code"]), fields.join("; ")];
    parts.join(" ").trim_end().to_owned()
}

/// An error of any kind.
#[derive(Debug, thiserror::Error)]
#[error("The shelf says no.")]
struct No {
    kind: ErrorKind,
    #[source]
    source: std::io::Error,
}

impl No {
    fn new(kind: ErrorKind) -> No {
        No { kind, source: std::io::Error::other("password=hunter2") }
    }
}

impl DomainError for No {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
    fn code(&self) -> &'static str {
        "no"
    }
    fn retry_after_s(&self) -> Option<u32> {
        (self.kind == ErrorKind::TooMany).then_some(30)
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        vec![("missing_credits", json!(2)), ("more_url", json!("/api/v1/more"))]
    }
}
