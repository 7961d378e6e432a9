//! Formats money and time for people.

use domain::{
    money::{Currency, Money},
    time::{Month, Period, Timestamp},
};

/// `1,234.50`, without the currency.
pub fn figure(amount: i64, currency: Currency) -> String {
    let text = Money { amount, currency }.to_string();
    let plain = text.split_once(' ').map_or(text.as_str(), |(figure, _)| figure);
    let (whole, fraction) = plain.split_once('.').map_or((plain, None), |(w, f)| (w, Some(f)));
    match fraction {
        Some(fraction) => format!("{}.{fraction}", grouped(whole)),
        None => grouped(whole),
    }
}

/// `1,234`.
pub fn thousands(number: i64) -> String {
    grouped(&number.to_string())
}

fn grouped(whole: &str) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1,234.50 USD`.
pub fn money(amount: i64, currency: Currency) -> String {
    format!("{} {}", figure(amount, currency), code(currency))
}

/// `USD`.
pub fn code(currency: Currency) -> String {
    currency.as_str().to_ascii_uppercase()
}

/// `22 November 2026`, in UTC.
pub fn date(at: Timestamp) -> String {
    at.strftime("%-d %B %Y")
}

/// `November 2026`.
pub fn month(month: Month) -> String {
    month.period().starts_at.strftime("%B %Y")
}

/// Year, month and day of `at` in UTC.
pub fn calendar(at: Timestamp) -> [i32; 3] {
    ["%Y", "%m", "%d"].map(|part| at.strftime(part).parse().unwrap_or(1))
}

/// `22 Nov 2026 – 22 Dec 2026`.
pub fn span(period: Period) -> String {
    let Period { starts_at, ends_at } = period;
    format!("{} – {}", starts_at.strftime("%-d %b %Y"), ends_at.strftime("%-d %b %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_by_people() {
        let check = |amount: i64, currency: &str, expected: &str| {
            assert_eq!(money(amount, Currency::parse(currency).unwrap()), expected);
        };
        check(0, "usd", "0.00 USD");
        check(5, "usd", "0.05 USD");
        check(-450, "eur", "-4.50 EUR");
        check(99_999, "usd", "999.99 USD");
        check(100_000, "usd", "1,000.00 USD");
        check(-123_456_789, "usd", "-1,234,567.89 USD");
        check(1_000, "jpy", "1,000 JPY");
        check(i64::MIN, "usd", "-92,233,720,368,547,758.08 USD");
    }

    #[test]
    fn dates_are_read_by_people() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(date(at("2026-01-02T23:59:59Z")), "2 January 2026");
        assert_eq!(date(at("2026-12-31T00:00:00Z")), "31 December 2026");
        assert_eq!(month(Month::parse("2026-11").unwrap()), "November 2026");
        let period =
            Period { starts_at: at("2026-11-22T00:00:00Z"), ends_at: at("2027-05-22T00:00:00Z") };
        assert_eq!(span(period), "22 Nov 2026 – 22 May 2027");
    }
}
