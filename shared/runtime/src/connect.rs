//! Capabilities: the clients a handler uses, connected once before the first call.
//!
//! A handler's first parameter is a capability or a tuple of them. Exactly those are connected, and
//! exactly their variables are required.

use clients::{AuditAnchors, GenerationQueue, Images, Issuer, oidc::OidcConfig};
use store::Store;
use tracing::warn;

use crate::{
    aws::Aws,
    context::Clock,
    env::{Environment, InitError},
    error::chain,
    providers::{http, unusable},
};

const TABLE_NAME: &str = "TABLE_NAME";
pub(crate) const IMAGES_BUCKET: &str = "IMAGES_BUCKET";
/// The bucket of immutable records.
pub(crate) const RECORDS_BUCKET: &str = "RECORDS_BUCKET";
const GENERATION_QUEUE_URL: &str = "GENERATION_QUEUE_URL";
const AUTH_ISSUER: &str = "AUTH_ISSUER";
const AUTH_AUDIENCE: &str = "AUTH_AUDIENCE";
/// Empty: the URL is discovered from the issuer.
const AUTH_JWKS_URL: &str = "AUTH_JWKS_URL";
/// Comma-separated; empty means any.
const AUTH_PARTIES: &str = "AUTH_PARTIES";
const AUTH_ROLE_CLAIM: &str = "AUTH_ROLE_CLAIM";

/// A capability: a client that a handler uses.
pub trait Connect: Sized {
    /// The variables that must be set, including those that may be empty.
    fn variables() -> Vec<&'static str>;

    /// Connects, during process initialization.
    ///
    /// # Errors
    /// When a variable is invalid, or a required service does not answer.
    fn connect(env: &Environment, aws: &Aws) -> impl Future<Output = Result<Self, InitError>>;

    /// The table, if this is or contains it: the shell needs it for suspensions and rate limits.
    fn table(&self) -> Option<&Store> {
        None
    }
}

/// A handler without capabilities.
impl Connect for () {
    fn variables() -> Vec<&'static str> {
        Vec::new()
    }
    async fn connect(_: &Environment, _: &Aws) -> Result<(), InitError> {
        Ok(())
    }
}

/// The table. Reads a key that never exists, to open the connection during initialization, when
/// Lambda gives a full processor and the TLS handshake is cheapest. An unreachable table does not
/// stop the start: the first request will report it.
impl Connect for Store {
    fn variables() -> Vec<&'static str> {
        vec![TABLE_NAME]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Store, InitError> {
        let store = Store::new(aws.dynamodb(), env.text(TABLE_NAME)?.to_owned());
        if let Err(error) = store.warm_up().await {
            warn!(error = chain(&error), "table unreachable at start, starting anyway");
        }
        Ok(store)
    }
    fn table(&self) -> Option<&Store> {
        Some(self)
    }
}

/// The bucket of images.
impl Connect for Images {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Images, InitError> {
        Ok(Images::new(&aws.s3(), env.text(IMAGES_BUCKET)?))
    }
}

/// The audit chain's anchors, in the records bucket.
impl Connect for AuditAnchors {
    fn variables() -> Vec<&'static str> {
        vec![RECORDS_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<AuditAnchors, InitError> {
        Ok(AuditAnchors::new(&aws.s3(), env.text(RECORDS_BUCKET)?))
    }
}

/// The queue of generation jobs.
impl Connect for GenerationQueue {
    fn variables() -> Vec<&'static str> {
        vec![GENERATION_QUEUE_URL]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<GenerationQueue, InitError> {
        Ok(GenerationQueue::new(&aws.sqs(), env.text(GENERATION_QUEUE_URL)?))
    }
}

/// The token issuer. Its keys are fetched now; if that fails, the first token retries.
impl Connect for Issuer {
    fn variables() -> Vec<&'static str> {
        vec![AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL, AUTH_PARTIES, AUTH_ROLE_CLAIM]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Issuer, InitError> {
        let config = OidcConfig {
            issuer: env.text(AUTH_ISSUER)?.to_owned(),
            audience: env.text(AUTH_AUDIENCE)?.to_owned(),
            jwks_url: env.optional(AUTH_JWKS_URL).map(str::to_owned),
            authorized_parties: env
                .optional(AUTH_PARTIES)
                .into_iter()
                .flat_map(|parties| parties.split(','))
                .map(|party| party.trim().to_owned())
                .collect(),
            role_claim: env.text(AUTH_ROLE_CLAIM)?.to_owned(),
        };
        let issuer = Issuer::new(http()?, config).map_err(unusable(AUTH_ISSUER))?;
        if let Err(error) = issuer.load_keys(Clock::System.now()).await {
            warn!(error = chain(&error), "token issuer unreachable, the first token retries");
        }
        Ok(issuer)
    }
}

macro_rules! tuples {
    ($(($($part:ident),+))*) => {$(
        impl<$($part: Connect),+> Connect for ($($part,)+) {
            fn variables() -> Vec<&'static str> {
                let mut names = [$($part::variables()),+].concat();
                names.sort_unstable();
                names.dedup();
                names
            }
            async fn connect(env: &Environment, aws: &Aws) -> Result<Self, InitError> {
                Ok(($($part::connect(env, aws).await?,)+))
            }
            #[expect(non_snake_case, reason = "each part is bound to the name of its type")]
            fn table(&self) -> Option<&Store> {
                let ($($part,)+) = self;
                None$(.or_else(|| $part.table()))+
            }
        }
    )*};
}

tuples! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
}
