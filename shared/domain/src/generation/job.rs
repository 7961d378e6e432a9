//! The job: its states, and every change it can go through.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CREDITS_PER_IMAGE, Input, Licence, NewJob, Provider, Quality};
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

/// How long a worker may keep a job to itself. Longer than a worker may run (60 s) plus the two
/// minutes that two workers' clocks may differ by.
pub const LEASE: Duration = Duration::from_secs(4 * 60);
/// How long a job may wait for its turn before it fails at no charge.
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How long we wait for the webhook of a submit that was never answered.
pub const SUBMIT_UNKNOWN_WAIT_MAX: Duration = Duration::from_secs(10 * 60);
/// How long the provider may take once it has accepted.
pub const PROVIDER_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// How long the provider keeps a finished image
/// (<https://docs.bria.ai/getting-started/asset-retention>), and so how long a job waits for one on a
/// host that is not allowed.
pub const RESULT_KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How often a job that waits for its host looks again.
pub const RESULT_WAIT: Duration = Duration::from_secs(5 * 60);
/// How often the provider may say `UNKNOWN` before we believe it.
pub const UNKNOWN_ANSWERS_MAX: u32 = 3;
/// Waits between polls, by how many there were; the last one repeats. The webhook usually comes
/// before the first, because every poll counts against the provider's limit per minute.
pub const POLL_WAITS: [Duration; 4] = [
    Duration::from_secs(45),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
];

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker is asking the provider, or died while it did.
    Submitting,
    /// The provider has it.
    Submitted,
    /// There is an image.
    Succeeded,
    /// There is none and there will be none.
    Failed,
    /// The member took it back before it began.
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

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        match self {
            Status::Queued | Status::Submitting | Status::Submitted => false,
            Status::Succeeded | Status::Failed | Status::Cancelled => true,
        }
    }

    /// As on the wire and in the table.
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

/// What has become of the credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// Set aside.
    Connected,
    /// Spent, for a stored image.
    Captured,
    /// Given back.
    Released,
}

/// What a job costs, in every answer about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What has become of it.
    pub state: ChargeState,
    /// How many credits.
    pub credits: u32,
    /// Of which lots.
    pub lots: Vec<LotAllocation>,
}

/// Why there is no image, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The provider's moderation refused it.
    ContentBlocked,
    /// The provider refused or failed it.
    ProviderRejected,
    /// The provider did not understand our request: our fault, whatever was asked for.
    RequestInvalid,
    /// The provider could not be reached in time; it never began.
    ProviderUnavailable,
    /// It was sent, no answer came, and no result followed.
    SubmitUnknown,
    /// The provider took too long.
    TimedOut,
    /// What came back is not an image we can keep.
    ResultInvalid,
}

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub code: FailureCode,
    /// For people.
    pub message: String,
}

impl Failure {
    /// Longest message, in characters; what a provider says is cut to it.
    pub const MESSAGE_CHARS_MAX: usize = 300;

    /// A failure with a message cut to what is kept.
    pub fn new(code: FailureCode, message: &str) -> Failure {
        let message = message.chars().take(Failure::MESSAGE_CHARS_MAX).collect();
        Failure { code, message }
    }

    /// The same without the provider's own words, which may name the model of a listing.
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
    /// OwnerRef it is.
    pub user_id: UserId,
    /// Where it is in its life.
    pub status: Status,
    /// Goes up by one with every change.
    pub version: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// Who makes the image.
    pub provider: Provider,
    /// How much work it is worth.
    pub quality: Quality,
    /// Shape of the image.
    pub aspect_ratio: AspectRatio,
    /// Same input, same seed, same image.
    pub seed: u32,
    /// The member's plan when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The preset it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset_id: Option<PresetId>,
    /// The listing it is made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// What becomes of the credit.
    pub charge: Charge,
    /// Times a worker began it; a clean "busy" does not count.
    pub attempt: u32,
    /// Proves that a webhook's URL was made for this job.
    pub webhook_token: String,
    /// When somebody should look next; `None` once it is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Until when one worker has it to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// When the provider was first asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit_began_at: Option<Timestamp>,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When the provider's name for it became known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Timestamp>,
    /// Times the provider was asked how far it is.
    #[serde(default)]
    pub polls: u32,
    /// Times it did not know.
    #[serde(default)]
    pub unknown_answers: u32,
    /// Since when its image is finished, on a host that results are not fetched from. It waits until
    /// an operator allows the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld_since: Option<Timestamp>,
    /// When it became final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The image, once succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<StoredImage>,
    /// Why there is none, once failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Why a job cannot be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The provider has it.
    #[error(
        "The provider has this generation and cannot be stopped. {} credit(s) are charged if an \
         image arrives, none if it fails.", .0.credits
    )]
    AlreadySubmitted(Charge),
    /// It is over.
    #[error("This generation is over already: {}.", .0.as_str())]
    Finished(Status, Charge),
    /// A fault of ours.
    #[error(transparent)]
    Broken(#[from] LedgerError),
    /// The account may not act.
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
    /// Places a job: takes one of the plan's places, holds its credit, and queues it.
    ///
    /// # Errors
    /// When the account may not: suspended, too many open, too few credits.
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
            charge: Charge {
                state: ChargeState::Connected,
                credits: hold.credits(),
                lots: hold.shares,
            },
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

    /// The member takes it back: free as long as nobody has begun.
    ///
    /// # Errors
    /// When it has begun or is over, or the account may not act.
    pub fn cancel(self, draft: &mut AccountUpdate) -> Result<Job, CancelError> {
        draft.require_active()?;
        self.cancel_for_suspension(draft)
    }

    /// Takes it back for a member who may not act any more: see [`Job::cancel`].
    ///
    /// # Errors
    /// When it is with the provider, or over.
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

    /// A worker begins to ask the provider, or to render.
    #[must_use]
    pub fn claim_submit(mut self, now: Timestamp) -> Job {
        self.status = Status::Submitting;
        self.attempt += 1;
        self.submit_began_at.get_or_insert(now);
        self.lease(now)
    }

    /// A worker begins to ask how far it is.
    #[must_use]
    pub fn claim_poll(mut self, now: Timestamp) -> Job {
        self.polls += 1;
        self.lease(now)
    }

    /// The provider was busy and did not take it: the attempt did not happen.
    #[must_use]
    pub fn requeue(mut self, retry_at: Timestamp, now: Timestamp) -> Job {
        self.status = Status::Queued;
        self.attempt = self.attempt.saturating_sub(1);
        self.submit_began_at = None;
        self.touch(now).look_at(retry_at)
    }

    /// It was not begun because the limit per minute is reached: its time comes later.
    #[must_use]
    pub fn postpone(self, until: Timestamp, now: Timestamp) -> Job {
        self.touch(now).look_at(until)
    }

    /// No answer came to the submit: only the webhook or time can tell now.
    #[must_use]
    pub fn await_unknown(self, now: Timestamp) -> Job {
        let until = self.submit_unknown_until();
        self.touch(now).look_at(until)
    }

    /// The provider took it under this name.
    #[must_use]
    pub fn accept(mut self, request_id: &str, now: Timestamp) -> Job {
        self.status = Status::Submitted;
        self.request_id = Some(request_id.to_owned());
        self.submitted_at.get_or_insert(now);
        let [first_wait, ..] = POLL_WAITS;
        self.touch(now).look_at(now.plus(first_wait))
    }

    /// The provider says that something happened: look now. A webhook may come before the answer
    /// to the submit; then it is what names the request.
    #[must_use]
    pub fn signal(mut self, request_id: &str, now: Timestamp) -> Job {
        self.status = Status::Submitted;
        self.request_id = Some(request_id.to_owned());
        self.submitted_at.get_or_insert(now);
        self.touch(now).look_at(now)
    }

    /// Not ready: look again later, never sooner than the provider asks for.
    #[must_use]
    pub fn poll_later(self, at_least: Duration, now: Timestamp) -> Job {
        let count = usize::try_from(self.polls).unwrap_or(usize::MAX);
        let wait = POLL_WAITS[count.min(POLL_WAITS.len() - 1)].max(at_least);
        self.touch(now).look_at(now.plus(wait))
    }

    /// The image is finished, on a host that results are not fetched from: nothing is thrown away,
    /// and the job looks again until the host is allowed.
    #[must_use]
    pub fn withhold(mut self, now: Timestamp) -> Job {
        self.withheld_since.get_or_insert(now);
        self.touch(now).look_at(now.plus(RESULT_WAIT))
    }

    /// The provider does not know its own request: asked again a few times, then believed.
    #[must_use]
    pub fn count_unknown(mut self) -> Job {
        self.unknown_answers += 1;
        self
    }

    /// There is an image, and it is stored: the credit is spent.
    ///
    /// # Errors
    /// When the hold is not open: a fault of ours.
    pub fn succeed(
        mut self,
        draft: &mut AccountUpdate,
        image: StoredImage,
    ) -> Result<Job, LedgerError> {
        draft.capture_job(self.id.as_str(), &self.open_hold()?)?;
        self.image = Some(image);
        Ok(self.finish(Status::Succeeded, ChargeState::Captured, draft.now()))
    }

    /// There is no image: the credit goes back.
    ///
    /// # Errors
    /// When the hold is not open: a fault of ours.
    pub fn fail(mut self, draft: &mut AccountUpdate, failure: Failure) -> Result<Job, LedgerError> {
        draft.release_job(self.id.as_str(), &self.open_hold()?)?;
        self.failure = Some(match self.licence {
            Some(_) => failure.in_our_words(),
            None => failure,
        });
        Ok(self.finish(Status::Failed, ChargeState::Released, draft.now()))
    }

    /// When the image is ready if all goes as usual.
    pub fn expected_at(&self) -> Timestamp {
        let typical_s = match (self.provider, self.quality) {
            (Provider::Studio, _) => 2,
            (Provider::Bria, Quality::Lite) => 15,
            (Provider::Bria, Quality::Standard) => 30,
        };
        self.created_at.plus(Duration::from_secs(typical_s))
    }

    /// Seconds a caller should wait before asking again; `None` once there is nothing to wait for.
    pub fn retry_after_s(&self, now: Timestamp) -> Option<u32> {
        let next = self.due_at.filter(|_| self.withheld_since.is_some());
        let next = next.unwrap_or_else(|| self.expected_at());
        (!self.status.is_final()).then(|| now.secs_until(next).max(1))
    }

    /// In how many seconds a worker should look at it; `None` if nobody should, because it is over
    /// or a worker has it.
    pub fn look_in_s(&self, now: Timestamp) -> Option<u32> {
        match (self.due_at, self.lease_until) {
            (Some(due_at), None) => Some(now.secs_until(due_at)),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The credits set aside for it.
    pub fn hold(&self) -> Hold {
        Hold { shares: self.charge.lots.clone() }
    }

    /// The hold, if nothing has ended it: other jobs hold credits of the same lots, so the balance
    /// alone would not notice a second end.
    fn open_hold(&self) -> Result<Hold, LedgerError> {
        match self.charge.state {
            ChargeState::Connected => Ok(self.hold()),
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
