//! The bucket of public pictures.
//!
//! A preview has three sizes, `previews/<listing>/<upload>/{1200,600,300}.jpg`. The bucket is
//! served under a public base URL, and an object's picture never changes, so a browser may cache it
//! for a while. Pictures of the live demo are stored at `demos/<listing>/<sha256>.jpg`, named after
//! a hash of their input: the same request gets the stored one.

use std::fmt;

use aws_sdk_s3::Client;
use bytes::Bytes;
use connect::{Aws, Connect, Environment, InitError};
use domain::{
    id::{ListingId, UploadId},
    marketplace::listing::upload,
};
use media::preview::{PREVIEW_SIDES_PX, Preview, PreviewJpeg};
use serde::{Deserialize, Serialize};

use crate::bucket::{Bucket, BucketFailure, Object, StorageUnavailable, in_bucket};

/// The public URL of the previews bucket.
const PREVIEWS_URL: &str = "PREVIEWS_URL";
const JPEG: &str = "image/jpeg";

/// A preview in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPreview {
    /// The picture of at most 1200 pixels a side.
    pub large: StoredJpeg,
    /// The picture of at most 600 pixels a side.
    pub medium: StoredJpeg,
    /// The picture of at most 300 pixels a side.
    pub small: StoredJpeg,
}

/// One size of a preview in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredJpeg {
    /// Its key; see [`Previews::url`].
    pub key: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The public URLs of previews. It needs no permission: no call is made.
#[derive(Debug, Clone)]
pub struct Previews {
    base_url: String,
}

/// The bucket of previews, for writers. Storing needs `s3:PutObject`, [`PreviewBucket::has`] needs
/// `s3:GetObject`.
#[derive(Debug, Clone)]
pub struct PreviewBucket {
    bucket: Bucket,
}

/// The public URLs of an upload's pictures, by their longer side in pixels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewUrls {
    /// Large.
    #[serde(rename = "url_1200")]
    pub large: String,
    /// Medium.
    #[serde(rename = "url_600")]
    pub medium: String,
    /// Small.
    #[serde(rename = "url_300")]
    pub small: String,
}

/// A picture of a listing with its public URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownPreview {
    /// What a report names it by, or a change that orders or removes it.
    pub id: UploadId,
    /// Width of the largest size, in pixels.
    pub width: u32,
    /// Height of the largest size, in pixels.
    pub height: u32,
    /// Its URLs.
    #[serde(flatten)]
    pub urls: PreviewUrls,
}

in_bucket!(PreviewBucket, PREVIEWS_BUCKET);

impl Connect for Previews {
    fn variables() -> Vec<&'static str> {
        vec![PREVIEWS_URL]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Previews, InitError> {
        Ok(Previews::new(env.text(PREVIEWS_URL)?))
    }
}

impl Previews {
    /// The objects of the bucket are public under `base_url`.
    pub fn new(base_url: &str) -> Previews {
        Previews { base_url: base_url.trim_end_matches('/').to_owned() }
    }

    /// The public URL of the object at `key`, which never changes.
    pub fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.base_url)
    }

    /// The public URLs of the three pictures of an upload of a listing.
    pub fn urls(&self, listing: impl fmt::Display, upload: impl fmt::Display) -> PreviewUrls {
        let [large, medium, small] =
            PREVIEW_SIDES_PX.map(|side_px| self.url(&preview_key(&listing, &upload, side_px)));
        PreviewUrls { large, medium, small }
    }

    /// A picture of a listing with its URLs.
    pub fn shown(&self, listing: &ListingId, preview: &upload::Preview) -> ShownPreview {
        let urls = self.urls(listing, &preview.upload_id);
        let (id, width, height) = (preview.upload_id.clone(), preview.width, preview.height);
        ShownPreview { id, width, height, urls }
    }
}

impl PreviewBucket {
    /// Over the process's S3 client.
    pub fn new(s3: &Client, bucket: impl Into<String>) -> PreviewBucket {
        PreviewBucket { bucket: Bucket::new(s3, bucket) }
    }

    /// Stores the three pictures of an upload of a listing in parallel. All exist when it returns.
    /// A repeat with the same picture is safe.
    ///
    /// # Errors
    /// When one could not be stored; the others may exist.
    pub async fn store(
        &self,
        listing: impl fmt::Display,
        upload: impl fmt::Display,
        preview: &Preview,
    ) -> Result<StoredPreview, StorageUnavailable> {
        let keys = PREVIEW_SIDES_PX.map(|side_px| preview_key(&listing, &upload, side_px));
        let [large_key, medium_key, small_key] = keys;
        let [large, medium, small] = &preview.jpegs;
        let (large, medium, small) = tokio::try_join!(
            self.store_one(large_key, large),
            self.store_one(medium_key, medium),
            self.store_one(small_key, small),
        )?;
        Ok(StoredPreview { large, medium, small })
    }

    /// Whether there is an object at `key`.
    ///
    /// # Errors
    /// When the bucket is unavailable.
    pub async fn has(&self, key: &str) -> Result<bool, StorageUnavailable> {
        self.bucket.has(key).await.map_err(StorageUnavailable)
    }

    /// Stores a picture of the live demo at `key`; see [`demo_key`].
    ///
    /// # Errors
    /// When the bucket did not confirm the write.
    pub async fn put_demo(&self, key: &str, jpeg: &Bytes) -> Result<(), StorageUnavailable> {
        self.put(key, jpeg).await.map_err(StorageUnavailable)
    }

    async fn store_one(
        &self,
        key: String,
        jpeg: &PreviewJpeg,
    ) -> Result<StoredJpeg, StorageUnavailable> {
        self.put(&key, &jpeg.bytes).await.map_err(StorageUnavailable)?;
        Ok(StoredJpeg { key, width: jpeg.width, height: jpeg.height })
    }

    async fn put(&self, key: &str, bytes: &Bytes) -> Result<(), BucketFailure> {
        let object = Object { key, content_type: JPEG, disposition: None, bytes };
        self.bucket.put_public(object).await
    }
}

/// The key of a listing's picture whose longer side has at most `side_px` pixels.
pub fn preview_key(listing: impl fmt::Display, upload: impl fmt::Display, side_px: u32) -> String {
    format!("{}{side_px}.jpg", upload_folder(listing, upload))
}

/// The key of a live demo picture of a listing; `sha256` is the hash, in lower-case hex, of
/// everything that determines its pixels.
pub fn demo_key(listing: impl fmt::Display, sha256: &str) -> String {
    format!("{}{sha256}.jpg", demo_folder(listing))
}

/// The key of the picture of a member's own scene; `sha256` as for [`demo_key`]. No listing has this
/// name.
pub fn studio_key(sha256: &str) -> String {
    demo_key("studio", sha256)
}

/// The key prefix of a listing's pictures.
pub(crate) fn preview_folder(listing: impl fmt::Display) -> String {
    format!("previews/{listing}/")
}

/// The key prefix of the sizes of one picture.
pub(crate) fn upload_folder(listing: impl fmt::Display, upload: impl fmt::Display) -> String {
    format!("{}{upload}/", preview_folder(listing))
}

/// The key prefix of a listing's live demos.
pub(crate) fn demo_folder(listing: impl fmt::Display) -> String {
    format!("demos/{listing}/")
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
        bucket::{PUBLIC_CACHE_CONTROL, client_at},
        loopback,
    };

    #[tokio::test]
    async fn a_stored_preview_is_public_without_metadata() {
        let (tell, mut told) = tokio::sync::mpsc::channel::<(String, HeaderMap)>(4);
        let routes = Router::new().fallback(move |request: Request| {
            let tell = tell.clone();
            async move {
                let (parts, _) = request.into_parts();
                tell.send((parts.uri.path().to_owned(), parts.headers)).await.unwrap();
            }
        });
        let client = client_at(&loopback::serve(routes).await);
        let (bucket, previews) =
            (PreviewBucket::new(&client, "b"), Previews::new("https://previews.example.com/"));
        let preview = Preview::from_rgb(640, 320, vec![90; 3 * 640 * 320]).unwrap();
        let stored = bucket.store("lst_1", "upl_1", &preview).await.unwrap();
        assert_eq!(stored.large.key, "previews/lst_1/upl_1/1200.jpg");
        assert_eq!((stored.large.width, stored.large.height), (640, 320));
        assert_eq!((stored.small.width, stored.small.height), (300, 150));
        let url = "https://previews.example.com/previews/lst_1/upl_1/600.jpg";
        assert_eq!(previews.url(&stored.medium.key), url);
        let demo = Bytes::from_static(b"demo");
        bucket.put_demo(&demo_key("lst_1", "0f"), &demo).await.unwrap();

        let mut paths = Vec::new();
        for _ in 0..4 {
            let (path, headers) = told.recv().await.unwrap();
            assert_eq!(headers["content-type"], "image/jpeg");
            assert_eq!(headers["cache-control"], PUBLIC_CACHE_CONTROL);
            assert!(headers.keys().all(|name| !name.as_str().starts_with("x-amz-meta-")));
            paths.push(path);
        }
        paths.sort();
        let sides =
            ["1200", "300", "600"].map(|side| format!("/b/previews/lst_1/upl_1/{side}.jpg"));
        assert_eq!(paths[0], "/b/demos/lst_1/0f.jpg");
        assert_eq!(paths[1..], sides);
    }

    #[tokio::test]
    async fn a_demo_is_there_or_it_is_not() {
        let answering = async |status: StatusCode| {
            let routes = Router::new().fallback(move || async move { (status, "demo") });
            PreviewBucket::new(&client_at(&loopback::serve(routes).await), "b")
        };
        assert!(answering(StatusCode::OK).await.has("demos/0.jpg").await.unwrap());
        for status in [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN] {
            assert!(!answering(status).await.has("demos/0.jpg").await.unwrap());
        }
        let broken = answering(StatusCode::INTERNAL_SERVER_ERROR).await;
        assert!(broken.has("demos/0.jpg").await.is_err());
    }
}
