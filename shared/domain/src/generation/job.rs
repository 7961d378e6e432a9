//! The job: its states and transitions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CREDITS_PER_IMAGE, Input, Licence, Provider, Quality};
use crate::{
    account::{AccountError, AccountUpdate},
    camera::AspectRatio,
    credits::{Hold, LedgerError, LotAllocation},
    error::{DomainError, ErrorKind},
    id::{JobId, PresetId, UserId},
    image::StoredImage,
    plan::Plan,
    time::Timestamp,
};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

    /// The name on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Submitting => "submitting",
            Status::Submitted => "submitted",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// The state of a job's charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// The credits are held.
    Held,
    /// The credits are captured, for a stored image.
    Captured,
    /// The credits are released.
    Released,
}

/// The charge of a job, part of every response about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Its state.
    pub state: ChargeState,
    /// The number of credits.
    pub credits: u32,
    /// The lots from which they are held.
    pub lots: Vec<LotAllocation>,
}

/// The machine-readable reason of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
}

/// Why a job has no image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The same failure without the provider's message, which may name a listing's model.
    fn in_our_words(self) -> Failure {
        let message = match self.code {
            FailureCode::ContentBlocked => "The provider's content filter blocked this request.",
            FailureCode::ProviderRejected => "The provider could not make this image.",
            FailureCode::RequestInvalid
            | FailureCode::ProviderUnavailable
            | FailureCode::SubmitUnknown
            | FailureCode::TimedOut
            | FailureCode::ResultInvalid => return self,
        };
        Failure::new(self.code, message)
    }
}

/// A generation.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The preset it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset_id: Option<PresetId>,
    /// The licence of the listing it is made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// Its charge.
    pub charge: Charge,
    /// How often a worker began it; a "busy" answer does not count.
    pub attempt: u32,
    /// The secret in the webhook's URL that proves the URL was made for this job.
    pub webhook_token: String,
    /// When a worker should look at it next; `None` once it is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When the current worker's lease ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// When it was first submitted to the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit_began_at: Option<Timestamp>,
    /// The provider's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When the provider's request id became known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Timestamp>,
    /// How often the provider was polled.
    #[serde(default)]
    pub polls: u32,
    /// How often the provider answered `UNKNOWN`.
    #[serde(default)]
    pub unknown_answers: u32,
    /// Since when its image is finished on a host from which results may not be fetched. It waits
    /// until an operator allows the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld_since: Option<Timestamp>,
    /// When its status became final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The image, if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<StoredImage>,
    /// The reason, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Why a job cannot be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The provider has accepted it.
    #[error(
        "The provider has this generation and cannot be stopped. {} credit(s) are charged if an \
         image arrives, none if it fails.", .0.credits
    )]
    AlreadySubmitted(Charge),
    /// Its status is final.
    #[error("This generation is over already: {}.", .0.as_str())]
    Finished(Status, Charge),
    /// An internal fault: the ledger contradicts itself.
    #[error(transparent)]
    Broken(#[from] LedgerError),
    /// The account is suspended or deleted.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl DomainError for CancelError {
    fn kind(&self) -> ErrorKind {
        match self {
            CancelError::AlreadySubmitted(_) | CancelError::Finished(..) => ErrorKind::Conflict,
            CancelError::Broken(inner) => inner.kind(),
            CancelError::Account(inner) => inner.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            CancelError::AlreadySubmitted(_) => "generation_already_submitted",
            CancelError::Finished(..) => "generation_finished",
            CancelError::Broken(inner) => inner.code(),
            CancelError::Account(inner) => inner.code(),
        }
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            CancelError::AlreadySubmitted(charge) => vec![("charge", json!(charge))],
            CancelError::Finished(status, charge) => {
                vec![("generation_status", json!(status)), ("charge", json!(charge))]
            }
            CancelError::Broken(_) => Vec::new(),
            CancelError::Account(inner) => inner.extensions(),
        }
    }
}

impl Job {
    /// Creates a job: takes one of the plan's slots, holds its credit, and queues it.
    ///
    /// # Errors
    /// When the account is suspended, has too many open generations, or has too few credits.
    pub(super) fn place(
        draft: &mut AccountUpdate,
        input: &Input,
        names: &NewJob,
    ) -> Result<Job, AccountError> {
        let hold = draft.start_job(names.id.as_str(), CREDITS_PER_IMAGE)?;
        let now = draft.now();
        Ok(Job {
            id: names.id.clone(),
            user_id: draft.account().user_id.clone(),
            status: Status::Queued,
            version: 1,
            created_at: now,
            updated_at: now,
            provider: names.provider,
            quality: input.quality,
            aspect_ratio: input.aspect_ratio,
            seed: input.seed,
            plan: Some(draft.account().plan),
            preset_id: input.preset_id.clone(),
            licence: input.licence.clone(),
            charge: Charge { state: ChargeState::Held, credits: hold.credits(), lots: hold.shares },
            attempt: 0,
            webhook_token: names.webhook_token.clone(),
            due_at: Some(now),
            lease_until: None,
            submit_began_at: None,
            request_id: None,
            submitted_at: None,
            polls: 0,
            unknown_answers: 0,
            withheld_since: None,
            finished_at: None,
            image: None,
            failure: None,
        })
    }

    /// Cancels it for its member, free of charge while no worker has begun.
    ///
    /// # Errors
    /// When it has begun or ended, or the account may not act.
    pub fn cancel(self, draft: &mut AccountUpdate) -> Result<Job, CancelError> {
        draft.require_active()?;
        self.cancel_for_suspension(draft)
    }

    /// Cancels it for a suspended member: see [`Job::cancel`].
    ///
    /// # Errors
    /// When it has begun or ended.
    pub fn cancel_for_suspension(self, draft: &mut AccountUpdate) -> Result<Job, CancelError> {
        match self.status {
            Status::Queued => {
                draft.release_job(self.id.as_str(), &self.hold())?;
                Ok(self.finish(Status::Cancelled, ChargeState::Released, draft.now()))
            }
            Status::Submitting | Status::Submitted => {
                Err(CancelError::AlreadySubmitted(self.charge))
            }
            Status::Succeeded | Status::Failed | Status::Cancelled => {
                Err(CancelError::Finished(self.status, self.charge))
            }
        }
    }

    /// A worker starts to submit it to the provider, or to render it.
    #[must_use]
    pub fn claim_submit(mut self, now: Timestamp) -> Job {
        self.status = Status::Submitting;
        self.attempt += 1;
        self.submit_began_at.get_or_insert(now);
        self.lease(now)
    }

    /// A worker starts to poll the provider.
    #[must_use]
    pub fn claim_poll(mut self, now: Timestamp) -> Job {
        self.polls += 1;
        self.lease(now)
    }

    /// The provider was busy and did not accept it: the attempt does not count.
    #[must_use]
    pub fn requeue(mut self, retry_at: Timestamp, now: Timestamp) -> Job {
        self.status = Status::Queued;
        self.attempt = self.attempt.saturating_sub(1);
        self.submit_began_at = None;
        self.touch(now).look_at(retry_at)
    }

    /// It was not begun because the rate limit is reached: it is due later.
    #[must_use]
    pub fn postpone(self, until: Timestamp, now: Timestamp) -> Job {
        self.touch(now).look_at(until)
    }

    /// The submit was not answered: only the webhook or the timeout can resolve it.
    #[must_use]
    pub fn await_unknown(self, now: Timestamp) -> Job {
        let until = self.submit_unknown_until();
        self.touch(now).look_at(until)
    }

    /// The provider accepted it with this request id.
    #[must_use]
    pub fn accept(mut self, request_id: &str, now: Timestamp) -> Job {
        self.status = Status::Submitted;
        self.request_id = Some(request_id.to_owned());
        self.submitted_at.get_or_insert(now);
        let [first_wait, ..] = POLL_WAITS;
        self.touch(now).look_at(now.plus(first_wait))
    }

    /// A webhook reports a change: the job is due now. The webhook may arrive before the answer to
    /// the submit and then tells the request id.
    #[must_use]
    pub fn signal(mut self, request_id: &str, now: Timestamp) -> Job {
        self.status = Status::Submitted;
        self.request_id = Some(request_id.to_owned());
        self.submitted_at.get_or_insert(now);
        self.touch(now).look_at(now)
    }

    /// The image is not ready: poll again later, not sooner than the provider asks for.
    #[must_use]
    pub fn poll_later(self, at_least: Duration, now: Timestamp) -> Job {
        let count = usize::try_from(self.polls).unwrap_or(usize::MAX);
        let wait = POLL_WAITS[count.min(POLL_WAITS.len() - 1)].max(at_least);
        self.touch(now).look_at(now.plus(wait))
    }

    /// The image is finished on a host from which results may not be fetched: the job stays open
    /// and checks again until the host is allowed.
    #[must_use]
    pub fn withhold(mut self, now: Timestamp) -> Job {
        self.withheld_since.get_or_insert(now);
        self.touch(now).look_at(now.plus(RESULT_WAIT))
    }

    /// The provider answered `UNKNOWN`: polled again a few times, then final.
    #[must_use]
    pub fn count_unknown(mut self) -> Job {
        self.unknown_answers += 1;
        self
    }

    /// The image is stored: captures the credit.
    ///
    /// # Errors
    /// When the hold is not open: an internal fault.
    pub fn succeed(
        mut self,
        draft: &mut AccountUpdate,
        image: StoredImage,
    ) -> Result<Job, LedgerError> {
        draft.capture_job(self.id.as_str(), &self.open_hold()?)?;
        self.image = Some(image);
        Ok(self.finish(Status::Succeeded, ChargeState::Captured, draft.now()))
    }

    /// There is no image: releases the credit.
    ///
    /// # Errors
    /// When the hold is not open: an internal fault.
    pub fn fail(mut self, draft: &mut AccountUpdate, failure: Failure) -> Result<Job, LedgerError> {
        draft.release_job(self.id.as_str(), &self.open_hold()?)?;
        self.failure = Some(match self.licence {
            Some(_) => failure.in_our_words(),
            None => failure,
        });
        Ok(self.finish(Status::Failed, ChargeState::Released, draft.now()))
    }

    /// When the image is usually ready.
    pub fn expected_at(&self) -> Timestamp {
        let typical_s = match (self.provider, self.quality) {
            (Provider::Studio, _) => 2,
            (Provider::Bria, Quality::Lite) => 15,
            (Provider::Bria, Quality::Standard) => 30,
        };
        self.created_at.plus(Duration::from_secs(typical_s))
    }

    /// Seconds a caller should wait before the next poll; `None` once the job is final.
    pub fn retry_after_s(&self, now: Timestamp) -> Option<u32> {
        let next = self.due_at.filter(|_| self.withheld_since.is_some());
        let next = next.unwrap_or_else(|| self.expected_at());
        (!self.status.is_final()).then(|| now.secs_until(next).max(1))
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

    /// The hold, if it is open. Other jobs hold credits of the same lots, so the balance alone
    /// would not detect a second capture or release.
    fn open_hold(&self) -> Result<Hold, LedgerError> {
        match self.charge.state {
            ChargeState::Held => Ok(self.hold()),
            ChargeState::Captured | ChargeState::Released => {
                Err(LedgerError::new(format!("the hold of {} has ended", self.id)))
            }
        }
    }

    /// When the wait for an unanswered submit ends.
    pub(super) fn submit_unknown_until(&self) -> Timestamp {
        self.submit_began_at.unwrap_or(self.updated_at).plus(SUBMIT_UNKNOWN_WAIT_MAX)
    }

    fn lease(self, now: Timestamp) -> Job {
        let until = now.plus(LEASE);
        let mut leased = self.touch(now).look_at(until);
        leased.lease_until = Some(until);
        leased
    }

    fn look_at(mut self, due_at: Timestamp) -> Job {
        self.lease_until = None;
        self.due_at = Some(due_at);
        self
    }

    fn finish(mut self, status: Status, charge: ChargeState, now: Timestamp) -> Job {
        self.status = status;
        self.charge.state = charge;
        self.finished_at = Some(now);
        self.withheld_since = None;
        self.lease_until = None;
        self.due_at = None;
        self.touch(now)
    }

    fn touch(mut self, now: Timestamp) -> Job {
        self.version += 1;
        self.updated_at = now;
        self
    }
}
