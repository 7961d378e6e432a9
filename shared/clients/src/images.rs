//! The bucket of images: stores pictures and links to them.
//!
//! A picture has two objects, `generations/<user>/<job>/original.png` and `.../thumbnail.jpg`.
//! Storing the same picture again writes the same bytes to the same keys, so a worker that was
//! interrupted simply starts over. Nothing in the bucket is public: members get links that expire.

use aws_sdk_s3::Client;
use bytes::Bytes;
use domain::{
    Timestamp,
    id::{JobId, UserId},
    image::StoredImage,
};
use media::Picture;

use crate::bucket::{Bucket, Object, OverwritePolicy, StorageUnavailable, in_bucket};

/// The bucket of images. Storing needs `s3:PutObject`, links and [`Images::exists`] need
/// `s3:GetObject`.
#[derive(Debug, Clone)]
pub struct Images {
    bucket: Bucket,
}

in_bucket!(Images, IMAGES_BUCKET);

impl Images {
    /// Over the process's S3 client.
    pub fn new(s3: &Client, bucket: impl Into<String>) -> Images {
        Images { bucket: Bucket::new(s3, bucket) }
    }

    /// Stores the original and its thumbnail in parallel. Both exist when it returns.
    ///
    /// # Errors
    /// When either could not be stored; the other may exist.
    pub async fn store(
        &self,
        user: &UserId,
        job: &JobId,
        picture: &Picture,
    ) -> Result<StoredImage, StorageUnavailable> {
        let (key, thumbnail_key) = keys(user, job);
        tokio::try_join!(
            self.put(&key, "image/png", &picture.png),
            self.put(&thumbnail_key, "image/jpeg", &picture.thumbnail_jpeg),
        )?;
        Ok(StoredImage {
            key,
            thumbnail_key,
            sha256: picture.sha256.clone(),
            width: picture.width,
            height: picture.height,
        })
    }

    /// A presigned link to the object at `key`, valid for [`domain::image::LINK_LIFETIME`] from the
    /// start of the window of [`domain::image::LINK_WINDOW`] that contains `now`. Links of one
    /// window are equal, byte for byte, as long as the credentials are. No call is made.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn link(&self, key: &str, now: Timestamp) -> Result<String, StorageUnavailable> {
        self.bucket.link(key, now).await.map_err(StorageUnavailable)
    }

    async fn put(
        &self,
        key: &str,
        content_type: &str,
        bytes: &Bytes,
    ) -> Result<(), StorageUnavailable> {
        let object = Object { key, content_type, disposition: None, bytes };
        self.bucket.put(object, OverwritePolicy::Replaced).await.map_err(StorageUnavailable)
    }
}

fn keys(user: &UserId, job: &JobId) -> (String, String) {
    let folder = folder_of_job(user, job);
    (format!("{folder}original.png"), format!("{folder}thumbnail.jpg"))
}

/// The key prefix of a generation's pictures.
pub(crate) fn folder_of_job(user: &UserId, job: &JobId) -> String {
    format!("{}{job}/", folder_of(user))
}

/// The key prefix of a member's pictures.
pub(crate) fn folder_of(user: &UserId) -> String {
    format!("generations/{user}/")
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        extract::Request,
        http::{HeaderMap, StatusCode},
    };

    use super::*;
    use crate::{
        bucket::{CACHE_CONTROL, client_at},
        loopback,
    };

    fn images(endpoint: &str) -> Images {
        Images::new(&client_at(endpoint), "pictures")
    }

    fn names() -> (UserId, JobId) {
        let job = JobId::new(Timestamp::from_secs(1_700_000_000), 1);
        (UserId::parse("auth0|1").unwrap(), job)
    }

    #[tokio::test]
    async fn links_of_one_window_are_equal_and_live_from_its_start() {
        let images = images("http://127.0.0.1:1");
        let at = async |secs| {
            images.link("generations/u/j/original.png", Timestamp::from_secs(secs)).await.unwrap()
        };
        let first = at(1_700_000_100).await; // A multiple of 300 s: 22:15:00 UTC.
        assert_eq!(first, at(1_700_000_399).await);
        assert_ne!(first, at(1_700_000_400).await);
        for part in ["X-Amz-Date=20231114T221500Z", "X-Amz-Expires=600", "X-Amz-Signature="] {
            assert!(first.contains(part), "{part} in {first}");
        }
    }

    #[tokio::test]
    async fn both_objects_are_written_with_their_types_and_checksums() {
        let (tell, mut told) = tokio::sync::mpsc::channel::<(String, HeaderMap)>(4);
        let routes = Router::new().fallback(move |request: Request| {
            let tell = tell.clone();
            async move {
                let (parts, _) = request.into_parts();
                tell.send((parts.uri.path().to_owned(), parts.headers)).await.unwrap();
            }
        });
        let (user, job) = names();
        let picture = Picture::from_rgb(2, 2, vec![9; 12]).unwrap();
        let images = images(&loopback::serve(routes).await);
        let stored = images.store(&user, &job, &picture).await.unwrap();
        assert_eq!(stored.key, format!("generations/auth0|1/{job}/original.png"));

        let mut written = [told.recv().await.unwrap(), told.recv().await.unwrap()];
        written.sort_by(|a, b| a.0.cmp(&b.0));
        let (path, headers) = &written[0];
        assert_eq!(*path, format!("/pictures/generations/auth0%7C1/{job}/original.png"));
        assert_eq!(headers["content-type"], "image/png");
        assert_eq!(headers["cache-control"], CACHE_CONTROL);
        assert_eq!(headers["x-amz-meta-sha256"], picture.sha256);
        assert!(headers.contains_key("x-amz-checksum-sha256"));
        assert_eq!(written[1].1["content-type"], "image/jpeg");
    }

    #[tokio::test]
    async fn a_refused_write_is_an_error() {
        let routes = Router::new().fallback(|| async { StatusCode::FORBIDDEN });
        let images = images(&loopback::serve(routes).await);
        let (user, job) = names();
        let picture = Picture::from_rgb(1, 1, vec![9; 3]).unwrap();
        assert!(images.store(&user, &job, &picture).await.is_err());
    }
}
