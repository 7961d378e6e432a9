//! Enforces a handler's deadline and contains its panics.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;

use crate::error::{ApiError, Fault};

/// A handler was stopped because its invocation was about to end.
#[derive(Debug, thiserror::Error)]
#[error("the handler did not finish in time")]
struct TimedOut;

domain::domain_error! {
    TimedOut => Unavailable, "timed_out";
    fn retry_after_s(&self) -> Option<u32> {
        Some(1)
    }
}

/// Runs `work` for at most `time_left`.
///
/// # Errors
/// An internal error when it takes longer or panics; the panic is logged by then.
pub(crate) async fn within<T>(
    time_left: Option<Duration>,
    work: impl Future<Output = T>,
) -> Result<T, ApiError> {
    // No state survives a panic: the call's own state is dropped, and the capabilities it borrowed
    // are clients without state of a call. Boxed, because the compiler cannot lay out a handler
    // inside all of its shells.
    let work = AssertUnwindSafe(work).catch_unwind().boxed_local();
    let finished = match time_left {
        Some(time_left) => tokio::time::timeout(time_left, work).await.map_err(|_| TimedOut)?,
        None => work.await,
    };
    finished.map_err(|_| Fault("the handler panicked".to_owned()).into())
}
