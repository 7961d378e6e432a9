//! The job and its states.

mod transitions;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{CREDITS_PER_IMAGE, Input, Licence, Provider, Quality};
use crate::{
    account::{AccountError, AccountUpdate},
    camera::AspectRatio,
    credits::{Hold, LotAllocation},
    id::{JobId, PresetId, UserId},
    image::StoredImage,
    plan::Plan,
    time::Timestamp,
};

pub use transitions::{CancelError, GalleryError};

/// How long a worker's lease on a job lasts. Longer than a worker may run (60 s) plus two minutes
/// of clock skew between two workers.
pub const LEASE: Duration = Duration::from_secs(4 * 60);
/// How long a job may stay queued before it fails without a charge.
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How long to wait for the webhook of a submit that was never answered.
pub const SUBMIT_UNKNOWN_WAIT_MAX: Duration = Duration::from_secs(10 * 60);
/// How long the provider may take after it accepted the request.
pub const PROVIDER_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// How long the provider stores a finished image
/// (<https://docs.bria.ai/getting-started/asset-retention>), and so how long a job waits for one on
/// a host that is not allowed.
pub const RESULT_KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The interval at which a job that waits for its host is checked.
pub const RESULT_WAIT: Duration = Duration::from_secs(5 * 60);
/// How many `UNKNOWN` answers of the provider fail the job.
pub const UNKNOWN_ANSWERS_MAX: u32 = 3;
/// The time for which a provider counts calls: those of a minute are limited.
const TURN: Duration = Duration::from_secs(60);
/// How long a job that waits for its turn is left alone: the longest delay of a message in SQS.
const TURN_LOOK_MAX: Duration = Duration::from_secs(15 * 60);
/// Least seconds between two polls of a member: what the rate of the polled route is reckoned with
/// (functions/README.md).
const POLL_S_MIN: u32 = 2;
/// Waits between polls, by the number of polls so far; the last one repeats. The webhook usually
/// arrives before the first poll, because every poll counts against the provider's rate limit.
pub const POLL_WAITS: [Duration; 4] = [
    Duration::from_secs(45),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
];

/// The external inputs of a new job: its id, the renderer, and randomness.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// The new job's id.
    pub id: JobId,
    /// The renderer.
    pub provider: Provider,
    /// The seed, unless the request has one.
    pub seed: u32,
    /// Random secret for the webhook's URL.
    pub webhook_token: String,
}

/// The status of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Status {
    /// It waits for a worker.
    Queued,
    /// A worker is submitting it to the provider, or crashed while it did.
    Submitting,
    /// The provider has accepted it.
    Submitted,
    /// Its image is stored.
    Succeeded,
    /// It ended without an image.
    Failed,
    /// The member cancelled it before it began.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 6] = [
        Status::Queued,
        Status::Submitting,
        Status::Submitted,
        Status::Succeeded,
        Status::Failed,
        Status::Cancelled,
    ];

    /// Whether the status is final.
    pub const fn is_final(self) -> bool {
        match self {
            Status::Queued | Status::Submitting | Status::Submitted => false,
            Status::Succeeded | Status::Failed | Status::Cancelled => true,
        }
    }
}

/// The state of a job's charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// The credits are held.
    Held,
    /// The credits are captured, for a stored image.
    Captured,
    /// The credits are released.
    Released,
}

/// The charge of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Its state.
    pub state: ChargeState,
    /// The number of credits.
    pub credits: u32,
    /// The lots from which they are held.
    pub lots: Vec<LotAllocation>,
}

/// A charge as members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Charge"))]
pub struct ChargeView {
    /// Its state.
    pub status: ChargeState,
    /// The number of credits.
    pub credits: u32,
    /// The lots from which they are held.
    pub lots: Vec<LotAllocation>,
}

impl From<Charge> for ChargeView {
    fn from(Charge { state, credits, lots }: Charge) -> ChargeView {
        ChargeView { status: state, credits, lots }
    }
}

/// The machine-readable reason of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The provider's moderation refused the request.
    ContentBlocked,
    /// The provider refused the request or failed.
    ProviderRejected,
    /// The provider could not parse our request: a bug of ours, whatever was requested.
    RequestInvalid,
    /// The provider could not be reached in time; nothing was started.
    ProviderUnavailable,
    /// The request was sent, but neither an answer nor a result arrived.
    SubmitUnknown,
    /// The provider took too long.
    TimedOut,
    /// The result is not an image that can be stored.
    ResultInvalid,
    /// The result is an image of nothing but black, as the provider's content filter makes it.
    ResultBlack,
}

/// Why a job has no image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The machine-readable reason.
    pub code: FailureCode,
    /// The message for the member.
    pub message: String,
}

impl Failure {
    /// Longest message, in characters; a provider's message is truncated to it.
    pub const MESSAGE_CHARS_MAX: usize = 300;

    /// A failure with a message truncated to the limit.
    pub fn new(code: FailureCode, message: &str) -> Failure {
        let message = message.chars().take(Failure::MESSAGE_CHARS_MAX).collect();
        Failure { code, message }
    }

    /// The failure of an image of nothing but black.
    pub fn black() -> Failure {
        let message = "The image is nothing but black: the provider's content filter does that, \
                       and so does a scene without light. Nothing is charged.";
        Failure::new(FailureCode::ResultBlack, message)
    }

    /// The same failure without the provider's message, which may name a listing's model.
    fn in_our_words(self) -> Failure {
        let message = match self.code {
            FailureCode::ContentBlocked => "The provider's content filter blocked this request.",
            FailureCode::ProviderRejected => "The provider could not make this image.",
            FailureCode::RequestInvalid
            | FailureCode::ProviderUnavailable
            | FailureCode::SubmitUnknown
            | FailureCode::TimedOut
            | FailureCode::ResultInvalid
            | FailureCode::ResultBlack => return self,
        };
        Failure::new(self.code, message)
    }
}

/// A generation.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id; ids sort by time.
    pub id: JobId,
    /// The member who requested it.
    pub user_id: UserId,
    /// Its status.
    pub status: Status,
    /// The optimistic lock: goes up by one with every change.
    pub version: u64,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The renderer.
    pub provider: Provider,
    /// The quality.
    pub quality: Quality,
    /// The shape of the image.
    pub aspect_ratio: AspectRatio,
    /// The seed: the same input and seed give the same image.
    pub seed: u32,
    /// The member's plan at the time of the request.
    pub plan: Option<Plan>,
    /// The preset it was made from.
    pub preset_id: Option<PresetId>,
    /// The licence of the listing it is made with.
    pub licence: Option<Licence>,
    /// Its charge.
    pub charge: Charge,
    /// How often a worker began it; a "busy" answer does not count.
    pub attempt: u32,
    /// The secret in the webhook's URL that proves the URL was made for this job.
    pub webhook_token: String,
    /// When a worker should look at it next; `None` once it is final.
    pub due_at: Option<Timestamp>,
    /// When its turn is, where more calls of the provider wait than a minute allows: one call in
    /// this minute is its own.
    pub turn_at: Option<Timestamp>,
    /// When the current worker's lease ends.
    pub lease_until: Option<Timestamp>,
    /// When a worker began to render it or to submit it to the provider; `None` while it is queued.
    #[serde(alias = "submit_began_at")]
    pub started_at: Option<Timestamp>,
    /// The provider's request id.
    pub request_id: Option<String>,
    /// When the provider's request id became known.
    pub submitted_at: Option<Timestamp>,
    /// How often the provider was polled.
    #[serde(default)]
    pub polls: u32,
    /// How often the provider answered `UNKNOWN`.
    #[serde(default)]
    pub unknown_answers: u32,
    /// Since when its image is finished on a host from which results may not be fetched. It waits
    /// until an operator allows the host.
    pub withheld_since: Option<Timestamp>,
    /// When its status became final.
    pub finished_at: Option<Timestamp>,
    /// The image, if it succeeded.
    pub image: Option<StoredImage>,
    /// The reason, if it failed.
    pub failure: Option<Failure>,
    /// Whether the member marked its image as a favourite.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub favourite: bool,
}

impl Job {
    /// Creates a job: takes one of the plan's slots, holds its credit, and queues it.
    ///
    /// # Errors
    /// When the account is suspended, has too many open generations, or has too few credits.
    pub(super) fn place(
        update: &mut AccountUpdate,
        input: &Input,
        names: &NewJob,
    ) -> Result<Job, AccountError> {
        let hold = update.start_job(names.id.as_str(), CREDITS_PER_IMAGE)?;
        let now = update.now();
        Ok(Job {
            id: names.id.clone(),
            user_id: update.account().user_id.clone(),
            status: Status::Queued,
            version: 1,
            created_at: now,
            updated_at: now,
            provider: names.provider,
            quality: input.quality,
            aspect_ratio: input.aspect_ratio,
            seed: input.seed,
            plan: Some(update.account().plan),
            preset_id: input.preset_id.clone(),
            licence: input.licence.clone(),
            charge: Charge { state: ChargeState::Held, credits: hold.credits(), lots: hold.shares },
            attempt: 0,
            webhook_token: names.webhook_token.clone(),
            due_at: Some(now),
            turn_at: None,
            lease_until: None,
            started_at: None,
            request_id: None,
            submitted_at: None,
            polls: 0,
            unknown_answers: 0,
            withheld_since: None,
            finished_at: None,
            image: None,
            failure: None,
            favourite: false,
        })
    }

    /// When the image is usually ready.
    pub fn expected_at(&self) -> Timestamp {
        let typical_s = match (self.provider, self.quality) {
            (Provider::Studio, _) => 2,
            (Provider::Bria, Quality::Lite) => 15,
            (Provider::Bria, Quality::Standard) => 30,
        };
        let begins_at = self.queued_until().or(self.started_at).unwrap_or(self.created_at);
        begins_at.plus(Duration::from_secs(typical_s))
    }

    /// When its turn is, or when it is looked for again, while it is queued and waits for it.
    pub fn queued_until(&self) -> Option<Timestamp> {
        let later = self.due_at.filter(|due_at| self.updated_at < *due_at);
        self.turn_at.or(later).filter(|_| self.status == Status::Queued)
    }

    /// Whether a call of the provider in this minute is its own.
    pub fn has_turn(&self, now: Timestamp) -> bool {
        self.turn_at.is_some_and(|at| at <= now && at.floor_to(TURN) == now.floor_to(TURN))
    }

    /// Until when it can wait for its turn: what is queued then fails.
    pub fn waits_for_turn_until(&self, now: Timestamp) -> Timestamp {
        match self.status {
            Status::Queued => self.created_at.plus(QUEUE_WAIT_MAX),
            Status::Submitting
            | Status::Submitted
            | Status::Succeeded
            | Status::Failed
            | Status::Cancelled => now.plus(PROVIDER_WAIT_MAX),
        }
    }

    /// Seconds a caller should wait before the next poll; `None` once the job is final.
    pub fn retry_after_s(&self, now: Timestamp) -> Option<u32> {
        let next = self.due_at.filter(|_| self.withheld_since.is_some());
        let next = next.unwrap_or_else(|| self.expected_at());
        (!self.status.is_final()).then(|| now.secs_until(next).max(POLL_S_MIN))
    }

    /// In how many seconds a worker should look at it; `None` if it is final or leased.
    pub fn look_in_s(&self, now: Timestamp) -> Option<u32> {
        match (self.due_at, self.lease_until) {
            (Some(due_at), None) => Some(now.secs_until(due_at)),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The hold of its credits.
    pub fn hold(&self) -> Hold {
        Hold { shares: self.charge.lots.clone() }
    }

    /// When the wait for an unanswered submit ends.
    pub(super) fn submit_unknown_until(&self) -> Timestamp {
        self.started_at.unwrap_or(self.updated_at).plus(SUBMIT_UNKNOWN_WAIT_MAX)
    }
}
