//! Limits on pictures, wherever they come from, and the facts we keep about a stored one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Most bytes fetched for one picture.
pub const FETCH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest accepted side in pixels.
pub const SIDE_PX_MAX: u32 = 8192;
/// Most memory a decoder may take for one picture, in bytes.
pub const DECODE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Most pixels of a photograph that is only shown smaller: a camera of 60 million has a little less.
/// It is decoded at a part of its size.
pub const PHOTO_PIXELS_MAX: u64 = 64_000_000;
/// What shows behind a transparent part of a picture, in red, green and blue: white, as paper.
pub const GROUND_RGB: [u8; 3] = [255; 3];
/// Longest side of a thumbnail in pixels.
pub const THUMBNAIL_SIDE_PX: u32 = 512;
/// How long a link to a picture works from the moment its window began.
pub const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Links are signed for the start of a window of this length, so that two reads of the same job
/// within it are the same bytes and a conditional GET can answer 304.
pub const LINK_WINDOW: Duration = Duration::from_secs(5 * 60);

/// Until when a link works that is signed at `now`.
pub fn link_works_until(now: Timestamp) -> Timestamp {
    now.floor_to(LINK_WINDOW).plus(LINK_LIFETIME)
}

/// A picture in our bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    /// Object key of the original PNG.
    pub key: String,
    /// Object key of the JPEG thumbnail.
    pub thumbnail_key: String,
    /// SHA-256 of the original, in lower-case hex.
    pub sha256: String,
    /// Width of the original in pixels.
    pub width: u32,
    /// Height of the original in pixels.
    pub height: u32,
}
