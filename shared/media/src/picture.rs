//! Decodes untrusted bytes into one clean picture.
//!
//! The stored picture is re-encoded, so that neither metadata nor data hidden behind the pixels
//! reaches a member. All of this is processor time (about 0.2 s for a megapixel): call it through
//! `spawn_blocking`.

mod error;
pub(crate) mod read;

use bytes::Bytes;
use domain::image::{BLACK_MAX, SIDE_PX_MAX, THUMBNAIL_SIDE_PX};
use image::{
    ImageEncoder, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
    imageops,
};
use sha2::{Digest, Sha256};

use self::{
    error::damaged,
    read::{Detail, size_within},
};

pub use error::PictureError;

const JPEG_QUALITY: u8 = 85;

/// A stored picture: opaque, 8 bits a channel, in sRGB, without metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The original, as a PNG.
    pub png: Bytes,
    /// The same within [`THUMBNAIL_SIDE_PX`] a side, as a JPEG; never enlarged.
    pub thumbnail_jpeg: Bytes,
    /// SHA-256 of `png`, in lower-case hex.
    pub sha256: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Whether it is nothing but black: no channel of a pixel is above [`BLACK_MAX`].
    pub is_black: bool,
}

impl Picture {
    /// Reads, checks and re-encodes a PNG, JPEG or WebP of unknown origin.
    ///
    /// Takes the first frame of an animation, applies orientation and colour profile of the
    /// metadata, and blends transparency onto a fixed background.
    ///
    /// # Errors
    /// See [`PictureError`].
    pub fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
        Picture::encode(&read::read(bytes, Detail::WHOLE)?)
    }

    /// A picture from rows of red, green and blue bytes, top row first.
    ///
    /// # Errors
    /// When there is no pixel, a side is too long, or `rgb` is not `3 * width * height` bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Picture, PictureError> {
        Picture::encode(&pixels(width, height, rgb)?)
    }

    fn encode(pixels: &RgbImage) -> Result<Picture, PictureError> {
        let (width, height) = pixels.dimensions();
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
            .write_image(pixels, width, height, image::ExtendedColorType::Rgb8)?;
        let mut thumbnail = Vec::new();
        let (small_width, small_height) = size_within(THUMBNAIL_SIDE_PX, width, height);
        let jpeg = JpegEncoder::new_with_quality(&mut thumbnail, JPEG_QUALITY);
        match (small_width, small_height) == (width, height) {
            true => jpeg.write_image(pixels, width, height, image::ExtendedColorType::Rgb8)?,
            false => {
                let filter = imageops::FilterType::CatmullRom;
                let small = imageops::resize(pixels, small_width, small_height, filter);
                small.write_with_encoder(jpeg)?;
            }
        }
        let sha256 = hex::encode(Sha256::digest(&png));
        let is_black = pixels.as_raw().iter().all(|channel| *channel <= BLACK_MAX);
        let (png, thumbnail_jpeg) = (png.into(), thumbnail.into());
        Ok(Picture { png, thumbnail_jpeg, sha256, width, height, is_black })
    }
}

/// Pixels from rows of red, green and blue bytes, top row first.
///
/// # Errors
/// When there is no pixel, a side is too long, or `rgb` is not `3 * width * height` bytes.
pub(crate) fn pixels(width: u32, height: u32, rgb: Vec<u8>) -> Result<RgbImage, PictureError> {
    if width.max(height) > SIDE_PX_MAX {
        return Err(PictureError::TooLarge);
    }
    let found = rgb.len();
    let expected = width as usize * height as usize * 3;
    match RgbImage::from_raw(width, height, rgb) {
        Some(pixels) if found == expected && found > 0 => Ok(pixels),
        Some(_) | None => Err(damaged(format!("{found} bytes for {width} x {height} RGB pixels"))),
    }
}

#[cfg(test)]
mod tests;
