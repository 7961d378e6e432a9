//! Averages and rates for display, rounded once, half up. Shares of money that is owed are not
//! rounded here: each of those documents who gets the fraction.

/// `part / whole` as the nearest integer, halves rounded up; `None` if `whole` is zero or negative.
pub fn half_up(part: i128, whole: i128) -> Option<i128> {
    (whole > 0).then(|| (2 * part + whole).div_euclid(2 * whole))
}

/// `part / whole` in basis points; `None` if `whole` is zero or negative.
pub fn bps(part: i64, whole: i64) -> Option<i64> {
    let rate = half_up(i128::from(part) * 10_000, i128::from(whole))?;
    Some(i64::try_from(rate).unwrap_or(i64::MAX))
}

/// The average rating in hundredths of a star; `None` without reviews.
pub(crate) fn stars(sum_in_hundredths: u64, reviews: u64) -> Option<u16> {
    let average = half_up(i128::from(sum_in_hundredths), i128::from(reviews))?;
    Some(u16::try_from(average).unwrap_or(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_goes_up_and_nothing_is_rounded_twice() {
        let check = |part: i128, whole: i128, expected: Option<i128>| {
            assert_eq!(half_up(part, whole), expected, "{part} / {whole}");
        };
        check(0, 3, Some(0));
        check(1, 3, Some(0));
        check(1, 2, Some(1));
        check(2, 3, Some(1));
        check(3, 2, Some(2));
        check(-1, 2, Some(0));
        check(-1, 3, Some(0));
        check(-2, 3, Some(-1));
        check(-3, 2, Some(-1));
        check(800, 3, Some(267));
        check(5, 0, None);
        check(5, -1, None);
        assert_eq!([bps(2, 3), bps(1, 3), bps(-1, 3)], [Some(6_667), Some(3_333), Some(-3_333)]);
        assert_eq!([bps(1, 0), bps(i64::MAX, 1)], [None, Some(i64::MAX)]);
    }
}
