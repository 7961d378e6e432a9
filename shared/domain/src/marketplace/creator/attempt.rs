//! Attempts at a Stripe request that must happen exactly once.
//!
//! Stripe stores the response to an idempotency key for a day, a 500 included, and returns it to
//! every retry under that key, whether or not the request took effect
//! (<https://docs.stripe.com/error-low-level>). So an attempt's result is looked up first; if it is
//! not found long after the attempt, the request is made again under a new key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How long one key is used. No request of ours runs this long, so none can take effect after it
/// was looked up and not found; and the next day's run uses a new key.
pub const NEXT_KEY_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// The latest attempt at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// The number of the attempt; 1 is the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
}

impl Attempt {
    /// The attempt to be made at `now`, after `last`: the same one again, unless it began long ago.
    #[must_use]
    pub fn after(last: Option<Attempt>, now: Timestamp) -> Attempt {
        match last {
            None => Attempt { number: 1, at: now },
            Some(last) if last.at.plus(NEXT_KEY_AFTER) <= now => {
                Attempt { number: last.number + 1, at: now }
            }
            Some(last) => last,
        }
    }

    /// The idempotency key of the attempt `last` at the request `name`.
    pub fn key(last: Option<Attempt>, name: &str) -> String {
        match last.map_or(1, |last| last.number) {
            ..=1 => name.to_owned(),
            number => format!("{name}:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_is_used_when_the_last_attempt_is_long_ago() {
        let begun = Timestamp::from_secs(1_795_000_000);
        let hours = |hours: u64| begun.plus(Duration::from_secs(hours * 60 * 60));
        let mut last = None;
        for (at, number, key) in [
            (0, 1, "payout"),
            (0, 1, "payout"),
            (11, 1, "payout"),
            (12, 2, "payout:2"),
            (23, 2, "payout:2"),
            (48, 3, "payout:3"),
        ] {
            let next = Attempt::after(last, hours(at));
            assert_eq!((next.number, Attempt::key(Some(next), "payout").as_str()), (number, key));
            last = Some(next);
        }
        assert_eq!(Attempt::key(None, "payout"), "payout");
    }
}
