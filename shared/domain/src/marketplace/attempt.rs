//! Attempts to have Stripe do one thing once.
//!
//! Stripe keeps an answer of 500 under its idempotency key, as it keeps every other, and gives it again
//! for a day: asked under the same key, it answers the same, whether or not anything was done
//! (<https://docs.stripe.com/error-low-level>). So what was attempted is looked up first, and what is
//! not found long after its attempt is attempted again under another key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// After how long another key is used. No request of ours is worked on for so long, so that none can
/// be carried out after it was looked up and not found; and the next day's run uses a new key.
pub const NEXT_KEY_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// The last attempt at something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which: 1 is the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
}

impl Attempt {
    /// The one that is to be made at `now`, after the `last`: that one again, unless it is long ago.
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

    /// The idempotency key of the last attempt at what `name` names.
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
