//! Strikes: what moderators hold against what a creator sells.
//!
//! A strike counts for ninety days. While three count, nothing of the creator's is sold; what was
//! sold stays with its buyers, and earlier sales are paid out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Account, Draft};
use crate::{
    id::{ListingId, UserId},
    time::{DAY, Timestamp},
};

/// How long a strike counts.
pub const STRIKE_COUNTS: Duration = DAY.saturating_mul(90);
/// So many that count suspend selling.
pub const STRIKES_TO_SUSPEND: usize = 3;
/// Most that are kept, the newest.
const STRIKES_KEPT: usize = 20;

/// A strike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// For this listing.
    pub listing_id: ListingId,
    /// What the creator is told.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// By this moderator; the creator is not told.
    pub by: UserId,
}

impl Strike {
    /// Until when it counts.
    pub fn ends_at(&self) -> Timestamp {
        self.at.plus(STRIKE_COUNTS)
    }
}

impl Account {
    /// The strikes that count at `now`, the oldest first.
    pub fn live_strikes(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &Strike> {
        self.strikes.iter().filter(move |strike| strike.ends_at() > now)
    }

    /// When selling may go on; `None` while it may.
    pub fn selling_resumes_at(&self, now: Timestamp) -> Option<Timestamp> {
        // Once the third youngest no longer counts, two do.
        self.live_strikes(now).rev().nth(STRIKES_TO_SUSPEND - 1).map(Strike::ends_at)
    }

    /// Whether what they offer may be seen and bought at `now`.
    pub fn may_sell(&self, now: Timestamp) -> bool {
        self.standing.allows(now) && self.selling_resumes_at(now).is_none()
    }
}

impl Draft {
    /// Adds a strike. What follows from it is due at once.
    pub fn strike(&mut self, strike: Strike) {
        self.account.strikes.push(strike);
        self.account.strikes.sort_by_key(|strike| strike.at);
        let surplus = self.account.strikes.len().saturating_sub(STRIKES_KEPT);
        self.account.strikes.drain(..surplus);
        self.account.standing_due = Some(self.now);
    }
}
