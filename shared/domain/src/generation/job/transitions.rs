//! The transitions of a job, each with what happens to its credit.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    ChargeState, ChargeView, Failure, Job, LEASE, POLL_WAITS, RESULT_WAIT, Status, TURN_LOOK_MAX,
};
use crate::{
    account::{AccountError, AccountUpdate},
    credits::{Hold, LedgerError, counted},
    image::StoredImage,
    time::Timestamp,
};

/// Why a job cannot be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The provider has accepted it.
    #[error(
        "The provider has this generation and cannot be stopped. If an image arrives it costs {}, \
         nothing if it fails.", counted(.0.credits)
    )]
    AlreadySubmitted(ChargeView),
    /// Its status is final.
    #[error("This generation is over already: {}.", .0.into_str())]
    Finished(Status, ChargeView),
    /// An internal fault: the ledger contradicts itself.
    #[error(transparent)]
    Broken(#[from] LedgerError),
    /// The account is suspended or deleted.
    #[error(transparent)]
    Account(#[from] AccountError),
}

crate::domain_error! {
    CancelError wraps [Broken, Account] {
        AlreadySubmitted => Conflict, "generation_already_submitted";
        Finished => Conflict, "generation_finished";
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

/// Why a job of the gallery is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GalleryError {
    /// It may still change by itself.
    #[error("This generation is {}: cancel it, or delete it once it has ended.", .0.into_str())]
    NotFinished(Status),
    /// There is no image to mark.
    #[error("This generation is {} and has no image.", .0.into_str())]
    NoImage(Status),
}

crate::domain_error! {
    GalleryError {
        NotFinished => Conflict, "generation_not_finished";
        NoImage => Conflict, "generation_without_image";
    }
}

impl Job {
    /// Marks its image as a favourite, or removes the mark.
    ///
    /// # Errors
    /// When it has no image to mark.
    pub fn set_favourite(mut self, favourite: bool, now: Timestamp) -> Result<Job, GalleryError> {
        if favourite && self.status != Status::Succeeded {
            return Err(GalleryError::NoImage(self.status));
        }
        self.favourite = favourite;
        Ok(self.touch(now))
    }

    /// Whether its member may delete it.
    ///
    /// # Errors
    /// When its status is not final.
    pub fn check_deletable(&self) -> Result<(), GalleryError> {
        match self.status.is_final() {
            true => Ok(()),
            false => Err(GalleryError::NotFinished(self.status)),
        }
    }

    /// Cancels it for its member, free of charge while no worker has begun.
    ///
    /// # Errors
    /// When it has begun or ended, or the account may not act.
    pub fn cancel(self, update: &mut AccountUpdate) -> Result<Job, CancelError> {
        update.require_active()?;
        self.cancel_for_suspension(update)
    }

    /// Cancels it for a suspended member: see [`Job::cancel`].
    ///
    /// # Errors
    /// When it has begun or ended.
    pub fn cancel_for_suspension(self, update: &mut AccountUpdate) -> Result<Job, CancelError> {
        match self.status {
            Status::Queued => {
                update.release_job(self.id.as_str(), &self.hold())?;
                Ok(self.finish(Status::Cancelled, ChargeState::Released, update.now()))
            }
            Status::Submitting | Status::Submitted => {
                Err(CancelError::AlreadySubmitted(self.charge.into()))
            }
            Status::Succeeded | Status::Failed | Status::Cancelled => {
                Err(CancelError::Finished(self.status, self.charge.into()))
            }
        }
    }

    /// A worker starts to submit it to the provider, or to render it.
    #[must_use]
    pub fn claim_submit(mut self, now: Timestamp) -> Job {
        self.status = Status::Submitting;
        self.turn_at = None;
        self.attempt += 1;
        self.started_at.get_or_insert(now);
        self.lease(now)
    }

    /// A worker starts to poll the provider.
    #[must_use]
    pub fn claim_poll(mut self, now: Timestamp) -> Job {
        self.turn_at = None;
        self.polls += 1;
        self.lease(now)
    }

    /// The provider was busy and did not accept it: the attempt does not count.
    #[must_use]
    pub fn requeue(mut self, retry_at: Timestamp, now: Timestamp) -> Job {
        self.status = Status::Queued;
        self.attempt = self.attempt.saturating_sub(1);
        self.started_at = None;
        self.touch(now).look_at(retry_at)
    }

    /// The provider takes no more calls in this minute: its turn is at `turn_at`.
    #[must_use]
    pub fn wait_for_turn(mut self, turn_at: Timestamp, now: Timestamp) -> Job {
        self.turn_at = Some(turn_at);
        self.touch(now).look_at(turn_at.min(now.plus(TURN_LOOK_MAX)))
    }

    /// It has no turn before `until`: it is due then, or after the longest delay of a message.
    #[must_use]
    pub fn postpone(mut self, until: Timestamp, now: Timestamp) -> Job {
        self.turn_at = None;
        self.touch(now).look_at(until.min(now.plus(TURN_LOOK_MAX)))
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
        update: &mut AccountUpdate,
        image: StoredImage,
    ) -> Result<Job, LedgerError> {
        update.capture_job(self.id.as_str(), &self.open_hold()?)?;
        self.image = Some(image);
        Ok(self.finish(Status::Succeeded, ChargeState::Captured, update.now()))
    }

    /// There is no image: releases the credit.
    ///
    /// # Errors
    /// When the hold is not open: an internal fault.
    pub fn fail(
        mut self,
        update: &mut AccountUpdate,
        failure: Failure,
    ) -> Result<Job, LedgerError> {
        update.release_job(self.id.as_str(), &self.open_hold()?)?;
        self.failure = Some(match self.licence {
            Some(_) => failure.in_our_words(),
            None => failure,
        });
        Ok(self.finish(Status::Failed, ChargeState::Released, update.now()))
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
        self.turn_at = None;
        self.lease_until = None;
        self.due_at = None;
        self.touch(now)
    }

    /// Counts a change. Its time does not go back, whatever the clocks of two workers say.
    fn touch(mut self, now: Timestamp) -> Job {
        self.version += 1;
        self.updated_at = self.updated_at.max(now);
        self
    }
}
