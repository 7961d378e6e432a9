//! The worker's decision: what to do with a job that is looked at.

use super::{
    Failure, FailureCode, Job, Provider, Status,
    job::{PROVIDER_WAIT_MAX, QUEUE_WAIT_MAX, RESULT_KEPT, UNKNOWN_ANSWERS_MAX},
};
use crate::time::Timestamp;

/// What to do with a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: it is final, leased, or not due.
    Leave,
    /// Claim it and submit it to the provider.
    Submit,
    /// Claim it and poll the provider.
    Poll,
    /// It may have been submitted and was never answered: only the webhook or the timeout can
    /// resolve it.
    AwaitUnknown,
    /// Fail it without an image.
    Fail(Failure),
}

impl Job {
    /// Decides. Called for every message, including late, repeated and early ones.
    pub fn next_step(&self, now: Timestamp) -> NextStep {
        let due = self.due_at.is_some_and(|due_at| due_at <= now);
        let leased = self.lease_until.is_some_and(|until| now < until);
        match self.status {
            Status::Succeeded | Status::Failed | Status::Cancelled => NextStep::Leave,
            _ if !due || leased => NextStep::Leave,
            // One whose turn is in the minute in which its time ends is begun all the same.
            Status::Queued
                if self.created_at.plus(QUEUE_WAIT_MAX) <= now && !self.has_turn(now) =>
            {
                NextStep::Fail(Failure::new(
                    FailureCode::ProviderUnavailable,
                    "The image provider was busy for too long. Nothing was started.",
                ))
            }
            Status::Queued => NextStep::Submit,
            Status::Submitting => self.step_after_silence(now),
            Status::Submitted => NextStep::Poll,
        }
    }

    /// The failure of a job whose messages all failed, because no further message will come; `None`
    /// if it is final.
    pub fn give_up(&self) -> Option<Failure> {
        let (code, message) = match self.status {
            Status::Succeeded | Status::Failed | Status::Cancelled => return None,
            Status::Queued => (
                FailureCode::ProviderUnavailable,
                "The image could not be started after several tries.",
            ),
            Status::Submitting => (
                FailureCode::SubmitUnknown,
                "The image provider did not answer, and the request was not repeated.",
            ),
            Status::Submitted => {
                (FailureCode::TimedOut, "The image could not be fetched after several tries.")
            }
        };
        Some(Failure::new(code, message))
    }

    /// Whether the provider's time is up. A finished image on a host that is not allowed waits as
    /// long as the provider stores it: the delay is not the provider's fault.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let most = match self.withheld_since {
            Some(_) => RESULT_KEPT,
            None => PROVIDER_WAIT_MAX,
        };
        self.submitted_at.is_some_and(|at| at.plus(most) <= now)
    }

    /// Whether the provider answered `UNKNOWN` often enough to fail the job.
    pub fn is_forgotten(&self) -> bool {
        self.unknown_answers >= UNKNOWN_ANSWERS_MAX
    }

    /// A worker submitted the job and then disappeared. Our own renderer may be asked again; a
    /// provider that may have accepted the request is never asked again.
    fn step_after_silence(&self, now: Timestamp) -> NextStep {
        match self.provider {
            Provider::Studio => NextStep::Submit,
            Provider::Bria if self.submit_unknown_until() <= now => NextStep::Fail(Failure::new(
                FailureCode::SubmitUnknown,
                "The image provider did not answer, and the request was not repeated.",
            )),
            Provider::Bria => NextStep::AwaitUnknown,
        }
    }
}
