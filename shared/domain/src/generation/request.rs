//! A member's request, validated and resolved into the [`Input`] of a job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Quality;
use crate::{
    camera::{AspectRatio, CameraSettings},
    error::{FieldCheck, InvalidFields},
    fibo::StructuredPrompt,
    id::{ListingId, PresetId, UserId},
    lighting::LightingRig,
    marketplace::listing::content::Content,
    text,
};

/// Longest prompt, in characters.
pub const PROMPT_CHARS_MAX: usize = 2000;
/// Longest negative prompt, in characters.
pub const NEGATIVE_PROMPT_CHARS_MAX: usize = 1000;

/// Largest seed of a new image. Bria documents no range; a public client ends here. Older jobs may
/// have larger seeds.
pub const SEED_MAX: u32 = i32::MAX.cast_unsigned();

/// A random seed of 31 bits.
pub fn drawn_seed(random: u128) -> u32 {
    (random >> 97) as u32
}

/// What the image shows: exactly one of four sources.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A prompt.
    Prompt(String),
    /// A FIBO structured prompt.
    Structured(Box<StructuredPrompt>),
    /// One of the member's presets, with an optional prompt to refine it.
    Preset(PresetId, Option<String>),
    /// A marketplace listing, with an optional prompt to refine it.
    Listing(ListingId, Option<String>),
}

/// The fields of a generation request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GenerationRequest {
    /// A prompt; with `preset_id` or `listing_id`, a refinement.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = PROMPT_CHARS_MAX)))]
    pub prompt: Option<String>,
    /// A FIBO structured prompt.
    pub structured_prompt: Option<StructuredPrompt>,
    /// One of the member's presets.
    pub preset_id: Option<PresetId>,
    /// A listing that the member bought or created.
    pub listing_id: Option<ListingId>,
    /// The version of that listing; by default the newest approved one. A buyer may choose the one
    /// they bought or a later one.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub listing_version: Option<u32>,
    /// Values for the slots of the listing's template.
    pub slots: Option<BTreeMap<String, String>>,
    /// The lighting.
    pub lighting: Option<LightingRig>,
    /// The camera.
    pub camera: Option<CameraSettings>,
    /// What to leave out; only at standard quality.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NEGATIVE_PROMPT_CHARS_MAX)))]
    pub negative_prompt: Option<String>,
    /// The seed: the same input and seed give the same image.
    #[cfg_attr(feature = "schema", schemars(range(max = SEED_MAX)))]
    pub seed: Option<u32>,
    /// The shape of the image; defaults to the camera's.
    pub aspect_ratio: Option<AspectRatio>,
    /// The quality.
    pub quality: Option<Quality>,
}

impl GenerationRequest {
    /// Validates every field and determines the subject.
    ///
    /// # Errors
    /// All invalid fields.
    pub fn subject(&self) -> Result<Subject, InvalidFields> {
        let mut check = FieldCheck::new();
        check_text(&mut check, "/prompt", self.prompt.as_deref(), PROMPT_CHARS_MAX);
        check_text(
            &mut check,
            "/negative_prompt",
            self.negative_prompt.as_deref(),
            NEGATIVE_PROMPT_CHARS_MAX,
        );
        let lite = self.quality.unwrap_or_default() == Quality::Lite;
        check.require(
            !(lite && self.negative_prompt.is_some()),
            "/negative_prompt",
            "not_with_lite",
            || "only quality `standard` takes a negative prompt".to_owned(),
        );
        check_scene(&mut check, self.lighting.as_ref(), self.camera.as_ref());
        if let Some(structured) = &self.structured_prompt {
            check.absorb("/structured_prompt", structured.validate());
        }
        let subject = self.one_subject();
        check.require(subject.is_some(), "", "one_of", || {
            "send exactly one of `prompt`, `structured_prompt`, `preset_id`, `listing_id` (a \
             `prompt` beside one of the last two refines it)"
                .to_owned()
        });
        let slots_for_nothing = self.slots.is_some() && self.listing_id.is_none();
        check.require(self.seed.is_none_or(|seed| seed <= SEED_MAX), "/seed", "too_large", || {
            format!("at most {SEED_MAX}")
        });
        check.require(!slots_for_nothing, "/slots", "without_listing", || {
            "only a listing's template has slots".to_owned()
        });
        let version_of_nothing = self.listing_version.is_some() && self.listing_id.is_none();
        check.require(!version_of_nothing, "/listing_version", "without_listing", || {
            "only a listing has versions: send its `listing_id`".to_owned()
        });
        check.finish()?;
        subject.ok_or_else(|| InvalidFields(Vec::new()))
    }

    fn one_subject(&self) -> Option<Subject> {
        let refine = self.prompt.clone();
        match (&self.prompt, &self.structured_prompt, &self.preset_id, &self.listing_id) {
            (Some(prompt), None, None, None) => Some(Subject::Prompt(prompt.clone())),
            (None, Some(structured), None, None) => {
                Some(Subject::Structured(Box::new(structured.clone())))
            }
            (_, None, Some(preset), None) => Some(Subject::Preset(preset.clone(), refine)),
            (_, None, None, Some(listing)) => Some(Subject::Listing(listing.clone(), refine)),
            (_, Some(_), _, _) | (_, None, Some(_), Some(_)) | (None, None, None, None) => None,
        }
    }
}

/// The version of a listing with which an image is made, and its creator. Stored with the job, so
/// that it need not be looked up later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Licence {
    /// The listing.
    pub listing_id: ListingId,
    /// The version.
    pub revision: u32,
    /// The listing's creator.
    pub creator_id: UserId,
    /// The attribution that the creator requires with the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

/// The preset or listing that a request refers to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResolvedSource {
    /// The preset's content; empty for a listing.
    pub kept: PresetContent,
    /// The licence and content of a listing.
    pub licensed: Option<(Licence, Content)>,
}

impl ResolvedSource {
    /// A listing that the member bought or created.
    pub fn licensed(licence: Licence, content: Content) -> ResolvedSource {
        ResolvedSource { kept: PresetContent::default(), licensed: Some((licence, content)) }
    }

    /// A preset of the member.
    pub fn from_preset(kept: PresetContent) -> ResolvedSource {
        ResolvedSource { kept, licensed: None }
    }

    /// The content with its slots filled, the licence, and the model's id.
    fn filled(
        self,
        values: Option<&BTreeMap<String, String>>,
    ) -> Result<(PresetContent, Option<Licence>, Option<String>), InvalidFields> {
        let Some((licence, content)) = self.licensed else { return Ok((self.kept, None, None)) };
        let none = BTreeMap::new();
        let structured_prompt = content.fill(values.unwrap_or(&none))?;
        let kept = PresetContent {
            structured_prompt,
            lighting: content.lighting,
            camera: content.camera,
            ..PresetContent::default()
        };
        Ok((kept, Some(licence), content.model_id))
    }
}

/// The content of a preset: a scene, and optionally a subject.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PresetContent {
    /// A prompt.
    pub prompt: Option<String>,
    /// A FIBO structured prompt.
    pub structured_prompt: Option<StructuredPrompt>,
    /// The lighting.
    pub lighting: Option<LightingRig>,
    /// The camera.
    pub camera: Option<CameraSettings>,
    /// What to leave out.
    pub negative_prompt: Option<String>,
}

impl PresetContent {
    /// # Errors
    /// The invalid fields, or that all fields are absent.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check_text(&mut check, "/prompt", self.prompt.as_deref(), PROMPT_CHARS_MAX);
        let negative = self.negative_prompt.as_deref();
        check_text(&mut check, "/negative_prompt", negative, NEGATIVE_PROMPT_CHARS_MAX);
        check_scene(&mut check, self.lighting.as_ref(), self.camera.as_ref());
        if let Some(structured) = &self.structured_prompt {
            check.absorb("/structured_prompt", structured.validate());
        }
        check.require(
            !(self.prompt.is_some() && self.structured_prompt.is_some()),
            "",
            "one_of",
            || "send `prompt` or `structured_prompt`, not both".to_owned(),
        );
        check.require(*self != PresetContent::default(), "", "empty", || {
            "send at least one of `prompt`, `structured_prompt`, `lighting`, `camera`".to_owned()
        });
        check.finish()
    }
}

/// The resolved input of an image: presets and defaults are already applied.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Input {
    /// A prompt; with a structured prompt, a refinement.
    pub prompt: Option<String>,
    /// A FIBO structured prompt.
    pub structured_prompt: Option<StructuredPrompt>,
    /// The preset it was made from.
    pub preset_id: Option<PresetId>,
    /// The licence of the listing it is made with.
    pub licence: Option<Licence>,
    /// The tailored model that makes it.
    pub model_id: Option<String>,
    /// The lighting.
    pub lighting: Option<LightingRig>,
    /// The camera.
    pub camera: Option<CameraSettings>,
    /// What to leave out.
    pub negative_prompt: Option<String>,
    /// The seed: the same input and seed give the same image.
    pub seed: u32,
    /// The shape of the image.
    pub aspect_ratio: AspectRatio,
    /// The quality.
    pub quality: Quality,
}

/// Where the input of an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InputSource {
    /// A prompt.
    Prompt,
    /// A structured prompt.
    StructuredPrompt,
    /// One of the member's presets.
    Preset,
    /// A listing: its preset, template or model.
    Listing,
}

impl Input {
    /// Where it comes from.
    pub fn source(&self) -> InputSource {
        match (&self.licence, &self.preset_id, &self.structured_prompt) {
            (Some(_), _, _) => InputSource::Listing,
            (None, Some(_), _) => InputSource::Preset,
            (None, None, Some(_)) => InputSource::StructuredPrompt,
            (None, None, None) => InputSource::Prompt,
        }
    }

    /// What it says about the subject, in one text: a structured prompt's short description, and the
    /// prompt.
    pub fn words(&self) -> String {
        let structured = self.structured_prompt.as_ref();
        let structured = structured.map(|prompt| prompt.short_description.as_str());
        [structured, self.prompt.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(". ")
    }

    /// Resolves a request. `named` is the preset or listing it refers to; `seed` is used if it has
    /// none.
    ///
    /// The request's own lighting, camera and prompt take precedence over those of the preset or
    /// listing.
    ///
    /// # Errors
    /// When the request is invalid, slots are not filled correctly, or neither the request nor the
    /// preset or listing says what to show.
    pub fn resolve(
        order: &GenerationRequest,
        named: ResolvedSource,
        seed: u32,
    ) -> Result<Input, InvalidFields> {
        let subject = order.subject()?;
        let (kept, licence, model_id) = named.filled(order.slots.as_ref())?;
        let quality = order.quality.unwrap_or_default();
        let camera = order.camera.or(kept.camera);
        let refined = |refine: Option<String>| match (kept.prompt, kept.structured_prompt, refine) {
            (_, Some(structured), refine) => (refine, Some(structured)),
            (Some(kept), None, Some(refine)) => (Some(joined(&kept, &refine)), None),
            (kept, None, refine) => (refine.or(kept), None),
        };
        let (preset_id, (prompt, structured_prompt)) = match subject {
            Subject::Prompt(prompt) => (None, (Some(prompt), None)),
            Subject::Structured(structured) => (None, (None, Some(*structured))),
            Subject::Preset(id, refine) => (Some(id), refined(refine)),
            Subject::Listing(_, refine) => (None, refined(refine)),
        };
        let mut check = FieldCheck::new();
        check.require(
            prompt.is_some() || structured_prompt.is_some(),
            "/prompt",
            "missing",
            || "neither the preset nor the listing says what to show: send a `prompt`".to_owned(),
        );
        check.finish()?;
        let negative = order.negative_prompt.clone().or(kept.negative_prompt);
        Ok(Input {
            prompt,
            structured_prompt,
            preset_id,
            licence,
            model_id,
            lighting: order.lighting.clone().or(kept.lighting),
            aspect_ratio: order
                .aspect_ratio
                .or(camera.as_ref().map(|camera| camera.aspect_ratio))
                .unwrap_or_default(),
            camera,
            negative_prompt: negative.filter(|_| quality == Quality::Standard),
            seed: order.seed.unwrap_or(seed),
            quality,
        })
    }
}

fn joined(kept: &str, refine: &str) -> String {
    let text = format!("{}. {refine}", kept.trim_end_matches(['.', ' ']));
    text.chars().take(PROMPT_CHARS_MAX).collect()
}

fn check_scene(
    check: &mut FieldCheck,
    lighting: Option<&LightingRig>,
    camera: Option<&CameraSettings>,
) {
    if let Some(lighting) = lighting {
        check.absorb("/lighting", lighting.validate());
    }
    if let Some(camera) = camera {
        check.absorb("/camera", camera.validate());
    }
}

fn check_text(check: &mut FieldCheck, pointer: &str, text: Option<&str>, chars_max: usize) {
    let Some(text) = text else { return };
    check.require(!text.trim().is_empty(), pointer, "empty", || "must not be empty".to_owned());
    let count = text::length(text);
    check.require(count <= chars_max, pointer, "too_long", || {
        format!("at most {chars_max} characters, not {count}")
    });
    let visible = text.trim().is_empty() || text::is_visible(text);
    check.require(visible, pointer, "invisible_text", || {
        "must be visible text: no control or zero-width characters".to_owned()
    });
}
