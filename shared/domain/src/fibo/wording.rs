//! A light or a camera in the words of a prompt.

use super::{DESCRIPTION_CHARS_MAX, StructuredPrompt};
use crate::{camera::CameraSettings, lighting::LightingRig, text::hides_nothing};

impl StructuredPrompt {
    /// The same image under another light. Except in its first sentence, `short_description` loses
    /// what it said about light and states the new light instead.
    #[must_use]
    pub fn with_lighting(mut self, rig: &LightingRig) -> StructuredPrompt {
        self.lighting = rig.phrases();
        let key = self.lighting.direction.split(';').next().unwrap_or_default();
        let sentence = format!("Lighting: {}, {key}.", self.lighting.conditions);
        self.short_description = restated(&self.short_description, LIGHT_WORDS, &sentence);
        self
    }

    /// The same image through another camera. `short_description` follows as for the light.
    #[must_use]
    pub fn with_camera(mut self, camera: &CameraSettings) -> StructuredPrompt {
        let view = camera.phrases();
        let sentence = format!(
            "Camera: {}, {}, depth of field {}.",
            view.lens_focal_length, view.camera_angle, view.depth_of_field
        );
        self.short_description = restated(&self.short_description, CAMERA_WORDS, &sentence);
        self.photographic_characteristics = Some(view);
        self
    }

    /// A prompt followed by the rig and the camera in words, for a model that writes its own
    /// structured prompt from them.
    pub fn in_words(
        prompt: &str,
        rig: Option<&LightingRig>,
        camera: Option<&CameraSettings>,
    ) -> String {
        let mut words = prompt.trim().trim_end_matches('.').to_owned();
        words.push('.');
        if let Some(light) = rig.map(LightingRig::phrases) {
            let parts = [Some(light.conditions), Some(light.direction), light.shadows];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            words.push_str(&format!(" Lighting: {}.", parts.join("; ")));
        }
        if let Some(view) = camera.map(CameraSettings::phrases) {
            words.push_str(&format!(
                " Camera: {}, {}, {}.",
                view.lens_focal_length, view.camera_angle, view.depth_of_field
            ));
        }
        words
    }
}

const LIGHT_WORDS: &[&str] = &["light", "lit ", "lighting", "shadow", "glow", "illuminat"];
const CAMERA_WORDS: &[&str] =
    &["lens", "depth of field", "focal length", "aperture", "camera", "f/", "bokeh"];

/// `description` with `sentence` in place of every sentence but the first that contains one of
/// `words`.
///
/// The first sentence names the subject and therefore stays. The rest is truncated to make room for
/// `sentence`.
fn restated(description: &str, words: &[&str], sentence: &str) -> String {
    let mut kept = String::new();
    for (index, part) in description.split_inclusive(". ").enumerate() {
        let part = part.trim();
        let lower = format!("{part} ").to_lowercase();
        let about = words.iter().any(|word| lower.contains(word));
        if part.is_empty() || about && (index > 0 || part.starts_with(label(sentence))) {
            continue;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(part);
    }
    let room = DESCRIPTION_CHARS_MAX.saturating_sub(sentence.chars().count() + 2);
    let mut kept = truncated(&kept, room).to_owned();
    if !kept.is_empty() {
        kept.push_str(if kept.ends_with(['.', '!', '?']) { " " } else { ". " });
    }
    kept + sentence
}

/// `Lighting:` of `Lighting: soft and warm.`
fn label(sentence: &str) -> &str {
    sentence.split_inclusive(':').next().unwrap_or(sentence)
}

/// The start of `text`, at most `chars_max` characters, cut between words where possible. It does not
/// end with a joiner or with a part of a flag.
pub(super) fn truncated(text: &str, chars_max: usize) -> &str {
    let Some((end, _)) = text.char_indices().nth(chars_max) else {
        return text;
    };
    let head = &text[..end];
    let mut head = head.rfind(char::is_whitespace).map_or(head, |space| &head[..space]).trim_end();
    while !hides_nothing(head)
        && let Some((last, _)) = head.char_indices().next_back()
    {
        head = &head[..last];
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_falls_between_words_and_never_inside_a_character() {
        assert_eq!(truncated("one two three", 9), "one two");
        assert_eq!(truncated("one", 3), "one");
        assert_eq!(truncated("ééé", 2), "éé");
        assert_eq!(truncated("x\u{1f469}\u{200d}\u{1f680}", 3), "x\u{1f469}");
        assert_eq!(truncated("", 0), "");
    }
}
