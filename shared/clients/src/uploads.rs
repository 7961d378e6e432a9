//! What members send us: a form for one file, and what becomes of the file.
//!
//! A file goes from the member's browser to S3 by itself, into `quarantine/<listing>/<upload>`,
//! where nobody is given a link to it. A worker looks at it there. A picture is decoded and drawn
//! anew (see [`crate::preview`]); an asset is copied, as it is, to `assets/<listing>/<upload>`, and
//! what is known of it is taken of that copy, which is written once and is what buyers download.
//! Until its form expires a file can be sent again and replace the one in quarantine, so whatever
//! is read or copied there is named with its tag, and another one is [`UploadError::Replaced`]:
//! S3 tells of it as of a new upload.

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
use serde::Serialize;

use crate::{
    asset_kind::{HEAD_BYTES, sniff},
    bucket::{Bucket, CACHE_CONTROL, Found, ReadError, unavailable, unread},
    post_policy::{Policy, Signer},
};

const QUARANTINE: &str = "quarantine";
const ASSETS: &str = "assets";
/// Most letters of the ending of a file's name, its dots included.
const ENDING_CHARS_MAX: usize = 16;
/// For a copy within the bucket, which takes S3 some seconds for each few hundred megabytes.
const COPY_TIMEOUT: Duration = Duration::from_secs(60);

/// The bucket of uploads. Forms and promoted assets need `s3:PutObject`, all reading needs
/// `s3:GetObject`, discarding needs `s3:DeleteObject`.
#[derive(Debug, Clone)]
pub struct Uploads {
    bucket: Bucket,
}

/// A file that somebody wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload<'a> {
    /// Where it goes: see [`quarantine_key`].
    pub key: &'a str,
    /// OwnerRef it is. Kept with the object, in [`Uploaded::owner`].
    pub owner: &'a str,
    /// What it is declared as; see [`domain::marketplace::upload::Purpose::content_types`]. What it
    /// is, its bytes say.
    pub content_type: &'a str,
    /// Most bytes it may have. None at all is too few.
    pub bytes_max: u64,
}

/// A form as a browser sends it: `multipart/form-data` with all `fields` and then the file, in a
/// field called `file`. The answer is 201.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadForm {
    /// Where it is posted to.
    pub url: String,
    /// All fields but the file.
    pub fields: BTreeMap<String, String>,
    /// From then on it is refused.
    pub expires_at: Timestamp,
}

/// A file that was sent. It is hostile until somebody has looked at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where it is.
    pub key: String,
    /// How many.
    pub bytes: u64,
    /// As declared by whoever sent it.
    pub content_type: Option<String>,
    /// OwnerRef it is.
    pub owner: Option<String>,
    /// Of this version; another file at the same key has another one.
    pub etag: String,
}

unavailable!(UploadsUnavailable, "uploads", "uploads_unavailable");

/// Why an upload was not read or not promoted.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is not there, or not any more.
    #[error("there is no such upload")]
    Missing,
    /// Another file was sent in its place. It is an upload of its own.
    #[error("another file was uploaded in its place")]
    Replaced,
    /// More bytes than the caller can take. It stays so.
    #[error("the upload is too large")]
    TooLarge,
    /// It may work later.
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

/// What all keys of a listing's uploads begin with.
pub(crate) fn quarantine_folder(listing: impl fmt::Display) -> String {
    format!("{QUARANTINE}/{listing}/")
}

/// What all keys of a listing's assets begin with.
pub(crate) fn asset_folder(listing: impl fmt::Display) -> String {
    format!("{ASSETS}/{listing}/")
}

/// Where an upload of a listing is sent to: `quarantine/<listing>/<upload>`.
pub fn quarantine_key(listing: impl fmt::Display, upload: impl fmt::Display) -> String {
    format!("{}{upload}", quarantine_folder(listing))
}

/// Where an asset of a listing is kept: `assets/<listing>/<upload>`.
pub fn asset_key(listing: impl fmt::Display, upload: impl fmt::Display) -> String {
    format!("{}{upload}", asset_folder(listing))
}

/// The ids of the listing and of the upload that belong to `key`, if it is a [`quarantine_key`].
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

    /// A form for one file, good for [`UPLOAD_OPEN`] from `now`, or as long as the credentials
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

    /// The upload at `key`, if there is one.
    ///
    /// # Errors
    /// When the bucket does not say.
    pub async fn head(&self, key: &str) -> Result<Option<Uploaded>, UploadsUnavailable> {
        let found = self.bucket.find(key).await.map_err(UploadsUnavailable)?;
        Ok(found.map(|found| {
            let Found { bytes, etag, content_type, owner } = found;
            Uploaded { key: key.to_owned(), bytes, content_type, owner, etag }
        }))
    }

    /// All of `upload`, of at most `bytes_max`.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth another try.
    pub async fn fetch(&self, upload: &Uploaded, bytes_max: u64) -> Result<Bytes, UploadError> {
        let reading = self.bucket.open(&upload.key, Some(&upload.etag), bytes_max).await?;
        Ok(reading.all().await?)
    }

    /// What `upload` says it is in its first bytes; `None` when it is nothing that is sold.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth another try.
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

    /// All of the asset at `key`, of at most `bytes_max`.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth another try.
    pub async fn asset(&self, key: &str, bytes_max: u64) -> Result<Bytes, UploadError> {
        Ok(self.bucket.open(key, None, bytes_max).await?.all().await?)
    }

    /// Copies `upload` within the bucket to `to_key`, where it is a download called `file_name`
    /// (see [`attachment`]) and has the type of its `kind`; nothing that was declared comes along.
    ///
    /// What is at `to_key` already stays, whichever upload it is of: an asset is written once. So
    /// what is known of it must be taken of the copy, never of the upload, also because a tag is an
    /// MD5, of which somebody can prepare two files with the same one.
    ///
    /// # Errors
    /// See [`UploadError`]: only `Unavailable` is worth another try.
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
            // Either the upload was replaced, or somebody else wrote the asset in this moment.
            Err(ReadError::Replaced)
                if self.bucket.has(to_key).await.map_err(UploadsUnavailable)? =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the object at `key`. One that is not there is removed already.
    ///
    /// # Errors
    /// When the bucket did not say that it is gone.
    pub async fn discard(&self, key: &str) -> Result<(), UploadsUnavailable> {
        self.bucket.remove(key).await.map_err(UploadsUnavailable)
    }

    /// A link that downloads the object at `key` as `file_name` (see [`attachment`]), good for
    /// [`domain::image::LINK_LIFETIME`] from the start of the window of
    /// [`domain::image::LINK_WINDOW`] that `now` lies in. No call is made.
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
/// letters that no header and no file system minds: whatever is not a letter or a digit of ASCII, a
/// dot, `-` or `_` becomes one `-`. What is too long loses letters before its ending, by which a
/// computer knows what it is.
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

/// A plain name within the limit, its ending kept; `.tar.gz` is one ending.
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
    // What is longer than this behind a dot is no ending.
    let (stem, ending) = match ending.len() <= ENDING_CHARS_MAX {
        true => (stem, ending.as_str()),
        false => (plain, ""),
    };
    let room = FILE_NAME_CHARS_MAX - ending.len();
    let stem = stem.get(..room).unwrap_or(stem).trim_end_matches(['-', '.']);
    format!("{stem}{ending}")
}

/// A copy's source goes into a header, with everything that is not plain in it percent-encoded.
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

    /// A bucket that answers everything with `status` and `body`, and what it was asked.
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
    async fn a_form_names_everything_that_may_be_sent_and_lives_five_minutes() {
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

    /// A bucket in which asking for an asset's headers answers `there`, and copying answers
    /// `copied`.
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
        assert_eq!(methods, [Method::HEAD], "what is there stays");
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
    fn a_key_says_whose_upload_it_is() {
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
