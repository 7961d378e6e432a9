//! Limits on structuring prompts, which is free for members and costs us the model's price.

/// Most prompts that one member may have structured in a UTC day.
pub const PROMPTS_A_DAY: u32 = 300;
/// Most prompts of all members that the paid model structures in a UTC day.
pub const BUDGET_A_DAY: u32 = 20_000;

/// The day's budget is used up: not the caller's fault, and reset at midnight UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Today's limit for structuring prompts is reached (UTC): send the prompt as it is, or retry \
     tomorrow."
)]
pub struct StructuringUsedUp {
    /// Seconds until the next day begins.
    pub retry_after_s: u32,
}

crate::domain_error! {
    StructuringUsedUp => TooMany, "structuring_used_up";
    fn retry_after_s(&self) -> Option<u32> {
        Some(self.retry_after_s)
    }
}
