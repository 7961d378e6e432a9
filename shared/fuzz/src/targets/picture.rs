//! Pictures: what is decoded is small enough, and decoding it again changes nothing.

use std::io::Cursor;

use domain::image::{SIDE_PX_MAX, THUMBNAIL_SIDE_PX};
use flate2::Crc;
use image::{
    DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use media::{Picture, Preview, preview::PREVIEW_SIDES_PX};
use moxcms::ColorProfile;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture; a PNG also with the checksums of its chunks made right, or few mutations would get
/// further than these.
pub(crate) fn read(input: &[u8]) -> bool {
    let is_accepted = decode(input);
    match input.starts_with(PNG) {
        true => decode(&with_checksums(input)) || is_accepted,
        false => is_accepted,
    }
}

fn decode(bytes: &[u8]) -> bool {
    if let Ok(Preview { jpegs }) = Preview::decode(bytes) {
        assert!(jpegs.iter().all(|it| it.width.max(it.height) <= PREVIEW_SIDES_PX[0]));
    }
    let Ok(picture) = Picture::decode(bytes) else { return false };
    let sides = [picture.width, picture.height];
    assert!(sides.iter().all(|side| (1..=SIDE_PX_MAX).contains(side)), "{sides:?}");
    assert!(Picture::decode(&picture.png).as_ref() == Ok(&picture), "it changes when read again");
    let thumbnail = Picture::decode(&picture.thumbnail_jpeg).expect("its thumbnail is a picture");
    assert!(thumbnail.width.max(thumbnail.height) <= THUMBNAIL_SIDE_PX);
    true
}

/// The same PNG with the right checksum behind each whole chunk: its length, type, data, checksum.
fn with_checksums(png: &[u8]) -> Vec<u8> {
    let mut png = png.to_vec();
    let mut at = PNG.len();
    while let Some(length) = png.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let end = at + 8 + u32::from_be_bytes(*length) as usize;
        let Some(summed) = png.get(at + 4..end) else { break };
        let mut crc = Crc::new();
        crc.update(summed);
        let Some(place) = png.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
    png
}

/// Pictures in every format, deep and gray ones, one with a colour profile, and one that is large
/// enough for a preview.
pub(crate) fn made() -> Vec<Vec<u8>> {
    let colours = RgbImage::from_fn(40, 24, |x, y| Rgb([x as u8 * 6, y as u8 * 10, 90]));
    let small = DynamicImage::ImageRgb8(colours);
    let large = DynamicImage::ImageRgb8(RgbImage::from_pixel(304, 300, Rgb([9, 80, 200])));
    let deep = DynamicImage::ImageRgba16(small.to_rgba16());
    let gray = DynamicImage::ImageLuma8(small.to_luma8());
    let mut files = vec![
        encoded(&small, ImageFormat::Png),
        encoded(&small, ImageFormat::Jpeg),
        encoded(&small, ImageFormat::WebP),
        encoded(&deep, ImageFormat::Png),
        encoded(&gray, ImageFormat::Jpeg),
        encoded(&large, ImageFormat::Jpeg),
    ];
    let icc = ColorProfile::new_display_p3().encode().expect("a known profile is encoded");
    let (mut png, mut jpeg) = (Vec::new(), Vec::new());
    profiled(PngEncoder::new(&mut png), &small, icc.clone());
    profiled(JpegEncoder::new(&mut jpeg), &small, icc);
    files.extend([png, jpeg]);
    files
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a picture is encoded");
    file.into_inner()
}

fn profiled(mut encoder: impl ImageEncoder, picture: &DynamicImage, icc: Vec<u8>) {
    encoder.set_icc_profile(icc).expect("the format has profiles");
    let (width, height) = (picture.width(), picture.height());
    encoder
        .write_image(picture.as_bytes(), width, height, picture.color().into())
        .expect("a picture is encoded");
}
