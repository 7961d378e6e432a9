//! Waiting for a job within a request: for how long, how often it is looked at, and how many
//! callers may wait.
//!
//! A waiting request occupies one of the account's concurrent Lambda executions, so the seconds that
//! are waited are limited for each member and for all together. A caller beyond that is answered at
//! once and polls.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// Most seconds of one wait. The function ends after 28 s and the gateway after 29 s.
pub const WAIT_S_MAX: u32 = 20;
/// Most seconds that a member waits in a minute: two requests at a time.
pub const WAITED_S_A_MINUTE: u32 = 120;
/// Most seconds that all members wait in a minute: forty requests at a time, of the 1,000 that an
/// account of Lambda runs at once.
pub const WAITED_S_A_MINUTE_BY_ALL: u32 = 2_400;

/// For how many seconds a caller waits for a job to end: at most [`WAIT_S_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitSeconds(u32);

impl WaitSeconds {
    /// These seconds, or [`WAIT_S_MAX`] if that is less.
    pub fn at_most(seconds: u32) -> WaitSeconds {
        WaitSeconds(seconds.min(WAIT_S_MAX))
    }

    /// The seconds.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The same as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl<'de> Deserialize<'de> for WaitSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WaitSeconds, D::Error> {
        let seconds = u32::deserialize(deserializer)?;
        match seconds <= WAIT_S_MAX {
            true => Ok(WaitSeconds(seconds)),
            false => Err(D::Error::custom(format_args!("0 to {WAIT_S_MAX}, not {seconds}"))),
        }
    }
}

crate::scalar_schema!(WaitSeconds {
    "type": "integer",
    "description": "For how many seconds to wait for the end.",
    "minimum": 0,
    "maximum": WAIT_S_MAX,
});

/// The pause before a job is looked at again, after this time of waiting: short while our own
/// renderer may be at work, longer for a provider. In 20 seconds it is looked at 36 times.
pub fn look_again_after(waited: Duration) -> Duration {
    match waited.as_secs() {
        0..3 => Duration::from_millis(250),
        3..10 => Duration::from_millis(500),
        _ => Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_a_limit() {
        let read = |text| serde_json::from_str::<WaitSeconds>(text).map(WaitSeconds::get).ok();
        assert_eq!(
            [read("0"), read("20"), read("21"), read("-1")],
            [Some(0), Some(20), None, None]
        );
        assert_eq!(WaitSeconds::at_most(60).get(), WAIT_S_MAX);
    }

    #[test]
    fn the_longest_wait_looks_a_few_dozen_times() {
        let (mut waited, mut looks) = (Duration::ZERO, 0);
        while waited < WaitSeconds::at_most(WAIT_S_MAX).duration() {
            waited += look_again_after(waited);
            looks += 1;
        }
        assert_eq!(looks, 36);
    }
}
