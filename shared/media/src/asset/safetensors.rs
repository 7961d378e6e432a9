//! Validates a safetensors model: eight bytes with the length of a header, the header as JSON, and
//! the tensors (<https://github.com/huggingface/safetensors>, "Format").
//!
//! The rules are those of the format's own reader: tensors are contiguous from the end of the
//! header to the end of the file, each as large as its shape and type imply. The tensors' data is
//! not read.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest header, in bytes. The format allows a hundred million; a header of thousands of tensors
/// has less than one million, and the parsed header stays in memory.
const HEADER_MAX: u64 = 16 * 1024 * 1024;
/// The only name in a header that is not a tensor: text metadata of the model.
const METADATA: &str = "__metadata__";
/// The types of the format's version 0.8, and the bits of one element.
const TYPES: [(&str, u64); 22] = [
    ("BOOL", 8),
    ("F4", 4),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("U8", 8),
    ("I8", 8),
    ("F8_E5M2", 8),
    ("F8_E4M3", 8),
    ("F8_E5M2FNUZ", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E8M0", 8),
    ("I16", 16),
    ("U16", 16),
    ("F16", 16),
    ("BF16", 16),
    ("I32", 32),
    ("U32", 32),
    ("F32", 32),
    ("C64", 64),
    ("F64", 64),
    ("I64", 64),
    ("U64", 64),
];

/// Why a model is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorsError {
    /// The header is invalid.
    #[error("The model's header is not JSON of at most {HEADER_MAX} bytes within the file.")]
    Header,
    /// It has no tensors.
    #[error("The model holds no tensor.")]
    Empty,
    /// A tensor is invalid.
    #[error("The model's tensors are not contiguous over the whole file: see {0:?}.")]
    Tensor(String),
}

domain::domain_error!(TensorsError => Invalid, "safetensors_invalid");

/// A tensor's entry in the header.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// # Errors
/// See [`TensorsError`].
pub(crate) fn check_tensors(file: &[u8]) -> Result<(), TensorsError> {
    let (length, rest) = file.split_first_chunk::<8>().ok_or(TensorsError::Header)?;
    let length = Some(u64::from_le_bytes(*length)).filter(|length| *length <= HEADER_MAX);
    let header = length.and_then(|length| rest.split_at_checked(usize::try_from(length).ok()?));
    let (header, data) = header.ok_or(TensorsError::Header)?;
    let mut places = Vec::new();
    let parts: BTreeMap<String, &RawValue> =
        serde_json::from_slice(header).map_err(|_| TensorsError::Header)?;
    for (name, part) in parts {
        if name == METADATA {
            let texts = serde_json::from_str::<BTreeMap<String, String>>(part.get());
            texts.map_err(|_| TensorsError::Header)?;
        } else {
            let place = place_of(part).ok_or_else(|| TensorsError::Tensor(name.clone()))?;
            places.push((place.start, place.end, name));
        }
    }
    places.sort_unstable();
    let mut filled = 0;
    for (start, end, name) in &places {
        if *start != filled {
            return Err(TensorsError::Tensor(name.clone()));
        }
        filled = *end;
    }
    match places.last() {
        None => Err(TensorsError::Empty),
        Some((_, _, name)) if filled != data.len() as u64 => {
            Err(TensorsError::Tensor(name.clone()))
        }
        Some(_) => Ok(()),
    }
}

/// The byte range of a tensor, if it matches its shape and type.
fn place_of(part: &RawValue) -> Option<Range<u64>> {
    let Tensor { dtype, shape, data_offsets: (start, end) } =
        serde_json::from_str(part.get()).ok()?;
    let (_, bits) = TYPES.iter().find(|(name, _)| *name == dtype)?;
    let numbers = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?;
    let bits = numbers.checked_mul(*bits)?;
    (bits % 8 == 0 && end.checked_sub(start) == Some(bits / 8)).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(header: &str, data: usize) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length, header.as_bytes(), &vec![0; data]].concat()
    }

    #[test]
    fn a_model_is_a_header_and_the_tensors_it_names() {
        let check = |name: &str, file: Vec<u8>, expected: &str| {
            let found = match check_tensors(&file) {
                Ok(()) => "fine".to_owned(),
                Err(TensorsError::Header) => "header".to_owned(),
                Err(TensorsError::Empty) => "empty".to_owned(),
                Err(TensorsError::Tensor(tensor)) => tensor,
            };
            assert_eq!(found, expected, "{name}");
        };
        let one = |offsets: &str| {
            format!(r#"{{"w":{{"dtype":"F32","shape":[2],"data_offsets":{offsets}}}}}"#)
        };
        check("a model", weights(&one("[0,8]"), 8), "fine");
        check("a blank behind its header", weights(&format!("{}   ", one("[0,8]")), 8), "fine");
        check("a cut model", weights(&one("[0,8]"), 7), "w");
        check("something behind it", weights(&one("[0,8]"), 9), "w");
        check("outside of the file", weights(&one("[8,16]"), 8), "w");
        check("not as its shape", weights(&one("[0,12]"), 12), "w");
        check("backwards", weights(&one("[8,0]"), 8), "w");
        check("no JSON", weights(r#"{"w": 1"#, 0), "header");
        check("no tensor", weights(r#"{"__metadata__":{"a":"b"}}"#, 0), "empty");
        check("no texts", weights(r#"{"__metadata__":{"a":1}}"#, 0), "header");
        let two = |second: &str| {
            format!(
                r#"{{"__metadata__":{{"format":"pt"}},
                "b":{{"dtype":"U8","shape":[],"data_offsets":{second}}},
                "a":{{"dtype":"BF16","shape":[1,3],"data_offsets":[0,6]}}}}"#
            )
        };
        check("two", weights(&two("[6,7]"), 7), "fine");
        check("a gap", weights(&two("[7,8]"), 8), "b");
        check("one on the other", weights(&two("[5,6]"), 6), "b");
        let huge = r#"{"w":{"dtype":"F64","shape":[18446744073709551615,2],"data_offsets":[0,8]}}"#;
        check("a product without end", weights(huge, 8), "w");
        let other = r#"{"w":{"dtype":"OBJECT","shape":[1],"data_offsets":[0,8]}}"#;
        check("a type that is none", weights(other, 8), "w");
        let long = [&(HEADER_MAX + 1).to_le_bytes(), br#"{"w":1}"#.as_slice()].concat();
        check("a header without end", long, "header");
        let ends = [&99_u64.to_le_bytes(), br#"{"w":1}"#.as_slice()].concat();
        check("a header longer than the file", ends, "header");
        check("nothing", vec![0; 7], "header");
    }
}
