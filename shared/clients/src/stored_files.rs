//! Deleting files: everything that belongs to a listing or to a member, in every bucket.
//!
//! Files are found by the prefix of their keys, so that what was stored and never noted goes too.

use aws_sdk_s3::{
    Client,
    types::{Delete, ObjectIdentifier},
};
use domain::id::{ListingId, UserId};

use crate::bucket::{Bucket, BucketFailure, unavailable};

/// Most pages of 1,000 files that are deleted in one call: a run of a function has an end.
const PAGES_MAX: usize = 20;

/// The buckets of files. Deleting needs `s3:ListBucket` on both and `s3:DeleteObject` under the
/// prefixes that are named here.
#[derive(Debug, Clone)]
pub struct StoredFiles {
    private: Bucket,
    public: Bucket,
}

unavailable!(FilesUnavailable, "files", "files_unavailable");

/// What one call came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Files that are gone.
    pub files: u64,
    /// Whether more are there: call again.
    pub more: bool,
}

impl Deleted {
    fn and(self, other: Deleted) -> Deleted {
        Deleted { files: self.files + other.files, more: self.more || other.more }
    }
}

impl StoredFiles {
    /// Over the process's S3 client: the bucket of images and uploads, and that of public pictures.
    pub fn new(s3: &Client, private: impl Into<String>, public: impl Into<String>) -> StoredFiles {
        StoredFiles { private: Bucket::new(s3, private), public: Bucket::new(s3, public) }
    }

    /// Deletes the public pictures of a listing and of its live demo.
    ///
    /// # Errors
    /// When a bucket did not do it; some files may be gone.
    pub async fn delete_pictures(&self, listing: &ListingId) -> Result<Deleted, FilesUnavailable> {
        let previews = delete_under(&self.public, &format!("previews/{listing}/")).await?;
        Ok(previews.and(delete_under(&self.public, &format!("demos/{listing}/")).await?))
    }

    /// Deletes all files of a listing: pictures, assets, and what is in quarantine.
    ///
    /// # Errors
    /// When a bucket did not do it; some files may be gone.
    pub async fn delete_listing(&self, listing: &ListingId) -> Result<Deleted, FilesUnavailable> {
        let mut deleted = self.delete_pictures(listing).await?;
        for folder in ["assets", "quarantine"] {
            let prefix = format!("{folder}/{listing}/");
            deleted = deleted.and(delete_under(&self.private, &prefix).await?);
        }
        Ok(deleted)
    }

    /// Deletes all images that were generated for a member.
    ///
    /// # Errors
    /// When the bucket did not do it; some files may be gone.
    pub async fn delete_images(&self, user: &UserId) -> Result<Deleted, FilesUnavailable> {
        delete_under(&self.private, &format!("generations/{user}/")).await
    }
}

async fn delete_under(bucket: &Bucket, prefix: &str) -> Result<Deleted, FilesUnavailable> {
    let mut deleted = Deleted::default();
    for _ in 0..PAGES_MAX {
        let page = delete_page(bucket, prefix).await.map_err(FilesUnavailable)?;
        deleted = Deleted { files: deleted.files + page.files, more: page.more };
        if !page.more {
            break;
        }
    }
    Ok(deleted)
}

/// Deletes the first page of what is under `prefix`: what was deleted is not on the next first page.
async fn delete_page(bucket: &Bucket, prefix: &str) -> Result<Deleted, BucketFailure> {
    let listed = bucket.s3().list_objects_v2().bucket(bucket.name()).prefix(prefix).send().await?;
    let keys = listed.contents().iter().filter_map(|object| object.key());
    let objects = keys
        .map(|key| ObjectIdentifier::builder().key(key).build())
        .collect::<Result<Vec<_>, _>>()?;
    if objects.is_empty() {
        return Ok(Deleted::default());
    }
    let files = u64::try_from(objects.len())?;
    let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build()?;
    let answer =
        bucket.s3().delete_objects().bucket(bucket.name()).delete(delete).send().await?;
    match answer.errors().first() {
        Some(refused) => {
            let (key, code) = (refused.key().unwrap_or("?"), refused.code().unwrap_or("?"));
            Err(format!("{key} was not deleted: {code}").into())
        }
        None => Ok(Deleted { files, more: listed.is_truncated() == Some(true) }),
    }
}
