//! `POST /api/v1/marketplace/listings/{id}/preview`: try a preset or template before buying it.
//!
//! Access: anybody, at most [`PER_VISITOR`] and [`PER_LISTING`].
//! Changes: a new image is stored under a hash of everything that determines its pixels, and counts
//! against the listing's limit; the visitor's counter. Overrides are rounded to steps,
//! which bounds the number of images. A process remembers the images it saw last, and checks the
//! bucket only for others.
//! Retry: the same request returns the same image.
//!
//! A template is shown by an example: its prompt with the visitor's `slots`, and without a value the
//! slot's default or label. Its words choose the subject and its colours.
//! The response is only a watermarked image: the settings it is rendered from are what is sold.

use std::collections::BTreeMap;

use clients::preview::demo_key;
use domain::{
    FieldError,
    error::InvalidFields,
    id::ListingId,
    marketplace::{
        Kind,
        listing::{
            demo::{DemoError, DemoScene, DemoSubject, Overrides, shown_in},
            revision::Description,
        },
    },
};
use media::{picture::PictureError, preview::watermarked_jpeg};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use store::{Rate, Store};
use studio::{Quality, Scene, Subject};

use crate::{
    demo_cache::{DemoCache, DemoView, JPEG_QUALITY, SIDE_PX, content_hash},
    render::drawn,
};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-preview-listing",
    "/api/v1/marketplace/listings/{id}/preview",
    Access::Public,
)
.ignores_key()
.with_errors(&["listing_not_found", "no_demo", "rate_limited"]);

/// Previews of one network per minute.
pub const PER_VISITOR: Rate = Rate::a_minute(60);
/// New images of one listing per minute.
pub const PER_LISTING: Rate = Rate::a_minute(600);
/// Allowed longer sides of an image, in pixels.
const SIDES_PX: [u32; 3] = [256, SIDE_PX, 512];

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    subject: Option<DemoSubject>,
    #[serde(default)]
    overrides: Overrides,
    /// Values of a template's slots, by name.
    #[serde(default)]
    slots: BTreeMap<String, String>,
    /// Longer side of the image in pixels; 384 by default.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = SIDES_PX)))]
    size: Option<u32>,
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
) -> Result<NoStore<DemoView>, ApiError> {
    let id = call.body.id.get()?;
    let side = call.body.side_px()?;
    let network = call.network().map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let visitor = format!("demo#{network}");
    let ((), page) = tokio::try_join!(
        store.check_rate_limit(&visitor, PER_VISITOR, call.now),
        store.listing_page(id, call.now),
    )?;
    let description = page.revision.description;
    let scene = call.body.scene(page.listing.kind, &description)?;
    let subject = scene.subject;
    let (width, height) = scene.camera.aspect_ratio.fit(side);
    let key = demo_key(id, &content_hash(&scene, side));
    let cached = cache.has(&key).await?;
    if !cached {
        store.check_rate_limit(&format!("demo#{id}"), PER_LISTING, call.now).await?;
        let jpeg = drawn(move || draw(&scene, width, height)).await??;
        cache.add(&key, jpeg).await?;
    }
    Ok(NoStore(cache.view(&key, (width, height), subject, cached)))
}

fn draw(scene: &DemoScene, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    let frame = Scene::of_demo(scene).render(width, height, Quality::Preview);
    watermarked_jpeg(frame.width, frame.height, frame.rgb, JPEG_QUALITY)
}

impl Request {
    fn scene(&self, kind: Kind, of: &Description) -> Result<DemoScene, DemoError> {
        let content = of.content.example(&self.slots)?;
        let meant = content.structured_prompt.as_ref().map(shown_in);
        let meant = meant.map(|words| DemoSubject::from(Subject::from_prompt(&words)));
        let meant = meant.filter(|subject| of.demo.subjects.contains(subject));
        let subject = self.subject.or(meant).unwrap_or_else(|| of.demo.usual_subject());
        of.demo.scene(kind, &content, subject, &self.overrides)
    }

    fn side_px(&self) -> Result<u32, InvalidFields> {
        let side = self.size.unwrap_or(SIDE_PX);
        match SIDES_PX.contains(&side) {
            true => Ok(side),
            false => {
                let detail = format!("one of {SIDES_PX:?} pixels");
                Err(InvalidFields(vec![FieldError::new("/size", "size", detail)]))
            }
        }
    }
}
