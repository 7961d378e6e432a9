//! The days of a report, and the data it is computed from.

use std::collections::BTreeMap;

use super::Counters;
use crate::{
    error::{FieldError, InvalidFields},
    id::{Named, UserId},
    time::{Day, Month, Timestamp},
};

/// Most days of a period.
const DAYS_MAX: i64 = 366;
/// How far back a period may begin: its report reads every month since.
const DAYS_BACK_MAX: i64 = 3_653;
/// Default length of a period: it begins this many days before its end.
const DAYS_DEFAULT: u32 = 30;
/// Length of a ranking.
pub const TOP: u16 = 10;

/// A range of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
}

/// A period for which there are no metrics.
pub type SpanRefused = InvalidFields;

/// The data of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The sums of each day, from the first day of the previous period to the latest. A member
    /// active in a week or a month counts on its last day, which may be in the future.
    pub days: BTreeMap<Day, Counters>,
    /// The current levels: the sum of all days.
    pub totals: Counters,
    /// The top creators by gross, and presets and listings by uses, of the month in which the
    /// period ends.
    pub creators: Vec<Ranked>,
    /// See `creators`.
    pub presets: Vec<Ranked>,
    /// See `creators`.
    pub listings: Vec<Ranked>,
}

/// An entry of a ranking.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ranked {
    /// The id of the creator, preset or listing.
    pub id: String,
    /// The preset's name or the listing's title; `null` if it was deleted.
    #[serde(default)]
    pub name: Option<String>,
    /// The member it belongs to; `null` in rankings from before that was recorded.
    #[serde(default)]
    pub owner: Option<Named<UserId>>,
    /// Gross in minor units, or number of uses.
    pub amount: i64,
}

impl Span {
    /// One day.
    pub const fn day(day: Day) -> Span {
        Span { from: day, to: day }
    }

    /// The requested period; by default it ends today and begins thirty days before its end.
    ///
    /// # Errors
    /// When it ends before it begins, ends in the future, is longer than [`DAYS_MAX`], or begins
    /// longer ago than [`DAYS_BACK_MAX`].
    pub fn asked(from: Option<Day>, to: Option<Day>, now: Timestamp) -> Result<Span, SpanRefused> {
        let today = Day::of(now);
        let to = to.unwrap_or(today);
        let from = from.unwrap_or(to.minus(DAYS_DEFAULT));
        let refused = |field, code, detail: &str| {
            Err(InvalidFields(vec![FieldError::new(field, code, detail)]))
        };
        if to > today {
            return refused("/to", "in_the_future", "no day after today");
        }
        if from > to {
            return refused("/from", "after_to", "no day after `to`");
        }
        if from.days_until(to) >= DAYS_MAX {
            return refused("/from", "period_too_long", "at most 366 days");
        }
        if from.days_until(today) > DAYS_BACK_MAX {
            return refused("/from", "too_long_ago", "no day more than ten years ago");
        }
        Ok(Span { from, to })
    }

    /// The period of the same length before it.
    #[must_use]
    pub fn before(self) -> Span {
        let days = u32::try_from(self.from.days_until(self.to)).unwrap_or(0);
        let to = self.from.minus(1);
        Span { from: to.minus(days), to }
    }

    /// All its days.
    pub fn days(self) -> impl Iterator<Item = Day> {
        std::iter::successors(Some(self.from), |day| Some(day.plus(1)))
            .take_while(move |day| *day <= self.to)
    }

    /// The months of its days.
    pub fn months(self) -> impl Iterator<Item = Month> {
        let next = |month: &Month| Some(Month::of(month.period().ends_at));
        let last = self.to.month();
        std::iter::successors(Some(self.from.month()), next).take_while(move |it| *it <= last)
    }

    /// Whether it contains a day.
    pub fn has(self, day: Day) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl Metrics {
    /// The sums of a period.
    pub fn of(&self, span: Span) -> Counters {
        let mut sum = Counters::default();
        self.days.range(span.from..=span.to).for_each(|(_, day)| sum.merge(day));
        sum
    }

    /// The levels at the end of a day: the current levels without later changes.
    pub fn standing(&self, end_of: Day) -> Counters {
        let mut stood = self.totals.clone();
        let later = self.days.range(end_of.plus(1)..);
        later.for_each(|(_, day)| stood.take_off(&day.levels()));
        stood
    }
}
