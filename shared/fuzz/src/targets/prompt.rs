//! Structured prompts: what is valid has a canonical form, and any prompt can be structured.

use domain::{
    camera::CameraSettings,
    fibo::{CANONICAL_BYTES_MAX, StructuredPrompt},
    generation::PROMPT_CHARS_MAX,
    lighting::LightingRig,
    text,
};

/// A structured prompt as JSON; any text is a prompt too.
pub(crate) fn read(input: &[u8]) -> bool {
    let prompt = text::normalized(&String::from_utf8_lossy(input));
    if text::is_visible(&prompt) && text::length(&prompt) <= PROMPT_CHARS_MAX {
        let (rig, camera) = (LightingRig::high_key(), CameraSettings::default());
        for (rig, camera) in [(None, None), (Some(&rig), Some(&camera))] {
            let structured = StructuredPrompt::from_prompt(&prompt, rig, camera);
            assert_eq!(structured.validate(), Ok(()));
        }
    }
    let structured = serde_json::from_slice::<StructuredPrompt>(input).ok();
    let valid = structured.filter(|prompt| prompt.validate().is_ok());
    if let Some(valid) = &valid {
        let canonical = valid.canonical_json();
        assert!(canonical.len() <= CANONICAL_BYTES_MAX);
        let again: StructuredPrompt =
            serde_json::from_str(&canonical).expect("the canonical form is a prompt");
        assert_eq!(again.validate(), Ok(()));
        assert_eq!(again.canonical_json(), canonical);
    }
    valid.is_some()
}
