//! Rendered scenes in the bucket of public pictures, under a hash of everything that determines the
//! pixels: live demos of listings, and previews of members' own scenes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use clients::{PreviewBucket, Previews, StorageUnavailable};
use domain::marketplace::listing::demo::{DemoScene, DemoSubject};
use runtime::{Aws, Connect, Environment, InitError};
use serde::Serialize;
use sha2::{Digest, Sha256};
use studio::Palette;

/// Longer side of an image, unless a caller chooses another.
pub(crate) const SIDE_PX: u32 = 384;
pub(crate) const JPEG_QUALITY: u8 = 85;
/// Version of the pixels: increase it with every visible change of the renderer or the watermark.
const RENDERER: u32 = 1;
/// Most stored images that a process remembers.
const SEEN_MAX: usize = 64;

/// This process's cache of stored demo images.
#[derive(Debug)]
pub(crate) struct DemoCache {
    previews: Previews,
    bucket: PreviewBucket,
    /// The keys of stored images, most recently used last.
    seen: Mutex<VecDeque<String>>,
}

/// A drawn scene.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct DemoView {
    image: ImageView,
    /// The object that is lit.
    subject: DemoSubject,
    /// Whether it was rendered before.
    cached: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DemoImage"))]
struct ImageView {
    /// Public, and the same for the same picture. It works for 30 days after it was first rendered.
    url: String,
    width: u32,
    height: u32,
}

/// A hash of everything that determines the pixels.
pub(crate) fn content_hash(scene: &DemoScene, side: u32) -> String {
    let DemoScene { subject, lighting, camera, words: _ } = scene;
    let Palette { primary, accent } = Palette::of_demo(scene);
    let content = (RENDERER, JPEG_QUALITY, side, subject, lighting, camera, primary, accent);
    hex::encode(Sha256::digest(serde_json::to_string(&content).unwrap_or_default()))
}

impl DemoCache {
    /// Whether the image at `key` is stored.
    ///
    /// # Errors
    /// When the bucket is unavailable.
    pub(crate) async fn has(&self, key: &str) -> Result<bool, StorageUnavailable> {
        let seen = self.seen().iter().any(|known| known == key);
        let has = seen || self.bucket.has(key).await?;
        if has {
            self.remember(key);
        }
        Ok(has)
    }

    /// Stores an image.
    ///
    /// # Errors
    /// When the bucket did not confirm the write.
    pub(crate) async fn add(&self, key: &str, jpeg: Vec<u8>) -> Result<(), StorageUnavailable> {
        self.bucket.put_demo(key, &jpeg.into()).await?;
        self.remember(key);
        Ok(())
    }

    /// The answer about the image at `key`.
    pub(crate) fn view(
        &self,
        key: &str,
        (width, height): (u32, u32),
        subject: DemoSubject,
        cached: bool,
    ) -> DemoView {
        let image = ImageView { url: self.previews.url(key), width, height };
        DemoView { image, subject, cached }
    }

    fn remember(&self, key: &str) {
        let mut seen = self.seen();
        seen.retain(|known| known != key);
        seen.push_back(key.to_owned());
        if seen.len() > SEEN_MAX {
            seen.pop_front();
        }
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connect for DemoCache {
    fn variables() -> Vec<&'static str> {
        [Previews::variables(), PreviewBucket::variables()].concat()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<DemoCache, InitError> {
        let previews = Previews::connect(env, aws).await?;
        let bucket = PreviewBucket::connect(env, aws).await?;
        Ok(DemoCache { previews, bucket, seen: Mutex::default() })
    }
}
