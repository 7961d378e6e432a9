//! Why bytes are not an acceptable picture.

use domain::image::{PHOTO_PIXELS_MAX, SIDE_PX_MAX};
use image::ImageError;

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
    #[error("the picture is damaged")]
    Damaged {
        /// The decoder's message, for the log only.
        detail: String,
    },
}

domain::domain_error! {
    PictureError {
        UnknownFormat => Invalid, "picture_format_unknown";
        TooLarge => Invalid, "picture_too_large";
        TooManyPixels => Invalid, "picture_too_large";
        TooSmall => Invalid, "picture_too_small";
        Damaged => Invalid, "picture_damaged";
    }
}

pub(super) fn damaged(detail: impl ToString) -> PictureError {
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
