//! The similarity of two contents, so that a moderator notices a copy.
//!
//! A content becomes a set of features: the numbers of a rig and a camera, coarsened so that a
//! slightly moved light is still the same light, and the runs of three words of a prompt. Sets are
//! compared by MinHash: the share of equal minima estimates the sets' resemblance (Broder, "On the
//! resemblance and containment of documents", 1997). Bands of minima can be looked up in a table:
//! similar contents share one with high probability.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::Content;
use crate::{
    camera::CameraSettings, id::ListingId, lighting::LightingRig, marketplace::Kind, text,
};

/// Number of minima of a signature.
const MINIMA: usize = 64;
/// Number of bands of a signature: four minima each, so that contents with seven tenths of their
/// features in common share a band with a probability above 98 percent.
pub const BANDS: usize = 16;
/// The score from which a moderator is informed, in hundredths.
pub const NEAR: u8 = 60;
/// Most similar listings that a moderator is shown.
pub const SIMILAR_MAX: usize = 10;

/// The MinHash signature of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(Vec<u32>);

/// A listing with similar content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Similar {
    /// The listing.
    pub listing_id: ListingId,
    /// The similarity, in hundredths: 100 is the same.
    pub score: u8,
}

impl Signature {
    /// The signature of a content. Kinds are compared only among themselves, so the kind is in
    /// every feature.
    pub fn of(kind: Kind, content: &Content) -> Signature {
        let features = features(kind, content);
        let minimum = |nth: usize| {
            let seed = mixed(u64::try_from(nth).unwrap_or(0) + 1);
            let hashes = features.iter().map(|feature| mixed(hashed(feature) ^ seed));
            hashes.min().map_or(0, |least| u32::try_from(least >> 32).unwrap_or(0))
        };
        Signature((0..MINIMA).map(minimum).collect())
    }

    /// The similarity to another signature, in hundredths.
    pub fn score(&self, other: &Signature) -> u8 {
        let equal = self.0.iter().zip(&other.0).filter(|(own, theirs)| own == theirs).count();
        u8::try_from(equal * 100 / MINIMA).unwrap_or(100)
    }

    /// The band keys under which it is looked up.
    pub fn bands(&self) -> Vec<String> {
        let rows = MINIMA / BANDS;
        let band = |(nth, minima): (usize, &[u32])| {
            let all = minima.iter().fold(0, |all, least| mixed(all ^ u64::from(*least)));
            format!("{nth:02}#{all:016x}")
        };
        self.0.chunks(rows).enumerate().map(band).collect()
    }
}

/// The candidates that are similar, most similar first.
pub fn nearest(
    own: &Signature,
    candidates: impl IntoIterator<Item = (ListingId, Signature)>,
) -> Vec<Similar> {
    let scored = candidates.into_iter().map(|(listing_id, signature)| {
        let score = own.score(&signature);
        Similar { listing_id, score }
    });
    let mut near: Vec<Similar> = scored.filter(|similar| similar.score >= NEAR).collect();
    near.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.listing_id.cmp(&b.listing_id)));
    near.truncate(SIMILAR_MAX);
    near
}

fn features(kind: Kind, content: &Content) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(rig) = &content.lighting {
        rig_features(rig, &mut found);
    }
    if let Some(camera) = &content.camera {
        camera_features(camera, &mut found);
    }
    if let Some(prompt) = &content.structured_prompt {
        text_features(&serde_json::to_value(prompt).unwrap_or_default(), &mut found);
    }
    found.extend(content.model_id.iter().map(|model| format!("model {model}")));
    found.iter().map(|feature| format!("{} {feature}", kind.terms().name)).collect()
}

fn rig_features(rig: &LightingRig, found: &mut BTreeSet<String>) {
    for light in &rig.lights {
        let role = light.role.into_str();
        for (name, value, step) in [
            ("azimuth", light.azimuth, 15.0),
            ("elevation", light.elevation, 15.0),
            ("distance", light.distance, 0.5),
            ("intensity", light.intensity, 0.5),
            ("size", light.size, 0.3),
            ("colour", f64::from(light.colour), 500.0),
        ] {
            coarse(&format!("{role} {name}"), value, step, found);
        }
    }
    found.insert(format!("lights {}", rig.lights.len()));
    let backdrop = serde_json::to_string(&rig.backdrop).unwrap_or_default();
    found.insert(format!("backdrop {backdrop}"));
}

fn camera_features(camera: &CameraSettings, found: &mut BTreeSet<String>) {
    for (name, value, step) in [
        ("focal", camera.focal_length_mm, 10.0),
        ("aperture", camera.aperture, 0.7),
        ("height", camera.height_m, 0.2),
        ("angle", camera.angle_degrees, 8.0),
    ] {
        coarse(name, value, step, found);
    }
    let frame = serde_json::to_string(&camera.aspect_ratio).unwrap_or_default();
    found.insert(format!("frame {frame}"));
}

/// A number in two grids, half a step apart: values that are near share at least one cell.
fn coarse(name: &str, value: f64, step: f64, found: &mut BTreeSet<String>) {
    found.insert(format!("{name} a{}", (value / step).floor()));
    found.insert(format!("{name} b{}", (value / step + 0.5).floor()));
}

fn text_features(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::String(text) => {
            let words = words_of(text);
            match words.len() {
                0..=2 => found.extend(words),
                _ => found.extend(words.windows(3).map(|three| three.join(" "))),
            }
        }
        Value::Array(items) => items.iter().for_each(|item| text_features(item, found)),
        Value::Object(members) => members.values().for_each(|item| text_features(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The words in lower case. In scripts without spaces each letter is a word, or else a sentence
/// that differs in one letter would share nothing with its copy.
fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut goes_on = false;
    for c in text.chars() {
        let alone = text::is_without_blanks(c);
        match (c.is_alphanumeric(), words.last_mut()) {
            (true, Some(word)) if goes_on && !alone => word.extend(c.to_lowercase()),
            (true, _) => words.push(c.to_lowercase().collect()),
            (false, _) => {}
        }
        goes_on = c.is_alphanumeric() && !alone;
    }
    words
}

/// FNV-1a, 64 bits: stable across platforms and versions, because stored values are compared later.
fn hashed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finalizer of SplitMix64: every input bit affects every output bit.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
