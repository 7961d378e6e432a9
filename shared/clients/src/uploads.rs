//! Member uploads: a form for one file, and the processing of the file.
//!
//! A file goes from the member's browser to S3 directly, to `quarantine/<listing>/<upload>`, which
//! is never linked. A worker inspects it there. A picture is re-rendered (see [`crate::preview`]);
//! an asset is copied unchanged to `assets/<listing>/<upload>`, and its properties are taken from
//! that copy, which is written once and is what buyers download. Until its form expires a file can
//! be sent again and replace the one in quarantine, so every read or copy there names its etag, and
//! another one is [`UploadError::Replaced`]: S3 reports the replacement as a new upload.

use std::{collections::BTreeMap, fmt, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{Config, timeout::TimeoutConfig},
    types::MetadataDirective,
};
use bytes::Bytes;
use domain::{
    DomainError, ErrorKind, Timestamp,
    marketplace::upload::{AssetKind, FILE_NAME_CHARS_MAX, UPLOAD_OPEN},
};
use media::asset::{HEAD_BYTES, sniff};
use serde::Serialize;

use crate::{
    bucket::{Bucket, CACHE_CONTROL, Found, ReadError, in_bucket, unavailable, unread},
    post_policy::{Policy, Signer},
};

const QUARANTINE: &str = "quarantine";
const ASSETS: &str = "assets";
/// Most characters of a file extension, its dots included.
const ENDING_CHARS_MAX: usize = 16;
/// For a copy within the bucket, which takes S3 some seconds for each few hundred megabytes.
const COPY_TIMEOUT: Duration = Duration::from_secs(60);

/// The bucket of uploads. Forms and promoted assets need `s3:PutObject`, all reading needs
/// `s3:GetObject`, discarding needs `s3:DeleteObject`.
#[derive(Debug, Clone)]
pub struct Uploads {
    bucket: Bucket,
}

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload<'a> {
    /// Its key: see [`quarantine_key`].
    pub key: &'a str,
    /// Its owner, stored with the object and read as [`Uploaded::owner`].
    pub owner: &'a str,
    /// The declared type; see [`domain::marketplace::upload::Purpose::content_types`]. The actual
    /// type follows from its bytes.
    pub content_type: &'a str,
    /// Most bytes. An empty file is refused.
    pub bytes_max: u64,
}

/// A form as a browser sends it: `multipart/form-data` with all `fields` and then the file, in a
/// field called `file`. S3 answers 201.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

unavailable!(UploadsUnavailable, "uploads", "uploads_unavailable");
in_bucket!(Uploads, IMAGES_BUCKET);

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
    Unavailable(#[from] UploadsUnavailable),
}

impl DomainError for UploadError {
    fn kind(&self) -> ErrorKind {
        match self {
            UploadError::Missing => ErrorKind::NotFound,
            UploadError::Replaced => ErrorKind::Conflict,
            UploadError::TooLarge => ErrorKind::TooLarge,
            UploadError::Unavailable(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            UploadError::Missing => "upload_not_found",
            UploadError::Replaced => "upload_replaced",
            UploadError::TooLarge => "upload_too_large",
            UploadError::Unavailable(error) => error.code(),
        }
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            UploadError::Missing | UploadError::Replaced | UploadError::TooLarge => None,
            UploadError::Unavailable(error) => error.retry_after_s(),
        }
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

/// The ids of the listing and the upload in `key`, if it is a [`quarantine_key`].
pub fn quarantined(key: &str) -> Option<(&str, &str)> {
    let (listing, upload) = key.strip_prefix(QUARANTINE)?.strip_prefix('/')?.split_once('/')?;
    (!listing.is_empty() && !upload.is_empty() && !upload.contains('/'))
        .then_some((listing, upload))
}

impl Uploads {
    /// Over the process's S3 client.
    pub fn new(s3: &Client, bucket: impl Into<String>) -> Uploads {
        Uploads { bucket: Bucket::new(s3, bucket) }
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
    ) -> Result<UploadForm, UploadsUnavailable> {
        let signed_at = now.floor_to(Duration::from_secs(1));
        let expires_at = signed_at.plus(UPLOAD_OPEN);
        let signer = Signer::of(&self.bucket).await.map_err(UploadsUnavailable)?;
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
    pub async fn head(&self, key: &str) -> Result<Option<Uploaded>, UploadsUnavailable> {
        let found = self.bucket.find(key).await.map_err(UploadsUnavailable)?;
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
    /// [`attachment`]) with the type of its `kind`; declared metadata is not copied.
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
        if self.bucket.has(to_key).await.map_err(UploadsUnavailable)? {
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
                if self.bucket.has(to_key).await.map_err(UploadsUnavailable)? =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the object at `key`. A missing one counts as deleted.
    ///
    /// # Errors
    /// When the bucket did not confirm the deletion.
    pub async fn discard(&self, key: &str) -> Result<(), UploadsUnavailable> {
        self.bucket.remove(key).await.map_err(UploadsUnavailable)
    }

    /// A presigned link that downloads the object at `key` as `file_name` (see [`attachment`]),
    /// valid for [`domain::image::LINK_LIFETIME`] from the start of the window of
    /// [`domain::image::LINK_WINDOW`] that contains `now`. No call is made.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn link(
        &self,
        key: &str,
        file_name: &str,
        now: Timestamp,
    ) -> Result<String, UploadsUnavailable> {
        let disposition = Some(attachment(file_name));
        self.bucket.link_as(key, disposition, now).await.map_err(UploadsUnavailable)
    }
}

/// A `Content-Disposition` for a download called `file_name`, of at most [`FILE_NAME_CHARS_MAX`]
/// characters that are safe in headers and file systems: each run of other characters than ASCII
/// letters, digits, dots, `-` and `_` becomes one `-`. A long name is cut before its extension,
/// which identifies its type.
pub fn attachment(file_name: &str) -> String {
    let mut plain = String::with_capacity(file_name.len());
    for letter in file_name.chars() {
        match letter {
            '.' if plain.is_empty() || plain.ends_with('.') => {}
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' => plain.push(letter),
            _ if plain.is_empty() || plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    let plain = plain.trim_end_matches(['-', '.']);
    let name = if plain.is_empty() { "download".to_owned() } else { shortened(plain) };
    format!("attachment; filename=\"{name}\"")
}

/// A plain name within the limit, with its extension; `.tar.gz` is one extension.
fn shortened(plain: &str) -> String {
    if plain.len() <= FILE_NAME_CHARS_MAX {
        return plain.to_owned();
    }
    let (stem, ending) = plain.rsplit_once('.').unwrap_or((plain, ""));
    let (stem, ending) = match stem.strip_suffix(".tar") {
        Some(stem) => (stem, format!(".tar.{ending}")),
        None if ending.is_empty() => (stem, String::new()),
        None => (stem, format!(".{ending}")),
    };
    // Anything longer behind a dot is not an extension.
    let (stem, ending) = match ending.len() <= ENDING_CHARS_MAX {
        true => (stem, ending.as_str()),
        false => (plain, ""),
    };
    let room = FILE_NAME_CHARS_MAX - ending.len();
    let stem = stem.get(..room).unwrap_or(stem).trim_end_matches(['-', '.']);
    format!("{stem}{ending}")
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
            ReadError::Failed(source) => UploadsUnavailable(source).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{
        Router,
        extract::Request,
        http::{HeaderMap, Method, StatusCode},
        response::IntoResponse,
    };

    use domain::marketplace::upload::PREVIEW_BYTES_MAX;

    use super::*;
    use crate::{bucket::client_at, loopback};

    const COPIED: &str = "<CopyObjectResult><ETag>\"1\"</ETag></CopyObjectResult>";

    fn upload() -> Uploaded {
        Uploaded {
            key: "quarantine/lst 1/upl_1".into(),
            bytes: 12,
            content_type: None,
            owner: None,
            etag: "\"1\"".into(),
        }
    }

    type Seen = Arc<Mutex<Vec<(Method, String, HeaderMap)>>>;

    /// A bucket that answers everything with `status` and `body`, and the requests it got.
    async fn bucket(status: StatusCode, body: &'static str) -> (Uploads, Seen) {
        let seen = Seen::default();
        let asked = seen.clone();
        let routes = Router::new().fallback(move |request: Request| {
            let (parts, _) = request.into_parts();
            let path = parts.uri.path().to_owned();
            asked.lock().unwrap().push((parts.method, path, parts.headers));
            async move { (status, body).into_response() }
        });
        (Uploads::new(&client_at(&loopback::serve(routes).await), "uploads"), seen)
    }

    #[tokio::test]
    async fn a_form_fixes_every_field_and_expires_after_five_minutes() {
        let uploads = Uploads::new(&client_at("http://127.0.0.1:1"), "uploads");
        let key = quarantine_key("lst_1", "upl_1");
        let new = NewUpload {
            key: &key,
            owner: "auth0|1",
            content_type: "image/png",
            bytes_max: PREVIEW_BYTES_MAX,
        };
        let now = Timestamp::from_millis(1_700_000_100_999);
        let form = uploads.presign(&new, now).await.unwrap();
        assert_eq!(form.url, "http://127.0.0.1:1/uploads/");
        assert_eq!(form.expires_at, Timestamp::from_secs(1_700_000_400));
        for (name, value) in [
            ("Content-Type", "image/png"),
            ("key", "quarantine/lst_1/upl_1"),
            ("success_action_status", "201"),
            ("x-amz-credential", "id/20231114/us-east-1/s3/aws4_request"),
            ("x-amz-date", "20231114T221500Z"),
            ("x-amz-meta-owner", "auth0|1"),
        ] {
            assert_eq!(form.fields[name], value, "{name}");
        }
        assert_eq!(form.fields.len(), 9);
        assert_eq!(uploads.presign(&new, now).await.unwrap(), form);
    }

    #[tokio::test]
    async fn what_is_read_is_known_by_its_first_bytes() {
        let (uploads, seen) = bucket(StatusCode::OK, "LUT_3D_SIZE 2").await;
        let kind = uploads.sniff(&upload(), 13).await.unwrap();
        assert_eq!(kind, Some(AssetKind::Cube));
        assert_eq!(uploads.fetch(&upload(), 13).await.unwrap(), "LUT_3D_SIZE 2");
        for (method, path, headers) in seen.lock().unwrap().iter() {
            assert_eq!(
                (method, path.as_str()),
                (&Method::GET, "/uploads/quarantine/lst%201/upl_1")
            );
            assert_eq!(headers["if-match"], "\"1\"");
        }
        let refused = uploads.sniff(&upload(), 12).await.unwrap_err();
        assert!(matches!(refused, UploadError::TooLarge), "{refused:?}");
        assert_eq!(uploads.asset("assets/l/u", 13).await.unwrap(), "LUT_3D_SIZE 2");
        let refused = uploads.asset("assets/l/u", 12).await.unwrap_err();
        assert!(matches!(refused, UploadError::TooLarge), "{refused:?}");
    }

    /// A bucket that answers `there` to a HEAD of an asset, and `copied` to a copy.
    async fn with_asset(there: StatusCode, copied: StatusCode) -> (Uploads, Seen) {
        let seen = Seen::default();
        let asked = seen.clone();
        let routes = Router::new().fallback(move |request: Request| {
            let (parts, _) = request.into_parts();
            let status = if parts.method == Method::HEAD { there } else { copied };
            let path = parts.uri.path().to_owned();
            asked.lock().unwrap().push((parts.method, path, parts.headers));
            async move { (status, COPIED).into_response() }
        });
        (Uploads::new(&client_at(&loopback::serve(routes).await), "uploads"), seen)
    }

    #[tokio::test]
    async fn an_asset_keeps_nothing_but_its_bytes_and_is_written_once() {
        let to = asset_key("lst_1", "upl_1");
        let (uploads, seen) = with_asset(StatusCode::NOT_FOUND, StatusCode::OK).await;
        uploads.promote(&upload(), &to, AssetKind::Zip, "Soft \"light\".zip").await.unwrap();
        {
            let seen = seen.lock().unwrap();
            let (method, path, headers) = &seen[1];
            assert_eq!((method, path.as_str()), (&Method::PUT, "/uploads/assets/lst_1/upl_1"));
            for (name, value) in [
                ("x-amz-copy-source", "uploads/quarantine/lst%201/upl_1"),
                ("x-amz-copy-source-if-match", "\"1\""),
                ("if-none-match", "*"),
                ("x-amz-metadata-directive", "REPLACE"),
                ("content-type", "application/zip"),
                ("content-disposition", "attachment; filename=\"Soft-light-.zip\""),
                ("cache-control", CACHE_CONTROL),
            ] {
                assert_eq!(headers[name], value, "{name}");
            }
            assert!(!headers.contains_key("x-amz-meta-owner"));
        }
        let (uploads, seen) = with_asset(StatusCode::OK, StatusCode::OK).await;
        uploads.promote(&upload(), &to, AssetKind::Zip, "a.zip").await.unwrap();
        let methods: Vec<Method> = seen.lock().unwrap().iter().map(|it| it.0.clone()).collect();
        assert_eq!(methods, [Method::HEAD], "the existing asset is kept");
    }

    #[tokio::test]
    async fn another_file_in_its_place_is_neither_read_nor_promoted() {
        let (uploads, _) = bucket(StatusCode::PRECONDITION_FAILED, "").await;
        let refusals = [
            uploads.fetch(&upload(), 99).await.unwrap_err(),
            uploads.sniff(&upload(), 99).await.unwrap_err(),
            with_asset(StatusCode::NOT_FOUND, StatusCode::PRECONDITION_FAILED)
                .await
                .0
                .promote(&upload(), "assets/a/b", AssetKind::Zip, "a")
                .await
                .unwrap_err(),
        ];
        for refused in refusals {
            assert!(matches!(refused, UploadError::Replaced), "{refused:?}");
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "upload_replaced"));
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_missing_and_can_be_discarded() {
        let (uploads, _) = bucket(StatusCode::NOT_FOUND, "").await;
        assert_eq!(uploads.head("quarantine/a/b").await.unwrap(), None);
        let refused = uploads.fetch(&upload(), 99).await.unwrap_err();
        assert!(matches!(refused, UploadError::Missing), "{refused:?}");
        let (uploads, seen) = bucket(StatusCode::NO_CONTENT, "").await;
        uploads.discard("quarantine/a/b").await.unwrap();
        assert_eq!(seen.lock().unwrap()[0].0, Method::DELETE);
        let (uploads, _) = bucket(StatusCode::FORBIDDEN, "").await;
        assert!(uploads.discard("quarantine/a/b").await.is_err());
    }

    #[tokio::test]
    async fn a_link_is_a_download_with_a_name() {
        let uploads = Uploads::new(&client_at("http://127.0.0.1:1"), "uploads");
        let at = async |secs| {
            uploads.link("assets/l/u", "a b.zip", Timestamp::from_secs(secs)).await.unwrap()
        };
        let link = at(1_700_000_100).await;
        assert_eq!(link, at(1_700_000_399).await);
        let named = "response-content-disposition=attachment%3B%20filename%3D%22a-b.zip%22";
        for part in ["/uploads/assets/l/u?", "X-Amz-Expires=600", named] {
            assert!(link.contains(part), "{part} in {link}");
        }
    }

    #[test]
    fn a_key_names_its_listing_and_upload() {
        let check = |key: &str, expected: Option<(&str, &str)>| {
            assert_eq!(quarantined(key), expected, "{key}");
        };
        check(&quarantine_key("lst_1", "upl_1"), Some(("lst_1", "upl_1")));
        check(&asset_key("lst_1", "upl_1"), None);
        check("quarantine/lst_1", None);
        check("quarantine/lst_1/", None);
        check("quarantine//upl_1", None);
        check("quarantine/lst_1/upl_1/x", None);
        check("quarantines/lst_1/upl_1", None);
    }

    #[test]
    fn a_file_name_is_plain() {
        let check = |name: &str, expected: &str| {
            assert_eq!(attachment(name), format!("attachment; filename=\"{expected}\""), "{name}");
        };
        check("presets.zip", "presets.zip");
        check("Soft light (v2).tar.gz", "Soft-light-v2-.tar.gz");
        check("a\"\r\nb.zip", "a-b.zip");
        check("../../etc/passwd", "etc-passwd");
        check("...hidden..zip", "hidden.zip");
        check("Größe.cube", "Gr-e.cube");
        check("光", "download");
        check("", "download");
        check(&"a".repeat(200), &"a".repeat(100));
        check(&format!("{}.zip", "a".repeat(200)), &format!("{}.zip", "a".repeat(96)));
        check(&format!("{}.tar.gz", "a".repeat(200)), &format!("{}.tar.gz", "a".repeat(93)));
        check(&format!("a.{}", "b".repeat(200)), &format!("a.{}", "b".repeat(98)));
        let model = format!("{}a.safetensors", "a-".repeat(43));
        check(&format!("{}.safetensors", "光 a".repeat(90)), &model);
    }
}
