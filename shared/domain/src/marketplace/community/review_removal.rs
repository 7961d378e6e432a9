//! The removal of a review.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The removal of a review by staff, as its author is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReviewRemoval {
    /// The reason.
    pub reason: String,
    /// When it was removed.
    pub at: Timestamp,
}
