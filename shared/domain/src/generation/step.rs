//! What should happen to a job that somebody looks at: the worker's one decision.

use super::{
    Failure, FailureCode, Job, Provider, Status,
    job::{PROVIDER_WAIT_MAX, QUEUE_WAIT_MAX, RESULT_KEPT, UNKNOWN_ANSWERS_MAX},
};
use crate::time::Timestamp;

/// What to do with a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: it is over, somebody has it, or its time has not come.
    Leave,
    /// Claim it and ask the provider for the image.
    Submit,
    /// Claim it and ask the provider how far it is.
    Poll,
    /// It may have been sent and was never answered: only the webhook or time can tell.
    AwaitUnknown,
    /// End it without an image.
    Fail(Failure),
}

impl Job {
    /// Decides. Called for every message, late, repeated or early ones included.
    pub fn next_step(&self, now: Timestamp) -> NextStep {
        let due = self.due_at.is_some_and(|due_at| due_at <= now);
        let leased = self.lease_until.is_some_and(|until| now < until);
        match self.status {
            Status::Succeeded | Status::Failed | Status::Cancelled => NextStep::Leave,
            _ if !due || leased => NextStep::Leave,
            Status::Queued if self.created_at.plus(QUEUE_WAIT_MAX) <= now => {
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

    /// What to do with a job whose messages all failed: nobody will look again by themselves.
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

    /// Whether the provider has had all the time it gets. A finished image on a host that is not
    /// allowed has as long as the provider keeps it: that it waits is not the provider's doing.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let most = match self.withheld_since {
            Some(_) => RESULT_KEPT,
            None => PROVIDER_WAIT_MAX,
        };
        self.submitted_at.is_some_and(|at| at.plus(most) <= now)
    }

    /// Whether the provider has said often enough that it does not know this request.
    pub fn is_forgotten(&self) -> bool {
        self.unknown_answers >= UNKNOWN_ANSWERS_MAX
    }

    /// A worker asked and was not heard from again. Our own renderer may be asked twice; a
    /// provider that may have taken the request is never asked again.
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
