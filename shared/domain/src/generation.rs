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
mod provider;
mod request;
mod step;
pub mod structuring;
pub mod waiting;

pub use create_job::{OrderError, WebhookRef, create_job};
pub use job::{
    CancelError, Charge, ChargeState, ChargeView, Failure, FailureCode, GalleryError, Job, LEASE,
    NewJob, POLL_WAITS, PROVIDER_WAIT_MAX, QUEUE_WAIT_MAX, RESULT_KEPT, RESULT_WAIT,
    SUBMIT_UNKNOWN_WAIT_MAX, Status, UNKNOWN_ANSWERS_MAX,
};
pub use provider::{CREDITS_PER_IMAGE, Provider, Quality};
pub use request::{
    GenerationRequest, Input, InputSource, Licence, NEGATIVE_PROMPT_CHARS_MAX, PROMPT_CHARS_MAX,
    PresetContent, ResolvedSource, SEED_MAX, Subject, drawn_seed,
};
pub use step::NextStep;

#[cfg(test)]
mod tests;
