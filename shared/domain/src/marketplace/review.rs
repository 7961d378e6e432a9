//! What buyers say of a listing.

use serde::{Deserialize, Serialize};

use super::{listing_stats::ListingStats, purchase::Entitlement};
use crate::{
    error::{DomainError, ErrorKind, FieldCheck, InvalidFields},
    id::{ListingId, ReviewId, UserId},
    text,
    time::Timestamp,
};

/// Longest comment, in characters.
pub const COMMENT_CHARS_MAX: usize = 2_000;
/// Longest reply, in characters.
pub const REPLY_CHARS_MAX: usize = 1_000;

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its name; ids sort by time.
    pub id: ReviewId,
    /// Of this listing.
    pub listing_id: ListingId,
    /// By this buyer.
    pub buyer_id: UserId,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_name: Option<String>,
    /// 1 to 5 stars.
    pub rating: u8,
    /// What they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// What the creator says to it, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// Whether it no longer counts, because the purchase was paid back.
    #[serde(default)]
    pub withdrawn: bool,
}

/// What a creator says to a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The words.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// Why a review is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// They did not buy it, or gave it back.
    #[error("Only buyers review a listing.")]
    NotABuyer,
    /// The creator replied before.
    #[error("You have replied to this review already.")]
    Replied,
}

impl DomainError for ReviewError {
    fn kind(&self) -> ErrorKind {
        match self {
            ReviewError::NotABuyer => ErrorKind::Forbidden,
            ReviewError::Replied => ErrorKind::Conflict,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            ReviewError::NotABuyer => "not_a_buyer",
            ReviewError::Replied => "already_replied",
        }
    }
}

/// What a buyer sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// 1 to 5 stars.
    pub rating: u8,
    /// What they say.
    pub comment: Option<String>,
}

impl Opinion {
    /// # Errors
    /// A rating that is none, a comment that is too long or cannot be seen.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        check.require((1..=5).contains(&self.rating), "/rating", "out_of_range", || {
            "1 to 5 stars".to_owned()
        });
        if let Some(comment) = &self.comment {
            check_text(&mut check, "/comment", comment, COMMENT_CHARS_MAX);
        }
        check.finish()
    }
}

impl Review {
    /// Writes a review, or changes the one that `before` is, and moves the sums with it.
    ///
    /// # Errors
    /// When there is no entitlement that may be used.
    pub fn write(
        id: ReviewId,
        owned: Option<&mut Entitlement>,
        before: Option<Review>,
        (name, opinion): (Option<String>, Opinion),
        stats: &mut ListingStats,
        now: Timestamp,
    ) -> Result<Review, ReviewError> {
        let owned = owned.filter(|owned| owned.is_active()).ok_or(ReviewError::NotABuyer)?;
        if let Some(before) = before.as_ref().filter(|before| !before.withdrawn) {
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
        })
    }

    /// Takes it out of the sums.
    pub fn withdraw(&mut self, stats: &mut ListingStats) {
        if !self.withdrawn {
            stats.uncount_rating(self.rating);
            self.withdrawn = true;
        }
    }

    /// Counts it again.
    pub fn restore(&mut self, stats: &mut ListingStats) {
        if self.withdrawn {
            stats.count_rating(self.rating);
            self.withdrawn = false;
        }
    }

    /// The creator's words, once. The same words again are a repeat, and change nothing.
    ///
    /// # Errors
    /// When there are others already.
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

/// A creator's reply, as it is kept.
///
/// # Errors
/// When it is blank, too long or cannot be seen.
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
        "must be text that can be seen".to_owned()
    });
}
