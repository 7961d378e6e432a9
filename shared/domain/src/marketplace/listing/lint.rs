//! Findings for a moderator, besides similarity: nothing that would be refused, only what deserves
//! a second look. They are computed whenever a version is shown, so that a new rule also applies to
//! versions already in review.

use std::collections::BTreeMap;

use super::{content::DARK_STOPS, revision::Revision};
use crate::{error::FieldError, lighting::Light};

/// A description with fewer characters is brief.
const BRIEF_CHARS: usize = 40;
/// A title with fewer letters may be a name written in capitals.
const SHOUTED_LETTERS: usize = 8;
/// A title that repeats a word this often was written for search engines.
const REPEATED: usize = 3;

/// The findings, in the order of their fields: JSON pointers into the version as a moderator sees
/// it, codes in snake case, and a sentence each.
pub fn remarks(revision: &Revision) -> Vec<FieldError> {
    let details = &revision.description;
    let mut found = Vec::new();
    let mut note = |is_so: bool, pointer: &str, code: &'static str, detail: &str| {
        if is_so {
            found.push(FieldError::new(pointer, code, detail));
        }
    };
    let attribution = details.attribution.as_deref().unwrap_or_default();
    for (pointer, text) in [
        ("/title", &*details.title),
        ("/description", &details.description),
        ("/attribution", attribution),
    ] {
        note(leads_away(text), pointer, "leads_away", "contains a link or an address");
        note(
            mixes_alphabets(text),
            pointer,
            "mixed_alphabets",
            "a word has letters of two alphabets",
        );
    }
    note(shouts(&details.title), "/title", "capitals", "is written in capitals");
    note(repeats(&details.title), "/title", "repeats", "repeats a word");
    let brief = details.description.chars().count() < BRIEF_CHARS;
    note(brief, "/description", "brief", "says little");
    let drawn = revision.previews.iter().all(|preview| preview.drawn);
    note(drawn, "/previews", "no_own_picture", "no preview is the creator's own");
    let lights = details.content.lighting.as_ref().map(|rig| &*rig.lights).unwrap_or_default();
    for (nth, light) in lights.iter().enumerate() {
        let pointer = format!("/content/lighting/lights/{nth}");
        note(light.intensity <= DARK_STOPS, &pointer, "dark", "is too dark to be visible");
        let twice = lights[..nth].iter().any(|other| stand_alike(other, light));
        note(twice, &pointer, "twice", "is in the same place as another light");
    }
    found
}

/// Whether a text sends its readers elsewhere.
fn leads_away(text: &str) -> bool {
    let is_address = |word: &str| {
        let host = word.split_once('@').map(|(_, host)| host.trim_end_matches(['.', ',', ')']));
        host.is_some_and(|host| host.contains('.'))
    };
    let lower = text.to_lowercase();
    lower.contains("://") || lower.contains("www.") || lower.split_whitespace().any(is_address)
}

/// Whether a word mixes alphabets with letters that look alike.
fn mixes_alphabets(text: &str) -> bool {
    let latin = |c: char| c.is_alphabetic() && c < '\u{250}';
    let lookalike = |c: char| matches!(c, '\u{370}'..='\u{52f}');
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| word.chars().any(latin) && word.chars().any(lookalike))
}

fn shouts(title: &str) -> bool {
    let letters = title.chars().filter(|c| c.is_uppercase()).count();
    letters >= SHOUTED_LETTERS && !title.chars().any(char::is_lowercase)
}

fn repeats(title: &str) -> bool {
    let mut counts = BTreeMap::<String, usize>::new();
    for word in title.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts.values().any(|count| *count >= REPEATED)
}

/// Whether two lights are the same for what an image shows.
fn stand_alike(one: &Light, other: &Light) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < 0.5;
    near(one.azimuth, other.azimuth)
        && near(one.elevation, other.elevation)
        && near(one.distance, other.distance)
        && one.colour == other.colour
}
