//! Sums that pages show, moved in the same write as what they sum.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Category,
    journal::{Balances, Journal, Posting, Unbalanced},
    listing::{DelistedBy, DraftState, LISTINGS_MAX, Listing, ListingError},
    sale::Split,
};
use crate::{
    id::{ListingId, PayoutId, UserId},
    money::Currency,
    ratio,
    time::{DAY, Timestamp},
};

/// What a sale, a rating and a view weigh in how popular a listing is.
const SALE_WEIGHT: f64 = 20.0;
/// See [`SALE_WEIGHT`].
const VIEW_WEIGHT: f64 = 0.2;
/// After so long, what made a listing popular counts half.
const HALF_LIFE: Duration = DAY.saturating_mul(7);
/// Ratings that everybody begins with, so that one of five stars is no better than ten of 4.8.
pub const PRIOR_RATINGS: u32 = 5;
/// Of so many hundredths of a star each.
pub const PRIOR_RATING: u32 = 380;
/// Days that a creator's page shows.
pub const DAYS_SHOWN: u32 = 30;

/// What was sold, said and seen of one listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListingStats {
    /// Of this listing.
    pub listing_id: ListingId,
    /// OwnerRef.
    pub creator_id: UserId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// What it is for: popular lists are by category. None while it is off sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Buyers, those who were paid back not counted.
    pub sales: u64,
    /// Reviews of 1, 2, 3, 4 and 5 stars.
    pub histogram: [u32; 5],
    /// Visits.
    pub views: u64,
    /// How popular it is: the logarithm (base 2) of what it was weighed with, each part doubled for
    /// every half-life since 2020. So it never has to be written again because time has passed.
    pub heat: f64,
}

/// What a creator sold in all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreatorBalance {
    /// OwnerRef.
    pub creator_id: UserId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// Listings ever begun.
    #[serde(default)]
    pub listings: u16,
    /// What moderators made of them.
    #[serde(default)]
    pub judged: ModerationCounts,
    /// Sales, those that were paid back not counted; free ones are.
    pub sales: u64,
    /// What is left of them after refunds and disputes.
    pub money: Split,
    /// What stands on each account: the fold of the creator's journals.
    #[serde(default)]
    pub balances: Balances,
    /// What disputes keep of the money that could be paid, in minor units.
    #[serde(default)]
    pub frozen: i64,
    /// The payout that is being made. There is at most one, and this is its lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<PayoutId>,
    /// Visits to all listings.
    pub views: u64,
    /// Stars of all reviews.
    pub stars: u64,
    /// Reviews.
    pub ratings: u64,
    /// The last days, by date.
    pub days: BTreeMap<String, Day>,
}

/// How often moderators decided what on a creator's listings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModerationCounts {
    /// Versions that were put on sale.
    pub approved: u32,
    /// Versions that were sent back.
    pub rejected: u32,
    /// Listings that were taken off sale.
    pub delisted: u32,
}

/// One day of a creator's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Sales that day, less those that were paid back that day.
    pub sales: i64,
    /// Money that day, likewise.
    #[serde(flatten)]
    pub money: Split,
    /// Visits that day.
    pub views: u64,
}

impl ListingStats {
    /// Nothing yet.
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

    /// One more buyer.
    pub fn count_sale(&mut self, now: Timestamp) {
        self.sales += 1;
        self.boost(SALE_WEIGHT, now);
    }

    /// One buyer less. It stays as warm as it was: that cools by itself.
    pub fn uncount_sale(&mut self) {
        self.sales = self.sales.saturating_sub(1);
    }

    /// One buyer again, who was one before: it is as warm as it was.
    pub fn recount_sale(&mut self) {
        self.sales += 1;
    }

    /// So many more visits.
    pub fn count_views(&mut self, views: u64, now: Timestamp) {
        self.views += views;
        let views = u32::try_from(views).unwrap_or(u32::MAX);
        self.boost(VIEW_WEIGHT * f64::from(views), now);
    }

    /// One more review of so many stars.
    pub fn count_rating(&mut self, stars: u8) {
        if let Some(count) = self.bar(stars) {
            *count += 1;
        }
    }

    /// One review less.
    pub fn uncount_rating(&mut self, stars: u8) {
        if let Some(count) = self.bar(stars) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many reviews there are.
    pub fn ratings(&self) -> u32 {
        self.histogram.iter().sum()
    }

    /// Stars of all reviews.
    pub fn stars(&self) -> u64 {
        let each = (1_u64..).zip(self.histogram);
        each.map(|(stars, count)| stars * u64::from(count)).sum()
    }

    /// The average, in hundredths of a star; `None` without reviews.
    pub fn rating(&self) -> Option<u16> {
        ratio::stars(self.stars() * 100, u64::from(self.ratings()))
    }

    /// How popular it is, the higher the more: heat, and as much again as it is better rated than
    /// usual. Comparable at any one time.
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

/// Colder than anything that was ever seen.
const TRENDING_MIN: f64 = -1_000.0;
/// 2020-01-01T00:00:00Z.
const EPOCH_SECS: i64 = 1_577_836_800;

fn half_lives(now: Timestamp) -> f64 {
    let secs = i32::try_from(now.as_secs() - EPOCH_SECS).unwrap_or(i32::MAX);
    f64::from(secs) / HALF_LIFE.as_secs_f64()
}

impl CreatorBalance {
    /// Nothing yet.
    pub fn new(creator_id: UserId) -> CreatorBalance {
        CreatorBalance {
            creator_id,
            version: 0,
            listings: 0,
            judged: ModerationCounts::default(),
            sales: 0,
            money: Split::default(),
            balances: Balances::default(),
            frozen: 0,
            payout: None,
            views: 0,
            stars: 0,
            ratings: 0,
            days: BTreeMap::new(),
        }
    }

    /// One more listing.
    ///
    /// # Errors
    /// When there are [`LISTINGS_MAX`] already.
    pub fn add_listing(&mut self) -> Result<(), ListingError> {
        if self.listings >= LISTINGS_MAX {
            return Err(ListingError::TooMany);
        }
        self.listings += 1;
        Ok(())
    }

    /// Takes one that was deleted off.
    pub fn drop_listing(&mut self) {
        self.listings = self.listings.saturating_sub(1);
    }

    /// Counts what a moderator made of a listing.
    pub fn count_judgement(&mut self, before: &Listing, after: &Listing) {
        let on_sale = |it: &Listing| it.published.as_ref().map(|it| (it.number, it.published_at));
        let sent_back = |it: &Listing| match it.draft.as_ref().map(|draft| &draft.state) {
            Some(DraftState::Rejected { rejected_at, .. }) => Some(*rejected_at),
            Some(DraftState::Draft | DraftState::Pending { .. }) | None => None,
        };
        let by_staff =
            |it: &Listing| it.delisted.as_ref().is_some_and(|it| it.by == DelistedBy::Staff);
        self.judged.approved += u32::from(on_sale(after) != on_sale(before));
        let rejected = sent_back(after).is_some() && sent_back(after) != sent_back(before);
        self.judged.rejected += u32::from(rejected);
        self.judged.delisted += u32::from(by_staff(after) && !by_staff(before));
    }

    /// The one way money moves around the creator: a journal, and the balances that follow it.
    /// `None` where nothing moved.
    ///
    /// # Errors
    /// [`Unbalanced`].
    pub fn post(
        &mut self,
        about: String,
        (cause, currency): (String, Currency),
        legs: impl IntoIterator<Item = Posting>,
        now: Timestamp,
    ) -> Result<Option<Journal>, Unbalanced> {
        let journal = Journal::build((self.creator_id.clone(), about), cause, currency, legs, now)?;
        self.balances.post(&journal);
        Ok(Some(journal).filter(|journal| !journal.legs.is_empty()))
    }

    /// Money that came or went back, with so many sales more or less.
    pub fn count_money(&mut self, sales: i64, moved: Split, now: Timestamp) {
        self.sales = self.sales.saturating_add_signed(sales);
        self.money = self.money.plus(moved);
        let day = self.day(now);
        day.sales += sales;
        day.money = day.money.plus(moved);
    }

    /// So many more visits.
    pub fn count_views(&mut self, views: u64, now: Timestamp) {
        self.views += views;
        self.day(now).views += views;
    }

    /// Follows what became of a listing's reviews.
    pub fn follow_ratings(&mut self, before: &ListingStats, after: &ListingStats) {
        let ratings = i64::from(after.ratings()) - i64::from(before.ratings());
        self.ratings = self.ratings.saturating_add_signed(ratings);
        let stars = i64::try_from(after.stars()).unwrap_or(i64::MAX)
            - i64::try_from(before.stars()).unwrap_or(i64::MAX);
        self.stars = self.stars.saturating_add_signed(stars);
    }

    /// The average of all reviews, in hundredths of a star; `None` without reviews.
    pub fn rating(&self) -> Option<u16> {
        ratio::stars(self.stars * 100, self.ratings)
    }

    /// Sales for each hundred visits, in hundredths of a percent; `None` without visits. Visits are
    /// added up a minute late, so that it may be more than all of them for a moment.
    pub fn conversion_bps(&self) -> Option<u64> {
        let rate = ratio::half_up(i128::from(self.sales) * 10_000, i128::from(self.views))?;
        u64::try_from(rate).ok()
    }

    /// The last [`DAYS_SHOWN`] days up to `now`, the oldest first; days on which nothing happened
    /// are there too.
    pub fn last_days(&self, now: Timestamp) -> Vec<(String, Day)> {
        let dates = (0..DAYS_SHOWN).rev().map(|back| now.minus(DAY * back).date());
        dates
            .map(|date| (date.clone(), self.days.get(&date).copied().unwrap_or_default()))
            .collect()
    }

    fn day(&mut self, now: Timestamp) -> &mut Day {
        let oldest = now.minus(DAY * DAYS_SHOWN).date();
        self.days.retain(|date, _| *date > oldest);
        self.days.entry(now.date()).or_default()
    }
}
