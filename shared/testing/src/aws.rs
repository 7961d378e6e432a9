//! AWS in this process, behind the real SDK: the table, the buckets, the queues and the secrets.
//!
//! The SDK's HTTP client is replaced by one that passes each signed request to the service it is
//! for, without a socket.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_s3::config::{
    BehaviorVersion, Region, SharedCredentialsProvider, timeout::TimeoutConfig,
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_types::SdkConfig;
use runtime::Clock;
use serde_json::{Value, json};

use crate::{
    engine::Engine,
    objects::Objects,
    queue::Queues,
    wire::{credentials, json_response, retries},
};

/// The address of AWS in presigned links.
pub const AWS_URL: &str = "https://s3.prolight.test";

/// The table, the buckets, the queues and the secrets of one test.
#[derive(Debug, Clone)]
pub struct InProcessAws {
    /// The table's engine.
    pub engine: Engine,
    /// The buckets.
    pub objects: Objects,
    /// The queues.
    pub queues: Queues,
    secrets: Arc<Mutex<BTreeMap<String, String>>>,
}

impl InProcessAws {
    /// An empty table, and these empty buckets and queues. The queues use `clock`.
    pub fn new(buckets: &[&str], queue_urls: &[&'static str], clock: &Clock) -> InProcessAws {
        InProcessAws {
            engine: Engine::new(),
            objects: Objects::with_buckets(buckets),
            queues: Queues::with_urls(queue_urls, clock),
            secrets: Arc::default(),
        }
    }

    /// Stores a secret under its name.
    pub fn put_secret(&self, name: &str, value: &Value) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.to_owned(), value.to_string());
    }

    /// The configuration of its clients.
    pub fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials()))
            .endpoint_url(AWS_URL)
            .timeout_config(TimeoutConfig::disabled())
            .retry_config(retries())
            .http_client(self.clone())
            .build()
    }

    fn secret(&self, request: &HttpRequest) -> HttpResponse {
        let body = request.body().bytes().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = body["SecretId"].as_str().unwrap_or_default();
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, answer) = match secrets.get(name) {
            Some(value) => (200, json!({ "Name": name, "SecretString": value })),
            None => (400, json!({ "__type": "ResourceNotFoundException" })),
        };
        json_response(status, &answer)
    }
}

impl HttpConnector for InProcessAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        match target.split('.').next() {
            Some("DynamoDB_20120810") => self.engine.call(request),
            Some("secretsmanager") => HttpConnectorFuture::ready(Ok(self.secret(&request))),
            Some("AmazonSQS") => HttpConnectorFuture::ready(Ok(self.queues.serve(&request))),
            Some("") => self.objects.call(&request),
            Some(_) | None => panic!("a test is not asked for {target}"),
        }
    }
}

impl HttpClient for InProcessAws {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
