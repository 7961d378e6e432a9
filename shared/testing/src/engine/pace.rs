//! The time that requests take.

use std::time::Duration;

use domain::Timestamp;
use runtime::Clock;
use serde_json::Value;

/// The time that requests take on a manual clock, as they do on AWS.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The clock that they move.
    pub clock: Clock,
    /// A request.
    pub trip: Duration,
    /// Each item that a transaction writes.
    pub written: Duration,
    /// A megabyte that is read.
    pub megabyte: Duration,
    /// When Lambda ends the caller: what it asks later is never answered.
    pub ends_at: Timestamp,
}

impl Pace {
    pub(super) fn is_over(&self) -> bool {
        self.ends_at < self.clock.now()
    }

    /// Moves the clock by the time of a request.
    pub(super) fn pass(&self, request: &[u8], answer: &str) {
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let written = request["TransactItems"].as_array().map_or(0, Vec::len);
        let written = self.written.saturating_mul(u32::try_from(written).unwrap_or(u32::MAX));
        let read = self.megabyte.mul_f64(answer.len() as f64 / 1_000_000.0);
        self.clock.advance(self.trip + written + read);
    }
}
