//! Hostile bytes in, one clean picture out.
//!
//! The format is taken from the first bytes and from nothing else; the size is known before a pixel
//! is decoded; width, height and memory are limited. What is kept is encoded anew, so that neither
//! metadata nor anything hidden behind the pixels reaches a member. All of this is processor time
//! (about 0.2 s for a megapixel): call it through `spawn_blocking`.

use std::io::Cursor;

use bytes::Bytes;
use domain::{
    Refusal, RefusalKind,
    image::{DECODE_BYTES_MAX, SIDE_PX_MAX, THUMBNAIL_SIDE_PX},
};
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits,
    RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
    imageops,
};
use sha2::{Digest, Sha256};

const JPEG_QUALITY: u8 = 85;

/// A picture as we keep it: opaque, 8 bits a channel, without metadata.
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

/// Why bytes did not become a picture. The same bytes never will.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureRefused {
    /// Neither a PNG, nor a JPEG, nor a WebP.
    #[error("the bytes are not a PNG, JPEG or WebP picture")]
    UnknownFormat,
    /// More pixels or more memory than allowed.
    #[error("the picture is larger than {SIDE_PX_MAX} pixels a side or too large to decode")]
    TooLarge,
    /// Too few pixels to be shown at the size it is meant for.
    #[error("the picture is smaller than {side_px_min} pixels a side")]
    TooSmall {
        /// Fewest pixels a side.
        side_px_min: u32,
    },
    /// It begins like a picture and does not go on like one.
    #[error("the picture is damaged: {detail}")]
    Damaged {
        /// What the decoder said.
        detail: String,
    },
}

impl Refusal for PictureRefused {
    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }
    fn code(&self) -> &'static str {
        match self {
            PictureRefused::UnknownFormat => "picture_format_unknown",
            PictureRefused::TooLarge => "picture_too_large",
            PictureRefused::TooSmall { .. } => "picture_too_small",
            PictureRefused::Damaged { .. } => "picture_damaged",
        }
    }
}

impl Picture {
    /// Reads, checks and re-encodes a PNG, JPEG or WebP of unknown origin.
    ///
    /// The first frame of an animation is taken, an orientation noted in the metadata is applied,
    /// and transparency is dropped.
    ///
    /// # Errors
    /// See [`PictureRefused`].
    pub fn decode(bytes: &[u8]) -> Result<Picture, PictureRefused> {
        Picture::encode(&read(bytes)?)
    }

    /// A picture from rows of red, green and blue bytes, top row first.
    ///
    /// # Errors
    /// When there is no pixel, a side is too long, or `rgb` is not `3 * width * height` bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Picture, PictureRefused> {
        Picture::encode(&pixels(width, height, rgb)?)
    }

    fn encode(pixels: &RgbImage) -> Result<Picture, PictureRefused> {
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
        let sha256 = hex(&Sha256::digest(&png));
        Ok(Picture { png: png.into(), thumbnail_jpeg: thumbnail.into(), sha256, width, height })
    }
}

/// The pixels of a PNG, JPEG or WebP of unknown origin, upright and opaque.
///
/// # Errors
/// See [`PictureRefused`].
pub(crate) fn read(bytes: &[u8]) -> Result<RgbImage, PictureRefused> {
    let mut decoder = limited_decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > SIDE_PX_MAX || decoder.total_bytes() > DECODE_BYTES_MAX {
        return Err(PictureRefused::TooLarge);
    }
    let orientation = decoder.orientation()?;
    let mut decoded = DynamicImage::from_decoder(decoder)?;
    decoded.apply_orientation(orientation);
    Ok(decoded.into_rgb8())
}

/// Pixels from rows of red, green and blue bytes, top row first.
///
/// # Errors
/// When there is no pixel, a side is too long, or `rgb` is not `3 * width * height` bytes.
pub(crate) fn pixels(width: u32, height: u32, rgb: Vec<u8>) -> Result<RgbImage, PictureRefused> {
    if width.max(height) > SIDE_PX_MAX {
        return Err(PictureRefused::TooLarge);
    }
    let found = rgb.len();
    let expected = width as usize * height as usize * 3;
    match RgbImage::from_raw(width, height, rgb) {
        Some(pixels) if found == expected && found > 0 => Ok(pixels),
        Some(_) | None => Err(damaged(format!("{found} bytes for {width} x {height} RGB pixels"))),
    }
}

/// A decoder that knows the size of the picture and has not looked at a pixel.
fn limited_decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, PictureRefused> {
    let format = image::guess_format(bytes).map_err(|_| PictureRefused::UnknownFormat)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return Err(PictureRefused::UnknownFormat);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_PX_MAX);
    limits.max_image_height = Some(SIDE_PX_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    Ok(reader.into_decoder()?)
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

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(detail: impl ToString) -> PictureRefused {
    PictureRefused::Damaged { detail: detail.to_string() }
}

impl From<ImageError> for PictureRefused {
    fn from(error: ImageError) -> PictureRefused {
        match error {
            ImageError::Limits(_) => PictureRefused::TooLarge,
            ImageError::Decoding(_)
            | ImageError::Encoding(_)
            | ImageError::Parameter(_)
            | ImageError::Unsupported(_)
            | ImageError::IoError(_) => damaged(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Vec<u8> {
        (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, (x / 3 + y / 5) as u8]))
            .collect()
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let pixels = RgbImage::from_raw(600, 300, gradient(600, 300)).unwrap();
        let mut out = Cursor::new(Vec::new());
        pixels.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    /// A PNG's header with the given size and nothing behind it but an empty body.
    fn png_claiming(width: u32, height: u32) -> Vec<u8> {
        let mut small = Picture::from_rgb(1, 1, vec![1, 2, 3]).unwrap().png.to_vec();
        small[16..20].copy_from_slice(&width.to_be_bytes());
        small[20..24].copy_from_slice(&height.to_be_bytes());
        let checksum = crc32(&small[12..29]);
        small[29..33].copy_from_slice(&checksum.to_be_bytes());
        small
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
                0 => crc >> 1,
                _ => (crc >> 1) ^ 0xEDB8_8320,
            })
        })
    }

    #[test]
    fn every_accepted_format_becomes_a_png_and_a_thumbnail() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let picture = Picture::decode(&encoded(format)).unwrap();
            assert_eq!((picture.width, picture.height), (600, 300));
            let original = image::load_from_memory(&picture.png).unwrap();
            assert_eq!((original.width(), original.height()), (600, 300));
            let thumbnail = image::load_from_memory(&picture.thumbnail_jpeg).unwrap();
            assert_eq!((thumbnail.width(), thumbnail.height()), (512, 256));
            assert_eq!(image::guess_format(&picture.thumbnail_jpeg).unwrap(), ImageFormat::Jpeg);
        }
    }

    #[test]
    fn the_pixels_of_a_png_are_kept_and_a_second_pass_changes_nothing() {
        let picture = Picture::from_rgb(600, 300, gradient(600, 300)).unwrap();
        let read = image::load_from_memory(&picture.png).unwrap().into_rgb8();
        assert_eq!(read.into_raw(), gradient(600, 300));
        assert_eq!(Picture::decode(&picture.png).unwrap(), picture);
        assert_eq!(picture.sha256.len(), 64);
    }

    #[test]
    fn metadata_does_not_survive() {
        let mut jpeg = encoded(ImageFormat::Jpeg);
        let comment = b"\xFF\xFE\x00\x0Elatitude=47N";
        jpeg.splice(2..2, comment.iter().copied());
        let picture = Picture::decode(&jpeg).unwrap();
        let leaks = |bytes: &[u8]| bytes.windows(8).any(|part| part == b"latitude");
        assert!(leaks(&jpeg) && !leaks(&picture.png) && !leaks(&picture.thumbnail_jpeg));
    }

    #[test]
    fn what_is_not_a_picture_is_refused() {
        let png = encoded(ImageFormat::Png);
        let check = |name: &str, bytes: &[u8], expected: fn(&PictureRefused) -> bool| {
            let refused = Picture::decode(bytes).unwrap_err();
            assert!(expected(&refused), "{name}: {refused:?}");
        };
        let unknown = |refused: &PictureRefused| *refused == PictureRefused::UnknownFormat;
        let too_large = |refused: &PictureRefused| *refused == PictureRefused::TooLarge;
        let damaged = |refused: &PictureRefused| matches!(refused, PictureRefused::Damaged { .. });
        check("nothing", b"", unknown);
        check("a page", b"<!doctype html><html>", unknown);
        check("a GIF", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", unknown);
        check("an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", unknown);
        check("cut in the header", &png[..20], damaged);
        check("cut in the middle", &png[..png.len() / 2], damaged);
        check("cut JPEG", &encoded(ImageFormat::Jpeg)[..40], damaged);
        check("a bomb", &png_claiming(60_000, 60_000), too_large);
        check("one side too long", &png_claiming(8_193, 1), too_large);
        check("too much memory", &png_claiming(8_192, 8_192), too_large);
    }

    #[test]
    fn rows_must_fit_the_size() {
        assert!(Picture::from_rgb(2, 2, vec![0; 12]).is_ok());
        for (width, height, bytes) in [(2, 2, 11), (2, 2, 13), (0, 0, 0), (8_193, 1, 24_579)] {
            assert!(Picture::from_rgb(width, height, vec![0; bytes]).is_err(), "{width}x{height}");
        }
    }

    #[test]
    fn a_thumbnail_keeps_its_shape_and_is_never_enlarged() {
        let check = |from: (u32, u32), to: (u32, u32)| {
            assert_eq!(size_within(THUMBNAIL_SIDE_PX, from.0, from.1), to, "{from:?}");
        };
        check((100, 80), (100, 80));
        check((512, 512), (512, 512));
        check((1024, 768), (512, 384));
        check((768, 1024), (384, 512));
        check((8192, 1), (512, 1));
    }
}
