//! What the services in this process share: the caller's credentials, and how they answer.

use std::time::Duration;

use aws_sdk_s3::config::{Credentials, retry::RetryConfig};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// Credentials that sign and are valid nowhere.
pub(crate) fn credentials() -> Credentials {
    Credentials::new("ANOTREAL", "not a real secret", None, None, "tests")
}

/// The retries of the functions' clients, after a millisecond instead of a second.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1))
}

/// A response with a JSON body.
pub(crate) fn json_response(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}
