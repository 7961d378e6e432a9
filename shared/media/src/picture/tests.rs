use std::io::Cursor;

use domain::image::GROUND_RGB;
use image::{
    DynamicImage, ExtendedColorType, ImageFormat, Rgb, Rgba, RgbaImage,
    codecs::{png::PngEncoder, webp::WebPEncoder},
};
use moxcms::ColorProfile;

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

/// A PNG's header with the given size and an empty body.
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
    let check = |name: &str, bytes: &[u8], expected: fn(&PictureError) -> bool| {
        let refused = Picture::decode(bytes).unwrap_err();
        assert!(expected(&refused), "{name}: {refused:?}");
    };
    let unknown = |refused: &PictureError| *refused == PictureError::UnknownFormat;
    let too_large = |refused: &PictureError| *refused == PictureError::TooLarge;
    let damaged = |refused: &PictureError| matches!(refused, PictureError::Damaged { .. });
    check("nothing", b"", unknown);
    check("a page", b"<!doctype html><html>", unknown);
    check("a GIF", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", unknown);
    check("an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", unknown);
    check("cut in the header", &png[..20], damaged);
    check("cut in the middle", &png[..png.len() / 2], damaged);
    check("a bomb", &png_claiming(60_000, 60_000), too_large);
    check("one side too long", &png_claiming(8_193, 1), too_large);
    check("too much memory", &png_claiming(8_192, 8_192), too_large);
}

#[test]
fn a_jpeg_with_endless_scans_is_refused_before_it_is_decoded() {
    let jpeg = encoded(ImageFormat::Jpeg);
    let at = jpeg.windows(2).position(|pair| pair == b"\xFF\xDA").unwrap();
    let (head, scan) = jpeg[..jpeg.len() - 2].split_at(at);
    let with_scans = |count: usize| [head, &scan.repeat(count), b"\xFF\xD9"].concat();
    let refused = PictureError::Damaged { detail: "it has more than 100 scans".to_owned() };
    assert_eq!(Picture::decode(&with_scans(101)), Err(refused.clone()));
    assert_ne!(Picture::decode(&with_scans(100)), Err(refused));
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

/// Wherever a file is truncated, whatever its format.
#[test]
fn a_cut_picture_is_damaged() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let whole = encoded(format);
        assert!(Picture::decode(&whole).is_ok());
        for part in 1..20 {
            let cut = &whole[..whole.len() * part / 20];
            let refused = Picture::decode(cut).unwrap_err();
            let named = matches!(refused, PictureError::Damaged { .. });
            assert!(named, "{format:?} at {part} of 20: {refused:?}");
        }
    }
    let jpeg = encoded(ImageFormat::Jpeg);
    assert!(Picture::decode(&jpeg[..jpeg.len() - 2]).is_err(), "the end marker is missing");
}

fn decoded(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(&Picture::decode(bytes).unwrap().png).unwrap().into_rgb8()
}

#[test]
fn what_is_transparent_shows_the_ground_and_nothing_hidden() {
    let clear = Rgba([250, 10, 10, 0]);
    let half = Rgba([0, 100, 200, 128]);
    let solid = Rgba([0, 100, 200, 255]);
    let pixels = RgbaImage::from_fn(3, 1, |x, _| [clear, half, solid][x as usize]);
    let gray = DynamicImage::ImageRgba8(pixels.clone()).into_luma_alpha8();
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let mut file = Cursor::new(Vec::new());
        pixels.write_to(&mut file, format).unwrap();
        let opaque = decoded(&file.into_inner());
        assert_eq!(opaque.get_pixel(0, 0).0, GROUND_RGB, "{format:?}");
        assert_eq!(opaque.get_pixel(1, 0).0, [127, 177, 227], "{format:?}");
        assert_eq!(opaque.get_pixel(2, 0).0, [0, 100, 200], "{format:?}");
    }
    let mut file = Cursor::new(Vec::new());
    gray.write_to(&mut file, ImageFormat::Png).unwrap();
    assert_eq!(decoded(&file.into_inner()).get_pixel(0, 0).0, GROUND_RGB);
}

/// The reddest red of sRGB in the coordinates of a wider gamut (Display P3).
const RED_IN_P3: [u8; 3] = [234, 51, 35];

fn file_with_profile(pixels: &DynamicImage, icc: &[u8], format: ImageFormat) -> Vec<u8> {
    let mut file = Vec::new();
    let (icc, size) = (icc.to_vec(), (pixels.width(), pixels.height()));
    let (bytes, colour): (_, ExtendedColorType) = (pixels.as_bytes(), pixels.color().into());
    if format == ImageFormat::Jpeg {
        let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
        encoder.set_icc_profile(icc).unwrap();
        encoder.write_image(bytes, size.0, size.1, colour).unwrap();
    } else if format == ImageFormat::Png {
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_icc_profile(icc).unwrap();
        encoder.write_image(bytes, size.0, size.1, colour).unwrap();
    } else {
        let mut encoder = WebPEncoder::new_lossless(&mut file);
        encoder.set_icc_profile(icc).unwrap();
        encoder.write_image(bytes, size.0, size.1, colour).unwrap();
    }
    file
}

#[track_caller]
fn assert_near(found: Rgb<u8>, expected: [u8; 3]) {
    let off = found.0.iter().zip(expected).map(|(one, other)| one.abs_diff(other)).max();
    assert!(off <= Some(4), "{found:?}, not {expected:?}");
}

#[test]
fn a_colour_profile_is_applied_before_it_is_dropped() {
    let icc = ColorProfile::new_display_p3().encode().unwrap();
    let opaque = DynamicImage::ImageRgb8(RgbImage::from_pixel(32, 32, Rgb(RED_IN_P3)));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let file = file_with_profile(&opaque, &icc, format);
        assert_near(*decoded(&file).get_pixel(16, 16), [255, 0, 0]);
        let picture = Picture::decode(&file).unwrap();
        let kept = icc[128..160].to_vec();
        assert!(!picture.png.windows(kept.len()).any(|part| part == kept), "{format:?}");
    }
    let [red, green, blue] = RED_IN_P3;
    let half = RgbaImage::from_pixel(32, 32, Rgba([red, green, blue, 128]));
    let file = file_with_profile(&DynamicImage::ImageRgba8(half), &icc, ImageFormat::Png);
    assert_near(*decoded(&file).get_pixel(16, 16), [255, 127, 127]);
}

#[test]
fn a_profile_of_grays_is_applied_and_one_that_does_not_fit_is_ignored() {
    let gray = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(32, 32, image::Luma([55])));
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let file = file_with_profile(&gray, &linear, format);
        assert_near(*decoded(&file).get_pixel(16, 16), [128; 3]);
    }
    let colour = DynamicImage::ImageRgb8(RgbImage::from_pixel(32, 32, Rgb([9, 80, 200])));
    for icc in [linear, b"no profile at all".to_vec()] {
        let file = file_with_profile(&colour, &icc, ImageFormat::Png);
        assert_eq!(decoded(&file).get_pixel(16, 16).0, [9, 80, 200]);
    }
}
