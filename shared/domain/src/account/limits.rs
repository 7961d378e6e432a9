//! Limits that staff set for one member.

use serde::{Deserialize, Serialize};

use crate::error::{FieldCheck, InvalidFields};

/// Highest monthly allowance that can be set.
pub const ALLOWANCE_MAX: u32 = 100_000;
/// Highest number of open generations that can be set.
pub const CONCURRENCY_MAX: u32 = 64;

/// Limits that staff set for one member, in place of the plan's.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Credits a month, from the next month on; an unlimited plan stays unlimited.
    pub monthly_allowance: Option<u32>,
    /// Generations open at once.
    pub concurrency: Option<u32>,
}

impl Limits {
    /// Whether no limit is set.
    pub fn is_none(&self) -> bool {
        *self == Limits::default()
    }

    /// # Errors
    /// The fields that are out of range.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        let allowance = self.monthly_allowance.unwrap_or_default();
        check.require(allowance <= ALLOWANCE_MAX, "/monthly_allowance", "range", || {
            format!("0 to {ALLOWANCE_MAX} credits")
        });
        let concurrency = self.concurrency.unwrap_or(1);
        check.require(
            (1..=CONCURRENCY_MAX).contains(&concurrency),
            "/concurrency",
            "range",
            || format!("1 to {CONCURRENCY_MAX} generations"),
        );
        check.finish()
    }
}
