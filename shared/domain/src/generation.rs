//! A generation: a member's request, and the life of the job that makes the image.
//!
//! ```text
//!            +---- busy: not taken, asked again later ----+
//!            v                                            |
//!         queued --claim--> submitting --accepted--> submitted --image--> succeeded
//!            |                  |                         |
//!         cancel            no answer: the webhook     refused, failed,
//!            |              says, or time runs out     timed out
//!            v                  v                         v
//!        cancelled            failed <--------------------+
//! ```
//!
//! The job's item is the source of truth; a queue message only tells a worker to look at it.
//! `due_at` is the time of the next look, `version` is the optimistic lock: a write requires the
//! version that was read.

mod create_job;
mod job;
mod request;
mod step;
pub mod structuring;

pub use create_job::{NewJob, OrderError, WebhookRef, create_job};
pub use job::{
    CancelError, Charge, ChargeState, Failure, FailureCode, Job, LEASE, POLL_WAITS,
    PROVIDER_WAIT_MAX, QUEUE_WAIT_MAX, RESULT_KEPT, RESULT_WAIT, SUBMIT_UNKNOWN_WAIT_MAX, Status,
    UNKNOWN_ANSWERS_MAX,
};
pub use request::{
    GenerationRequest, Input, Licence, NEGATIVE_PROMPT_CHARS_MAX, PROMPT_CHARS_MAX, PresetContent,
    ResolvedSource, SEED_MAX, Subject, drawn_seed,
};
pub use step::NextStep;

use serde::{Deserialize, Serialize};

/// The quality of the image, which determines the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Faster and plainer; takes no negative prompt.
    Lite,
    /// The full model.
    #[default]
    Standard,
}

/// The renderer of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Our own renderer, at once and in process.
    Studio,
    /// Bria's FIBO, asynchronously.
    Bria,
}

impl Provider {
    /// The name on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Provider::Studio => "studio",
            Provider::Bria => "bria",
        }
    }
}

/// The price of an image in credits.
pub const CREDITS_PER_IMAGE: u32 = 1;

#[cfg(test)]
mod tests;
