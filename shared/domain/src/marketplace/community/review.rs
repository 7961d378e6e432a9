//! Reviews of listings by their buyers.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{listing_stats::ListingStats, review_removal::ReviewRemoval};
use crate::{
    error::{FieldCheck, InvalidFields},
    id::{ListingId, ReviewId, UserId},
    marketplace::purchase::entitlement::Entitlement,
    text,
    time::Timestamp,
};

/// The stars of a rating.
pub const STARS: RangeInclusive<u8> = 1..=5;
/// Longest comment, in characters.
pub const COMMENT_CHARS_MAX: usize = 2_000;
/// Longest reply, in characters.
pub const REPLY_CHARS_MAX: usize = 1_000;

/// A review.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its id; ids sort by time.
    pub id: ReviewId,
    /// The listing.
    pub listing_id: ListingId,
    /// The buyer who wrote it.
    pub buyer_id: UserId,
    /// The buyer's display name.
    pub buyer_name: Option<String>,
    /// 1 to 5 stars.
    pub rating: u8,
    /// The buyer's comment.
    pub comment: Option<String>,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The creator's reply, at most one.
    pub reply: Option<Reply>,
    /// Whether it no longer counts, because the purchase was refunded.
    #[serde(default)]
    pub withdrawn: bool,
    /// Its removal by staff.
    pub removed: Option<ReviewRemoval>,
}

/// A creator's reply to a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reply {
    /// The text.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
}

/// Why a review or reply is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// The user did not buy the listing, or was refunded.
    #[error("Only buyers may review a listing.")]
    NotABuyer,
    /// The creator already replied.
    #[error("You have already replied to this review.")]
    Replied,
    /// Staff removed the member's review of the listing.
    #[error("Your review of this listing was removed: {0}")]
    Removed(String),
}

crate::domain_error! {
    ReviewError {
        NotABuyer => Forbidden, "not_a_buyer";
        Replied => Conflict, "already_replied";
        Removed => Forbidden, "review_removed";
    }
}

/// A buyer's rating and comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// 1 to 5 stars.
    pub rating: u8,
    /// The comment.
    pub comment: Option<String>,
}

impl Opinion {
    /// # Errors
    /// A rating out of range, or a comment that is too long or invisible.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require(STARS.contains(&self.rating), "/rating", "out_of_range", || {
            format!("{} to {} stars", STARS.start(), STARS.end())
        });
        if let Some(comment) = &self.comment {
            check_text(&mut check, "/comment", comment, COMMENT_CHARS_MAX);
        }
        check.finish()
    }
}

impl Review {
    /// Writes a review, or replaces `before`, and updates the listing's totals.
    ///
    /// # Errors
    /// When the user has no active entitlement, or staff removed their review.
    pub fn write(
        id: ReviewId,
        owned: Option<&mut Entitlement>,
        before: Option<Review>,
        (name, opinion): (Option<String>, Opinion),
        stats: &mut ListingStats,
        now: Timestamp,
    ) -> Result<Review, ReviewError> {
        let owned = owned.filter(|owned| owned.is_active()).ok_or(ReviewError::NotABuyer)?;
        if let Some(removed) = before.as_ref().and_then(|before| before.removed.as_ref()) {
            return Err(ReviewError::Removed(removed.reason.clone()));
        }
        if let Some(before) = before.as_ref().filter(|before| before.counts()) {
            stats.uncount_rating(before.rating);
        }
        stats.count_rating(opinion.rating);
        let id = before.as_ref().map_or(id, |before| before.id.clone());
        owned.review_id = Some(id.clone());
        Ok(Review {
            id,
            listing_id: owned.listing_id.clone(),
            buyer_id: owned.buyer_id.clone(),
            buyer_name: name,
            rating: opinion.rating,
            comment: opinion.comment,
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            updated_at: now,
            reply: before.and_then(|before| before.reply),
            withdrawn: false,
            removed: None,
        })
    }

    /// Whether it is shown and counted.
    pub const fn counts(&self) -> bool {
        !self.withdrawn && self.removed.is_none()
    }

    /// Removes it for good by a decision of staff. A repeat changes nothing.
    pub fn remove(&mut self, removal: ReviewRemoval, stats: &mut ListingStats) {
        if self.counts() {
            stats.uncount_rating(self.rating);
        }
        self.removed.get_or_insert(removal);
    }

    /// Removes it from the totals.
    pub fn withdraw(&mut self, stats: &mut ListingStats) {
        if self.counts() {
            stats.uncount_rating(self.rating);
        }
        self.withdrawn = true;
    }

    /// Counts it again, unless staff removed it.
    pub fn restore(&mut self, stats: &mut ListingStats) {
        if self.withdrawn && self.removed.is_none() {
            stats.count_rating(self.rating);
        }
        self.withdrawn = false;
    }

    /// Records the creator's reply. The same text again changes nothing.
    ///
    /// # Errors
    /// When there is a different reply already.
    pub fn answer(&mut self, text: String, now: Timestamp) -> Result<(), ReviewError> {
        match &self.reply {
            Some(reply) if reply.text == text => Ok(()),
            Some(_) => Err(ReviewError::Replied),
            None => {
                self.reply = Some(Reply { text, at: now });
                Ok(())
            }
        }
    }
}

/// Validates and trims a creator's reply.
///
/// # Errors
/// When it is blank, too long or invisible.
pub fn checked_reply(text: &str) -> Result<String, InvalidFields> {
    let mut check = FieldCheck::new();
    check_text(&mut check, "/text", text, REPLY_CHARS_MAX);
    check.finish()?;
    Ok(text.trim().to_owned())
}

fn check_text(check: &mut FieldCheck, pointer: &str, text: &str, chars_max: usize) {
    let count = text::length(text);
    check.require(count <= chars_max, pointer, "too_long", || {
        format!("at most {chars_max} characters, not {count}")
    });
    check.require(text::is_visible(text), pointer, "invisible_text", || {
        "must be visible text".to_owned()
    });
}
