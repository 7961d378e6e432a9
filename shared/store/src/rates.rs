//! Rate limits: calls per window of time, counted in the table (Q10).

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::Timestamp;

use crate::{
    condition::{Condition, conditional, number},
    error::StoreError,
    keys::{Key, TTL},
    table::{Store, written},
    transaction::{ItemKind, Transaction},
};

/// A limit of units in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Most units in a window.
    pub max: u32,
    /// The window; windows begin at multiples of it.
    pub window: Duration,
}

/// A unit of a window that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When the window begins.
    pub window: Timestamp,
    /// How many units of it were taken by then, with this one.
    pub nth: u32,
}

/// The window is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("At most {max} of these in {window_s} seconds: try again in {retry_after_s} seconds.")]
pub struct RateLimited {
    /// The limit.
    pub max: u32,
    /// Length of the window in seconds.
    pub window_s: u64,
    /// Seconds until the next window begins.
    pub retry_after_s: u32,
}

domain::domain_error! {
    RateLimited => TooMany, "rate_limited";
    fn retry_after_s(&self) -> Option<u32> {
        Some(self.retry_after_s)
    }
}

impl Rate {
    /// At most `max` in a minute.
    pub const fn a_minute(max: u32) -> Rate {
        Rate { max, window: Duration::from_secs(60) }
    }

    /// At most `max` in an hour.
    pub const fn an_hour(max: u32) -> Rate {
        Rate { max, window: Duration::from_secs(60 * 60) }
    }

    /// At most `max` in a UTC day.
    pub const fn a_day(max: u32) -> Rate {
        Rate { max, window: Duration::from_secs(24 * 60 * 60) }
    }

    /// The error of a window that is used up at `now`.
    pub fn refused(self, now: Timestamp) -> RateLimited {
        RateLimited {
            max: self.max,
            window_s: self.window.as_secs(),
            retry_after_s: self.ends_in_s(now),
        }
    }

    /// Seconds until the window of `now` ends, at least one.
    pub fn ends_in_s(self, now: Timestamp) -> u32 {
        let ends = now.floor_to(self.window).plus(self.window);
        now.secs_until(ends).max(1)
    }
}

impl Store {
    /// Takes one unit of the window for `what`.
    ///
    /// # Errors
    /// [`RateLimited`] (inside [`StoreError::Refused`]) when none is left.
    pub async fn check_rate_limit(
        &self,
        what: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match self.take_some(what, 1, rate, now).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::refused(rate.refused(now))),
        }
    }

    /// Takes one unit of the first window for `what` that has one left: from the window of `from`
    /// on, of those that begin before `until`. `None` if all are used up.
    pub async fn take_first(
        &self,
        what: &str,
        rate: Rate,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Place>, StoreError> {
        let mut window = from.floor_to(rate.window);
        while window < until {
            if let Some(nth) = self.take_some(what, 1, rate, window).await? {
                return Ok(Some(Place { window, nth }));
            }
            window = window.plus(rate.window);
        }
        Ok(None)
    }

    /// Takes `places` units of the window for `what`, all or none. Returns how many are taken now,
    /// or `None` if too few are left.
    pub async fn take_some(
        &self,
        what: &str,
        places: u32,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let Some(room) = rate.max.checked_sub(places) else { return Ok(None) };
        let taken = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(window_key(what, rate, now).item()))
            .update_expression(TAKE);
        let taken = conditional!(taken, has_room(places, room, rate, now))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let Some(answer) = written(taken)? else { return Ok(None) };
        let taken = answer.attributes.as_ref().and_then(|it| it.get("taken")?.as_n().ok());
        let taken = taken.and_then(|taken| taken.parse().ok());
        taken.map(Some).ok_or_else(|| StoreError::corrupt("a rate counter without its number"))
    }
}

impl Transaction {
    /// Takes `places` units, at most the limit of `rate`, in this transaction. If too few are left,
    /// [`ItemKind::Rate`] conflicts.
    pub(crate) fn taking(self, what: &str, places: u32, rate: Rate, now: Timestamp) -> Self {
        let has_room = has_room(places, rate.max.saturating_sub(places), rate, now);
        self.update(ItemKind::Rate, window_key(what, rate, now), TAKE.to_owned(), has_room)
    }
}

const TAKE: &str = "ADD taken :places SET #ttl = :ttl";

/// That at most `room` units are taken, with the names and values of [`TAKE`].
fn has_room(places: u32, room: u32, rate: Rate, now: Timestamp) -> Condition {
    Condition::that("attribute_not_exists(taken) OR taken <= :room")
        .name("#ttl", TTL)
        .value(":places", number(places))
        .value(":room", number(room))
        .value(":ttl", expires(rate, now))
}

fn window_key(what: &str, rate: Rate, now: Timestamp) -> Key {
    Key::rate(what, now.floor_to(rate.window).as_secs())
}

/// When a counter expires, one window after its own: Unix seconds, the table's TTL.
fn expires(rate: Rate, now: Timestamp) -> AttributeValue {
    number(now.floor_to(rate.window).plus(rate.window.saturating_mul(2)).as_secs())
}
