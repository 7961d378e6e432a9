//! `POST /api/v1/marketplace/listings/{id}/preview`: try a preset before buying it.
//!
//! Access: anybody, at most [`PER_VISITOR`] and [`PER_LISTING`].
//! Changes: a new image is stored under a hash of everything that determines its pixels, and counts
//! against the listing's limit; the visitor's counter. Overrides are rounded to steps
//! (`domain::marketplace::listing::demo`), which bounds the number of images. A process remembers
//! the images it saw last, and checks the bucket only for others.
//! Retry: the same request returns the same image.
//!
//! The response is only a watermarked image: the settings it is rendered from are what is sold.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use clients::{
    PreviewBucket, Previews,
    preview::{PreviewsUnavailable, demo_key},
};
use domain::{
    FieldError,
    error::InvalidFields,
    id::ListingId,
    marketplace::listing::demo::{DemoScene, DemoSubject, Overrides},
};
use media::{picture::PictureError, preview::watermarked_jpeg};
use runtime::{
    Access, ApiError, Aws, Call, Connect, Endpoint, Environment, Function, InitError, NoStore,
    PathId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Rate, Store};

use crate::render::{drawn, scene_of};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-preview-listing",
    "/api/v1/marketplace/listings/{id}/preview",
    Access::Public,
)
.ignores_key();

/// Previews of one network per minute.
pub const PER_VISITOR: Rate = Rate::a_minute(60);
/// New images of one listing per minute.
pub const PER_LISTING: Rate = Rate::a_minute(600);
/// Version of the pixels: increase it with every visible change of the renderer or the watermark.
const RENDERER: u32 = 1;
const JPEG_QUALITY: u8 = 85;
/// Allowed longer sides of an image, in pixels.
const SIDES_PX: [u32; 3] = [256, 384, 512];
/// Most stored images that a process remembers.
const SEEN_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    subject: Option<DemoSubject>,
    #[serde(default)]
    overrides: Overrides,
    /// Longer side of the image in pixels, one of [`SIDES_PX`]; the second by default.
    size: Option<u32>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    image: ImageView,
    subject: DemoSubject,
    /// Whether it was rendered before.
    cached: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DemoImage"))]
struct ImageView {
    url: String,
    width: u32,
    height: u32,
}

/// This process's cache of stored demo images.
#[derive(Debug)]
pub(crate) struct DemoCache {
    previews: Previews,
    bucket: PreviewBucket,
    /// The keys of stored images, most recently used last.
    seen: Mutex<VecDeque<String>>,
}

impl DemoCache {
    async fn has(&self, key: &str) -> Result<bool, PreviewsUnavailable> {
        let seen = self.seen().iter().any(|known| known == key);
        let has = seen || self.bucket.has(key).await?;
        if has {
            self.remember(key);
        }
        Ok(has)
    }

    async fn add(&self, key: &str, jpeg: Vec<u8>) -> Result<(), PreviewsUnavailable> {
        self.bucket.put_demo(key, &jpeg.into()).await?;
        self.remember(key);
        Ok(())
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

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    cache: DemoCache,
}

async fn handle(
    Deps { store, cache }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Response>, ApiError> {
    let id = call.body.id.get()?;
    let side = call.body.side_px()?;
    let network = call.network().map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let visitor = format!("demo#{network}");
    let ((), page) = tokio::try_join!(
        store.check_rate_limit(&visitor, PER_VISITOR, call.now),
        store.listing_page(id, call.now),
    )?;
    let description = page.revision.description;
    let subject = call.body.subject.unwrap_or_else(|| description.demo.usual_subject());
    let kind = page.listing.kind;
    let scene =
        description.demo.scene(kind, &description.content, subject, &call.body.overrides)?;
    let (width, height) = scene.camera.aspect_ratio.fit(side);
    let key = demo_key(id, &content_hash(&scene, side));
    let cached = cache.has(&key).await?;
    if !cached {
        store.check_rate_limit(&format!("demo#{id}"), PER_LISTING, call.now).await?;
        let jpeg = drawn(move || draw(&scene, width, height)).await??;
        cache.add(&key, jpeg).await?;
    }
    let image = ImageView { url: cache.previews.url(&key), width, height };
    Ok(NoStore(Response { image, subject, cached }))
}

fn draw(scene: &DemoScene, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    let frame = scene_of(scene).render(width, height, studio::Quality::Preview);
    watermarked_jpeg(frame.width, frame.height, frame.rgb, JPEG_QUALITY)
}

/// A hash of everything that determines the pixels.
fn content_hash(scene: &DemoScene, side: u32) -> String {
    let text = serde_json::to_string(&(RENDERER, JPEG_QUALITY, side, scene)).unwrap_or_default();
    hex::encode(Sha256::digest(text))
}

impl Request {
    fn side_px(&self) -> Result<u32, InvalidFields> {
        let side = self.size.unwrap_or(SIDES_PX[1]);
        match SIDES_PX.contains(&side) {
            true => Ok(side),
            false => {
                let detail = format!("one of {SIDES_PX:?} pixels");
                Err(InvalidFields(vec![FieldError::new("/size", "size", detail)]))
            }
        }
    }
}
