//! Decodes untrusted bytes into one clean picture.
//!
//! The stored picture is re-encoded, so that neither metadata nor data hidden behind the pixels
//! reaches a member. All of this is processor time (about 0.2 s for a megapixel): call it through
//! `spawn_blocking`.

pub(crate) mod read;

use bytes::Bytes;
use domain::{
    DomainError, ErrorKind,
    image::{PHOTO_PIXELS_MAX, SIDE_PX_MAX, THUMBNAIL_SIDE_PX},
};
use image::{
    ImageEncoder, ImageError, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
    imageops,
};
use sha2::{Digest, Sha256};

use self::read::Detail;

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
}

/// Why bytes are not an acceptable picture. A retry gets the same result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Neither a PNG, nor a JPEG, nor a WebP.
    #[error("the bytes are not a PNG, JPEG or WebP picture")]
    UnknownFormat,
    /// More pixels or more memory than allowed.
    #[error("the picture is larger than {SIDE_PX_MAX} pixels a side or too large to decode")]
    TooLarge,
    /// A photograph with more pixels than are decoded even at reduced size.
    #[error("the picture has more than {} million pixels", PHOTO_PIXELS_MAX / 1_000_000)]
    TooManyPixels,
    /// Fewer pixels than its purpose requires.
    #[error("the picture is smaller than {side_px_min} pixels a side")]
    TooSmall {
        /// Minimum pixels a side.
        side_px_min: u32,
    },
    /// It begins like a picture but does not decode.
    #[error("the picture is damaged: {detail}")]
    Damaged {
        /// The decoder's message.
        detail: String,
    },
}

impl DomainError for PictureError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
    fn code(&self) -> &'static str {
        match self {
            PictureError::UnknownFormat => "picture_format_unknown",
            PictureError::TooLarge | PictureError::TooManyPixels => "picture_too_large",
            PictureError::TooSmall { .. } => "picture_too_small",
            PictureError::Damaged { .. } => "picture_damaged",
        }
    }
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
        Ok(Picture { png: png.into(), thumbnail_jpeg: thumbnail.into(), sha256, width, height })
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

/// The size that fits into a square of `side` pixels: at least one pixel a side, never enlarged.
pub(crate) fn size_within(side: u32, width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let scaled = |length: u32| (length * side + longest / 2) / longest;
    (scaled(width).max(1), scaled(height).max(1))
}

fn damaged(detail: impl ToString) -> PictureError {
    PictureError::Damaged { detail: detail.to_string() }
}

impl From<ImageError> for PictureError {
    fn from(error: ImageError) -> PictureError {
        match error {
            ImageError::Limits(_) => PictureError::TooLarge,
            ImageError::Decoding(_)
            | ImageError::Encoding(_)
            | ImageError::Parameter(_)
            | ImageError::Unsupported(_)
            | ImageError::IoError(_) => damaged(error),
        }
    }
}

#[cfg(test)]
mod tests;
