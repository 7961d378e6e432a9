//! Who turns words into a structured prompt: Bria where Bria makes the images, else Gemini where a
//! key is configured, else our own template, which adds nothing that was not said.

use clients::structure::StructureRefused;
use domain::{camera::CameraSettings, fibo::StructuredPrompt, lighting::LightingRig};
use runtime::PromptProvider;
use serde::Serialize;

/// Who did it, as the answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StructuredBy {
    /// Bria's bridge.
    Bria,
    /// Google's Gemini.
    Gemini,
    /// Our template.
    Template,
}

/// A valid structured prompt for `prompt`, lit and taken as asked, and who made it.
pub(crate) async fn structure(
    provider: &PromptProvider,
    prompt: &str,
    lighting: Option<&LightingRig>,
    camera: Option<&CameraSettings>,
) -> Result<(StructuredPrompt, StructuredBy), StructureRefused> {
    let (structured, by) = match provider {
        PromptProvider::Bria(bria) => {
            (read(&bria.structure_prompt(prompt).await?)?, StructuredBy::Bria)
        }
        PromptProvider::Gemini(gemini) => {
            (gemini.structure_prompt(prompt).await?, StructuredBy::Gemini)
        }
        PromptProvider::Template => {
            let template = StructuredPrompt::from_prompt(prompt, lighting, camera);
            return Ok((template, StructuredBy::Template));
        }
    };
    let lit = lighting.into_iter().fold(structured, StructuredPrompt::with_lighting);
    Ok((camera.into_iter().fold(lit, StructuredPrompt::with_camera), by))
}

/// Bria's text as the type. Its scores are for its own use and are not given on.
fn read(text: &str) -> Result<StructuredPrompt, StructureRefused> {
    let prompt: StructuredPrompt = serde_json::from_str(text)
        .map_err(|error| StructureRefused::Unavailable { detail: error.to_string() })?;
    Ok(prompt.without_scores())
}
