//! What a moderator is told of a version, besides what it is near to: nothing that would be refused,
//! only what is worth a second look. It is made anew whenever a version is shown, so that a new
//! remark is made of what waits already.

use std::collections::BTreeMap;

use super::{content::DARK_STOPS, revision::Revision};
use crate::{error::FieldError, lighting::Light};

/// A description below this many characters says little.
const BRIEF_CHARS: usize = 40;
/// A title with fewer letters may be a name that is written in capitals.
const SHOUTED_LETTERS: usize = 8;
/// A title that says a word so often was written to be found.
const REPEATED: usize = 3;

/// What there is to remark, in the order of the fields it is about: pointers into what a moderator
/// sees of a version, codes in snake case, and a sentence each.
pub fn remarks(revision: &Revision) -> Vec<FieldError> {
    let said = &revision.description;
    let mut found = Vec::new();
    let mut note = |is_so: bool, pointer: &str, code: &'static str, detail: &str| {
        if is_so {
            found.push(FieldError::new(pointer, code, detail));
        }
    };
    let attribution = said.attribution.as_deref().unwrap_or_default();
    for (pointer, text) in [
        ("/title", &*said.title),
        ("/description", &said.description),
        ("/attribution", attribution),
    ] {
        note(leads_away(text), pointer, "leads_away", "holds a link or an address");
        note(
            mixes_alphabets(text),
            pointer,
            "mixed_alphabets",
            "a word has letters of two alphabets",
        );
    }
    note(shouts(&said.title), "/title", "capitals", "is written in capitals");
    note(repeats(&said.title), "/title", "repeats", "says a word again and again");
    let brief = said.description.chars().count() < BRIEF_CHARS;
    note(brief, "/description", "brief", "says little");
    let drawn = revision.previews.iter().all(|preview| preview.drawn);
    note(drawn, "/previews", "no_own_picture", "none of the pictures is the creator's");
    let lights = said.content.lighting.as_ref().map(|rig| &*rig.lights).unwrap_or_default();
    for (nth, light) in lights.iter().enumerate() {
        let pointer = format!("/content/lighting/lights/{nth}");
        note(light.intensity <= DARK_STOPS, &pointer, "dark", "gives no light that is seen");
        let twice = lights[..nth].iter().any(|other| stand_alike(other, light));
        note(twice, &pointer, "twice", "stands where another light stands");
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

/// Whether a word is put together of letters that look alike and are not.
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

/// Whether two lights are one, for what a picture shows.
fn stand_alike(one: &Light, other: &Light) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < 0.5;
    near(one.azimuth, other.azimuth)
        && near(one.elevation, other.elevation)
        && near(one.distance, other.distance)
        && one.colour == other.colour
}
