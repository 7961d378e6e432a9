//! The bucket of images: stores pictures and links to them.
//!
//! A picture has two objects, `generations/<user>/<job>/original.png` and `.../thumbnail.jpg`.
//! Storing the same picture again writes the same bytes to the same keys, so a worker that was
//! interrupted simply starts over. Nothing in the bucket is public: members get links that expire,
//! to the CDN of images where there is one (see [`crate::cdn`]), else to S3.

use std::sync::Arc;

use aws_sdk_s3::Client;
use bytes::Bytes;
use connect::{Aws, Connect, Environment, InitError};
use domain::{
    Timestamp,
    id::{JobId, UserId},
    image::{StoredImage, link_works_until},
};
use media::Picture;

use crate::{
    bucket::{Bucket, IMAGES_BUCKET, Object, OverwritePolicy, StorageUnavailable, in_bucket, s3},
    cdn::Cdn,
};

/// The bucket of images, for who stores them. Needs `s3:PutObject`.
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

/// Links to members' images. Needs `s3:GetObject`, because a presigned link may do what its signer
/// may, and with a CDN the secret of its key.
#[derive(Debug)]
pub struct ImageLinks {
    bucket: Bucket,
    cdn: Option<Arc<Cdn>>,
}

impl Connect for ImageLinks {
    fn variables() -> Vec<&'static str> {
        [vec![IMAGES_BUCKET], Cdn::variables()].concat()
    }

    async fn connect(env: &Environment, aws: &Aws) -> Result<ImageLinks, InitError> {
        let bucket = Bucket::new(&s3(aws), env.text(IMAGES_BUCKET)?);
        Ok(ImageLinks { bucket, cdn: Cdn::connect(env, aws).await? })
    }
}

impl ImageLinks {
    /// A link to the object at `key`, an image of `owner`. It works until [`link_works_until`]. In
    /// the window of [`domain::image::LINK_WINDOW`] that contains `now` it is the same, byte for
    /// byte: by the CDN in every process, by S3 as long as the process has the same credentials.
    /// No call is made.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn link(
        &self,
        owner: &UserId,
        key: &str,
        now: Timestamp,
    ) -> Result<String, StorageUnavailable> {
        let linked = match &self.cdn {
            Some(cdn) => cdn.link(&folder_of(owner), key, link_works_until(now)),
            None => self.bucket.link(key, now).await,
        };
        linked.map_err(StorageUnavailable)
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
        let bucket = Bucket::new(&client_at("http://127.0.0.1:1"), "pictures");
        let (links, user) = (ImageLinks { bucket, cdn: None }, UserId::parse("u").unwrap());
        let at = async |secs| {
            let now = Timestamp::from_secs(secs);
            links.link(&user, "generations/u/j/original.png", now).await.unwrap()
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
