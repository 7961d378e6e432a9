//! `PUT /api/v1/presets/{id}`: replace a preset's name and content.
//!
//! Access: its owner, unless suspended; for all other callers it does not exist (404).
//! Changes: the preset, in one transaction with the account, whose version guards all presets.
//! Generations made with it have their own copy of what it was. With `If-Match`, only if it still
//! has the `ETag` of `GET /api/v1/presets/{id}`.
//! Retry: a repeat writes the same preset again, at a later time.

use domain::{generation::PresetContent, id::PresetId, preset::Preset};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::{Store, StoreError};

use crate::view::PresetView;

pub const ENDPOINT: Endpoint =
    Endpoint::put("generation-update-preset", "/api/v1/presets/{id}", Access::Member)
        .with_if_match()
        .with_errors(&["preset_not_found"]);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PresetId>,
    /// One line of text.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::preset::NAME_CHARS_MAX)))]
    name: String,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::generation::PROMPT_CHARS_MAX)))]
    prompt: Option<String>,
    structured_prompt: Option<domain::fibo::StructuredPrompt>,
    lighting: Option<domain::lighting::LightingRig>,
    camera: Option<domain::camera::CameraSettings>,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::generation::NEGATIVE_PROMPT_CHARS_MAX)))]
    negative_prompt: Option<String>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<PresetView>, ApiError> {
    let user = &call.member()?.user_id;
    let Request { id, name, prompt, structured_prompt, lighting, camera, negative_prompt } =
        call.body.clone();
    let content = PresetContent { prompt, structured_prompt, lighting, camera, negative_prompt };
    let preset = store
        .update_preset(user, id.get()?, call.now, |preset: Preset| {
            call.check_if_match(&PresetView::from(preset.clone())).map_err(StoreError::refused)?;
            preset.replace(name.clone(), content.clone(), call.now).map_err(StoreError::refused)
        })
        .await?;
    Ok(Json(preset.into()))
}
