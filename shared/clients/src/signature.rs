//! Common parts of webhook verification: a single header, an HMAC over parts, a time window.

use std::time::Duration;

use domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;

/// Most signatures of a delivery that are checked.
pub(crate) const SIGNATURES_MAX: usize = 8;

/// The single value of a header, trimmed. `None` when it is missing, empty, not text, or repeated:
/// two values would leave open which of them was signed.
pub(crate) fn sole_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

/// An HMAC-SHA256 over `parts` in order. It accepts a key of any length, so this is always `Some`,
/// although its type does not say so.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac)
}

/// Whether `signature` is the HMAC-SHA256 over `parts`. Takes constant time.
pub(crate) fn fits(key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    mac(key, parts).is_some_and(|mac| mac.verify_slice(signature).is_ok())
}

/// Whether two times are at most `window` apart, in either order.
pub(crate) fn is_near(signed_at: Timestamp, now: Timestamp, window: Duration) -> bool {
    signed_at.until(now).max(now.until(signed_at)) <= window
}
