//! The days a report is about, and what is read for it.

use std::collections::BTreeMap;

use super::Counters;
use crate::{
    error::{FieldError, InvalidFields},
    time::{Day, Month, Timestamp},
};

/// Most days of a period.
const DAYS_MAX: i64 = 366;
/// How many days before today a period begins, if nobody says.
const DAYS_DEFAULT: u32 = 30;
/// How many stand in a ranking.
pub const TOP: u16 = 10;

/// From one day to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
}

/// A period there are no numbers of.
pub type SpanRefused = InvalidFields;

/// What a report is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The sums of each day, from the first that is compared with to the last there is. A member
    /// active in a week or a month counts on its last day, which may be still to come.
    pub days: BTreeMap<Day, Counters>,
    /// What stands, all days together.
    pub totals: Counters,
    /// The first creators by gross, presets and listings by uses, of the month the period ends in.
    pub creators: Vec<Ranked>,
    /// See `creators`.
    pub presets: Vec<Ranked>,
    /// See `creators`.
    pub listings: Vec<Ranked>,
}

/// A place in a ranking.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ranked {
    /// Of whom.
    pub id: String,
    /// In minor units, or how often.
    pub amount: i64,
}

impl Span {
    /// One day.
    pub const fn day(day: Day) -> Span {
        Span { from: day, to: day }
    }

    /// The period that is asked for: where nobody says, it ends today and begins thirty days
    /// before its end.
    ///
    /// # Errors
    /// When it ends before it begins, in the future, or is longer than 366 days.
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
        Ok(Span { from, to })
    }

    /// As many days before it.
    #[must_use]
    pub fn before(self) -> Span {
        let days = u32::try_from(self.from.days_until(self.to)).unwrap_or(0);
        let to = self.from.minus(1);
        Span { from: to.minus(days), to }
    }

    /// Its days.
    pub fn days(self) -> impl Iterator<Item = Day> {
        std::iter::successors(Some(self.from), |day| Some(day.plus(1)))
            .take_while(move |day| *day <= self.to)
    }

    /// The months its days lie in.
    pub fn months(self) -> impl Iterator<Item = Month> {
        let next = |month: &Month| Some(Month::of(month.period().ends_at));
        let last = self.to.month();
        std::iter::successors(Some(self.from.month()), next).take_while(move |it| *it <= last)
    }

    /// Whether a day is one of its own.
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

    /// What stood at the end of a day: what stands, without what moved later.
    pub fn standing(&self, end_of: Day) -> Counters {
        let mut stood = self.totals.clone();
        let later = self.days.range(end_of.plus(1)..);
        later.for_each(|(_, day)| stood.take_off(&day.levels()));
        stood
    }
}
