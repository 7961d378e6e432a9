//! A creator's totals and ledger balances, updated in the same write as what they count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    cause::Cause,
    journal::{Balances, Journal, Posting, Unbalanced},
    sale::Split,
};
use crate::{
    id::{PayoutId, UserId},
    marketplace::{
        community::listing_stats::ListingStats,
        listing::{DelistedBy, DraftState, LISTINGS_MAX, Listing, ListingError},
    },
    money::Currency,
    ratio,
    time::{DAY, Timestamp},
};

/// Number of days that a creator's page shows.
pub const DAYS_SHOWN: u32 = 30;

/// A creator's totals, ledger balances and payout lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreatorBalance {
    /// The creator.
    pub creator_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Number of listings, without deleted drafts.
    #[serde(default)]
    pub listings: u16,
    /// Moderation decisions on them.
    #[serde(default)]
    pub judged: ModerationCounts,
    /// Number of sales, free ones included and refunded ones excluded.
    pub sales: u64,
    /// Their money after refunds and disputes.
    pub money: Split,
    /// The balance of each ledger account: the fold of the creator's journals.
    #[serde(default)]
    pub balances: Balances,
    /// Available money that disputes hold, in minor units.
    #[serde(default)]
    pub frozen: i64,
    /// The open payout. There is at most one, and this field is its lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<PayoutId>,
    /// Views of all listings.
    pub views: u64,
    /// Sum of the stars of all reviews.
    pub stars: u64,
    /// Number of reviews.
    pub ratings: u64,
    /// The latest days, by date.
    pub days: BTreeMap<String, Day>,
}

/// Counts of moderation decisions on a creator's listings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModerationCounts {
    /// Versions approved.
    pub approved: u32,
    /// Versions rejected.
    pub rejected: u32,
    /// Listings taken off sale.
    pub delisted: u32,
}

/// One day of a creator's totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CreatorDay"))]
pub struct Day {
    /// Sales that day, less refunds that day.
    pub sales: i64,
    /// Money of sales that day, less money taken back that day.
    #[serde(flatten)]
    pub money: Split,
    /// Views that day.
    pub views: u64,
}

impl CreatorBalance {
    /// The balance of a new creator.
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

    /// Counts a new listing.
    ///
    /// # Errors
    /// When there are already [`LISTINGS_MAX`].
    pub fn add_listing(&mut self) -> Result<(), ListingError> {
        if self.listings >= LISTINGS_MAX {
            return Err(ListingError::TooMany);
        }
        self.listings += 1;
        Ok(())
    }

    /// Uncounts a deleted draft.
    pub fn drop_listing(&mut self) {
        self.listings = self.listings.saturating_sub(1);
    }

    /// Counts a moderator's decision on a listing.
    pub fn count_judgement(&mut self, before: &Listing, after: &Listing) {
        let on_sale = |it: &Listing| it.published.as_ref().map(|it| (it.number, it.published_at));
        let sent_back = |it: &Listing| match it.draft.as_ref().map(|draft| &draft.state) {
            Some(DraftState::Rejected { rejected_at, .. }) => Some(*rejected_at),
            Some(
                DraftState::Draft
                | DraftState::Preparing { .. }
                | DraftState::PreparationFailed { .. }
                | DraftState::Pending { .. },
            )
            | None => None,
        };
        let by_staff =
            |it: &Listing| it.delisted.as_ref().is_some_and(|it| it.by == DelistedBy::Staff);
        self.judged.approved += u32::from(on_sale(after) != on_sale(before));
        let rejected = sent_back(after).is_some() && sent_back(after) != sent_back(before);
        self.judged.rejected += u32::from(rejected);
        self.judged.delisted += u32::from(by_staff(after) && !by_staff(before));
    }

    /// Posts to the creator's ledger: builds a journal and updates the balances. `None` if nothing
    /// moved. All money of a creator moves through here.
    ///
    /// # Errors
    /// [`Unbalanced`].
    pub fn post(
        &mut self,
        about: String,
        (cause, currency): (Cause, Currency),
        legs: impl IntoIterator<Item = Posting>,
        now: Timestamp,
    ) -> Result<Option<Journal>, Unbalanced> {
        let journal = Journal::build((self.creator_id.clone(), about), cause, currency, legs, now)?;
        self.balances.post(&journal);
        Ok(Some(journal).filter(|journal| !journal.legs.is_empty()))
    }

    /// Counts money that came in or went back, and `sales` sales more or fewer.
    pub fn count_money(&mut self, sales: i64, moved: Split, now: Timestamp) {
        self.sales = self.sales.saturating_add_signed(sales);
        self.money = self.money.plus(moved);
        let day = self.day(now);
        day.sales += sales;
        day.money = day.money.plus(moved);
    }

    /// Counts `views` more views.
    pub fn count_views(&mut self, views: u64, now: Timestamp) {
        self.views += views;
        self.day(now).views += views;
    }

    /// Applies the change of a listing's ratings.
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

    /// Sales per hundred views, in hundredths of a percent; `None` without views. Views are added
    /// some ten minutes late, so that it may for a time exceed 100 %.
    pub fn conversion_bps(&self) -> Option<u64> {
        let rate = ratio::half_up(i128::from(self.sales) * 10_000, i128::from(self.views))?;
        u64::try_from(rate).ok()
    }

    /// The last [`DAYS_SHOWN`] days up to `now`, oldest first, including days without activity.
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
