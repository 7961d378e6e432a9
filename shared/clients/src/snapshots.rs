//! The search index in S3: immutable snapshots, and one pointer to the current one.
//!
//! A snapshot is stored at `search/<sha256>.idx`, named after its bytes. `search/current.json`
//! points to the current one. Publishing puts the snapshot first and the pointer last: that one put
//! is the switch, so a reader gets the old or the new snapshot, whole. The pointer is replaced by a
//! conditional write and never moves back in time, so two concurrent builders are safe. Old
//! snapshots stay: a reader may still be using one.

use std::error::Error;

use aws_sdk_s3::Client;
use bytes::Bytes;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bucket::{Bucket, Object, OverwritePolicy, ReadError, in_bucket};

/// Most bytes of a snapshot.
pub const SNAPSHOT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const POINTER: &str = "search/current.json";
const POINTER_BYTES_MAX: u64 = 4096;
/// The pointer must be revalidated before every use.
const POINTER_CACHE_CONTROL: &str = "no-cache";

/// The search index in the bucket. Reading needs `s3:GetObject`, publishing `s3:PutObject` too.
#[derive(Debug, Clone)]
pub struct SearchSnapshots {
    bucket: Bucket,
}

/// A snapshot that was current when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRef {
    /// Its key.
    pub key: String,
    /// SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// It contains all changes up to this time.
    pub as_of: Timestamp,
    /// The pointer's tag: equal as long as the same snapshot is current.
    pub etag: String,
}

/// A snapshot as it was downloaded, to be verified.
#[derive(Debug)]
pub struct Download {
    snapshot: SnapshotRef,
    bytes: Bytes,
}

/// The pointer's content.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pointer {
    key: String,
    sha256: String,
    bytes: u64,
    as_of: Timestamp,
}

/// The condition for replacing the pointer.
#[derive(Debug)]
enum Condition {
    Is(String),
    Missing,
    Whatever,
}

/// Why a snapshot was not read or not published.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Transient.
    #[error("the bucket of the search index is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// More than [`SNAPSHOT_BYTES_MAX`]. Permanent.
    #[error("the search index is larger than {SNAPSHOT_BYTES_MAX} bytes")]
    TooLarge,
    /// The pointer or the snapshot differs from what was published.
    #[error("the search index is damaged: {detail}")]
    Damaged {
        /// The cause.
        detail: String,
    },
}

domain::domain_error! {
    SnapshotError {
        Unavailable => Unavailable, "search_index_unavailable";
        TooLarge => Internal, "search_index_too_large";
        Damaged => Internal, "search_index_damaged";
    }
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            SnapshotError::Unavailable(_) => Some(2),
            SnapshotError::TooLarge | SnapshotError::Damaged { .. } => None,
        }
    }
}

in_bucket!(SearchSnapshots, IMAGES_BUCKET);

impl SearchSnapshots {
    /// Over the process's S3 client.
    pub fn new(s3: &Client, bucket: impl Into<String>) -> SearchSnapshots {
        SearchSnapshots { bucket: Bucket::new(s3, bucket) }
    }

    /// The current snapshot; `None` before the first publication.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn current(&self) -> Result<Option<SnapshotRef>, SnapshotError> {
        let reading = match self.bucket.open(POINTER, None, POINTER_BYTES_MAX).await {
            Ok(reading) => reading,
            Err(ReadError::Missing) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let etag = reading.etag.clone();
        let pointer: Pointer = serde_json::from_slice(&reading.all().await?)
            .map_err(|error| damaged(format!("the pointer cannot be read: {error}")))?;
        match pointer.bytes > SNAPSHOT_BYTES_MAX {
            true => Err(SnapshotError::TooLarge),
            false => Ok(Some(pointer.current(etag))),
        }
    }

    /// The bytes of `snapshot`, complete and verified.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn fetch(&self, snapshot: &SnapshotRef) -> Result<Bytes, SnapshotError> {
        self.download(snapshot).await?.verified()
    }

    /// Downloads `snapshot`.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn download(&self, snapshot: &SnapshotRef) -> Result<Download, SnapshotError> {
        let reading = self.bucket.open(&snapshot.key, None, snapshot.bytes).await?;
        Ok(Download { snapshot: snapshot.clone(), bytes: reading.all().await? })
    }

    /// Makes `bytes`, which contain all changes up to `as_of`, the current snapshot, unless the
    /// current one contains as much or more. Returns the snapshot that is current then. A repeat is
    /// safe.
    ///
    /// # Errors
    /// See [`SnapshotError`]. A write conflict with another publisher is `Unavailable`.
    pub async fn publish(
        &self,
        bytes: Bytes,
        as_of: Timestamp,
    ) -> Result<SnapshotRef, SnapshotError> {
        if bytes.len() as u64 > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let condition = match self.current().await {
            Ok(Some(current)) if current.as_of >= as_of => return Ok(current),
            Ok(Some(current)) => Condition::Is(current.etag),
            Ok(None) => Condition::Missing,
            // It is unreadable, so any readable snapshot may replace it.
            Err(SnapshotError::Damaged { .. } | SnapshotError::TooLarge) => Condition::Whatever,
            Err(error @ SnapshotError::Unavailable(_)) => return Err(error),
        };
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let key = format!("search/{sha256}.idx");
        let content_type = "application/octet-stream";
        let object = Object { key: &key, content_type, disposition: None, bytes: &bytes };
        self.bucket
            .put(object, OverwritePolicy::Replaced)
            .await
            .map_err(SnapshotError::Unavailable)?;
        let pointer = Pointer { key, sha256, bytes: bytes.len() as u64, as_of };
        self.switch(pointer, condition).await
    }

    async fn switch(
        &self,
        pointer: Pointer,
        condition: Condition,
    ) -> Result<SnapshotRef, SnapshotError> {
        let body = serde_json::to_vec(&pointer)
            .map_err(|error| SnapshotError::Unavailable(error.into()))?;
        let bytes = Bytes::from(body);
        let content_type = "application/json";
        let object = Object { key: POINTER, content_type, disposition: None, bytes: &bytes };
        let digest = Sha256::digest(&bytes);
        let put = self.bucket.putting(object, &digest).cache_control(POINTER_CACHE_CONTROL);
        let put = match condition {
            Condition::Is(etag) => put.if_match(etag),
            Condition::Missing => put.if_none_match("*"),
            Condition::Whatever => put,
        };
        let put = put.send().await.map_err(|error| SnapshotError::Unavailable(error.into()))?;
        let etag = put.e_tag;
        Ok(pointer.current(etag.unwrap_or_default()))
    }
}

impl Download {
    /// The bytes, if they are those that were published. Their hash takes the processor some time:
    /// a process that answers calls meanwhile does this on another thread.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`].
    pub fn verified(self) -> Result<Bytes, SnapshotError> {
        let Download { snapshot, bytes } = self;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        match sha256 == snapshot.sha256 {
            true => Ok(bytes),
            false => Err(damaged(format!("{} has the hash {sha256}", snapshot.key))),
        }
    }
}

impl Pointer {
    fn current(self, etag: String) -> SnapshotRef {
        let Pointer { key, sha256, bytes, as_of } = self;
        SnapshotRef { key, sha256, bytes, as_of, etag }
    }
}

fn damaged(detail: String) -> SnapshotError {
    SnapshotError::Damaged { detail }
}

impl From<ReadError> for SnapshotError {
    fn from(error: ReadError) -> SnapshotError {
        match error {
            ReadError::TooLarge => SnapshotError::TooLarge,
            ReadError::Failed(source) => SnapshotError::Unavailable(source),
            ReadError::Missing | ReadError::Replaced => SnapshotError::Unavailable(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex},
    };

    use axum::{
        Router,
        body::to_bytes,
        extract::Request,
        http::{Method, StatusCode},
        response::{IntoResponse, Response},
    };
    use domain::DomainError;

    use super::*;
    use crate::{bucket::client_at, loopback};

    /// The objects put, by path, and the paths in order.
    #[derive(Debug, Default)]
    struct Shelf {
        objects: HashMap<String, Bytes>,
        puts: Vec<String>,
    }

    impl Shelf {
        fn etag(&self, path: &str) -> Option<String> {
            let bytes = self.objects.get(path)?;
            Some(format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..8])))
        }
    }

    /// The parts of S3 that store objects and check conditions.
    async fn answer(shelf: Arc<Mutex<Shelf>>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let path = parts.uri.path().to_owned();
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
        let mut shelf = shelf.lock().unwrap();
        let etag = shelf.etag(&path);
        if parts.method == Method::PUT {
            let is = header("if-match").is_none_or(|wanted| etag.as_deref() == Some(wanted));
            let missing = header("if-none-match").is_none() || etag.is_none();
            if !is || !missing {
                return StatusCode::PRECONDITION_FAILED.into_response();
            }
            shelf.objects.insert(path.clone(), body);
            shelf.puts.push(path.clone());
            return [("etag", shelf.etag(&path).unwrap())].into_response();
        }
        match shelf.objects.get(&path) {
            Some(bytes) => ([("etag", etag.unwrap())], bytes.clone()).into_response(),
            None => StatusCode::FORBIDDEN.into_response(),
        }
    }

    async fn snapshots() -> (SearchSnapshots, Arc<Mutex<Shelf>>) {
        let shelf = Arc::<Mutex<Shelf>>::default();
        let held = shelf.clone();
        let routes = Router::new().fallback(move |request| answer(held.clone(), request));
        (SearchSnapshots::new(&client_at(&loopback::serve(routes).await), "b"), shelf)
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + secs)
    }

    #[tokio::test]
    async fn what_is_published_is_current_and_is_read_whole() {
        let (snapshots, shelf) = snapshots().await;
        assert_eq!(snapshots.current().await.unwrap(), None);
        for (secs, bytes) in [(1, "first"), (2, "second")] {
            let bytes = Bytes::from(bytes);
            let published = snapshots.publish(bytes.clone(), at(secs)).await.unwrap();
            let current = snapshots.current().await.unwrap().unwrap();
            assert_eq!(current, published);
            assert_eq!((current.as_of, current.bytes), (at(secs), bytes.len() as u64));
            assert_eq!(current.key, format!("search/{}.idx", hex::encode(Sha256::digest(&bytes))));
            assert_eq!(snapshots.fetch(&current).await.unwrap(), bytes);
        }
        let puts = &shelf.lock().unwrap().puts;
        assert_eq!([&puts[1], &puts[3]], ["/b/search/current.json"; 2]);
    }

    #[tokio::test]
    async fn the_pointer_never_goes_back() {
        let (snapshots, shelf) = snapshots().await;
        let newer = snapshots.publish(Bytes::from("newer"), at(2)).await.unwrap();
        for secs in [1, 2] {
            let kept = snapshots.publish(Bytes::from("other"), at(secs)).await.unwrap();
            assert_eq!(kept, newer);
        }
        assert_eq!(shelf.lock().unwrap().puts.len(), 2);
    }

    #[tokio::test]
    async fn of_two_builders_at_once_one_tries_again() {
        let (snapshots, _) = snapshots().await;
        let first = snapshots.publish(Bytes::from("first"), at(1)).await.unwrap();
        snapshots.publish(Bytes::from("second"), at(2)).await.unwrap();
        let pointer = |secs| Pointer {
            key: "search/x.idx".into(),
            sha256: "x".into(),
            bytes: 1,
            as_of: at(secs),
        };
        for condition in [Condition::Is(first.etag), Condition::Missing] {
            let late = snapshots.switch(pointer(3), condition).await.unwrap_err();
            assert_eq!(late.code(), "search_index_unavailable");
        }
        assert_eq!(snapshots.current().await.unwrap().unwrap().as_of, at(2));
    }

    #[tokio::test]
    async fn damage_is_found_and_can_be_repaired() {
        let (snapshots, shelf) = snapshots().await;
        let current = snapshots.publish(Bytes::from("index"), at(1)).await.unwrap();
        let put = |key: &str, bytes: &'static str| {
            shelf.lock().unwrap().objects.insert(format!("/b/{key}"), Bytes::from(bytes));
        };
        put(&current.key, "indeX");
        let refused = snapshots.fetch(&current).await.unwrap_err();
        assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
        put(&current.key, "index and more");
        let refused = snapshots.fetch(&current).await.unwrap_err();
        assert!(matches!(refused, SnapshotError::TooLarge), "{refused:?}");
        put("search/current.json", "{}");
        let refused = snapshots.current().await.unwrap_err();
        assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
        let current = snapshots.publish(Bytes::from("index"), at(0)).await.unwrap();
        assert_eq!(snapshots.fetch(&current).await.unwrap(), "index");
    }
}
