//! Who turns words into a structured prompt: Bria where Bria makes the images, else Gemini where a
//! key is configured, else our own template, which adds nothing that was not said.

use clients::structure::StructureError;
use domain::{Timestamp, camera::CameraSettings, fibo::StructuredPrompt, lighting::LightingRig};
use runtime::{Metrics, PromptProvider};
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
    now: Timestamp,
) -> Result<(StructuredPrompt, StructuredBy), StructureError> {
    let (structured, by) = match provider {
        PromptProvider::Bria(bria) => {
            let answer = bria.structure_prompt(prompt).await;
            (read(&answer.inspect_err(|error| report(error, now))?)?, StructuredBy::Bria)
        }
        PromptProvider::Gemini(gemini) => {
            let answer = gemini.structure_prompt(prompt).await;
            (answer.inspect_err(|error| report(error, now))?, StructuredBy::Gemini)
        }
        PromptProvider::Template => {
            let template = StructuredPrompt::from_prompt(prompt, lighting, camera);
            return Ok((template, StructuredBy::Template));
        }
    };
    let lit = lighting.into_iter().fold(structured, StructuredPrompt::with_lighting);
    Ok((camera.into_iter().fold(lit, StructuredPrompt::with_camera), by))
}

/// A request of ours that is not understood is our fault, so it is counted where an alarm looks.
fn report(error: &StructureError, now: Timestamp) {
    if matches!(error, StructureError::NotUnderstood { .. }) {
        Metrics::at(now).count("ProviderRequestsInvalid", 1).emit();
    }
}

/// Bria's text as the type. Its scores are for its own use and are not given on.
fn read(text: &str) -> Result<StructuredPrompt, StructureError> {
    let prompt: StructuredPrompt = serde_json::from_str(text)
        .map_err(|error| StructureError::Unavailable { detail: error.to_string() })?;
    Ok(prompt.without_scores())
}
