//! Finds every field of an input that does not fit its type.
//!
//! A type names one field at a time. So an unknown field is removed, any other gets a stand-in, and
//! the input is read again, until nothing more is named. No value that is read here is used.

use std::collections::BTreeMap;

use domain::{FieldError, error::InvalidFields};

use super::{
    error::{InputError, UNKNOWN_FIELD},
    value::{Input, STAND_IN, segments},
};

/// Fields reported in one answer.
const FOUND_MAX: usize = 20;
/// Readings of one input, whose stand-ins take some too.
const READINGS_MAX: usize = 100;
/// Values that are read, over all readings: the largest bodies have 30,000.
const VALUES_MAX: usize = 400_000;

/// What does not fit so far, and the input without it.
#[derive(Debug)]
pub(super) struct Faults {
    input: Input,
    found: Vec<FieldError>,
    /// Where there are stand-ins, with their texts.
    stand_ins: BTreeMap<Vec<String>, String>,
    readings_left: usize,
}

impl Faults {
    /// An input that is refused.
    pub(super) fn of(input: Input) -> Faults {
        let readings_left = (VALUES_MAX / input.values()).clamp(1, READINGS_MAX);
        Faults { input, found: Vec::new(), stand_ins: BTreeMap::new(), readings_left }
    }

    /// The input to read next.
    pub(super) fn input(&self) -> Input {
        self.input.clone()
    }

    /// Learns why [`Faults::input`] was refused; `false` if there is nothing more to learn.
    pub(super) fn learn(&mut self, error: InputError) -> bool {
        let error = FieldError::from(error);
        let path = segments(&error.pointer);
        let is_unknown = error.code == UNKNOWN_FIELD;
        let example = example_in(&error.detail).to_owned();
        // A fault of a stand-in, or of what has one in it, is not the caller's.
        if !self.stand_ins.keys().any(|it| path.starts_with(it) || it.starts_with(&path)) {
            self.found.push(error);
        }
        self.readings_left -= 1;
        if self.found.len() == FOUND_MAX || self.readings_left == 0 {
            return false;
        }
        if is_unknown { self.input.remove(&path) } else { self.stand_in(path, &example) }
    }

    /// A stand-in that is refused becomes the example that its type gives. If it gives none, or
    /// refuses that too, what is around it becomes a stand-in.
    fn stand_in(&mut self, mut path: Vec<String>, mut example: &str) -> bool {
        if self.stand_ins.get(&path).is_some_and(|given| given == example) {
            example = STAND_IN;
            while self.stand_ins.contains_key(&path) {
                path.pop();
            }
        }
        while !self.input.stand_in(&path, example) {
            if path.pop().is_none() {
                return false;
            }
        }
        self.stand_ins.retain(|it, _| !it.starts_with(&path));
        self.stand_ins.insert(path, example.to_owned());
        true
    }
}

impl From<Faults> for InvalidFields {
    fn from(faults: Faults) -> InvalidFields {
        InvalidFields(faults.found)
    }
}

/// The example in the refusal of a text, the first of several: "Expected a currency such as usd."
fn example_in(detail: &str) -> &str {
    let Some((_, examples)) = detail.split_once(" such as ") else { return STAND_IN };
    let first = examples.split_once(" or ").map_or(examples, |(first, _)| first);
    first.trim_end_matches('.')
}
