//! Points in time, as whole milliseconds since the Unix epoch.
//!
//! RFC 3339 in UTC on the wire and in the table, always with milliseconds, so that texts sort by
//! time. Months follow the calendar: a month after 31 January is the last day of February, and two
//! months after it 31 March, because months are always counted from the anchor and never from the
//! previous result.

use std::{fmt, time::Duration};

use jiff::{
    Timestamp as Instant, ToSpan,
    civil::{DateTime, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Text that is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2026-11-22T09:30:00Z")]
pub struct InvalidTime;

/// A day of 24 hours, as all UTC days are.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The first instant of the year 0000 in UTC. East of Greenwich that year begins earlier, at times
/// without a text of ours.
const FIRST: Timestamp = Timestamp::from_secs(-62_167_219_200);

/// A half-open interval of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Period {
    /// The first instant in it.
    pub starts_at: Timestamp,
    /// The first instant after it.
    pub ends_at: Timestamp,
}

/// A calendar month in UTC, such as `2026-11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Timestamp);

/// Text that is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a month such as 2026-11")]
pub struct InvalidMonth;

/// A day in UTC, such as `2026-11-22`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Timestamp);

/// Text that is not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2026-11-22")]
pub struct InvalidDay;

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Whether a text is written as RFC 3339 asks, which is one of the forms that ISO 8601 knows: a date
/// and a time with seconds, `T` between them, and `Z` or an offset of hours and minutes.
fn is_rfc_3339(text: &str) -> bool {
    let is_like = |text: &[u8], form: &[u8]| {
        let is = |(at, like): (&u8, &u8)| match like {
            b'0' => at.is_ascii_digit(),
            _ => at.eq_ignore_ascii_case(like),
        };
        text.len() == form.len() && text.iter().zip(form).all(is)
    };
    let Some((at, rest)) = text.as_bytes().split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let zone = match rest {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|it| it.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        _ => rest,
    };
    let in_zone = [b"Z".as_slice(), b"+00:00", b"-00:00"].iter().any(|form| is_like(zone, form));
    is_like(at, b"0000-00-00T00:00:00") && in_zone
}

impl Month {
    /// The month of a point in time.
    pub fn of(at: Timestamp) -> Month {
        Month(at.start_of_month())
    }

    /// # Errors
    /// When `text` is not four digits, a hyphen and a month of two digits.
    pub fn parse(text: &str) -> Result<Month, InvalidMonth> {
        let month = Timestamp::parse(&format!("{text}-01T00:00:00Z")).map(Month);
        month.ok().filter(|month| month.to_string() == text).ok_or(InvalidMonth)
    }

    /// From its first instant until the next month's.
    pub fn period(self) -> Period {
        Period { starts_at: self.0, ends_at: self.0.plus_months(1) }
    }

    /// Whether it has begun at `now`.
    pub fn has_begun(self, now: Timestamp) -> bool {
        self.0 <= now
    }

    /// Whether it has ended by `now`.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.period().ends_at <= now
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.strftime("%Y-%m"))
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Day {
    /// The day of a point in time.
    pub fn of(at: Timestamp) -> Day {
        Day(at.floor_to(DAY))
    }

    /// # Errors
    /// When `text` is not a year of four digits, a month and a day of two, with hyphens.
    pub fn parse(text: &str) -> Result<Day, InvalidDay> {
        let day = Timestamp::parse(&format!("{text}T00:00:00Z")).map(Day);
        day.ok().filter(|day| day.to_string() == text).ok_or(InvalidDay)
    }

    /// From its first instant until the next day's.
    pub fn period(self) -> Period {
        Period { starts_at: self.0, ends_at: self.0.plus(DAY) }
    }

    /// The month of the day.
    pub fn month(self) -> Month {
        Month::of(self.0)
    }

    /// The day `days` later.
    #[must_use]
    pub fn plus(self, days: u32) -> Day {
        Day(self.0.plus(DAY.saturating_mul(days)))
    }

    /// The day `days` earlier.
    #[must_use]
    pub fn minus(self, days: u32) -> Day {
        Day(self.0.minus(DAY.saturating_mul(days)))
    }

    /// How many days `later` is after this one; negative if it is before.
    pub fn days_until(self, later: Day) -> i64 {
        later.number() - self.number()
    }

    /// The Sunday of its week, which begins on a Monday (ISO 8601).
    #[must_use]
    pub fn end_of_week(self) -> Day {
        // The epoch began on a Thursday.
        let since_monday = (self.number() + 3).rem_euclid(7);
        self.plus(u32::try_from(6 - since_monday).unwrap_or(0))
    }

    /// The last day of its month.
    #[must_use]
    pub fn end_of_month(self) -> Day {
        Day::of(self.month().period().ends_at).minus(1)
    }

    fn number(self) -> i64 {
        self.0.as_secs().div_euclid(24 * 60 * 60)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.date())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Day::parse(&text).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Month, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Month::parse(&text).map_err(D::Error::custom)
    }
}

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Timestamp {
        Timestamp(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The point in time `by` later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The point in time `by` earlier.
    #[must_use]
    pub fn minus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The duration until `later`; zero if it is not later.
    pub fn until(self, later: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// Whole seconds until `later`, rounded up, for `Retry-After`.
    pub fn secs_until(self, later: Timestamp) -> u32 {
        u32::try_from(self.until(later).as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// Rounded down to a multiple of `step` since the epoch; unchanged if `step` is zero.
    #[must_use]
    pub fn floor_to(self, step: Duration) -> Timestamp {
        match i64::try_from(step.as_millis()) {
            Ok(step) if step > 0 => Timestamp(self.0.saturating_sub(self.0.rem_euclid(step))),
            Ok(_) | Err(_) => self,
        }
    }

    /// `count` calendar months after this anchor, clamped to the end of shorter months.
    #[must_use]
    pub fn plus_months(self, count: u32) -> Timestamp {
        let anchor = self.civil();
        let moved = anchor.checked_add(i64::from(count).months()).unwrap_or(anchor);
        TimeZone::UTC
            .to_timestamp(moved)
            .map_or(self, |instant| Timestamp(instant.as_millisecond()))
    }

    /// Whole calendar months between this anchor and `now`; zero if `now` is earlier.
    pub fn months_until(self, now: Timestamp) -> u32 {
        let (from, to) = (self.civil(), now.civil());
        let years = i32::from(to.year()) - i32::from(from.year());
        let months = years * 12 + i32::from(to.month()) - i32::from(from.month());
        let estimate = u32::try_from(months).unwrap_or(0);
        if self.plus_months(estimate) > now { estimate.saturating_sub(1) } else { estimate }
    }

    /// The first instant of this point's calendar month.
    #[must_use]
    pub fn start_of_month(self) -> Timestamp {
        let first = self.civil().date().first_of_month().to_datetime(Time::midnight());
        TimeZone::UTC
            .to_timestamp(first)
            .map_or(self, |instant| Timestamp(instant.as_millisecond()))
    }

    /// The calendar date in UTC, for example `2026-11-22`.
    pub fn date(self) -> String {
        self.civil().date().to_string()
    }

    /// In a format of `strftime`, in UTC: one of the code, because one that is invalid panics.
    pub fn strftime(self, format: &'static str) -> String {
        self.instant().strftime(format).to_string()
    }

    /// # Errors
    /// When `text` is not a point in time in RFC 3339, or is one before the year 0000 in UTC.
    pub fn parse(text: &str) -> Result<Timestamp, InvalidTime> {
        if !is_rfc_3339(text) {
            return Err(InvalidTime);
        }
        let instant: Instant = text.parse().map_err(|_| InvalidTime)?;
        let at = Timestamp(instant.as_millisecond());
        if at >= FIRST { Ok(at) } else { Err(InvalidTime) }
    }

    fn instant(self) -> Instant {
        Instant::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            Instant::MIN
        } else {
            Instant::MAX
        })
    }

    fn civil(self) -> DateTime {
        TimeZone::UTC.to_datetime(self.instant())
    }
}

/// RFC 3339 in UTC with milliseconds, for example `2026-11-22T09:30:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.instant())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Timestamp::parse(&text).map_err(D::Error::custom)
    }
}

crate::scalar_schema!(Timestamp {
    "type": "string",
    "format": "date-time",
    "description": "A time in UTC (RFC 3339).",
    "examples": ["2026-11-22T09:00:00Z"],
});
crate::scalar_schema!(Day {
    "type": "string",
    "format": "date",
    "description": "A day in UTC.",
    "examples": ["2026-11-22"],
});
crate::scalar_schema!(Month {
    "type": "string",
    "description": "A month in UTC.",
    "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$",
    "examples": ["2026-11"],
});

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).unwrap()
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_asks() {
        for good in [
            "2026-11-22T09:30:00Z",
            "2026-11-22t09:30:00.25z",
            "2026-11-22T09:30:00.123456789+01:00",
            "2026-11-22T09:30:00-08:30",
        ] {
            assert!(Timestamp::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "2026-11-22 09:30:00Z",
            "2026-11-22T09:30Z",
            "20261122T093000Z",
            "2026-11-22T09:30:00",
            "2026-11-22T09:30:00.Z",
            "2026-11-22T09:30:00,5Z",
            "2026-11-22T09:30:00+01",
            "2026-11-22T09:30:00Z[UTC]",
            "2026-13-22T09:30:00Z",
            "0000-01-01T00:00:00+00:01",
            "",
        ] {
            assert_eq!(Timestamp::parse(bad), Err(InvalidTime), "{bad}");
        }
        let first = Timestamp::parse("0000-01-01T00:00:00Z").unwrap();
        assert_eq!((first, first.to_string().as_str()), (FIRST, "0000-01-01T00:00:00.000Z"));
    }

    #[test]
    fn rounding_down_ends_with_what_can_be_counted() {
        let check = |millis: i64, expected: i64| {
            assert_eq!(Timestamp(millis).floor_to(DAY).as_millis(), expected, "{millis}");
        };
        check(86_400_001, 86_400_000);
        check(-1, -86_400_000);
        check(i64::MIN, i64::MIN);
    }

    #[test]
    fn months_are_counted_from_the_anchor() {
        let check = |anchor: &str, months: u32, expected: &str| {
            assert_eq!(at(anchor).plus_months(months), at(expected), "{anchor} + {months}");
        };
        check("2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z");
        check("2026-01-31T10:00:00Z", 2, "2026-03-31T10:00:00Z");
        check("2028-01-31T10:00:00Z", 1, "2028-02-29T10:00:00Z");
        check("2026-12-15T00:00:00Z", 1, "2027-01-15T00:00:00Z");
    }

    #[test]
    fn whole_months_between_two_points() {
        let check = |anchor: &str, now: &str, expected: u32| {
            assert_eq!(at(anchor).months_until(at(now)), expected, "{anchor} .. {now}");
        };
        check("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z", 0);
        check("2026-01-31T10:00:00Z", "2026-02-28T09:59:59Z", 0);
        check("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", 1);
        check("2026-01-31T10:00:00Z", "2026-03-31T09:59:59Z", 1);
        check("2026-01-31T10:00:00Z", "2027-01-31T10:00:00Z", 12);
        check("2026-05-01T00:00:00Z", "2026-01-01T00:00:00Z", 0);
    }

    #[test]
    fn a_month_has_one_spelling() {
        let check = |text: &str, from: &str, to: &str| {
            let month = Month::parse(text).unwrap();
            let Period { starts_at, ends_at } = month.period();
            assert_eq!((starts_at, ends_at), (at(from), at(to)));
            assert_eq!(month.to_string(), text);
            assert_eq!((Month::of(starts_at), Month::of(ends_at) > month), (month, true));
        };
        check("2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        check("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check("2028-02", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
        for bad in ["", "2026", "2026-1", "2026-13", "2026-00", "26-11", "2026-11-01", "2026/11"] {
            assert_eq!(Month::parse(bad), Err(InvalidMonth), "{bad}");
        }
    }

    #[test]
    fn days_weeks_and_months_end() {
        let check = |text: &str, next: &str, week: &str, month: &str| {
            let day = Day::parse(text).unwrap();
            let ends = [day.plus(1), day.end_of_week(), day.end_of_month()];
            assert_eq!(ends.map(|day| day.to_string()), [next, week, month]);
            assert_eq!((day.plus(1).minus(1), day.days_until(day.plus(400))), (day, 400));
        };
        check("2026-11-26", "2026-11-27", "2026-11-29", "2026-11-30");
        check("2026-11-29", "2026-11-30", "2026-11-29", "2026-11-30");
        check("2026-11-30", "2026-12-01", "2026-12-06", "2026-11-30");
        check("2028-02-28", "2028-02-29", "2028-03-05", "2028-02-29");
        for bad in ["", "2026-11", "2026-11-31", "2026-1-01", "26-11-01", "2026-11-01T"] {
            assert_eq!(Day::parse(bad), Err(InvalidDay), "{bad}");
        }
    }

    #[test]
    fn one_spelling_on_the_wire() {
        let point = Timestamp::from_millis(1_795_340_400_123);
        let text = serde_json::to_string(&point).unwrap();
        assert_eq!(text, "\"2026-11-22T09:00:00.123Z\"".replace("09:00:00", &text[12..20]));
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), point);
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
