//! Creates structured prompts from text: with Bria if it makes the images, else with Gemini if a
//! key is configured, else with our own template, which adds nothing to the text.

use clients::structure::StructureError;
use domain::{camera::CameraSettings, fibo::StructuredPrompt, lighting::LightingRig};
use runtime::{Metrics, PromptProvider};
use serde::Serialize;

/// What created a structured prompt, as the response names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum StructuredBy {
    /// Bria's bridge.
    Bria,
    /// Google's Gemini.
    Gemini,
    /// Our template.
    Template,
}

/// A valid structured prompt for `prompt` with the given lighting and camera, and what created it.
pub(crate) async fn structure(
    provider: &PromptProvider,
    prompt: &str,
    lighting: Option<&LightingRig>,
    camera: Option<&CameraSettings>,
) -> Result<(StructuredPrompt, StructuredBy), StructureError> {
    let (structured, by) = match provider {
        PromptProvider::Bria(bria) => {
            let answer = bria.structure_prompt(prompt).await;
            (read(&answer.inspect_err(report)?)?, StructuredBy::Bria)
        }
        PromptProvider::Gemini(gemini) => {
            let answer = gemini.structure_prompt(prompt).await;
            (answer.inspect_err(report)?, StructuredBy::Gemini)
        }
        PromptProvider::Template => {
            let template = StructuredPrompt::from_prompt(prompt, lighting, camera);
            return Ok((template, StructuredBy::Template));
        }
    };
    let lit = lighting.into_iter().fold(structured, StructuredPrompt::with_lighting);
    Ok((camera.into_iter().fold(lit, StructuredPrompt::with_camera), by))
}

/// An invalid request of ours is our fault, so it is counted in a metric with an alarm.
fn report(error: &StructureError) {
    if matches!(error, StructureError::NotUnderstood { .. }) {
        Metrics::new().count("ProviderRequestsInvalid", 1).emit();
    }
}

/// Parses Bria's text. Its scores are internal to Bria and are dropped.
fn read(text: &str) -> Result<StructuredPrompt, StructureError> {
    let prompt: StructuredPrompt = serde_json::from_str(text)
        .map_err(|error| StructureError::Unavailable { detail: error.to_string() })?;
    Ok(prompt.without_scores())
}
