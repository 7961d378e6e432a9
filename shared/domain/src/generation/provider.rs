//! Who renders an image, in what quality and for how many credits.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// The quality of the image, which determines the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Faster and plainer; takes no negative prompt.
    Lite,
    /// The full model.
    #[default]
    Standard,
}

/// The renderer of the image.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Provider {
    /// Our own renderer, at once and in process.
    Studio,
    /// Bria's FIBO, asynchronously.
    Bria,
}

/// The price of an image in credits.
pub const CREDITS_PER_IMAGE: u32 = 1;
