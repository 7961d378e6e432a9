//! Credits spent in the current period of the plan, by day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{DAY, Timestamp};

/// Longest period counted by day: a month, its grace, and a margin. Later days count towards the
/// last.
const DAYS_MAX: usize = 62;

/// Credits spent on each day (UTC) since a period began. Stored in the account, so that showing it
/// costs no extra read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<Timestamp>,
    /// The first is the day on which the period began; days after the last entry have no use.
    #[serde(default)]
    days: Vec<u32>,
}

impl Usage {
    /// No use yet, in a period that begins at `starts_at`.
    pub fn since(starts_at: Timestamp) -> Usage {
        Usage { starts_at: Some(starts_at), days: Vec::new() }
    }

    /// When the period began; `None` before the first.
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.starts_at
    }

    /// Credits spent in the period.
    pub fn used(&self) -> u32 {
        self.days.iter().sum()
    }

    /// The days with use, each by its first instant, with the credits spent.
    pub fn by_day(&self) -> impl Iterator<Item = (Timestamp, u32)> {
        let first = self.starts_at.map_or(Timestamp::from_secs(0), |at| at.floor_to(DAY));
        let days = self.days.iter().zip(0u32..).filter(|(used, _)| **used > 0);
        days.map(move |(used, nth)| (first.plus(DAY * nth), *used))
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Usage::default()
    }

    pub(super) fn count(&mut self, credits: u32, now: Timestamp) {
        let first = self.starts_at.get_or_insert(now).floor_to(DAY);
        let day = day_of(first.until(now)).min(DAYS_MAX - 1);
        if self.days.len() <= day {
            self.days.resize(day + 1, 0);
        }
        self.days[day] += credits;
    }
}

fn day_of(since: Duration) -> usize {
    usize::try_from(since.as_secs() / DAY.as_secs()).unwrap_or(usize::MAX)
}
