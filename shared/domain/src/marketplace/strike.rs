//! Who may sell: a member who may act, and whose strikes do not stand in the way.
//!
//! A strike is a moderator's word on a listing that broke the rules. It counts for ninety days; while
//! three count, nothing of the creator's is found, shown or bought, and nothing is handed in. That
//! ends by the clock. What was sold before is the buyers', and its money is paid out as ever.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    account::{Account, AccountStatus},
    error::{DomainError, ErrorKind},
    id::{ListingId, UserId},
    time::{DAY, Timestamp},
};

/// How long a strike counts.
pub const STRIKE_COUNTS: Duration = DAY.saturating_mul(90);
/// So many that count suspend selling.
pub const STRIKES_TO_SUSPEND: usize = 3;
/// Most strikes that are remembered, the latest ones.
pub const STRIKES_KEPT: usize = 50;

/// One moderator's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// On which listing.
    pub listing_id: ListingId,
    /// What the creator is told.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// OwnerRef word; the creator is not told.
    pub by: UserId,
}

impl Strike {
    /// From when on it counts no more.
    pub fn expires_at(&self) -> Timestamp {
        self.at.plus(STRIKE_COUNTS)
    }
}

/// All strikes of a creator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strikes {
    /// OwnerRef.
    pub creator_id: UserId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// The oldest first, those that count no more too.
    pub strikes: Vec<Strike>,
    /// When somebody should make the creator's listings match; none once that is done for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl Strikes {
    /// None so far.
    pub fn none(creator_id: UserId) -> Strikes {
        Strikes { creator_id, version: 0, strikes: Vec::new(), due_at: None }
    }

    /// Those that count at `now`, the oldest first.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &Strike> {
        self.strikes.iter().filter(move |strike| strike.expires_at() > now)
    }

    /// Until when they suspend selling: until fewer than [`STRIKES_TO_SUSPEND`] count. None if they
    /// do not.
    pub fn suspend_until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut live: Vec<Timestamp> = self.live(now).map(Strike::expires_at).collect();
        live.sort();
        live.iter().rev().nth(STRIKES_TO_SUSPEND - 1).copied()
    }

    /// One more. Listings are due to be looked at where it suspends selling.
    pub fn add(&mut self, strike: Strike) {
        let now = strike.at;
        self.strikes.push(strike);
        let over = self.strikes.len().saturating_sub(STRIKES_KEPT);
        self.strikes.drain(..over);
        if self.suspend_until(now).is_some() {
            self.due_at = Some(now);
        }
    }

    /// The creator's listings match what holds at `now`: they are due again when that ends.
    pub fn followed(&mut self, now: Timestamp) {
        self.due_at = self.suspend_until(now);
    }
}

/// A creator, as far as it says whether they may sell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// Whether they may act.
    pub standing: AccountStatus,
    /// Until when their strikes suspend selling.
    pub selling_suspended_until: Option<Timestamp>,
}

impl From<&Account> for Seller {
    fn from(account: &Account) -> Seller {
        Seller {
            standing: account.standing.clone(),
            selling_suspended_until: account.selling_suspended_until,
        }
    }
}

impl From<AccountStatus> for Seller {
    fn from(standing: AccountStatus) -> Seller {
        Seller { standing, selling_suspended_until: None }
    }
}

/// Strikes suspend selling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Selling is suspended until {until}: {STRIKES_TO_SUSPEND} strikes count.")]
pub struct SellingSuspended {
    /// When it ends.
    pub until: Timestamp,
}

impl DomainError for SellingSuspended {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
    fn code(&self) -> &'static str {
        "selling_suspended"
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        vec![("until", json!(self.until))]
    }
}

impl Seller {
    /// The one rule: whether what is theirs is found, shown and sold at `now`.
    pub fn may_sell(&self, now: Timestamp) -> bool {
        self.standing.allows(now) && self.check_strikes(now).is_ok()
    }

    /// # Errors
    /// While strikes suspend selling.
    pub fn check_strikes(&self, now: Timestamp) -> Result<(), SellingSuspended> {
        match self.selling_suspended_until {
            Some(until) if until > now => Err(SellingSuspended { until }),
            Some(_) | None => Ok(()),
        }
    }
}
