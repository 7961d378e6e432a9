//! A run over many members, rewards or counts, none of which may block the others.

use std::fmt::Display;

use domain::{DomainError, ErrorKind};
use runtime::{Metrics, TaskError};
use tracing::error;

use crate::walk::Walk;

/// The failures of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    failed: u64,
    later: Option<TaskError>,
}

impl Run {
    /// The result of one; `None` if it failed. A failure is logged with its id and counted, and the
    /// run continues with the next.
    pub(crate) fn take<T, R: DomainError>(
        &mut self,
        what: &'static str,
        id: &dyn Display,
        done: Result<T, R>,
    ) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(failure) => {
                error!(what, %id, code = failure.code(), %failure, "failed, the run continues");
                self.failed += 1;
                if failure.kind() == ErrorKind::Unavailable && self.later.is_none() {
                    self.later = Some(failure.into());
                }
                None
            }
        }
    }

    /// Logs and counts items that cannot be read; the run continues without them.
    pub(crate) fn pass_over(&mut self, what: &'static str, keys: &[String]) {
        for key in keys {
            error!(what, key, "cannot be read, the run continues without it");
            self.failed += 1;
        }
    }

    /// Ends the run and its walk.
    ///
    /// # Errors
    /// The first transient failure, or that the walk is unfinished.
    pub(crate) async fn end_walk(self, walk: Walk<'_>) -> Result<(), TaskError> {
        let ended = walk.end().await;
        self.end().and(ended)
    }

    /// Ends the run. A transient failure makes the run fail, after everything else is done, so that
    /// EventBridge retries it.
    ///
    /// # Errors
    /// The first transient failure.
    pub(crate) fn end(self) -> Result<(), TaskError> {
        Metrics::new().count("RunFailures", self.failed).emit();
        self.later.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use store::{NotFound, StoreError};

    use super::*;

    #[test]
    fn a_run_goes_on_and_fails_at_its_end_only_for_what_may_pass() {
        let mut run = Run::default();
        assert_eq!(run.take("reward", &"one", Ok::<u32, StoreError>(7)), Some(7));
        let broken = Err::<u32, _>(StoreError::refused(NotFound::User));
        assert_eq!(run.take("reward", &"two", broken), None);
        assert_eq!(run.failed, 1);
        run.end().unwrap();

        let mut run = Run::default();
        for name in ["one", "two"] {
            assert_eq!(run.take("reward", &name, Err::<u32, _>(StoreError::Busy)), None);
        }
        assert_eq!(run.failed, 2);
        let failed = run.end().unwrap_err();
        assert!(matches!(failed, TaskError::Retry(_)), "EventBridge retries: {failed:?}");
    }
}
