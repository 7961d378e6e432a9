//! Limits on images, and the metadata of a stored one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Most bytes fetched for one image.
pub const FETCH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest accepted side in pixels.
pub const SIDE_PX_MAX: u32 = 8192;
/// Most memory a decoder may use for one image, in bytes.
pub const DECODE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Most pixels of a photograph that is only shown in smaller sizes: a 60-megapixel camera has
/// slightly fewer. It is decoded at a fraction of its size.
pub const PHOTO_PIXELS_MAX: u64 = 64_000_000;
/// The color behind transparent parts of an image, in red, green and blue: white, like paper.
pub const GROUND_RGB: [u8; 3] = [255; 3];
/// The brightest channel of an image that counts as nothing but black: a JPEG of black has some
/// noise, and a picture that a person can see anything in is brighter.
pub const BLACK_MAX: u8 = 8;
/// Longest side of a thumbnail in pixels.
pub const THUMBNAIL_SIDE_PX: u32 = 512;
/// How long a link to an image is valid, from the start of its window.
pub const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Links are signed for the start of a window of this length, so that two reads of the same job
/// within a window are the same bytes and a conditional GET can return 304.
pub const LINK_WINDOW: Duration = Duration::from_secs(5 * 60);

/// Until when a link signed at `now` is valid.
pub fn link_works_until(now: Timestamp) -> Timestamp {
    now.floor_to(LINK_WINDOW).plus(LINK_LIFETIME)
}

/// An image in our bucket.
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
