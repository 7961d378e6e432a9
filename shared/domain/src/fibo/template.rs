//! A structured prompt from a sentence, by a fixed template.
//!
//! This is the fallback that needs no model and no network. It looks words up in the small tables
//! of `lexicon` and never adds a fact: where the prompt is silent the text says so in neutral terms.

use super::lexicon::{
    COLOURS, COMPOSITIONS, CONTEXTS, EXPRESSIONS, GARMENTS, GENDERS, LIGHTS, Lexicon, MEDIA, MOODS,
    NOT_SETTINGS, NUMBERS, OUTDOORS, SETTING_STARTS,
};
use super::{
    Aesthetics, CANONICAL_BYTES_MAX, DESCRIPTION_CHARS_MAX, Lighting, Object, StructuredPrompt,
    TEXT_RENDERS_MAX, TextRender, wording::truncated,
};
use crate::{camera::CameraSettings, lighting::LightingRig, text::is_visible};

/// Longest text copied from the prompt into one part, in characters.
const PART_CHARS_MAX: usize = 400;
/// Longest list of words of one kind.
const WORDS_MAX: usize = 4;

/// Marks that end a clause.
const CLAUSE_MARKS: [char; 4] = [',', ';', '.', ':'];
/// Marks around text to be rendered.
const QUOTES: [char; 3] = ['"', '\u{201c}', '\u{201d}'];
/// How many words after `in` a garment may come (`in a long dark red dress`).
const GARMENT_WITHIN_WORDS: usize = 5;

impl StructuredPrompt {
    /// A structured prompt that says what `prompt` says, with the rig and the camera in words.
    ///
    /// Deterministic and without a model: the subject, its setting, mood, colours, quoted text and
    /// medium are found by their words, and what the prompt leaves open is described neutrally
    /// rather than made up. A long prompt is read as far as the result has room for it. The result
    /// is valid for any `prompt` that hides nothing ([`crate::text::hides_nothing`]).
    pub fn from_prompt(
        prompt: &str,
        rig: Option<&LightingRig>,
        camera: Option<&CameraSettings>,
    ) -> StructuredPrompt {
        let mut chars_max = DESCRIPTION_CHARS_MAX / 2;
        loop {
            let filled = StructuredPrompt::from_start(prompt, chars_max, rig, camera);
            if chars_max == 0 || filled.canonical_json().len() <= CANONICAL_BYTES_MAX {
                return filled;
            }
            chars_max /= 2;
        }
    }

    /// The same from at most the first `chars_max` characters of `prompt`.
    fn from_start(
        prompt: &str,
        chars_max: usize,
        rig: Option<&LightingRig>,
        camera: Option<&CameraSettings>,
    ) -> StructuredPrompt {
        let parsed = ParsedPrompt::read(prompt, chars_max);
        let medium = parsed.first_of(MEDIA);
        let mut filled = StructuredPrompt {
            short_description: parsed.text.clone(),
            objects: vec![parsed.object()],
            background_setting: parsed.background(rig),
            lighting: parsed.lighting(),
            aesthetics: Aesthetics {
                composition: parsed.first_of(COMPOSITIONS).unwrap_or("subject centred").to_owned(),
                color_scheme: listed(&parsed.all_of(COLOURS), "colours natural to the subject"),
                mood_atmosphere: listed(&parsed.all_of(MOODS), "neutral"),
                extra: serde_json::Map::new(),
            },
            photographic_characteristics: None,
            style_medium: medium.unwrap_or("photograph").to_owned(),
            artistic_style: if medium.is_some() { "illustrative" } else { "realistic" }.to_owned(),
            text_render: parsed.quoted(),
            context: format!("{} as described by the prompt", parsed.kind()),
            extra: serde_json::Map::new(),
        };
        if let Some(rig) = rig {
            filled = filled.with_lighting(rig);
        }
        if let Some(camera) = camera {
            filled = filled.with_camera(camera);
        }
        filled
    }
}

/// A parsed prompt.
struct ParsedPrompt {
    /// The prompt with its white space collapsed, truncated to fit.
    text: String,
    /// ` word word `, in lower case without punctuation: a word is found as ` word `.
    words: String,
    /// The part before the setting.
    subject: String,
    /// The setting with its preposition, if one was found.
    setting: Option<String>,
    /// The text after the first clause.
    details: String,
}

impl ParsedPrompt {
    fn read(prompt: &str, chars_max: usize) -> ParsedPrompt {
        let collapsed = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = truncated(&collapsed, chars_max).to_owned();
        let text = if text.is_empty() { "An unspecified subject".to_owned() } else { text };
        let (clause, rest) = text.split_at(clause_end(&text));
        let (subject, setting) = match setting_start(clause) {
            Some(at) => (clause[..at].trim(), Some(clause[at..].trim())),
            None => (clause, None),
        };
        ParsedPrompt {
            words: words(&text),
            subject: truncated(subject, PART_CHARS_MAX).to_owned(),
            setting: setting.map(|setting| truncated(setting, PART_CHARS_MAX).to_owned()),
            details: truncated(rest.trim_start_matches(CLAUSE_MARKS).trim(), PART_CHARS_MAX)
                .to_owned(),
            text,
        }
    }

    fn mentions(&self, word: &str) -> bool {
        self.words.contains(&format!(" {word} "))
            || (!word.ends_with('s') && self.words.contains(&format!(" {word}s ")))
    }

    fn first_of(&self, lexicon: Lexicon) -> Option<&'static str> {
        lexicon.iter().find(|(word, _)| self.mentions(word)).map(|(_, meaning)| *meaning)
    }

    fn all_of(&self, lexicon: &[&'static str]) -> Vec<&'static str> {
        lexicon.iter().copied().filter(|word| self.mentions(word)).take(WORDS_MAX).collect()
    }

    fn object(&self) -> Object {
        let first = self.subject.split(' ').next().unwrap_or_default().to_lowercase();
        let number = NUMBERS.iter().find(|(word, _)| *word == first).map(|(_, number)| *number);
        let colours = self.all_of(COLOURS);
        Object {
            description: self.subject.clone(),
            location: "centre of the frame".to_owned(),
            relationship: match &self.setting {
                Some(setting) => format!("main subject, {setting}"),
                None => "main subject".to_owned(),
            },
            relative_size: "dominant in the frame".to_owned(),
            shape_and_color: if colours.is_empty() {
                "as described".to_owned()
            } else {
                format!("as described, with {}", colours.join(", "))
            },
            appearance_details: (!self.details.is_empty()).then(|| self.details.clone()),
            number_of_objects: number,
            clothing: clothing(&self.subject),
            gender: self.gender().map(str::to_owned),
            expression: self.first_of(EXPRESSIONS).map(str::to_owned),
            ..Object::default()
        }
    }

    /// Only if the prompt mentions a single gender.
    fn gender(&self) -> Option<&'static str> {
        let first = self.first_of(GENDERS)?;
        let mut others =
            GENDERS.iter().filter(|(word, meaning)| *meaning != first && self.mentions(word));
        others.next().is_none().then_some(first)
    }

    fn background(&self, rig: Option<&LightingRig>) -> String {
        match (&self.setting, rig) {
            (Some(setting), _) => setting.clone(),
            (None, Some(rig)) => rig.backdrop.phrase(),
            (None, None) => "plain, unobtrusive background".to_owned(),
        }
    }

    /// What the prompt says about light. Without it, daylight outdoors and studio light otherwise.
    fn lighting(&self) -> Lighting {
        let outdoors = OUTDOORS.iter().any(|word| self.mentions(word));
        match (self.first_of(LIGHTS), outdoors) {
            (Some(light), _) => Lighting { conditions: light.to_owned(), ..Lighting::default() },
            (None, true) => {
                Lighting { conditions: "natural daylight".to_owned(), ..Lighting::default() }
            }
            (None, false) => LightingRig::three_point().phrases(),
        }
    }

    fn kind(&self) -> &'static str {
        self.first_of(CONTEXTS).unwrap_or("a picture")
    }

    /// Text between double quotation marks is rendered in the image.
    fn quoted(&self) -> Vec<TextRender> {
        let parts: Vec<&str> = self.text.split(QUOTES).collect();
        let closed = parts.len() - 1 + parts.len() % 2;
        parts[..closed.min(parts.len())]
            .iter()
            .skip(1)
            .step_by(2)
            .map(|part| truncated(part.trim(), PART_CHARS_MAX / 2))
            .filter(|part| is_visible(part))
            .take(TEXT_RENDERS_MAX)
            .map(|part| TextRender {
                text: part.to_owned(),
                location: "as described".to_owned(),
                ..TextRender::default()
            })
            .collect()
    }
}

/// Where the first clause of `text` ends: at a mark followed by a space, outside quotation marks.
fn clause_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, character) in text.char_indices().skip(1) {
        if QUOTES.contains(&character) {
            quoted = !quoted;
        }
        let ends = text[at + character.len_utf8()..].starts_with([' ']);
        if !quoted && ends && CLAUSE_MARKS.contains(&character) {
            return at;
        }
    }
    text.len()
}

/// Where in `clause` the first preposition of place is that is neither its first word nor about
/// clothes (`in a red scarf`).
fn setting_start(clause: &str) -> Option<usize> {
    let mut at = 0;
    let mut tokens = clause.split(' ').peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().map_or(String::new(), |next| next.to_lowercase());
        let is_start = SETTING_STARTS.contains(&token.to_lowercase().as_str());
        let is_place = !next.is_empty() && !NOT_SETTINGS.contains(&next.as_str());
        if at > 0 && is_start && is_place && clothing(&clause[at..]).is_none() {
            return Some(at);
        }
        at += token.len() + 1;
    }
    None
}

/// The words after `in` or `wearing` up to the first garment, if one follows closely.
fn clothing(text: &str) -> Option<String> {
    let tokens: Vec<&str> = text.split(' ').collect();
    let wears = |token: &&str| ["in", "wearing"].contains(&token.to_lowercase().as_str());
    let start = tokens.iter().position(wears)? + 1;
    let near = tokens.get(start..)?.iter().take(GARMENT_WITHIN_WORDS);
    let length = near.clone().position(|token| {
        GARMENTS.contains(&token.to_lowercase().trim_matches(|c: char| !c.is_alphanumeric()))
    })?;
    Some(tokens[start..=start + length].join(" "))
}

/// ` lower case words ` with single spaces; hyphens stay inside words.
fn words(text: &str) -> String {
    let mut out = String::from(" ");
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() || character == '-' {
            out.push(character);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

fn listed(words: &[&str], otherwise: &str) -> String {
    if words.is_empty() { otherwise.to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Expected {
        subject: &'static str,
        background: &'static str,
        light: &'static str,
        colours: &'static str,
        mood: &'static str,
        medium: &'static str,
        context: &'static str,
    }

    fn check(prompt: &str, expected: &Expected) -> StructuredPrompt {
        let filled = StructuredPrompt::from_prompt(prompt, None, None);
        assert_eq!(filled.validate(), Ok(()), "{prompt}");
        assert_eq!(filled.objects[0].description, expected.subject, "{prompt}");
        assert_eq!(filled.background_setting, expected.background, "{prompt}");
        assert_eq!(filled.lighting.conditions, expected.light, "{prompt}");
        assert_eq!(filled.aesthetics.color_scheme, expected.colours, "{prompt}");
        assert_eq!(filled.aesthetics.mood_atmosphere, expected.mood, "{prompt}");
        assert_eq!(filled.style_medium, expected.medium, "{prompt}");
        assert_eq!(filled.context, expected.context, "{prompt}");
        filled
    }

    #[test]
    fn what_the_prompt_says_is_found_and_nothing_is_added() {
        let portrait = check(
            "A moody portrait of an old woman in a red scarf, smiling,  at dusk",
            &Expected {
                subject: "A moody portrait of an old woman in a red scarf",
                background: "plain, unobtrusive background",
                light: "light at dusk",
                colours: "red",
                mood: "moody",
                medium: "photograph",
                context: "a portrait as described by the prompt",
            },
        );
        assert_eq!(portrait.objects[0].clothing.as_deref(), Some("a red scarf"));
        assert_eq!(portrait.objects[0].gender.as_deref(), Some("female"));
        assert_eq!(portrait.objects[0].expression.as_deref(), Some("smiling"));
        assert_eq!(portrait.objects[0].appearance_details.as_deref(), Some("smiling, at dusk"));
        assert_eq!(portrait.photographic_characteristics, None);

        let bottles = check(
            "three amber glass bottles on wet black slate with the label \"No. 7\"",
            &Expected {
                subject: "three amber glass bottles",
                background: "on wet black slate with the label \"No. 7\"",
                light: "balanced, medium-contrast studio lighting, soft, diffused setup of 4 \
                        lights, neutral daylight 5600 K key light",
                colours: "amber, black",
                mood: "neutral",
                medium: "photograph",
                context: "a picture as described by the prompt",
            },
        );
        assert_eq!(bottles.objects[0].number_of_objects, Some(3));
        assert_eq!(bottles.text_render[0].text, "No. 7");

        check(
            "Serene watercolour of a mountain lake",
            &Expected {
                subject: "Serene watercolour of a mountain lake",
                background: "plain, unobtrusive background",
                light: "natural daylight",
                colours: "colours natural to the subject",
                mood: "serene",
                medium: "watercolor painting",
                context: "a picture as described by the prompt",
            },
        );
    }

    #[test]
    fn a_rig_and_a_camera_speak_for_themselves() {
        let rig = LightingRig::rembrandt();
        let camera = CameraSettings::default();
        let filled = StructuredPrompt::from_prompt("a violin", Some(&rig), Some(&camera));
        assert_eq!(filled.background_setting, rig.backdrop.phrase());
        assert_eq!(filled.lighting, rig.phrases());
        assert_eq!(filled.photographic_characteristics, Some(camera.phrases()));
        assert!(filled.short_description.starts_with("a violin. Lighting: low-key"));
        assert!(filled.short_description.ends_with("background softly blurred."));
        assert_eq!(filled.validate(), Ok(()));
    }

    #[test]
    fn any_prompt_gives_a_valid_result() {
        let long = "word ".repeat(2_000);
        let dense = "é".repeat(2_000);
        let wide = format!("\"{}\" ", "\u{1f680}".repeat(195)).repeat(10);
        let joined = "\u{1f469}\u{200d}".repeat(700) + "\u{1f680}";
        let torn = "\"\u{fe0f}sale\" and \"\u{200d}\"";
        for prompt in [
            "",
            " \n",
            ",",
            "...",
            "\"",
            "in",
            "on on on",
            "\u{201c}a",
            &long,
            &dense,
            &wide,
            &joined,
            torn,
        ] {
            let filled = StructuredPrompt::from_prompt(
                prompt,
                Some(&LightingRig::high_key()),
                Some(&CameraSettings::default()),
            );
            assert_eq!(filled.validate(), Ok(()), "{prompt:?}");
        }
    }
}
