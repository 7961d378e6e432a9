//! The search index in S3: immutable snapshots of its shards, and one pointer to the current ones.
//!
//! A snapshot is stored at `search/<sha256>.idx`, named after its bytes. `search/shards.json` points
//! to those of the current index. Publishing puts the snapshots first and the pointer last: that one
//! put is the switch, so a reader gets the old or the new index, whole. The pointer is replaced by a
//! conditional write and never moves back in time, so two concurrent builders are safe. Old
//! snapshots stay: a reader may still be using one.
//!
//! Each shard has a time of its own, because a builder does not write all of them in every run. An
//! index contains all changes up to the least of these times. What a run has put and not published,
//! because it was cut off, is named by `search/build-<shards>.json` for the next run.
//!
//! Builds from before the shards read and write `search/current.json`, which points to one snapshot.
//! It is never written here: such a build keeps its index during a deploy, and after a rollback.
//! Readers use the pointer that was written last, so that after a rollback of some days they do not
//! go back to the older one. A builder publishes again what is not the last, and a pointer that is
//! broken does not hide the other one.

use std::{collections::BTreeMap, error::Error};

use aws_sdk_s3::Client;
use bytes::Bytes;
use domain::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::bucket::{Bucket, Object, OverwritePolicy, ReadError, in_bucket};

/// Most bytes of a snapshot.
pub const SNAPSHOT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const POINTER: &str = "search/shards.json";
/// The pointer of builds from before the shards.
const POINTER_TO_ONE: &str = "search/current.json";
/// Most bytes of a pointer: a shard takes some 260.
const POINTER_BYTES_MAX: u64 = 64 * 1024;
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
    /// It contains all changes up to this time, the least of its shards.
    pub as_of: Timestamp,
    /// When it became current.
    pub published_at: Timestamp,
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
    /// It contains all changes up to this time.
    pub as_of: Timestamp,
    /// How many listings it has; 0 if that was not recorded.
    #[serde(default)]
    pub listings: u64,
    /// The format of its bytes; `None` if that was not recorded.
    #[serde(default)]
    pub format: Option<u32>,
}

/// What a run of a builder has put and may not have published, for the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The snapshots that were put, by the number of their shard.
    pub shards: BTreeMap<u8, SnapshotRef>,
    /// The shard that was being written: if its run did not end, perhaps because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<u8>,
}

/// A snapshot as it was downloaded, to be verified.
#[derive(Debug)]
pub struct Download {
    snapshot: SnapshotRef,
    bytes: Bytes,
}

/// The pointer's content.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    shards: Vec<SnapshotRef>,
    as_of: Timestamp,
    published_at: Timestamp,
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
    /// A snapshot of more than [`SNAPSHOT_BYTES_MAX`], or a pointer to too many. Permanent.
    #[error(
        "a shard of the search index has more than {SNAPSHOT_BYTES_MAX} bytes, or its pointer more \
         than {POINTER_BYTES_MAX}"
    )]
    TooLarge,
    /// The pointer or the snapshot is missing, or differs from what was published.
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

    /// The current index for a reader, which is the one that was written last; `None` before the
    /// first publication. If one of the two pointers is broken, it is the other one's.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn current(&self) -> Result<Option<IndexRef>, SnapshotError> {
        match tokio::join!(self.unsharded(), self.published()) {
            (Ok(unsharded), Ok(sharded)) => {
                let readable = [unsharded, sharded].into_iter().flatten();
                Ok(readable.max_by_key(|index| index.published_at))
            }
            (Ok(Some(index)), Err(broken)) | (Err(broken), Ok(Some(index)))
                if broken.is_permanent() =>
            {
                warn!(%broken, as_of = %index.as_of, "a pointer is passed over, using the other");
                Ok(Some(index))
            }
            (_, Err(error)) | (Err(error), _) => Err(error),
        }
    }

    /// What [`SearchSnapshots::publish`] has made current, for the next build; `None` before the
    /// first time.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn published(&self) -> Result<Option<IndexRef>, SnapshotError> {
        let Some((pointer, etag)) = self.pointer::<Pointer>(POINTER).await? else {
            return Ok(None);
        };
        Pointer::to(pointer.shards, pointer.published_at)?.current(etag).map(Some)
    }

    /// The index of a build from before the shards.
    async fn unsharded(&self) -> Result<Option<IndexRef>, SnapshotError> {
        let Some((snapshot, etag)) = self.pointer::<SnapshotRef>(POINTER_TO_ONE).await? else {
            return Ok(None);
        };
        let published_at = snapshot.as_of;
        Pointer::to(vec![snapshot], published_at)?.current(etag).map(Some)
    }

    /// What the runs of a builder of `of` shards have begun.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn begun(&self, of: u8) -> Result<Begun, SnapshotError> {
        let begun = self.pointer::<Begun>(&begun_key(of)).await?;
        Ok(begun.map(|(begun, _)| begun).unwrap_or_default())
    }

    /// Stores what was begun for a later run of a builder of `of` shards, in place of what was
    /// stored.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn keep_begun(&self, of: u8, begun: &Begun) -> Result<(), SnapshotError> {
        self.put_pointer(&begun_key(of), begun, Condition::Whatever).await.map(drop)
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

    /// Whether `snapshot` is stored with its size. It is not read.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn has(&self, snapshot: &SnapshotRef) -> Result<bool, SnapshotError> {
        let found = self.bucket.find(&snapshot.key).await.map_err(SnapshotError::Unavailable)?;
        Ok(found.is_some_and(|found| found.bytes == snapshot.bytes))
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
        let reading = match self.bucket.open(&snapshot.key, None, snapshot.bytes).await {
            Ok(reading) => reading,
            // It does not come back: the builder of the index has to put it again.
            Err(ReadError::Missing) => return Err(damaged(format!("{} is missing", snapshot.key))),
            Err(error) => return Err(error.into()),
        };
        Ok(Download { snapshot: snapshot.clone(), bytes: reading.all().await? })
    }

    /// Puts `bytes`, the snapshot of a shard with all changes up to `as_of`, to be published. A
    /// repeat is safe.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn put(&self, bytes: Bytes, as_of: Timestamp) -> Result<SnapshotRef, SnapshotError> {
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
        let bytes = bytes.len() as u64;
        Ok(SnapshotRef { key, sha256, bytes, as_of, listings: 0, format: None })
    }

    /// Makes `shards`, which were put, the current index, unless one was published at `now` or
    /// later. Returns the index that is current then. A repeat is safe.
    ///
    /// # Errors
    /// See [`SnapshotError`]. A write conflict with another publisher is `Unavailable`.
    pub async fn publish(
        &self,
        shards: Vec<SnapshotRef>,
        now: Timestamp,
    ) -> Result<IndexRef, SnapshotError> {
        let condition = match self.published().await {
            Ok(Some(current)) if current.published_at >= now => return Ok(current),
            Ok(Some(current)) => Condition::Is(current.etag),
            Ok(None) => Condition::Missing,
            // It is unreadable, so any readable index may replace it.
            Err(broken) if broken.is_permanent() => Condition::Whatever,
            Err(error) => return Err(error),
        };
        self.switch(Pointer::to(shards, now)?, condition).await
    }

    async fn switch(
        &self,
        pointer: Pointer,
        condition: Condition,
    ) -> Result<IndexRef, SnapshotError> {
        let etag = self.put_pointer(POINTER, &pointer, condition).await?;
        pointer.current(etag)
    }

    /// Puts a pointer; returns its tag.
    async fn put_pointer(
        &self,
        key: &str,
        pointer: &impl Serialize,
        condition: Condition,
    ) -> Result<String, SnapshotError> {
        let body = serde_json::to_vec(pointer)
            .map_err(|error| SnapshotError::Unavailable(error.into()))?;
        if body.len() as u64 > POINTER_BYTES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let bytes = Bytes::from(body);
        let content_type = "application/json";
        let object = Object { key, content_type, disposition: None, bytes: &bytes };
        let digest = Sha256::digest(&bytes);
        let put = self.bucket.putting(object, &digest).cache_control(POINTER_CACHE_CONTROL);
        let put = match condition {
            Condition::Is(etag) => put.if_match(etag),
            Condition::Missing => put.if_none_match("*"),
            Condition::Whatever => put,
        };
        let put = put.send().await.map_err(|error| SnapshotError::Unavailable(error.into()))?;
        Ok(put.e_tag.unwrap_or_default())
    }
}

/// The key of what an unfinished run has put. Another number of shards is another index.
fn begun_key(of: u8) -> String {
    format!("search/build-{of}.json")
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
    /// A pointer to `shards`.
    fn to(shards: Vec<SnapshotRef>, published_at: Timestamp) -> Result<Pointer, SnapshotError> {
        let as_of = shards.iter().map(|shard| shard.as_of).min();
        let as_of = as_of.ok_or_else(|| damaged("the pointer names no snapshot".to_owned()))?;
        Ok(Pointer { shards, as_of, published_at })
    }

    /// The index that it points to.
    fn current(self, etag: String) -> Result<IndexRef, SnapshotError> {
        let Pointer { shards, as_of, published_at } = self;
        match shards.iter().any(|shard| shard.bytes > SNAPSHOT_BYTES_MAX) {
            true => Err(SnapshotError::TooLarge),
            false => Ok(IndexRef { shards, as_of, published_at, etag }),
        }
    }
}

impl SnapshotError {
    /// Whether reading again does not help: what is stored has to be replaced.
    fn is_permanent(&self) -> bool {
        match self {
            SnapshotError::TooLarge | SnapshotError::Damaged { .. } => true,
            SnapshotError::Unavailable(_) => false,
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
mod tests;
