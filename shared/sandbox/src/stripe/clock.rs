//! The account's clock: real time plus an offset, or frozen until it is moved.
//!
//! Everything in the account follows it: sessions expire, subscriptions renew, payments are
//! retried. Moving it processes everything due, in order (`cycle`).

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};

use crate::clock;

/// A day, in seconds.
pub(super) const DAY_S: i64 = 86_400;
/// Largest step of the clock: ten years.
pub(super) const LEAP_S_MAX: i64 = 3_660 * DAY_S;

/// A clock in Unix seconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clock {
    /// Follows the real clock, with an offset.
    Running {
        /// Offset to real time, in seconds.
        ahead_s: i64,
    },
    /// Frozen.
    Standing {
        /// Unix seconds.
        at: i64,
    },
}

impl Clock {
    /// A clock frozen at `at`, or a running one.
    pub(super) fn new(at: Option<i64>) -> Clock {
        at.map_or(Clock::Running { ahead_s: 0 }, |at| Clock::Standing { at })
    }

    /// Whether it is running.
    pub(super) fn goes(self) -> bool {
        matches!(self, Clock::Running { .. })
    }

    /// Unix seconds.
    pub(super) fn now(self) -> i64 {
        match self {
            Clock::Running { ahead_s } => real_now() + ahead_s,
            Clock::Standing { at } => at,
        }
    }

    /// How far it is ahead of its callers, in seconds: their clocks are real if this one runs, and
    /// move along with it if it is frozen.
    pub(super) fn ahead_s(self) -> i64 {
        match self {
            Clock::Running { ahead_s } => ahead_s,
            Clock::Standing { .. } => 0,
        }
    }

    /// Sets the current time to `to`.
    pub(super) fn move_to(&mut self, to: i64) {
        *self = match self {
            Clock::Running { .. } => Clock::Running { ahead_s: to - real_now() },
            Clock::Standing { .. } => Clock::Standing { at: to },
        };
    }
}

/// The real time in Unix seconds.
pub(super) fn real_now() -> i64 {
    i64::try_from(clock::unix_time().as_secs()).unwrap_or(i64::MAX)
}

/// The same day of the month and time of day `months` later, or the last day of a shorter month.
pub(super) fn months_after(time: i64, months: i32) -> i64 {
    let moved = civil(time).and_then(|begin| begin.checked_add(months.months()).ok());
    moved
        .and_then(|end| end.to_zoned(TimeZone::UTC).ok())
        .map_or(time + i64::from(months) * 30 * DAY_S, |end| end.timestamp().as_second())
}

/// A date for display: `2026-11-22`.
pub(super) fn date(time: i64) -> String {
    civil(time).map_or_else(String::new, |at| at.date().to_string())
}

/// A time in the format of API v2: `2026-11-22T09:00:00.000Z`.
pub(super) fn rfc3339(time: i64) -> String {
    civil(time).map_or_else(String::new, |at| format!("{at:.3}Z"))
}

/// The first midnight (UTC) after a time.
pub(super) fn day_end(time: i64) -> i64 {
    (time.div_euclid(DAY_S) + 1) * DAY_S
}

fn civil(time: i64) -> Option<DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_second(time).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_keep_their_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        for (from, months, to) in [
            ("2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z"),
            ("2026-01-31T10:00:00Z", 2, "2026-03-31T10:00:00Z"),
            ("2027-12-15T00:00:00Z", 2, "2028-02-15T00:00:00Z"),
            ("2028-02-29T00:00:00Z", 12, "2029-02-28T00:00:00Z"),
        ] {
            assert_eq!(months_after(at(from), months), at(to), "{from} + {months}");
        }
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(rfc3339(at("2026-01-31T10:00:00Z")), "2026-01-31T10:00:00.000Z");
        assert_eq!(day_end(at("2026-01-31T10:00:00Z")), at("2026-02-01T00:00:00Z"));
        assert_eq!(day_end(at("2026-01-31T00:00:00Z")), at("2026-02-01T00:00:00Z"));
    }
}
