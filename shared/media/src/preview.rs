//! Previews: small, watermarked, and re-encoded to pixels only.
//!
//! Decoding, drawing and encoding is processor time (about 0.2 s for a megapixel): call it through
//! `spawn_blocking`.

mod watermark;

use bytes::Bytes;
use image::{
    RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{self, FilterType},
};

use crate::picture::{
    PictureError, pixels,
    read::{Detail, read, size_within},
};

/// Longest sides of a preview's pictures in pixels, largest first.
pub const PREVIEW_SIDES_PX: [u32; 3] = [1200, 600, 300];
/// Minimum pixels a side of a preview's source.
pub const PREVIEW_SIDE_PX_MIN: u32 = 300;

const JPEG_QUALITY: u8 = 84;
/// A picture in three sizes, each with its own watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// In the order of [`PREVIEW_SIDES_PX`]. A picture is never enlarged, so they may be equal.
    pub jpegs: [PreviewJpeg; 3],
}

/// One size of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewJpeg {
    /// The JPEG, without metadata.
    pub bytes: Bytes,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl Preview {
    /// Checks and re-renders a PNG, JPEG or WebP of unknown origin: upright, opaque, in sRGB, the
    /// first frame of an animation.
    ///
    /// # Errors
    /// See [`PictureError`].
    pub fn decode(bytes: &[u8]) -> Result<Preview, PictureError> {
        let detail =
            Detail { side_px_min: PREVIEW_SIDE_PX_MIN, side_px: Some(PREVIEW_SIDES_PX[0]) };
        Preview::draw(read(bytes, detail)?)
    }

    /// A preview from rows of red, green and blue bytes, top row first.
    ///
    /// # Errors
    /// When a side is too short or too long, or `rgb` is not `3 * width * height` bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Preview, PictureError> {
        if width.min(height) < PREVIEW_SIDE_PX_MIN {
            return Err(PictureError::TooSmall { side_px_min: PREVIEW_SIDE_PX_MIN });
        }
        Preview::draw(pixels(width, height, rgb)?)
    }

    fn draw(pixels: RgbImage) -> Result<Preview, PictureError> {
        // Each from the one before, so that only the first processes all the pixels.
        let [large, medium, small] = PREVIEW_SIDES_PX;
        let large = shrunk(pixels, large);
        let medium = shrunk(large.clone(), medium);
        let small = shrunk(medium.clone(), small);
        Ok(Preview { jpegs: [marked(large)?, marked(medium)?, marked(small)?] })
    }
}

/// A JPEG of rows of red, green and blue bytes, top row first, with the watermark. `quality` goes
/// from 1 to 100. For the live demo: the size is unchanged.
///
/// # Errors
/// When there is no pixel, a side is too long, or `rgb` is not `3 * width * height` bytes.
pub fn watermarked_jpeg(
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    quality: u8,
) -> Result<Vec<u8>, PictureError> {
    let mut pixels = pixels(width, height, rgb)?;
    watermark::stamp(&mut pixels);
    encoded(&pixels, quality)
}

/// A JPEG of rows of red, green and blue bytes, top row first, as it is. `quality` goes from 1 to
/// 100. For a member's own scenes.
///
/// # Errors
/// When there is no pixel, a side is too long, or `rgb` is not `3 * width * height` bytes.
pub fn jpeg(width: u32, height: u32, rgb: Vec<u8>, quality: u8) -> Result<Vec<u8>, PictureError> {
    encoded(&pixels(width, height, rgb)?, quality)
}

/// Scales to within `side` pixels a side. A much larger picture is halved roughly first: the finer
/// filter would need a multiple of its memory.
fn shrunk(pixels: RgbImage, side: u32) -> RgbImage {
    let (width, height) = size_within(side, pixels.width(), pixels.height());
    if (width, height) == pixels.dimensions() {
        return pixels;
    }
    let (rough_width, rough_height) = size_within(2 * side, pixels.width(), pixels.height());
    let rough = match (rough_width, rough_height) == pixels.dimensions() {
        true => pixels,
        false => imageops::thumbnail(&pixels, rough_width, rough_height),
    };
    imageops::resize(&rough, width, height, FilterType::CatmullRom)
}

fn marked(mut pixels: RgbImage) -> Result<PreviewJpeg, PictureError> {
    watermark::stamp(&mut pixels);
    let (width, height) = pixels.dimensions();
    Ok(PreviewJpeg { bytes: encoded(&pixels, JPEG_QUALITY)?.into(), width, height })
}

fn encoded(pixels: &RgbImage, quality: u8) -> Result<Vec<u8>, PictureError> {
    let mut jpeg = Vec::new();
    pixels.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, quality))?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Rgb, Rgba, RgbaImage};

    use super::*;

    /// The left half is dark, the right half is light.
    fn halves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, _| Rgb([if x < width / 2 { 20 } else { 200 }; 3]))
    }

    fn file(pixels: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        pixels.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn sizes(preview: &Preview) -> [(u32, u32); 3] {
        preview.jpegs.each_ref().map(|jpeg| {
            let read = image::load_from_memory_with_format(&jpeg.bytes, ImageFormat::Jpeg).unwrap();
            assert_eq!((read.width(), read.height()), (jpeg.width, jpeg.height));
            (jpeg.width, jpeg.height)
        })
    }

    #[test]
    fn three_sizes_and_none_of_them_enlarged() {
        let check = |from: (u32, u32), to: [(u32, u32); 3]| {
            let pixels = halves(from.0, from.1).into_raw();
            assert_eq!(sizes(&Preview::from_rgb(from.0, from.1, pixels).unwrap()), to, "{from:?}");
        };
        check((2400, 1600), [(1200, 800), (600, 400), (300, 200)]);
        check((3000, 6000), [(600, 1200), (300, 600), (150, 300)]);
        check((800, 700), [(800, 700), (600, 525), (300, 263)]);
        check((300, 300), [(300, 300); 3]);
    }

    #[test]
    fn a_picture_that_is_too_small_is_refused() {
        for (width, height) in [(299, 1000), (1000, 299), (1, 1)] {
            let refused = Preview::decode(&file(&halves(width, height), ImageFormat::Png));
            assert_eq!(refused.unwrap_err(), PictureError::TooSmall { side_px_min: 300 });
        }
        let refused = Preview::decode(b"<html>").unwrap_err();
        assert_eq!(refused, PictureError::UnknownFormat);
    }

    #[test]
    fn the_same_picture_becomes_the_same_preview() {
        let pixels = halves(700, 500);
        let drawn = Preview::from_rgb(700, 500, pixels.clone().into_raw()).unwrap();
        assert_eq!(Preview::decode(&file(&pixels, ImageFormat::Png)).unwrap(), drawn);
        assert_eq!(Preview::decode(&file(&pixels, ImageFormat::WebP)).unwrap(), drawn);
    }

    /// A JPEG whose Exif says that its first row is the right side of the picture.
    #[test]
    fn metadata_is_applied_and_removed() {
        let mut jpeg = file(&halves(600, 400), ImageFormat::Jpeg);
        let exif =
            b"\xff\xe1\0\x2aExif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\
            \0\0\0\0latitude";
        jpeg.splice(2..2, exif.iter().copied());
        let preview = Preview::decode(&jpeg).unwrap();
        assert_eq!(sizes(&preview), [(400, 600), (400, 600), (200, 300)]);
        let upright = image::load_from_memory(&preview.jpegs[0].bytes).unwrap().into_rgb8();
        assert!(upright.get_pixel(200, 50).0[0] < 90 && upright.get_pixel(200, 550).0[0] > 130);
        for jpeg in &preview.jpegs {
            for secret in [b"latitude".as_slice(), b"Exif", b"\xff\xe1", b"\xff\xfe"] {
                assert!(!jpeg.bytes.windows(secret.len()).any(|part| part == secret));
            }
        }
    }

    #[test]
    fn what_is_transparent_becomes_opaque() {
        let pixels = RgbaImage::from_pixel(300, 300, Rgba([0, 0, 0, 0]));
        let mut png = Cursor::new(Vec::new());
        pixels.write_to(&mut png, ImageFormat::Png).unwrap();
        let preview = Preview::decode(&png.into_inner()).unwrap();
        let read = image::load_from_memory(&preview.jpegs[0].bytes).unwrap().into_rgb8();
        assert!(read.pixels().all(|pixel| pixel.0[0] > 150));
    }

    /// A full 45-megapixel camera image, and one of a panorama.
    #[test]
    fn a_large_photograph_is_decoded_at_a_part_of_its_size() {
        for (size, expected) in [
            ((8256, 5504), [(1200, 800), (600, 400), (300, 200)]),
            ((12_000, 400), [(1200, 40), (600, 20), (300, 10)]),
        ] {
            let jpeg = file(&halves(size.0, size.1), ImageFormat::Jpeg);
            let preview = Preview::decode(&jpeg).unwrap();
            assert_eq!(sizes(&preview), expected);
            let read = image::load_from_memory(&preview.jpegs[0].bytes).unwrap().into_rgb8();
            let [dark, light] = [100, 1100].map(|x| read.get_pixel(x, expected[0].1 - 1).0[0]);
            assert!(dark < 90 && light > 130, "{dark} {light}");
        }
        let mut jpeg = file(&halves(400, 400), ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|part| part == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
        assert_eq!(Preview::decode(&jpeg).unwrap_err(), PictureError::TooManyPixels);
    }

    #[test]
    fn a_demo_is_marked_and_keeps_its_size() {
        let pixels = halves(384, 384).into_raw();
        let jpeg = watermarked_jpeg(384, 384, pixels.clone(), 85).unwrap();
        let read = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap();
        assert_eq!((read.width(), read.height()), (384, 384));
        let lit = read.into_rgb8().pixels().filter(|pixel| (45..100).contains(&pixel.0[0])).count();
        assert!(lit > 2000, "{lit}");
        assert!(watermarked_jpeg(384, 383, pixels, 85).is_err());
    }
}
