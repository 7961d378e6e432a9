//! Member uploads: a form for one file, and the processing of the file.
//!
//! A file goes from the member's browser to S3 directly, to `quarantine/<listing>/<upload>`, which
//! is never linked. A worker inspects it there. A picture is re-rendered (see [`crate::preview`]);
//! an asset is copied unchanged to `assets/<listing>/<upload>`, and its properties are taken from
//! that copy, which is written once and is what buyers download. Until its form expires a file can
//! be sent again and replace the one in quarantine, so every read or copy there names its etag, and
//! another one is [`UploadError::Replaced`]: S3 reports the replacement as a new upload.

mod download;

use std::{collections::BTreeMap, fmt, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{Config, SharedCredentialsProvider, timeout::TimeoutConfig},
    types::MetadataDirective,
};
use bytes::Bytes;
use connect::{Aws, Connect, Environment, InitError};
use domain::{
    Timestamp,
    marketplace::listing::upload::{AssetKind, UPLOAD_OPEN},
};
use media::asset::{HEAD_BYTES, sniff};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    bucket::{
        Bucket, BucketFailure, CACHE_CONTROL, Found, IMAGES_BUCKET, Object, OverwritePolicy,
        ReadError, StorageUnavailable, s3, unread,
    },
    post_policy::{Policy, Signer},
};
use download::attachment;

const QUARANTINE: &str = "quarantine";
const ASSETS: &str = "assets";
/// For a copy within the bucket, which takes S3 some seconds for each few hundred megabytes.
const COPY_TIMEOUT: Duration = Duration::from_secs(60);

/// The bucket of uploads. Forms and promoted assets need `s3:PutObject`, all reading needs
/// `s3:GetObject`, discarding needs `s3:DeleteObject`.
#[derive(Debug, Clone)]
pub struct Uploads {
    bucket: Bucket,
    credentials: Option<SharedCredentialsProvider>,
}

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload<'a> {
    /// Its key: see [`quarantine_key`].
    pub key: &'a str,
    /// Its owner, stored with the object and read as [`Uploaded::owner`].
    pub owner: &'a str,
    /// The declared type; see [`domain::marketplace::listing::upload::Purpose::content_types`]. The
    /// actual type follows from its bytes.
    pub content_type: &'a str,
    /// Most bytes. An empty file is refused.
    pub bytes_max: u64,
}

/// A form as a browser sends it: `multipart/form-data` with all `fields` and then the file, in a
/// field called `file`. S3 answers 201.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UploadForm {
    /// The URL to post to.
    pub url: String,
    /// All fields but the file.
    pub fields: BTreeMap<String, String>,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// An uploaded file, untrusted until it is inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// As declared by the uploader.
    pub content_type: Option<String>,
    /// Its owner.
    pub owner: Option<String>,
    /// The etag of this version; another file at the same key has another one.
    pub etag: String,
}

impl Connect for Uploads {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Uploads, InitError> {
        let credentials = aws.config().credentials_provider();
        Ok(Uploads::new(&s3(aws), credentials, env.text(IMAGES_BUCKET)?))
    }
}

/// Why an upload was not read or not promoted.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It does not exist (any more).
    #[error("there is no such upload")]
    Missing,
    /// Another file replaced it, as an upload of its own.
    #[error("another file was uploaded in its place")]
    Replaced,
    /// More bytes than the caller's limit. Permanent.
    #[error("the upload is too large")]
    TooLarge,
    /// Transient.
    #[error(transparent)]
    Unavailable(#[from] StorageUnavailable),
}

domain::domain_error! {
    UploadError wraps [Unavailable] {
        Missing => NotFound, "upload_not_found";
        Replaced => Conflict, "upload_replaced";
        TooLarge => TooLarge, "upload_too_large";
    }
}

/// The key prefix of a listing's uploads.
pub(crate) fn quarantine_folder(listing: impl fmt::Display) -> String {
    format!("{QUARANTINE}/{listing}/")
}

/// The key prefix of a listing's assets.
pub(crate) fn asset_folder(listing: impl fmt::Display) -> String {
    format!("{ASSETS}/{listing}/")
}

/// The key of an upload of a listing: `quarantine/<listing>/<upload>`.
pub fn quarantine_key(listing: impl fmt::Display, upload: impl fmt::Display) -> String {
    format!("{}{upload}", quarantine_folder(listing))
}

/// The key of an asset of a listing: `assets/<listing>/<upload>`.
pub fn asset_key(listing: impl fmt::Display, upload: impl fmt::Display) -> String {
    format!("{}{upload}", asset_folder(listing))
}

/// The key of the content of a version of a listing, as a file.
pub fn content_key(listing: impl fmt::Display, version: u32) -> String {
    format!("{}content-v{version}.json", asset_folder(listing))
}

/// The ids of the listing and the upload in `key`, if it is a [`quarantine_key`].
pub fn quarantined(key: &str) -> Option<(&str, &str)> {
    let (listing, upload) = key.strip_prefix(QUARANTINE)?.strip_prefix('/')?.split_once('/')?;
    (!listing.is_empty() && !upload.is_empty() && !upload.contains('/'))
        .then_some((listing, upload))
}

impl Uploads {
    /// Over the process's S3 client. The credentials sign forms.
    pub fn new(
        s3: &Client,
        credentials: Option<SharedCredentialsProvider>,
        bucket: impl Into<String>,
    ) -> Uploads {
        Uploads { bucket: Bucket::new(s3, bucket), credentials }
    }

    /// A form for one file, valid for [`UPLOAD_OPEN`] from `now`, or as long as the credentials
    /// are. It can be sent more than once. No call is made.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn presign(
        &self,
        upload: &NewUpload<'_>,
        now: Timestamp,
    ) -> Result<UploadForm, StorageUnavailable> {
        let signed_at = now.floor_to(Duration::from_secs(1));
        let expires_at = signed_at.plus(UPLOAD_OPEN);
        let signer = Signer::of(&self.bucket, self.credentials.as_ref()).await;
        let signer = signer.map_err(StorageUnavailable)?;
        let fields = signer.sign(&Policy {
            fields: vec![
                ("key", upload.key),
                ("Content-Type", upload.content_type),
                ("x-amz-meta-owner", upload.owner),
                ("success_action_status", "201"),
            ],
            bytes: (1, upload.bytes_max),
            signed_at,
            expires_at,
        });
        Ok(UploadForm { url: signer.url, fields: fields.into_iter().collect(), expires_at })
    }

    /// The upload at `key`, if it exists.
    ///
    /// # Errors
    /// When the bucket is unavailable.
    pub async fn head(&self, key: &str) -> Result<Option<Uploaded>, StorageUnavailable> {
        let found = self.bucket.find(key).await.map_err(StorageUnavailable)?;
        Ok(found.map(|found| {
            let Found { bytes, etag, content_type, owner } = found;
            Uploaded { key: key.to_owned(), bytes, content_type, owner, etag }
        }))
    }

    /// The whole of `upload`, of at most `bytes_max`.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth a retry.
    pub async fn fetch(&self, upload: &Uploaded, bytes_max: u64) -> Result<Bytes, UploadError> {
        let reading = self.bucket.open(&upload.key, Some(&upload.etag), bytes_max).await?;
        Ok(reading.all().await?)
    }

    /// The kind of `upload`, from its first bytes; `None` if it cannot be sold.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth a retry.
    pub async fn sniff(
        &self,
        upload: &Uploaded,
        bytes_max: u64,
    ) -> Result<Option<AssetKind>, UploadError> {
        let mut reading = self.bucket.open(&upload.key, Some(&upload.etag), bytes_max).await?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        while head.len() < HEAD_BYTES
            && let Some(piece) = reading.next().await?
        {
            head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES - head.len())]);
        }
        Ok(sniff(&head))
    }

    /// The whole asset at `key`, of at most `bytes_max`.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth a retry.
    pub async fn asset(&self, key: &str, bytes_max: u64) -> Result<Bytes, UploadError> {
        Ok(self.bucket.open(key, None, bytes_max).await?.all().await?)
    }

    /// Copies `upload` within the bucket to `to_key`, as a download called `file_name` (see
    /// `download::attachment`) with the type of its `kind`; declared metadata is not copied.
    ///
    /// An existing object at `to_key` is kept, whichever upload it is from: an asset is written
    /// once. So its properties must be taken from the copy, never from the upload, also because an
    /// etag is an MD5, for which two different files can be prepared.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth a retry.
    pub async fn promote(
        &self,
        upload: &Uploaded,
        to_key: &str,
        kind: AssetKind,
        file_name: &str,
    ) -> Result<(), UploadError> {
        if self.bucket.has(to_key).await.map_err(StorageUnavailable)? {
            return Ok(());
        }
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(COPY_TIMEOUT)
            .operation_timeout(COPY_TIMEOUT)
            .build();
        let copy = self
            .bucket
            .s3()
            .copy_object()
            .bucket(self.bucket.name())
            .key(to_key)
            .copy_source(copy_source(self.bucket.name(), &upload.key))
            .copy_source_if_match(&upload.etag)
            .if_none_match("*")
            .metadata_directive(MetadataDirective::Replace)
            .content_type(kind.content_type())
            .content_disposition(attachment(file_name))
            .cache_control(CACHE_CONTROL)
            .customize()
            .config_override(Config::builder().timeout_config(patience));
        match copy.send().await.map_err(unread) {
            Ok(_) => Ok(()),
            // Either the upload was replaced, or a concurrent call wrote the asset.
            Err(ReadError::Replaced)
                if self.bucket.has(to_key).await.map_err(StorageUnavailable)? =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Stores the content of a version as JSON at its [`content_key`], unless it is there already:
    /// what was on sale never changes. Returns its size and the SHA-256 of its bytes, in hex.
    ///
    /// # Errors
    /// When the bucket did not confirm the write.
    pub async fn store_content(
        &self,
        key: &str,
        content: &impl Serialize,
    ) -> Result<(usize, String), StorageUnavailable> {
        let json = serde_json::to_vec_pretty(content).map_err(BucketFailure::from);
        let bytes = &Bytes::from(json.map_err(StorageUnavailable)?);
        let content_type = "application/json";
        let object = Object { key, content_type, disposition: None, bytes };
        self.bucket.put(object, OverwritePolicy::Kept).await.map_err(StorageUnavailable)?;
        Ok((bytes.len(), hex::encode(Sha256::digest(bytes))))
    }

    /// Deletes the object at `key`. A missing one counts as deleted.
    ///
    /// # Errors
    /// When the bucket did not confirm the deletion.
    pub async fn discard(&self, key: &str) -> Result<(), StorageUnavailable> {
        self.bucket.remove(key).await.map_err(StorageUnavailable)
    }

    /// A presigned link that downloads the object at `key` as `file_name` (see
    /// `download::attachment`), valid for [`domain::image::LINK_LIFETIME`] from the start of the
    /// window of [`domain::image::LINK_WINDOW`] that contains `now`. No call is made.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn link(
        &self,
        key: &str,
        file_name: &str,
        now: Timestamp,
    ) -> Result<String, StorageUnavailable> {
        let disposition = Some(attachment(file_name));
        self.bucket.link_as(key, disposition, now).await.map_err(StorageUnavailable)
    }
}

/// The copy source is a header value, so special characters are percent-encoded.
fn copy_source(bucket: &str, key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    format!("{bucket}/{}", key.bytes().map(encode).collect::<String>())
}

impl From<ReadError> for UploadError {
    fn from(error: ReadError) -> UploadError {
        match error {
            ReadError::Missing => UploadError::Missing,
            ReadError::Replaced => UploadError::Replaced,
            ReadError::TooLarge => UploadError::TooLarge,
            ReadError::Failed(source) => StorageUnavailable(source).into(),
        }
    }
}

#[cfg(test)]
mod tests;
