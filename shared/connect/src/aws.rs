//! AWS: one configuration per process.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};

/// Timeout of one attempt of a small request: DynamoDB, SQS, Secrets Manager.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of a small request with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
/// Attempts of a request, the first included. The SDK backs off between them with jitter.
const ATTEMPTS: u32 = 3;

/// The configuration of AWS clients.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// Reads region, credentials and endpoint from the environment, as the SDK does.
    pub async fn load() -> Aws {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT);
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .load()
            .await;
        Aws { config }
    }

    /// With the given configuration, for tests.
    pub fn with(config: SdkConfig) -> Aws {
        Aws { config }
    }

    /// The configuration for the clients of one process, which share connections and credentials.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}
