//! Holds a handler to its deadline and keeps a panic inside its call.

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::{DomainError, ErrorKind};
use futures_util::FutureExt;

use crate::error::{ApiError, Fault};

/// A handler was stopped because its invocation was about to end.
#[derive(Debug, thiserror::Error)]
#[error("the handler did not finish in time")]
struct TimedOut;

impl DomainError for TimedOut {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
    fn code(&self) -> &'static str {
        "timed_out"
    }
    fn retry_after_s(&self) -> Option<u32> {
        Some(1)
    }
}

/// Runs `work` for at most `time_left`.
///
/// # Errors
/// A fault of ours when it takes longer or panics; the panic itself has been logged by then.
pub(crate) async fn within<T>(
    time_left: Option<Duration>,
    work: impl Future<Output = T>,
) -> Result<T, ApiError> {
    // Nothing of a call outlives its panic: what it owned is dropped, and the capabilities it
    // borrowed are clients that hold no state of one call.
    // In a box, because the compiler cannot lay out a handler inside all of its shells.
    let work = AssertUnwindSafe(work).catch_unwind().boxed_local();
    let finished = match time_left {
        Some(time_left) => tokio::time::timeout(time_left, work).await.map_err(|_| TimedOut)?,
        None => work.await,
    };
    finished.map_err(|_| Fault("the handler panicked".to_owned()).into())
}
