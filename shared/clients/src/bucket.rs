//! One bucket: put, check, read and link objects.
//!
//! The modules that use a bucket define its keys and metadata; see [`crate::images`],
//! [`crate::documents`], [`crate::uploads`], [`crate::preview`] and [`crate::snapshots`].

mod read;

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{
    Client,
    config::{
        Builder, RequestChecksumCalculation, ResponseChecksumValidation,
        StalledStreamProtectionConfig, timeout::TimeoutConfig,
    },
    operation::put_object::builders::PutObjectFluentBuilder,
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use connect::Aws;
use domain::{
    Timestamp,
    image::{LINK_LIFETIME, LINK_WINDOW},
};
use sha2::{Digest, Sha256};

pub(crate) use self::read::{Found, ReadError, unread};

/// The variable of the bucket of images, uploads, assets and the search index.
pub(crate) const IMAGES_BUCKET: &str = "IMAGES_BUCKET";
/// The variable of the public bucket.
pub(crate) const PREVIEWS_BUCKET: &str = "PREVIEWS_BUCKET";
/// The variable of the bucket of immutable records.
pub(crate) const RECORDS_BUCKET: &str = "RECORDS_BUCKET";

/// Timeout of one attempt to transfer an object of up to tens of megabytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout of an object transfer with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(40);
/// Timeout for one object, retries included.
const TIMEOUT: Duration = Duration::from_secs(20);
/// An object never changes under its key, so it may be cached for ever.
pub(crate) const CACHE_CONTROL: &str = "private, max-age=31536000, immutable";
/// For public objects: one that is withdrawn disappears from all caches within this time.
pub(crate) const PUBLIC_CACHE_CONTROL: &str = "public, max-age=300";

/// Why a bucket request failed. A later retry is always safe.
pub(crate) type BucketFailure = Box<dyn Error + Send + Sync>;

/// A request to a bucket failed. A later retry is always safe.
#[derive(Debug, thiserror::Error)]
#[error("Stored files are not available right now: try again.")]
pub struct StorageUnavailable(#[source] pub(crate) BucketFailure);

domain::domain_error! {
    StorageUnavailable => Unavailable, "storage_unavailable";
    fn retry_after_s(&self) -> Option<u32> {
        Some(2)
    }
}

/// Connects a client whose `new` takes the bucket that `$variable` names.
macro_rules! in_bucket {
    ($client:ident, $variable:ident) => {
        impl connect::Connect for $client {
            fn variables() -> Vec<&'static str> {
                vec![crate::bucket::$variable]
            }
            async fn connect(
                env: &connect::Environment,
                aws: &connect::Aws,
            ) -> Result<$client, connect::InitError> {
                let name = env.text(crate::bucket::$variable)?;
                Ok($client::new(&crate::bucket::s3(aws), name))
            }
        }
    };
}
pub(crate) use in_bucket;

/// The process's S3 client, with the longer timeouts of objects. A configured endpoint has no DNS
/// name per bucket, so the bucket goes into the path.
pub(crate) fn s3(aws: &Aws) -> Client {
    aws.shared(|config| {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT);
        let objects = Builder::from(config)
            .timeout_config(timeouts.build())
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(config.endpoint_url().is_some());
        Client::from_conf(objects.build())
    })
}

/// A bucket. Putting needs `s3:PutObject`, links and [`Bucket::has`] need `s3:GetObject`.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    s3: Client,
    name: String,
}

/// An object to put.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) key: &'a str,
    pub(crate) content_type: &'a str,
    /// `Content-Disposition`: display or download, and the file name; `None` leaves it to the
    /// browser.
    pub(crate) disposition: Option<String>,
    pub(crate) bytes: &'a Bytes,
}

/// Whether an existing object is overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverwritePolicy {
    Replaced,
    Kept,
}

impl Bucket {
    /// Over the process's S3 client.
    pub(crate) fn new(s3: &Client, name: impl Into<String>) -> Bucket {
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        let config = s3.config().to_builder().timeout_config(timeouts).build();
        Bucket { s3: Client::from_conf(config), name: name.into() }
    }

    /// Puts `object`. S3 verifies the checksum and refuses a body damaged in transit.
    ///
    /// # Errors
    /// When the bucket did not confirm the write.
    pub(crate) async fn put(
        &self,
        object: Object<'_>,
        present: OverwritePolicy,
    ) -> Result<(), BucketFailure> {
        let digest = Sha256::digest(object.bytes);
        let if_none_match = (present == OverwritePolicy::Kept).then(|| "*".to_owned());
        let put = self
            .putting(object, &digest)
            .cache_control(CACHE_CONTROL)
            .metadata("sha256", hex::encode(digest))
            .set_if_none_match(if_none_match);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_response().map(|raw| raw.status().as_u16()) {
                Some(412) if present == OverwritePolicy::Kept => Ok(()),
                Some(_) | None => Err(error.into()),
            },
        }
    }

    /// Puts `object` for public access and caching; its headers reveal only its content type.
    ///
    /// # Errors
    /// When the bucket did not confirm the write.
    pub(crate) async fn put_public(&self, object: Object<'_>) -> Result<(), BucketFailure> {
        let digest = Sha256::digest(object.bytes);
        self.putting(object, &digest).cache_control(PUBLIC_CACHE_CONTROL).send().await?;
        Ok(())
    }

    /// A request to put `object`, whose bytes have this SHA-256.
    pub(crate) fn putting(&self, object: Object<'_>, digest: &[u8]) -> PutObjectFluentBuilder {
        self.s3
            .put_object()
            .bucket(&self.name)
            .key(object.key)
            .content_type(object.content_type)
            .set_content_disposition(object.disposition)
            .checksum_sha256(STANDARD.encode(digest))
            .body(ByteStream::from(object.bytes.clone()))
    }

    /// A presigned link to the object at `key`, valid for [`LINK_LIFETIME`] from the start of the
    /// window of [`LINK_WINDOW`] that contains `now`. Links of one window are equal, byte for byte,
    /// as long as the credentials are. No call is made.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(crate) async fn link(&self, key: &str, now: Timestamp) -> Result<String, BucketFailure> {
        self.link_as(key, None, now).await
    }

    /// [`Bucket::link`] with `disposition` as the response's `Content-Disposition`.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(crate) async fn link_as(
        &self,
        key: &str,
        disposition: Option<String>,
        now: Timestamp,
    ) -> Result<String, BucketFailure> {
        let start = u64::try_from(now.floor_to(LINK_WINDOW).as_millis()).unwrap_or(0);
        let window = PresigningConfig::builder()
            .start_time(SystemTime::UNIX_EPOCH + Duration::from_millis(start))
            .expires_in(LINK_LIFETIME)
            .build()?;
        let get = self.s3.get_object().bucket(&self.name).key(key);
        let signed = get.set_response_content_disposition(disposition).presigned(window).await?;
        Ok(signed.uri().to_owned())
    }

    /// The bucket's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The S3 client.
    pub(crate) fn s3(&self) -> &Client {
        &self.s3
    }

    /// Whether there is an object at `key`.
    ///
    /// S3 answers 403 for a missing object to callers without `s3:ListBucket`, and this role has
    /// none; so both 403 and 404 mean no.
    ///
    /// # Errors
    /// When the bucket is unavailable.
    pub(crate) async fn has(&self, key: &str) -> Result<bool, BucketFailure> {
        match self.s3.head_object().bucket(&self.name).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.raw_response().map(|raw| raw.status().as_u16()) {
                Some(403 | 404) => Ok(false),
                Some(_) | None => Err(error.into()),
            },
        }
    }
}

/// An S3 client of a test, whose bucket is at `endpoint`.
#[cfg(test)]
pub(crate) fn client_at(endpoint: &str) -> Client {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}
