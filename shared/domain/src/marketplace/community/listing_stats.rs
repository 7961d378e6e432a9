//! A listing's totals, updated in the same write as what they count.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ListingId, UserId},
    marketplace::Category,
    ratio,
    time::{DAY, Timestamp},
};

/// The weight of a sale in the trending score.
const SALE_WEIGHT: f64 = 20.0;
/// The weight of a view in the trending score.
const VIEW_WEIGHT: f64 = 0.2;
/// After this time, activity counts half in the trending score.
const HALF_LIFE: Duration = DAY.saturating_mul(7);
/// Prior ratings of every listing, so that one rating of 5 stars does not rank above ten of 4.8.
pub const PRIOR_RATINGS: u32 = 5;
/// The prior rating, in hundredths of a star.
pub const PRIOR_RATING: u32 = 380;
/// Sales, ratings, views and trending score of one listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListingStats {
    /// The listing.
    pub listing_id: ListingId,
    /// Its creator.
    pub creator_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Its category, for popular lists by category; `None` while it is off sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Number of buyers, without refunded sales.
    pub sales: u64,
    /// Number of reviews with 1, 2, 3, 4 and 5 stars.
    pub histogram: [u32; 5],
    /// Number of views.
    pub views: u64,
    /// The trending score: log2 of exponentially weighted activity since 2020 with a 7-day
    /// half-life, so that stored scores stay comparable without being rewritten.
    pub heat: f64,
}

impl ListingStats {
    /// The totals of a new listing.
    pub fn new(listing_id: ListingId, creator_id: UserId) -> ListingStats {
        ListingStats {
            listing_id,
            creator_id,
            version: 0,
            category: None,
            sales: 0,
            histogram: [0; 5],
            views: 0,
            heat: TRENDING_MIN,
        }
    }

    /// Counts a sale.
    pub fn count_sale(&mut self, now: Timestamp) {
        self.sales += 1;
        self.boost(SALE_WEIGHT, now);
    }

    /// Uncounts a sale. The trending score keeps its part, which decays.
    pub fn uncount_sale(&mut self) {
        self.sales = self.sales.saturating_sub(1);
    }

    /// Counts a sale again that was uncounted; the trending score still includes it.
    pub fn recount_sale(&mut self) {
        self.sales += 1;
    }

    /// Counts `views` more views.
    pub fn count_views(&mut self, views: u64, now: Timestamp) {
        self.views += views;
        let views = u32::try_from(views).unwrap_or(u32::MAX);
        self.boost(VIEW_WEIGHT * f64::from(views), now);
    }

    /// Counts a review of `stars` stars.
    pub fn count_rating(&mut self, stars: u8) {
        if let Some(count) = self.bar(stars) {
            *count += 1;
        }
    }

    /// Uncounts a review of `stars` stars.
    pub fn uncount_rating(&mut self, stars: u8) {
        if let Some(count) = self.bar(stars) {
            *count = count.saturating_sub(1);
        }
    }

    /// Number of reviews.
    pub fn ratings(&self) -> u32 {
        self.histogram.iter().sum()
    }

    /// Sum of the stars of all reviews.
    pub fn stars(&self) -> u64 {
        let each = (1_u64..).zip(self.histogram);
        each.map(|(stars, count)| stars * u64::from(count)).sum()
    }

    /// The average rating, in hundredths of a star; `None` without reviews.
    pub fn rating(&self) -> Option<u16> {
        ratio::stars(self.stars() * 100, u64::from(self.ratings()))
    }

    /// The ranking key, higher is more popular: the trending score plus the smoothed rating's
    /// distance from the prior. Comparable at any one time.
    pub fn popularity(&self) -> f64 {
        let ratings = u64::from(PRIOR_RATINGS) + u64::from(self.ratings());
        let sum = u64::from(PRIOR_RATING * PRIOR_RATINGS) + self.stars() * 100;
        let average = ratio::stars(sum, ratings).unwrap_or_default();
        self.heat + (f64::from(average) - f64::from(PRIOR_RATING)) / 100.0
    }

    fn bar(&mut self, stars: u8) -> Option<&mut u32> {
        self.histogram.get_mut(usize::from(stars).checked_sub(1)?)
    }

    fn boost(&mut self, weight: f64, now: Timestamp) {
        if weight <= 0.0 {
            return;
        }
        let added = weight.log2() + half_lives(now);
        let (high, low) = (self.heat.max(added), self.heat.min(added));
        self.heat = high + (low - high).exp2().ln_1p() / std::f64::consts::LN_2;
    }
}

/// Below every score that activity can reach.
const TRENDING_MIN: f64 = -1_000.0;
/// 2020-01-01T00:00:00Z.
const EPOCH_SECS: i64 = 1_577_836_800;

fn half_lives(now: Timestamp) -> f64 {
    let secs = i32::try_from(now.as_secs() - EPOCH_SECS).unwrap_or(i32::MAX);
    f64::from(secs) / HALF_LIFE.as_secs_f64()
}
