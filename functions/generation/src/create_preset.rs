//! `POST /api/v1/presets`: save lighting, a camera and a prompt under a name.
//!
//! Access: any member who is not suspended.
//! Changes: in one transaction the preset, the account's count of them, and the record of the key.
//! Retry: the same `Idempotency-Key` returns the same preset, or 404 once it is deleted.

use domain::{generation::PresetContent, id::PresetId, preset::Preset};
use runtime::{Access, ApiError, Call, Created, Endpoint, Function};
use serde::Deserialize;
use store::Store;

use crate::view::PresetView;

pub const ENDPOINT: Endpoint =
    Endpoint::post("generation-create-preset", "/api/v1/presets", Access::Member)
        .with_errors(&["preset_not_found", "too_many_presets"]);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
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

async fn handle(store: &Store, call: Call<Request>) -> Result<Created<PresetView>, ApiError> {
    let member = call.member()?;
    let Request { name, prompt, structured_prompt, lighting, camera, negative_prompt } =
        call.body.clone();
    let content = PresetContent { prompt, structured_prompt, lighting, camera, negative_prompt };
    let id = PresetId::new(call.now, call.random());
    let preset = Preset::keep(id, member.user_id.clone(), name, content, call.now)?;
    let preset = store.create_preset(&preset, member.email_claim(), call.idempotency()).await?;
    let location = call.links.to(format_args!("/api/v1/presets/{}", preset.id));
    Ok(Created { location, body: preset.into() })
}
