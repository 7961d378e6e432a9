//! `POST /api/v1/studio/previews`: draw a member's own rig, camera and subject at once.
//!
//! The picture has at most 384 pixels a side and no watermark, and costs no credit. It is a JPEG, a
//! tenth of a PNG's size: with the rendering, a browser shows it within half a second. The backdrop
//! is part of the lighting.
//!
//! Access: any member, at most [`A_MINUTE`].
//! Changes: a new picture is stored under a hash of everything that determines its pixels. Whoever
//! knows its URL can see it; nothing in the URL names the member.
//! Retry: the same request returns the same picture.

use clients::preview::studio_key;
use domain::{
    camera::CameraSettings,
    lighting::LightingRig,
    marketplace::listing::demo::{DemoScene, DemoSubject},
};
use media::{picture::PictureError, preview::jpeg};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore};
use serde::Deserialize;
use store::{Rate, Store};

use crate::{
    demo_cache::{DemoCache, DemoView, JPEG_QUALITY, SIDE_PX, content_hash},
    render::drawn,
};

pub const ENDPOINT: Endpoint =
    Endpoint::post("marketplace-preview-studio", "/api/v1/studio/previews", Access::Member)
        .ignores_key()
        .for_suspended()
        .with_rate(A_MINUTE);

/// Previews of one member: four a second while a slider moves.
pub const A_MINUTE: Rate = Rate::a_minute(240);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Lights and backdrop; a three-point light by default.
    lighting: Option<LightingRig>,
    /// Lens and frame; a portrait lens by default.
    camera: Option<CameraSettings>,
    /// The object that is lit; a bust by default.
    subject: Option<DemoSubject>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    /// Counts the calls of a member.
    store: Store,
    cache: DemoCache,
}

async fn handle(
    Deps { cache, .. }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<DemoView>, ApiError> {
    let request = call.body.clone();
    let subject = request.subject.unwrap_or(DemoSubject::Bust);
    let scene = DemoScene::of(request.lighting, request.camera, subject)?;
    let (width, height) = scene.camera.aspect_ratio.fit(SIDE_PX);
    let key = studio_key(&content_hash(&scene, SIDE_PX));
    let cached = cache.has(&key).await?;
    if !cached {
        cache.add(&key, drawn(move || draw(&scene, width, height)).await??).await?;
    }
    Ok(NoStore(cache.view(&key, (width, height), subject, cached)))
}

fn draw(scene: &DemoScene, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    let frame = studio::Scene::of_demo(scene).render(width, height, studio::Quality::Preview);
    jpeg(frame.width, frame.height, frame.rgb, JPEG_QUALITY)
}
