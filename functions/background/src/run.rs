//! A run over many members, rewards or tallies, none of which may keep the others waiting.

use std::fmt::Display;

use domain::{Refusal, RefusalKind, Timestamp};
use runtime::{Metrics, TaskError};
use tracing::error;

/// What failed in a run so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    failed: u64,
    later: Option<TaskError>,
}

impl Run {
    /// What one of them came to; `None` if it failed. A failure is logged with its id and counted,
    /// and the run goes on with the next.
    pub(crate) fn take<T, R: Refusal>(
        &mut self,
        what: &'static str,
        id: &dyn Display,
        done: Result<T, R>,
    ) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(failure) => {
                error!(what, %id, code = failure.code(), %failure, "failed, the run goes on");
                self.failed += 1;
                if failure.kind() == RefusalKind::Unavailable && self.later.is_none() {
                    self.later = Some(failure.into());
                }
                None
            }
        }
    }

    /// Ends the run. A failure that may pass with time makes the run fail, after everything else was
    /// done, so that EventBridge repeats it.
    ///
    /// # Errors
    /// The first such failure.
    pub(crate) fn end(self, now: Timestamp) -> Result<(), TaskError> {
        Metrics::at(now).count("RunFailures", self.failed).emit();
        self.later.map_or(Ok(()), Err)
    }
}
