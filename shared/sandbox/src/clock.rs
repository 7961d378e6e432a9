//! The only reader of the wall clock here: tokens and webhook signatures carry real time, because
//! the processes that check them read the wall clock too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch; zero if the machine's clock is before it.
#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox plays other parties, and they have clocks of their own"
)]
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
