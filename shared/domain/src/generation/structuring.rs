//! How often prompts are structured: it costs members nothing, and us what a model costs.

use crate::error::{DomainError, ErrorKind};

/// Most prompts that one member has structured in a day of UTC.
pub const PROMPTS_A_DAY: u32 = 300;
/// Most prompts of all members that a model which costs money structures in a day of UTC.
pub const BUDGET_A_DAY: u32 = 20_000;

/// The day's budget is spent: not the caller's fault, and over at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("No more prompts are structured today (UTC): send yours as it is, or come back tomorrow.")]
pub struct StructuringUsedUp {
    /// When the next day begins.
    pub retry_after_s: u32,
}

impl DomainError for StructuringUsedUp {
    fn kind(&self) -> ErrorKind {
        ErrorKind::TooMany
    }
    fn code(&self) -> &'static str {
        "structuring_used_up"
    }
    fn retry_after_s(&self) -> Option<u32> {
        Some(self.retry_after_s)
    }
}
