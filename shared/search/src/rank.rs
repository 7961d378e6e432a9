//! The sort key of results: a total order of documents under one query.

use domain::marketplace::community::listing_stats::{PRIOR_RATING, PRIOR_RATINGS};

use crate::document::Key;

/// How much more a point for words is worth than one for sales, which only break ties.
pub(crate) const POINT: u64 = 32;

/// A document's rank among the results: the greater comes first.
///
/// The sort value, then publication time, then the id. It depends on the document alone, so that a
/// page can begin after a document that no longer exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) value: u64,
    pub(crate) published_at: i64,
    pub(crate) key: Key,
}

/// `(C·m + sum) / (C + n)` in ten thousandths of a star, with the prior mean m and weight C.
pub(crate) fn bayes(rating: Option<u16>, ratings: u64) -> u32 {
    let weight = u64::from(PRIOR_RATINGS);
    let count = if rating.is_some() { ratings } else { 0 };
    let sum = u64::from(rating.unwrap_or(0)).saturating_mul(count);
    let sum = sum.saturating_add(weight * u64::from(PRIOR_RATING)).saturating_mul(100);
    u32::try_from(sum / (weight + count)).unwrap_or(u32::MAX)
}

/// Points for sales, by powers of two, 0 to 20: the maximum is at a million. Less than [`POINT`].
pub(crate) fn popularity(sales: u64) -> u8 {
    let powers = sales.saturating_add(1).ilog2();
    u8::try_from(powers.min(20)).unwrap_or(20)
}
