//! Deletes all files of a listing, a generation or a member, in every bucket.
//!
//! Files are found by key prefix, so that a file without a database entry is deleted too.

use aws_sdk_s3::{
    Client,
    types::{Delete, ObjectIdentifier},
};
use connect::{Aws, Connect, Environment, InitError};
use domain::id::{JobId, ListingId, UploadId, UserId};

use crate::{
    bucket::{Bucket, BucketFailure, IMAGES_BUCKET, PREVIEWS_BUCKET, StorageUnavailable, s3},
    images::{folder_of, folder_of_job},
    preview::{demo_folder, preview_folder, upload_folder},
    uploads::{asset_folder, asset_key, quarantine_folder},
};

/// Most pages of 1,000 files deleted per call, because an invocation is limited in time.
const PAGES_MAX: usize = 20;

/// The buckets of files. Deleting needs `s3:ListBucket` on both and `s3:DeleteObject` under the
/// prefixes of listings and of generations.
#[derive(Debug, Clone)]
pub struct StoredFiles {
    private: Bucket,
    public: Bucket,
}

/// The result of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Files deleted.
    pub files: u64,
    /// Whether files remain: call again.
    pub more: bool,
}

impl Deleted {
    fn and(self, other: Deleted) -> Deleted {
        Deleted { files: self.files + other.files, more: self.more || other.more }
    }
}

impl Connect for StoredFiles {
    fn variables() -> Vec<&'static str> {
        vec![IMAGES_BUCKET, PREVIEWS_BUCKET]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<StoredFiles, InitError> {
        Ok(StoredFiles::new(&s3(aws), env.text(IMAGES_BUCKET)?, env.text(PREVIEWS_BUCKET)?))
    }
}

impl StoredFiles {
    /// Over the process's S3 client: the private bucket of images and uploads, and the public one.
    pub fn new(s3: &Client, private: impl Into<String>, public: impl Into<String>) -> StoredFiles {
        StoredFiles { private: Bucket::new(s3, private), public: Bucket::new(s3, public) }
    }

    /// Deletes the public pictures of a listing and of its live demo.
    ///
    /// # Errors
    /// When a bucket request failed; some files may be deleted.
    pub async fn delete_pictures(
        &self,
        listing: &ListingId,
    ) -> Result<Deleted, StorageUnavailable> {
        let previews = delete_under(&self.public, &preview_folder(listing)).await?;
        Ok(previews.and(delete_under(&self.public, &demo_folder(listing)).await?))
    }

    /// Deletes all files of a listing: pictures, assets, and quarantined uploads.
    ///
    /// # Errors
    /// When a bucket request failed; some files may be deleted.
    pub async fn delete_listing(&self, listing: &ListingId) -> Result<Deleted, StorageUnavailable> {
        let mut deleted = self.delete_pictures(listing).await?;
        for folder in [asset_folder(listing), quarantine_folder(listing)] {
            deleted = deleted.and(delete_under(&self.private, &folder).await?);
        }
        Ok(deleted)
    }

    /// Deletes the image of a generation, with its thumbnail.
    ///
    /// # Errors
    /// When a bucket request failed; one of them may be deleted.
    pub async fn delete_image(
        &self,
        user: &UserId,
        job: &JobId,
    ) -> Result<Deleted, StorageUnavailable> {
        delete_under(&self.private, &folder_of_job(user, job)).await
    }

    /// Deletes the files of one picture or file of a listing.
    ///
    /// # Errors
    /// When a bucket request failed; some files may be deleted.
    pub async fn delete_upload(
        &self,
        listing: &ListingId,
        upload: &UploadId,
    ) -> Result<Deleted, StorageUnavailable> {
        let pictures = delete_under(&self.public, &upload_folder(listing, upload)).await?;
        // All ids have the same length, so none is the beginning of another.
        Ok(pictures.and(delete_under(&self.private, &asset_key(listing, upload)).await?))
    }

    /// Deletes all images that were generated for a member.
    ///
    /// # Errors
    /// When a bucket request failed; some files may be deleted.
    pub async fn delete_images(&self, user: &UserId) -> Result<Deleted, StorageUnavailable> {
        delete_under(&self.private, &folder_of(user)).await
    }
}

async fn delete_under(bucket: &Bucket, prefix: &str) -> Result<Deleted, StorageUnavailable> {
    let mut deleted = Deleted::default();
    for _ in 0..PAGES_MAX {
        let page = delete_page(bucket, prefix).await.map_err(StorageUnavailable)?;
        deleted = Deleted { files: deleted.files + page.files, more: page.more };
        if !page.more {
            break;
        }
    }
    Ok(deleted)
}

/// Deletes the first page under `prefix`: deleted files are not on the next first page.
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
    let answer = bucket.s3().delete_objects().bucket(bucket.name()).delete(delete).send().await?;
    match answer.errors().first() {
        Some(refused) => {
            let (key, code) = (refused.key().unwrap_or("?"), refused.code().unwrap_or("?"));
            Err(format!("{key} was not deleted: {code}").into())
        }
        None => Ok(Deleted { files, more: listed.is_truncated() == Some(true) }),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeSet, HashMap},
        sync::{Arc, Mutex},
    };

    use axum::{
        Router,
        body::to_bytes,
        extract::{Query, Request},
        http::{Method, StatusCode},
        response::{IntoResponse, Response},
    };
    use domain::Timestamp;

    use super::*;
    use crate::{bucket::client_at, loopback};

    /// Keys with their bucket.
    type Files = Arc<Mutex<BTreeSet<String>>>;
    const PAGE: usize = 3;

    /// The listing and deleting parts of S3. `stuck` is a key that it does not delete.
    async fn s3(files: Files, stuck: Option<&'static str>) -> String {
        let routes = Router::new().fallback(move |request: Request| {
            let files = Arc::clone(&files);
            async move { answer(&files, stuck, request).await }
        });
        loopback::serve(routes).await
    }

    async fn answer(files: &Files, stuck: Option<&str>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let bucket = parts.uri.path().trim_matches('/').to_owned();
        if parts.method == Method::POST {
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let keys = body.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap());
            let mut refused = String::new();
            for key in keys {
                if stuck == Some(key) {
                    refused = format!("<Error><Key>{key}</Key><Code>AccessDenied</Code></Error>");
                } else {
                    files.lock().unwrap().remove(&format!("{bucket}/{key}"));
                }
            }
            return format!("<DeleteResult>{refused}</DeleteResult>").into_response();
        }
        let Ok(Query(query)) = Query::<HashMap<String, String>>::try_from_uri(&parts.uri) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let under = format!("{bucket}/{}", query["prefix"]);
        let all = files.lock().unwrap();
        let found: Vec<&String> = all.iter().filter(|key| key.starts_with(&under)).collect();
        let shown = found.iter().take(PAGE).map(|key| {
            let key = key.split_once('/').unwrap().1;
            format!("<Contents><Key>{key}</Key></Contents>")
        });
        let (shown, cut) = (shown.collect::<String>(), found.len() > PAGE);
        format!("<ListBucketResult><IsTruncated>{cut}</IsTruncated>{shown}</ListBucketResult>")
            .into_response()
    }

    fn ids() -> (ListingId, ListingId) {
        let at = Timestamp::from_secs(1_795_000_000);
        (ListingId::new(at, 1), ListingId::new(at, 2))
    }

    fn filled() -> Files {
        let (one, other) = ids();
        let mut files = BTreeSet::new();
        for listing in [one, other] {
            files.extend((0..7).map(|n| format!("public/previews/{listing}/up_{n}/300.jpg")));
            files.insert(format!("public/demos/{listing}/ab.jpg"));
            files.insert(format!("private/assets/{listing}/up_1"));
            files.insert(format!("private/quarantine/{listing}/up_2"));
        }
        files.insert("private/generations/auth0|1/gen_1/original.png".to_owned());
        files.insert("private/generations/auth0|12/gen_1/original.png".to_owned());
        Arc::new(Mutex::new(files))
    }

    async fn stored(files: &Files, stuck: Option<&'static str>) -> StoredFiles {
        StoredFiles::new(&client_at(&s3(Arc::clone(files), stuck).await), "private", "public")
    }

    #[tokio::test]
    async fn pictures_go_page_by_page_and_the_files_of_buyers_stay() {
        let (files, (one, other)) = (filled(), ids());
        let deleted = stored(&files, None).await.delete_pictures(&one).await.unwrap();
        assert_eq!(deleted, Deleted { files: 8, more: false });
        let left = files.lock().unwrap().clone();
        let of =
            |listing: &ListingId| left.iter().filter(|key| key.contains(listing.as_str())).count();
        assert_eq!((of(&one), of(&other)), (2, 10));
    }

    #[tokio::test]
    async fn all_files_of_a_listing_and_all_images_of_a_member_go() {
        let (files, (one, _)) = (filled(), ids());
        let stored = stored(&files, None).await;
        assert_eq!(stored.delete_listing(&one).await.unwrap().files, 10);
        assert_eq!(stored.delete_listing(&one).await.unwrap(), Deleted::default());
        let user = UserId::parse("auth0|1").unwrap();
        assert_eq!(stored.delete_images(&user).await.unwrap().files, 1);
        let left = files.lock().unwrap().clone();
        assert!(
            left.contains("private/generations/auth0|12/gen_1/original.png"),
            "another member's"
        );
        assert!(!left.iter().any(|key| key.contains(one.as_str())));
    }

    #[tokio::test]
    async fn the_files_of_one_upload_go_and_those_of_the_others_stay() {
        let (files, (one, _)) = (filled(), ids());
        let at = Timestamp::from_secs(1_795_000_000);
        let [upload, other] = [1, 2].map(|number| UploadId::new(at, number));
        for upload in [&upload, &other] {
            let mut files = files.lock().unwrap();
            files.insert(format!("public/previews/{one}/{upload}/300.jpg"));
            files.insert(format!("private/assets/{one}/{upload}"));
        }
        let before = files.lock().unwrap().len();
        let stored = stored(&files, None).await;
        assert_eq!(stored.delete_upload(&one, &upload).await.unwrap().files, 2);
        assert_eq!(stored.delete_upload(&one, &upload).await.unwrap(), Deleted::default());
        let left = files.lock().unwrap().clone();
        assert_eq!(left.len(), before - 2);
        assert!(!left.iter().any(|key| key.contains(upload.as_str())));
    }

    #[tokio::test]
    async fn a_file_that_is_not_deleted_is_an_error() {
        let files: Files = Arc::default();
        files.lock().unwrap().insert("private/generations/kim/gen_1/original.png".to_owned());
        let stored = stored(&files, Some("generations/kim/gen_1/original.png")).await;
        let kim = UserId::parse("kim").unwrap();
        let why = std::error::Error::source(&stored.delete_images(&kim).await.unwrap_err())
            .map(ToString::to_string);
        let said = "generations/kim/gen_1/original.png was not deleted: AccessDenied";
        assert_eq!(why.as_deref(), Some(said));
    }
}
