//! What several targets need.

use std::fmt::Debug;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;

/// Asserts that a value is the same after it was written and read.
pub(crate) fn assert_kept<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("plain data is written");
    let read: T = serde_json::from_str(&text).expect("what is written is read");
    assert_eq!(read, *value);
}

/// The first line of an input, and what is behind it.
pub(crate) fn split_line(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    (&input[..end], input.get(end + 1..).unwrap_or_default())
}

/// The HMAC-SHA256 over `parts` in order.
pub(crate) fn code(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key has any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}
