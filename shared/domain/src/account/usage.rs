//! Credits spent in the present period of the plan, by day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{DAY, Timestamp};

/// Longest period that is told apart by days: a month, its grace, and then some. Days after it
/// count to the last.
const DAYS_MAX: usize = 62;

/// How many credits were spent on each day (UTC) since a period began. It is kept in the account,
/// so that telling it costs nothing more than reading that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<Timestamp>,
    /// The first is the day on which the period began; days after the last one had none.
    #[serde(default)]
    days: Vec<u32>,
}

impl Usage {
    /// Nothing spent in a period that begins at `starts_at`.
    pub fn since(starts_at: Timestamp) -> Usage {
        Usage { starts_at: Some(starts_at), days: Vec::new() }
    }

    /// When the period began; `None` before the first.
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.starts_at
    }

    /// Spent in all.
    pub fn used(&self) -> u32 {
        self.days.iter().sum()
    }

    /// Each day that has credits, by its first instant.
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
