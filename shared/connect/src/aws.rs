//! AWS: one configuration per process.

use std::{convert::Infallible, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use domain::Timestamp;

use crate::{
    clock::Clock, doubt::SecretDoubt, environment::Environment, error::InitError,
    process_clients::ProcessClients,
};

/// Timeout of one attempt of a small request: DynamoDB, SQS, Secrets Manager.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of a small request with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
/// Attempts of a request, the first included. The SDK backs off between them with jitter.
const ATTEMPTS: u32 = 3;

/// The configuration of AWS clients, the clients of the process, and the clock by which it starts.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    clock: Clock,
    doubt: SecretDoubt,
    clients: ProcessClients,
}

impl Aws {
    /// Reads region, credentials and, for a local engine, the endpoint from the variables in which
    /// Lambda passes them. No other source is asked: profiles, STS and instance metadata have no
    /// part in a function, and their clients would only make it larger.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
    ///
    /// # Errors
    /// [`InitError::Missing`] when the region or the credentials are not set.
    pub fn from_environment(env: &Environment) -> Result<Aws, InitError> {
        let credentials = Credentials::new(
            env.text("AWS_ACCESS_KEY_ID")?,
            env.text("AWS_SECRET_ACCESS_KEY")?,
            env.optional("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "environment",
        );
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT);
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(env.text("AWS_REGION")?.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(env.optional("AWS_ENDPOINT_URL").map(str::to_owned));
        Ok(Aws::with(config.build(), Clock::System))
    }

    /// With the given configuration and clock.
    pub fn with(config: SdkConfig, clock: Clock) -> Aws {
        Aws { config, clock, doubt: SecretDoubt::default(), clients: ProcessClients::default() }
    }

    /// The same, with clients that another process of the same configuration has made.
    #[must_use]
    pub fn sharing(self, clients: ProcessClients) -> Aws {
        Aws { clients, ..self }
    }

    /// Where the clients of this process say that a provider refused their secret.
    pub fn secret_doubt(&self) -> &SecretDoubt {
        &self.doubt
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The configuration for the clients of one process, which share connections and credentials.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The process's client of this type, made with the first call. See [`ProcessClients`].
    pub fn shared<T: Clone + Send + Sync + 'static>(
        &self,
        make: impl FnOnce(&SdkConfig) -> T,
    ) -> T {
        let Ok(client) = self.try_shared(|| Ok::<T, Infallible>(make(&self.config)));
        client
    }

    /// The same, where making it may fail.
    ///
    /// # Errors
    /// What `make` says.
    pub fn try_shared<T: Clone + Send + Sync + 'static, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.clients.get_or_make(make)
    }
}
