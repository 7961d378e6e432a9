//! A number for each document of a layer, cut into its binary digits.
//!
//! The documents that have a one at the same digit are one set. So a comparison of all numbers with
//! one, or the greatest of some, takes a few operations on sixty-four documents at once for each
//! digit, and the numbers take no more memory than the digits of the greatest.

use crate::bits::Bits;

/// The numbers of the documents.
#[derive(Debug)]
pub(crate) struct Planes(
    /// The documents with a one at each digit, the highest digit first.
    Vec<Bits>,
);

/// How the numbers of some documents compare with one.
pub(crate) struct Compared {
    pub(crate) less: Bits,
    pub(crate) equal: Bits,
    pub(crate) greater: Bits,
}

impl Planes {
    /// These numbers, by document.
    pub(crate) fn of(values: &[u64]) -> Planes {
        let any = values.iter().fold(0, |any, value| any | value);
        let most = u64::BITS - any.leading_zeros();
        let plane = |digit| Bits::of(values, |value| value >> digit & 1 == 1);
        Planes((0..most).rev().map(plane).collect())
    }

    /// These numbers, padded as in [`Bits::of_bytes`].
    pub(crate) fn of_bytes(values: &[u8]) -> Planes {
        let any = values.iter().fold(0, |any, value| any | value);
        let most = u8::BITS - any.leading_zeros();
        Planes((0..most).rev().map(|digit| Bits::of_digit(values, digit)).collect())
    }

    /// The sets by digit, the highest first.
    pub(crate) fn digits(&self) -> &[Bits] {
        &self.0
    }

    /// The number of a document.
    pub(crate) fn get(&self, document: u32) -> u64 {
        self.0.iter().fold(0, |value, plane| value << 1 | u64::from(plane.has(document)))
    }

    /// Divides `among` by whether their numbers are less than `value`, equal or greater.
    pub(crate) fn compare(&self, among: Bits, value: u64) -> Compared {
        let none = Bits::none_like(&among);
        let digits = self.0.len();
        if u32::try_from(digits).is_ok_and(|digits| value.checked_shr(digits).unwrap_or(0) > 0) {
            return Compared { less: among, equal: none.clone(), greater: none };
        }
        let mut compared = Compared { less: none.clone(), equal: among, greater: none };
        let Compared { less, equal, greater } = &mut compared;
        for (plane, digit) in self.0.iter().zip((0..digits).rev()) {
            match value >> digit & 1 {
                1 => equal.move_without(plane, less),
                _ => equal.move_with(plane, greater),
            }
        }
        compared
    }

    /// Those among `all` whose number is at least `least`.
    pub(crate) fn at_least(&self, all: Bits, least: u64) -> Bits {
        let Compared { equal: mut found, greater, .. } = self.compare(all, least);
        found.add(&greater);
        found
    }

    /// Those among `all` whose number is at most `most`.
    pub(crate) fn at_most(&self, all: Bits, most: u64) -> Bits {
        let Compared { less, equal: mut found, .. } = self.compare(all, most);
        found.add(&less);
        found
    }

    /// The least and the greatest number of `some`; `None` if there are none.
    pub(crate) fn range(&self, some: &Bits) -> Option<(u64, u64)> {
        if some.is_empty() {
            return None;
        }
        let (mut lowest, mut highest) = (some.clone(), some.clone());
        let (mut least, mut greatest) = (0, 0);
        for plane in &self.0 {
            let mut with_zero = lowest.clone();
            with_zero.leave_out(plane);
            let is_one = with_zero.is_empty();
            least = least << 1 | u64::from(is_one);
            if !is_one {
                lowest = with_zero;
            }
            let is_one = highest.meets(plane);
            greatest = greatest << 1 | u64::from(is_one);
            if is_one {
                highest.keep(plane);
            }
        }
        Some((least, greatest))
    }
}
