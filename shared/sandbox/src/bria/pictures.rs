//! The pictures, drawn when they are fetched: the same job gives the same bytes.

use std::{collections::VecDeque, io, sync::Mutex};

use bytes::Bytes;
use domain::{camera::CameraSettings, lighting::LightingRig};
use image::{ExtendedColorType, ImageError, codecs::jpeg::JpegEncoder};
use serde::Deserialize;
use studio::{Frame, Palette, Quality, Scene, Subject};
use tokio::sync::Semaphore;

use super::request::Canvas;
use crate::app_state::locked;

/// Most finished pictures cached.
const KEPT_MAX: usize = 16;
/// JPEG quality, the same as the provider's.
const JPEG_QUALITY: u8 = 95;

/// A few bytes of PNG that declare 60,000 by 60,000 pixels: 10.8 GB once decoded.
pub(super) const BOMB: &[u8] = b"\x89PNG\r\n\x1a\n\
    \0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0\x0f\xb0\xe2\x15\
    \0\0\0\x11IDAT\x78\xda\x63\x60\x18\x05\xa3\x60\x14\x8c\x54\0\0\x04\0\0\x01\x59\x01\x53\x22\
    \0\0\0\0IEND\xae\x42\x60\x82";

/// How a picture is encoded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Png,
    Jpeg,
}

impl Format {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpeg",
        }
    }

    fn encode(self, frame: &Frame) -> Result<Vec<u8>, ImageError> {
        match self {
            Format::Png => frame.to_png(),
            Format::Jpeg => {
                let mut bytes = Vec::new();
                let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
                encoder.encode(&frame.rgb, frame.width, frame.height, ExtendedColorType::Rgb8)?;
                Ok(bytes)
            }
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Format::Png => "image/png",
            Format::Jpeg => "image/jpeg",
        }
    }
}

/// Everything that determines a picture.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    pub(super) prompt: String,
    pub(super) seed: i64,
    pub(super) canvas: Canvas,
}

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum DrawError {
    /// The codec failed.
    #[error(transparent)]
    Encode(#[from] ImageError),
    /// The work was interrupted.
    #[error("drawing was interrupted: {0}")]
    Interrupted(#[from] io::Error),
}

/// Draws one picture at a time and caches the latest.
#[derive(Debug)]
pub(super) struct ImageQueue {
    turn: Semaphore,
    kept: Mutex<VecDeque<(String, Bytes)>>,
}

impl Default for ImageQueue {
    fn default() -> ImageQueue {
        ImageQueue { turn: Semaphore::new(1), kept: Mutex::default() }
    }
}

impl ImageQueue {
    /// The picture of the job `id`.
    pub(super) async fn draw(&self, id: &str, drawing: Drawing) -> Result<Bytes, DrawError> {
        let _turn = self.turn.acquire().await.map_err(io::Error::other)?;
        if let Some(kept) = self.kept(id) {
            return Ok(kept);
        }
        let work = tokio::task::spawn_blocking(move || drawing.encode());
        let picture = Bytes::from(work.await.map_err(io::Error::from)??);
        let mut kept = locked(&self.kept);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((id.to_owned(), picture.clone()));
        Ok(picture)
    }

    fn kept(&self, id: &str) -> Option<Bytes> {
        let kept = locked(&self.kept);
        kept.iter().find(|(of, _)| of == id).map(|(_, picture)| picture.clone())
    }
}

impl Drawing {
    /// A studio photograph of the prompt's subject, in the requested format.
    fn encode(&self) -> Result<Vec<u8>, ImageError> {
        let Canvas { width, height, format } = self.canvas;
        let subject = Subject::from_prompt(&self.prompt);
        let palette = Palette::from_prompt(&self.prompt);
        let (rig, camera) = (LightingRig::three_point(), CameraSettings::default());
        let scene = Scene::new(&rig, &camera, subject, palette, self.seed.cast_unsigned());
        format.encode(&scene.render(width, height, Quality::Preview))
    }
}

impl Canvas {
    /// A picture of nothing but black, in the requested format.
    pub(super) fn black(self) -> Result<Vec<u8>, ImageError> {
        let Canvas { width, height, format } = self;
        let rgb = vec![0; width as usize * height as usize * 3];
        format.encode(&Frame { width, height, rgb })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(format: Format, seed: i64) -> Vec<u8> {
        let canvas = Canvas { width: 96, height: 64, format };
        Drawing { prompt: "a sphere".to_owned(), seed, canvas }.encode().unwrap()
    }

    #[test]
    fn the_same_job_is_the_same_picture() {
        assert_eq!(draw(Format::Png, 7), draw(Format::Png, 7));
        assert_ne!(draw(Format::Png, 7), draw(Format::Png, 8));
        for format in [Format::Png, Format::Jpeg] {
            let picture = image::load_from_memory(&draw(format, 7)).unwrap();
            assert_eq!((picture.width(), picture.height()), (96, 64));
        }
    }

    #[test]
    fn what_the_content_filter_serves_is_black() {
        for format in [Format::Png, Format::Jpeg] {
            let canvas = Canvas { width: 96, height: 64, format };
            let black = image::load_from_memory(&canvas.black().unwrap()).unwrap().into_rgb8();
            assert_eq!(black.dimensions(), (96, 64));
            assert!(black.as_raw().iter().all(|channel| *channel == 0), "{format:?}");
        }
    }

    #[test]
    fn the_bomb_claims_what_it_should() {
        let reader = image::ImageReader::new(io::Cursor::new(BOMB)).with_guessed_format().unwrap();
        assert_eq!(reader.into_dimensions().unwrap(), (60_000, 60_000));
    }
}
