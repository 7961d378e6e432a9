//! From untrusted bytes to upright, opaque pixels in sRGB.
//!
//! The format is taken from the first bytes alone, and the size is known before a pixel is decoded.
//! A colour profile is applied before it is dropped, because pixels shown without theirs have other
//! colours. Transparency is blended onto [`GROUND_RGB`], so that nothing hidden behind it shows.

use std::{io::Cursor, sync::Arc};

use domain::image::{DECODE_BYTES_MAX, GROUND_RGB, PHOTO_PIXELS_MAX, SIDE_PX_MAX};
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageFormat, Limits, RgbImage, RgbaImage,
    codecs::{png::PngDecoder, webp::WebPDecoder},
    metadata::Orientation,
};
use jpeg_decoder::PixelFormat;
use moxcms::{
    CmsError, ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions,
};

use super::error::{PictureError, damaged};

/// Most scans of a JPEG. A picture that appears gradually has about ten; each goes over all of its
/// blocks and may take hardly any bytes, so a file could ask for hours.
const SCANS_MAX: usize = 100;

/// How many pixels are needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detail {
    /// Minimum length of the shorter side.
    pub(crate) side_px_min: u32,
    /// `None` is every pixel. For a picture that is shown at most this large, a JPEG is decoded at
    /// an eighth, a quarter or half of its size, so that a full camera image takes little memory.
    pub(crate) side_px: Option<u32>,
}

impl Detail {
    pub(crate) const WHOLE: Detail = Detail { side_px_min: 1, side_px: None };

    /// Whether a picture of this size, which takes `bytes` decoded, may be decoded whole.
    fn check_whole(self, (width, height): (u32, u32), bytes: u64) -> Result<(), PictureError> {
        self.check_least((width, height))?;
        match width.max(height) > SIDE_PX_MAX || bytes > DECODE_BYTES_MAX {
            true => Err(PictureError::TooLarge),
            false => Ok(()),
        }
    }

    fn check_least(self, (width, height): (u32, u32)) -> Result<(), PictureError> {
        let Detail { side_px_min, .. } = self;
        match width.min(height) < side_px_min {
            true => Err(PictureError::TooSmall { side_px_min }),
            false => Ok(()),
        }
    }
}

/// The pixels of a PNG, JPEG or WebP: upright, opaque, in sRGB, the first frame of an animation.
///
/// # Errors
/// See [`PictureError`].
pub(crate) fn read(bytes: &[u8], detail: Detail) -> Result<RgbImage, PictureError> {
    let format = image::guess_format(bytes).map_err(|_| PictureError::UnknownFormat)?;
    if format == ImageFormat::Jpeg {
        read_jpeg(bytes, detail)
    } else if format == ImageFormat::Png {
        read_whole(PngDecoder::with_limits(Cursor::new(bytes), limits())?, detail)
    } else if format == ImageFormat::WebP {
        read_whole(WebPDecoder::new(Cursor::new(bytes))?, detail)
    } else {
        Err(PictureError::UnknownFormat)
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

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_PX_MAX);
    limits.max_image_height = Some(SIDE_PX_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    limits
}

fn read_whole(mut decoder: impl ImageDecoder, detail: Detail) -> Result<RgbImage, PictureError> {
    detail.check_whole(decoder.dimensions(), decoder.total_bytes())?;
    decoder.set_limits(limits())?;
    let orientation = decoder.orientation()?;
    let profile = profile(decoder.icc_profile()?);
    Ok(upright(in_srgb(DynamicImage::from_decoder(decoder)?, profile), orientation))
}

/// Uses a separate decoder: it scales while it decodes, returns CMYK as such, and refuses a
/// truncated picture.
fn read_jpeg(bytes: &[u8], detail: Detail) -> Result<RgbImage, PictureError> {
    if scans_in(bytes) > SCANS_MAX {
        return Err(damaged(format!("it has more than {SCANS_MAX} scans")));
    }
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| damaged("it has no frame"))?;
    let size = (u32::from(info.width), u32::from(info.height));
    let pixels = u64::from(size.0) * u64::from(size.1);
    match detail.side_px {
        None => detail.check_whole(size, pixels * info.pixel_format.pixel_bytes() as u64)?,
        Some(_) if pixels > PHOTO_PIXELS_MAX => return Err(PictureError::TooManyPixels),
        Some(side_px) => {
            detail.check_least(size)?;
            let (width, height) = size_within(side_px, size.0, size.1);
            let least = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
            decoder.scale(least(width), least(height)).map_err(damaged)?;
        }
    }
    let samples = decoder.decode().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| damaged("it has no frame"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let profile = profile(decoder.icc_profile());
    let short = || damaged("it has fewer pixels than declared");
    let decoded = match info.pixel_format {
        PixelFormat::RGB24 => {
            DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, samples).ok_or_else(short)?)
        }
        PixelFormat::L8 => {
            DynamicImage::ImageLuma8(GrayImage::from_raw(width, height, samples).ok_or_else(short)?)
        }
        PixelFormat::CMYK32 => {
            let rgb = from_inks(&samples, profile.as_ref());
            DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, rgb).ok_or_else(short)?)
        }
        PixelFormat::L16 => return Err(damaged("it has 16 bits a pixel, which no browser shows")),
    };
    let exif = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    let profile = profile.filter(|_| info.pixel_format != PixelFormat::CMYK32);
    Ok(upright(in_srgb(decoded, profile), exif.unwrap_or(Orientation::NoTransforms)))
}

/// The number of scans of a JPEG (ITU-T T.81, B.1.1). What is between its markers is passed over,
/// as the decoder does.
fn scans_in(jpeg: &[u8]) -> usize {
    let (mut scans, mut rest) = (0, jpeg);
    while let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xff && pair[1] != 0xff) {
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        match marker {
            // A byte of data, a restart, the start of the image: nothing follows that has a length.
            0x00 | 0x01 | 0xd0..=0xd8 => continue,
            // Its end.
            0xd9 => break,
            0xda => scans += 1,
            _ => {}
        }
        let length = rest.first_chunk::<2>().map_or(0, |length| u16::from_be_bytes(*length));
        rest = rest.get(usize::from(length)..).unwrap_or_default();
    }
    scans
}

/// A readable profile. Without one, pixels are taken as sRGB, as browsers do.
fn profile(icc: Option<Vec<u8>>) -> Option<ColorProfile> {
    ColorProfile::new_from_slice(&icc?).ok()
}

fn upright(pixels: RgbImage, orientation: Orientation) -> RgbImage {
    let mut turned = DynamicImage::ImageRgb8(pixels);
    turned.apply_orientation(orientation);
    turned.into_rgb8()
}

/// Opaque pixels in sRGB. A profile that does not match the picture's colour model is ignored.
fn in_srgb(decoded: DynamicImage, profile: Option<ColorProfile>) -> RgbImage {
    let (has_alpha, has_colour) = (decoded.color().has_alpha(), decoded.color().has_color());
    let fits = if has_colour { DataColorSpace::Rgb } else { DataColorSpace::Gray };
    let profile = profile.filter(|profile| profile.color_space == fits);
    match (profile, has_alpha, has_colour) {
        (None, true, _) => on_ground(&decoded.into_rgba8()),
        (None, false, _) => decoded.into_rgb8(),
        (Some(profile), true, true) => {
            let mut pixels = decoded.into_rgba8();
            if let Ok(transform) = to_srgb(&profile, Layout::Rgba, Layout::Rgba) {
                in_place(&mut pixels, &*transform);
            }
            on_ground(&pixels)
        }
        (Some(profile), false, true) => {
            let mut pixels = decoded.into_rgb8();
            if let Ok(transform) = to_srgb(&profile, Layout::Rgb, Layout::Rgb) {
                in_place(&mut pixels, &*transform);
            }
            pixels
        }
        (Some(profile), _, false) => {
            let (width, height) = (decoded.width(), decoded.height());
            let grays = decoded.into_luma_alpha8();
            let mut pixels = RgbaImage::new(width, height);
            let transform = to_srgb(&profile, Layout::GrayAlpha, Layout::Rgba);
            match transform.and_then(|to_srgb| to_srgb.transform(&grays, &mut pixels)) {
                Ok(()) => on_ground(&pixels),
                Err(_) => on_ground(&DynamicImage::ImageLumaA8(grays).into_rgba8()),
            }
        }
    }
}

type ToSrgb = Arc<Transform8BitExecutor>;

fn to_srgb(profile: &ColorProfile, from: Layout, to: Layout) -> Result<ToSrgb, CmsError> {
    let options = TransformOptions::default();
    profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options)
}

/// Row by row, so that a large picture is not in memory twice.
fn in_place<P>(pixels: &mut image::ImageBuffer<P, Vec<u8>>, transform: &Transform8BitExecutor)
where
    P: image::Pixel<Subpixel = u8>,
{
    let row_bytes = pixels.width() as usize * usize::from(P::CHANNEL_COUNT);
    let mut before = vec![0; row_bytes];
    for row in pixels.chunks_exact_mut(row_bytes.max(1)) {
        before.copy_from_slice(row);
        if transform.transform(&before, row).is_err() {
            row.copy_from_slice(&before);
        }
    }
}

/// CMYK as seen on white paper; without a profile, each ink removes its share of the light.
fn from_inks(inks: &[u8], profile: Option<&ColorProfile>) -> Vec<u8> {
    let mut rgb = vec![0; inks.len() / 4 * 3];
    let of_inks = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
    let transform = of_inks.and_then(|it| to_srgb(it, Layout::Rgba, Layout::Rgb).ok());
    if transform.is_some_and(|transform| transform.transform(inks, &mut rgb).is_ok()) {
        return rgb;
    }
    let left = |ink: u8, black: u8| {
        let light = u16::from(255 - ink) * u16::from(255 - black);
        u8::try_from((light + 127) / 255).unwrap_or(u8::MAX)
    };
    for (pixel, inks) in rgb.chunks_exact_mut(3).zip(inks.chunks_exact(4)) {
        let &[cyan, magenta, yellow, black] = inks else { continue };
        pixel.copy_from_slice(&[left(cyan, black), left(magenta, black), left(yellow, black)]);
    }
    rgb
}

/// Blends each pixel onto the background by its opacity.
fn on_ground(pixels: &RgbaImage) -> RgbImage {
    let mut opaque = RgbImage::new(pixels.width(), pixels.height());
    for (to, from) in opaque.pixels_mut().zip(pixels.pixels()) {
        let [colour @ .., alpha] = from.0;
        let (over, under) = (u16::from(alpha), u16::from(255 - alpha));
        for ((to, from), ground) in to.0.iter_mut().zip(colour).zip(GROUND_RGB) {
            let mixed = (u16::from(from) * over + u16::from(ground) * under + 127) / 255;
            *to = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    opaque
}
