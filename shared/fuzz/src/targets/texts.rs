//! Times and amounts: each has one spelling, which is read as itself.

use domain::{
    Timestamp,
    money::Money,
    time::{Day, Month},
};

use crate::parts::assert_kept;

/// A time, a day or a month.
pub(crate) fn time(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let (at, day, month) = (Timestamp::parse(text), Day::parse(text), Month::parse(text));
    if let Ok(at) = at {
        let written = at.to_string();
        assert_eq!(written.len(), "2026-11-22T09:30:00.000Z".len(), "{written}");
        assert_eq!(Timestamp::parse(&written), Ok(at));
        let (day, month) = (Day::of(at), Month::of(at));
        assert!(day.period().starts_at <= at && month.period().starts_at <= at);
        assert_eq!(Day::parse(&day.to_string()), Ok(day));
        assert_eq!(Month::parse(&month.to_string()), Ok(month));
    }
    if let Ok(day) = day {
        assert_eq!(day.to_string(), text);
        assert!(day.period().starts_at < day.period().ends_at);
    }
    if let Ok(month) = month {
        assert_eq!(month.to_string(), text);
    }
    at.is_ok() || day.is_ok() || month.is_ok()
}

/// An amount of money as JSON.
pub(crate) fn money(input: &[u8]) -> bool {
    let Ok(money) = serde_json::from_slice::<Money>(input) else { return false };
    assert_kept(&money);
    let shown = money.to_string();
    let (amount, currency) = shown.split_once(' ').expect("an amount and its currency");
    assert_eq!(currency.to_ascii_lowercase(), money.currency.as_str());
    assert_eq!(amount.replace('.', "").parse::<i64>(), Ok(money.amount));
    true
}
