//! What a member asks for, checked and resolved into the [`Input`] a job is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Quality;
use crate::{
    camera::{AspectRatio, CameraSettings},
    error::{FieldCheck, InvalidFields},
    fibo::StructuredPrompt,
    id::{ListingId, PresetId, UserId},
    lighting::LightingRig,
    marketplace::content::Content,
    text,
};

/// Longest prompt, in characters.
pub const PROMPT_CHARS_MAX: usize = 2000;
/// Longest negative prompt, in characters.
pub const NEGATIVE_PROMPT_CHARS_MAX: usize = 1000;

/// Largest seed of a new image. Bria documents no range, and a public client of it ends here. Jobs
/// of before may hold larger ones.
pub const SEED_MAX: u32 = i32::MAX.cast_unsigned();

/// A seed drawn from randomness: one of 31 bits.
pub fn drawn_seed(random: u128) -> u32 {
    (random >> 97) as u32
}

/// What the image shows: exactly one of the four ways to say it.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// In words.
    Prompt(String),
    /// As a FIBO structured prompt.
    Structured(Box<StructuredPrompt>),
    /// As a preset of the member's, with words to refine it.
    Preset(PresetId, Option<String>),
    /// As a listing of the marketplace, with words to say or refine it.
    Listing(ListingId, Option<String>),
}

/// The fields a caller may send to say what they want.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationRequest {
    /// What to show, in words; or, beside `preset_id`, how to refine it.
    pub prompt: Option<String>,
    /// What to show, as a FIBO structured prompt.
    pub structured_prompt: Option<StructuredPrompt>,
    /// What to show, as kept before.
    pub preset_id: Option<PresetId>,
    /// With what was bought, or is the member's own.
    pub listing_id: Option<ListingId>,
    /// What fills the slots of the listing's template.
    pub slots: Option<BTreeMap<String, String>>,
    /// How it is lit.
    pub lighting: Option<LightingRig>,
    /// How it is taken.
    pub camera: Option<CameraSettings>,
    /// What to leave out; only at standard quality.
    pub negative_prompt: Option<String>,
    /// Same input, same seed, same image.
    pub seed: Option<u32>,
    /// Shape of the image; the camera's if it is not said here.
    pub aspect_ratio: Option<AspectRatio>,
    /// How much work it is worth.
    pub quality: Option<Quality>,
}

impl GenerationRequest {
    /// Checks every field and says which of the four subjects it is.
    ///
    /// # Errors
    /// All fields that are not acceptable.
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

/// Which version of which listing an image is made with, and whose it is: written with the job, so
/// that nobody has to find out later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// The listing.
    pub listing_id: ListingId,
    /// Which version.
    pub revision: u32,
    /// OwnerRef.
    pub creator_id: UserId,
    /// What its creator wants to stand with the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

/// What an order names, as its member has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResolvedSource {
    /// A preset's content, or a listing's with its slots not filled yet.
    pub kept: PresetContent,
    /// What is bought, where a listing is named.
    pub licensed: Option<(Licence, Content)>,
}

impl ResolvedSource {
    /// A listing that the member bought, or made.
    pub fn licensed(licence: Licence, content: Content) -> ResolvedSource {
        ResolvedSource { kept: PresetContent::default(), licensed: Some((licence, content)) }
    }

    /// A preset of the member's.
    pub fn kept(kept: PresetContent) -> ResolvedSource {
        ResolvedSource { kept, licensed: None }
    }

    /// What to keep of it once its slots are filled, and what it is made with.
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

/// What a preset keeps: a scene, and something to show or nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetContent {
    /// What to show, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What to show, as a FIBO structured prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_prompt: Option<StructuredPrompt>,
    /// How it is lit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lighting: Option<LightingRig>,
    /// How it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraSettings>,
    /// What to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
}

impl PresetContent {
    /// # Errors
    /// The fields that are not acceptable, or that nothing is kept at all.
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

/// Everything the image is made from, resolved: presets and defaults are already applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What to show, in words; beside a structured prompt, how to refine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What to show, as a FIBO structured prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_prompt: Option<StructuredPrompt>,
    /// The preset it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset_id: Option<PresetId>,
    /// The listing it is made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// The tailored model that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// How it is lit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lighting: Option<LightingRig>,
    /// How it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraSettings>,
    /// What to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Same input, same seed, same image.
    pub seed: u32,
    /// Shape of the image.
    pub aspect_ratio: AspectRatio,
    /// How much work it is worth.
    pub quality: Quality,
}

impl Input {
    /// Resolves an order. `named` is the preset or the listing it names, `seed` is used if it has
    /// none.
    ///
    /// The caller's own light, camera and words stand before the preset's or the listing's.
    ///
    /// # Errors
    /// When the order is not acceptable, slots are not filled as they should be, or what is named
    /// shows nothing and no prompt says what to show.
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
            || "what is named says nothing of this: say in `prompt` what to show".to_owned(),
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
        "must be text that can be seen: no controls, nothing without width".to_owned()
    });
}
