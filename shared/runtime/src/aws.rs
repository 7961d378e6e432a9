//! AWS clients: one configuration per process, one client per service.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

/// Timeout of one attempt of a small request: DynamoDB, SQS, Secrets Manager.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of a small request with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
/// Timeout of one attempt to transfer an object of up to tens of megabytes.
const OBJECT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout of an object transfer with all its attempts.
const OBJECT_OPERATION_TIMEOUT: Duration = Duration::from_secs(40);
/// Attempts of a request, the first included. The SDK backs off between them with jitter.
const ATTEMPTS: u32 = 3;

/// Makes clients for AWS. Clients of one process share connections and credentials.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// Reads region, credentials and endpoint from the environment, as the SDK does.
    pub(crate) async fn load() -> Aws {
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts(ATTEMPT_TIMEOUT, OPERATION_TIMEOUT))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .load()
            .await;
        Aws { config }
    }

    /// A DynamoDB client.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// An SQS client.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// A Secrets Manager client.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.config)
    }

    /// An S3 client with the longer object timeouts. A configured endpoint has no DNS name per
    /// bucket, so the bucket goes into the path.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .timeout_config(timeouts(OBJECT_ATTEMPT_TIMEOUT, OBJECT_OPERATION_TIMEOUT))
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(self.config.endpoint_url().is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(operation).build()
}
