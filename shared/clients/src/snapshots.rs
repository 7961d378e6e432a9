//! The search index in S3: immutable snapshots of its shards, and one pointer to the current ones.
//!
//! A snapshot is stored at `search/<sha256>.idx`, named after its bytes. `search/shards.json` points
//! to those of the current index. Publishing puts the snapshots first and the pointer last: that one
//! put is the switch, so a reader gets the old or the new index, whole. The pointer is replaced by a
//! conditional write and never moves back in time, so two concurrent builders are safe. Old
//! snapshots stay: a reader may still be using one.
//!
//! Builds from before the shards read and write `search/current.json`, which points to one snapshot.
//! It is read while there is no other pointer, and never written: such a build keeps its index
//! during a deploy, and after a rollback.

use std::error::Error;

use aws_sdk_s3::Client;
use bytes::Bytes;
use domain::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::bucket::{Bucket, Object, OverwritePolicy, ReadError, in_bucket};

/// Most bytes of a snapshot.
pub const SNAPSHOT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const POINTER: &str = "search/shards.json";
/// The pointer of builds from before the shards.
const POINTER_TO_ONE: &str = "search/current.json";
const POINTER_BYTES_MAX: u64 = 4096;
/// The pointer must be revalidated before every use.
const POINTER_CACHE_CONTROL: &str = "no-cache";

/// The search index in the bucket. Reading needs `s3:GetObject`, publishing `s3:PutObject` too.
#[derive(Debug, Clone)]
pub struct SearchSnapshots {
    bucket: Bucket,
}

/// An index that was current when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRef {
    /// The snapshots of its shards, in their order; at least one.
    pub shards: Vec<SnapshotRef>,
    /// It contains all changes up to this time.
    pub as_of: Timestamp,
    /// The pointer's tag: equal as long as the same index is current.
    pub etag: String,
}

/// A snapshot of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// Its key.
    pub key: String,
    /// SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
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
    shards: Vec<SnapshotRef>,
    as_of: Timestamp,
}

/// The content of the pointer of builds from before the shards.
#[derive(Debug, Deserialize)]
struct PointerToOne {
    #[serde(flatten)]
    snapshot: SnapshotRef,
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
    #[error("a shard of the search index is larger than {SNAPSHOT_BYTES_MAX} bytes")]
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

    /// The current index; `None` before the first publication.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn current(&self) -> Result<Option<IndexRef>, SnapshotError> {
        if let Some(current) = self.published().await? {
            return Ok(Some(current));
        }
        let Some((pointer, etag)) = self.pointer::<PointerToOne>(POINTER_TO_ONE).await? else {
            return Ok(None);
        };
        let PointerToOne { snapshot, as_of } = pointer;
        Pointer { shards: vec![snapshot], as_of }.current(etag).map(Some)
    }

    /// What [`SearchSnapshots::publish`] has made current.
    async fn published(&self) -> Result<Option<IndexRef>, SnapshotError> {
        match self.pointer::<Pointer>(POINTER).await? {
            Some((pointer, etag)) => pointer.current(etag).map(Some),
            None => Ok(None),
        }
    }

    /// A pointer and its tag; `None` if there is none.
    async fn pointer<P: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(P, String)>, SnapshotError> {
        let reading = match self.bucket.open(key, None, POINTER_BYTES_MAX).await {
            Ok(reading) => reading,
            Err(ReadError::Missing) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let etag = reading.etag.clone();
        let pointer = serde_json::from_slice(&reading.all().await?)
            .map_err(|error| damaged(format!("the pointer {key} cannot be read: {error}")))?;
        Ok(Some((pointer, etag)))
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

    /// Puts `bytes`, the snapshot of a shard, to be published. A repeat is safe.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn put(&self, bytes: Bytes) -> Result<SnapshotRef, SnapshotError> {
        if bytes.len() as u64 > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let key = format!("search/{sha256}.idx");
        let content_type = "application/octet-stream";
        let object = Object { key: &key, content_type, disposition: None, bytes: &bytes };
        self.bucket
            .put(object, OverwritePolicy::Replaced)
            .await
            .map_err(SnapshotError::Unavailable)?;
        Ok(SnapshotRef { key, sha256, bytes: bytes.len() as u64 })
    }

    /// Makes `shards`, which were put and together contain all changes up to `as_of`, the current
    /// index, unless the current one contains as much or more. Returns the index that is current
    /// then. A repeat is safe.
    ///
    /// # Errors
    /// See [`SnapshotError`]. A write conflict with another publisher is `Unavailable`.
    pub async fn publish(
        &self,
        shards: Vec<SnapshotRef>,
        as_of: Timestamp,
    ) -> Result<IndexRef, SnapshotError> {
        let condition = match self.published().await {
            Ok(Some(current)) if current.as_of >= as_of => return Ok(current),
            Ok(Some(current)) => Condition::Is(current.etag),
            Ok(None) => Condition::Missing,
            // It is unreadable, so any readable index may replace it.
            Err(SnapshotError::Damaged { .. } | SnapshotError::TooLarge) => Condition::Whatever,
            Err(error @ SnapshotError::Unavailable(_)) => return Err(error),
        };
        self.switch(Pointer { shards, as_of }, condition).await
    }

    async fn switch(
        &self,
        pointer: Pointer,
        condition: Condition,
    ) -> Result<IndexRef, SnapshotError> {
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
        pointer.current(put.e_tag.unwrap_or_default())
    }
}

impl Download {
    /// The key of its snapshot.
    pub fn key(&self) -> &str {
        &self.snapshot.key
    }

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
    /// The index that it points to.
    fn current(self, etag: String) -> Result<IndexRef, SnapshotError> {
        let Pointer { shards, as_of } = self;
        if shards.is_empty() {
            return Err(damaged("the pointer names no snapshot".to_owned()));
        }
        match shards.iter().any(|shard| shard.bytes > SNAPSHOT_BYTES_MAX) {
            true => Err(SnapshotError::TooLarge),
            false => Ok(IndexRef { shards, as_of, etag }),
        }
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

    /// Publishes these shards.
    async fn publish(
        snapshots: &SearchSnapshots,
        shards: &[&'static str],
        as_of: Timestamp,
    ) -> IndexRef {
        let mut put = Vec::new();
        for bytes in shards {
            put.push(snapshots.put(Bytes::from(*bytes)).await.unwrap());
        }
        snapshots.publish(put, as_of).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_published_is_current_and_is_read_whole() {
        let (snapshots, shelf) = snapshots().await;
        assert_eq!(snapshots.current().await.unwrap(), None);
        for (secs, shards) in [(1, ["one", "two"]), (2, ["one", "three"])] {
            let published = publish(&snapshots, &shards, at(secs)).await;
            let current = snapshots.current().await.unwrap().unwrap();
            assert_eq!(current, published);
            assert_eq!((current.as_of, current.shards.len()), (at(secs), 2));
            for (shard, bytes) in current.shards.iter().zip(shards) {
                let key = format!("search/{}.idx", hex::encode(Sha256::digest(bytes)));
                assert_eq!((&shard.key, shard.bytes), (&key, bytes.len() as u64));
                assert_eq!(snapshots.fetch(shard).await.unwrap(), bytes);
            }
        }
        let puts = &shelf.lock().unwrap().puts;
        assert_eq!([&puts[2], &puts[5]], ["/b/search/shards.json"; 2], "the pointer is the last");
    }

    #[tokio::test]
    async fn the_pointer_of_a_build_from_before_the_shards_is_read_and_kept() {
        let (snapshots, shelf) = snapshots().await;
        let one = snapshots.put(Bytes::from("one")).await.unwrap();
        let pointer = serde_json::json!({
            "key": one.key, "sha256": one.sha256, "bytes": one.bytes, "as_of": at(1)
        });
        let pointer = Bytes::from(pointer.to_string());
        let kept = "/b/search/current.json".to_owned();
        shelf.lock().unwrap().objects.insert(kept.clone(), pointer.clone());
        let current = snapshots.current().await.unwrap().unwrap();
        assert_eq!((current.shards, current.as_of), (vec![one], at(1)));
        let published = publish(&snapshots, &["one", "two"], at(2)).await;
        assert_eq!(snapshots.current().await.unwrap(), Some(published));
        assert_eq!(shelf.lock().unwrap().objects[&kept], pointer);
    }

    #[tokio::test]
    async fn the_pointer_never_goes_back() {
        let (snapshots, _) = snapshots().await;
        let newer = publish(&snapshots, &["newer"], at(2)).await;
        for secs in [1, 2] {
            assert_eq!(publish(&snapshots, &["other"], at(secs)).await, newer);
            assert_eq!(snapshots.current().await.unwrap().as_ref(), Some(&newer));
        }
    }

    #[tokio::test]
    async fn of_two_builders_at_once_one_tries_again() {
        let (snapshots, _) = snapshots().await;
        let first = publish(&snapshots, &["first"], at(1)).await;
        publish(&snapshots, &["second"], at(2)).await;
        for condition in [Condition::Is(first.etag), Condition::Missing] {
            let pointer = Pointer { shards: first.shards.clone(), as_of: at(3) };
            let late = snapshots.switch(pointer, condition).await.unwrap_err();
            assert_eq!(late.code(), "search_index_unavailable");
        }
        assert_eq!(snapshots.current().await.unwrap().unwrap().as_of, at(2));
    }

    #[tokio::test]
    async fn damage_is_found_and_can_be_repaired() {
        let (snapshots, shelf) = snapshots().await;
        let current = publish(&snapshots, &["index"], at(1)).await;
        let put = |key: &str, bytes: &'static str| {
            shelf.lock().unwrap().objects.insert(format!("/b/{key}"), Bytes::from(bytes));
        };
        let shard = &current.shards[0];
        put(&shard.key, "indeX");
        let refused = snapshots.fetch(shard).await.unwrap_err();
        assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
        put(&shard.key, "index and more");
        let refused = snapshots.fetch(shard).await.unwrap_err();
        assert!(matches!(refused, SnapshotError::TooLarge), "{refused:?}");
        let no_shard = r#"{"shards":[],"as_of":"2026-11-30T00:00:00Z"}"#;
        for pointer in ["{}", no_shard] {
            put("search/shards.json", pointer);
            let refused = snapshots.current().await.unwrap_err();
            assert!(matches!(refused, SnapshotError::Damaged { .. }), "{refused:?}");
        }
        let current = publish(&snapshots, &["index"], at(0)).await;
        assert_eq!(snapshots.fetch(&current.shards[0]).await.unwrap(), "index");
    }
}
