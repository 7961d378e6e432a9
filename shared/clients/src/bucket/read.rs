//! Reads from a bucket, bounded by the reader's limit and never mixing two versions of an object.

use std::time::Duration;

use aws_sdk_s3::{error::SdkError, primitives::ByteStream};
use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use super::{Bucket, BucketFailure};

/// Timeout for the next piece of an object.
const PIECE_TIMEOUT: Duration = Duration::from_secs(20);

/// An existing object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) bytes: u64,
    pub(crate) etag: String,
    pub(crate) content_type: Option<String>,
    /// The value of `owner` in the object's metadata.
    pub(crate) owner: Option<String>,
}

/// Why an object was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It does not exist, or the reader has no access.
    #[error("there is no such object")]
    Missing,
    /// It was replaced since it was found.
    #[error("the object was replaced")]
    Replaced,
    #[error("the object is larger than the reader's limit")]
    TooLarge,
    #[error("the bucket is not available")]
    Failed(#[source] BucketFailure),
}

/// An object that is read piece by piece.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) etag: String,
    /// The declared size, at most the reader's limit.
    declared: u64,
    body: ByteStream,
    left: u64,
}

impl Bucket {
    /// The object at `key`; `None` where S3 says 404, or 403 to callers without `s3:ListBucket`.
    ///
    /// # Errors
    /// When the bucket is unavailable.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<Found>, BucketFailure> {
        let head = match self.s3.head_object().bucket(&self.name).key(key).send().await {
            Ok(head) => head,
            Err(error) if matches!(status(&error), Some(403 | 404)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Found {
            bytes: length(head.content_length()),
            etag: head.e_tag().unwrap_or_default().to_owned(),
            content_type: head.content_type().map(str::to_owned),
            owner: head.metadata().and_then(|metadata| metadata.get("owner")).cloned(),
        }))
    }

    /// Starts to read the object at `key`, of at most `bytes_max`; with an `etag`, only that
    /// version.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub(crate) async fn open(
        &self,
        key: &str,
        etag: Option<&str>,
        bytes_max: u64,
    ) -> Result<Reading, ReadError> {
        let get = self.s3.get_object().bucket(&self.name).key(key);
        let got = match get.set_if_match(etag.map(str::to_owned)).send().await {
            Ok(got) => got,
            Err(error) => return Err(unread(error)),
        };
        let declared = length(got.content_length());
        if declared > bytes_max {
            return Err(ReadError::TooLarge);
        }
        let etag = got.e_tag().unwrap_or_default().to_owned();
        Ok(Reading { etag, declared, body: got.body, left: bytes_max })
    }

    /// The value of the tag `name` of the object at `key`, if it has one. Needs
    /// `s3:GetObjectTagging`.
    ///
    /// # Errors
    /// When the bucket is unavailable, or there is no such object.
    pub(crate) async fn tag(&self, key: &str, name: &str) -> Result<Option<String>, BucketFailure> {
        let tags = self.s3.get_object_tagging().bucket(&self.name).key(key).send().await?;
        let tag = tags.tag_set.into_iter().find(|tag| tag.key() == name);
        Ok(tag.map(|tag| tag.value().to_owned()))
    }

    /// Deletes the object at `key`. A missing one counts as deleted.
    ///
    /// # Errors
    /// When the bucket did not confirm the deletion.
    pub(crate) async fn remove(&self, key: &str) -> Result<(), BucketFailure> {
        self.s3.delete_object().bucket(&self.name).key(key).send().await?;
        Ok(())
    }
}

impl Reading {
    /// The next piece, `None` after the last.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] and [`ReadError::Failed`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        let piece = match timeout(PIECE_TIMEOUT, self.body.try_next()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => return Err(ReadError::Failed(error.into())),
            Err(late) => return Err(ReadError::Failed(late.into())),
        };
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Err(ReadError::TooLarge),
        }
        Ok(Some(piece))
    }

    /// The whole object.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] and [`ReadError::Failed`].
    pub(crate) async fn all(mut self) -> Result<Bytes, ReadError> {
        let room = usize::try_from(self.declared).unwrap_or(0);
        let mut bytes = BytesMut::with_capacity(room);
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }
}

/// The status of the response, if there was one.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// Maps a failed read or copy of an object.
pub(crate) fn unread<E: std::error::Error + Send + Sync + 'static>(
    error: SdkError<E>,
) -> ReadError {
    match status(&error) {
        Some(403 | 404) => ReadError::Missing,
        Some(412) => ReadError::Replaced,
        Some(_) | None => ReadError::Failed(error.into()),
    }
}

fn length(declared: Option<i64>) -> u64 {
    declared.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, routing::get};
    use futures_util::stream;

    use super::*;
    use crate::{bucket::client_at, loopback};

    async fn bucket(routes: Router) -> Bucket {
        Bucket::new(&client_at(&loopback::serve(routes).await), "b")
    }

    /// Three pieces of four bytes without a declared length.
    async fn pieces() -> Body {
        let pieces = [b"aaaa", b"bbbb", b"cccc"];
        Body::from_stream(stream::iter(pieces.map(|piece| Ok::<_, std::io::Error>(&piece[..]))))
    }

    #[tokio::test]
    async fn a_reader_is_never_given_more_than_it_can_take() {
        let routes = Router::new()
            .route("/b/declared", get(|| async { "aaaabbbbcccc" }))
            .route("/b/streamed", get(pieces));
        let bucket = bucket(routes).await;
        for key in ["declared", "streamed"] {
            let all = bucket.open(key, None, 12).await.unwrap().all().await.unwrap();
            assert_eq!(all, "aaaabbbbcccc", "{key}");
            let less = match bucket.open(key, None, 11).await {
                Ok(reading) => reading.all().await.unwrap_err(),
                Err(error) => error,
            };
            assert!(matches!(less, ReadError::TooLarge), "{key}: {less:?}");
        }
    }

    #[tokio::test]
    async fn a_status_says_why_an_object_is_not_read() {
        let check = async |status: StatusCode, expected: fn(&ReadError) -> bool| {
            let bucket = bucket(Router::new().fallback(move || async move { status })).await;
            let unread = bucket.open("key", Some("\"1\""), 1).await.unwrap_err();
            assert!(expected(&unread), "{status}: {unread:?}");
        };
        check(StatusCode::NOT_FOUND, |unread| matches!(unread, ReadError::Missing)).await;
        check(StatusCode::FORBIDDEN, |unread| matches!(unread, ReadError::Missing)).await;
        check(StatusCode::PRECONDITION_FAILED, |unread| matches!(unread, ReadError::Replaced))
            .await;
        check(StatusCode::BAD_REQUEST, |unread| matches!(unread, ReadError::Failed(_))).await;
    }

    #[tokio::test]
    async fn an_object_has_the_owner_in_its_metadata() {
        let routes = Router::new()
            .route(
                "/b/key",
                get(|| async {
                    let headers = [("etag", "\"1\""), ("x-amz-meta-owner", "auth0|1")];
                    (headers, [("content-type", "image/png")], "12345")
                }),
            )
            .fallback(|| async { StatusCode::NOT_FOUND });
        let bucket = bucket(routes).await;
        let found = bucket.find("key").await.unwrap().unwrap();
        assert_eq!((found.bytes, found.etag.as_str()), (5, "\"1\""));
        assert_eq!(found.content_type.as_deref(), Some("image/png"));
        assert_eq!(found.owner.as_deref(), Some("auth0|1"));
        assert_eq!(bucket.find("other").await.unwrap(), None);
    }
}
