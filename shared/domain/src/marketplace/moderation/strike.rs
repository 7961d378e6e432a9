//! Who may sell: a member who may act and is not suspended from selling by strikes.
//!
//! A moderator gives a strike for a listing that broke the rules. It counts for ninety days. While
//! three count, the creator's listings are not found, shown or sold, and none can be submitted. The
//! suspension ends by the clock. Earlier sales stay with their buyers and are paid out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    account::{Account, AccountStatus},
    id::{ListingId, UserId},
    time::{DAY, Timestamp},
};

/// How long a strike counts.
pub const STRIKE_COUNTS: Duration = DAY.saturating_mul(90);
/// Number of counting strikes that suspends selling.
pub const STRIKES_TO_SUSPEND: usize = 3;
/// Most strikes that are stored, the latest ones.
pub const STRIKES_KEPT: usize = 50;

/// One strike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Strike {
    /// The listing.
    pub listing_id: ListingId,
    /// The reason, as shown to the creator.
    pub reason: String,
    /// When it was given.
    pub at: Timestamp,
    /// The moderator; not shown to the creator.
    pub by: UserId,
}

impl Strike {
    /// When it stops counting.
    pub fn expires_at(&self) -> Timestamp {
        self.at.plus(STRIKE_COUNTS)
    }
}

/// All strikes of a creator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strikes {
    /// The creator.
    pub creator_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The oldest first, expired ones included.
    pub strikes: Vec<Strike>,
    /// When the creator's listings must be updated next; `None` if they are up to date for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl Strikes {
    /// No strikes yet.
    pub fn none(creator_id: UserId) -> Strikes {
        Strikes { creator_id, version: 0, strikes: Vec::new(), due_at: None }
    }

    /// The strikes that count at `now`, the oldest first.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &Strike> {
        self.strikes.iter().filter(move |strike| strike.expires_at() > now)
    }

    /// Until when they suspend selling: until fewer than [`STRIKES_TO_SUSPEND`] count. `None` if
    /// they do not.
    pub fn suspend_until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut live: Vec<Timestamp> = self.live(now).map(Strike::expires_at).collect();
        live.sort();
        live.iter().rev().nth(STRIKES_TO_SUSPEND - 1).copied()
    }

    /// Adds a strike. If it suspends selling, the creator's listings are due for an update.
    pub fn add(&mut self, strike: Strike) {
        let now = strike.at;
        self.strikes.push(strike);
        let over = self.strikes.len().saturating_sub(STRIKES_KEPT);
        self.strikes.drain(..over);
        if self.suspend_until(now).is_some() {
            self.due_at = Some(now);
        }
    }

    /// Withdraws the strike of that listing and time, if there is one: the creator's listings are
    /// due for an update.
    pub fn withdraw(&mut self, listing: &ListingId, at: Timestamp, now: Timestamp) {
        let before = self.strikes.len();
        self.strikes.retain(|it| it.listing_id != *listing || it.at != at);
        if self.strikes.len() < before {
            self.due_at = Some(now);
        }
    }

    /// Marks the creator's listings as updated at `now`: they are due again when the suspension
    /// ends.
    pub fn followed(&mut self, now: Timestamp) {
        self.due_at = self.suspend_until(now);
    }
}

/// The state of a creator that determines whether they may sell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// Whether the member may act.
    pub standing: AccountStatus,
    /// Until when strikes suspend selling.
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
#[error("Selling is suspended until {until}: {STRIKES_TO_SUSPEND} strikes are active.")]
pub struct SellingSuspended {
    /// When the suspension ends.
    pub until: Timestamp,
}

crate::domain_error! {
    SellingSuspended => Conflict, "selling_suspended";
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        vec![("until", json!(self.until))]
    }
}

impl Seller {
    /// Whether the creator's listings are found, shown and sold at `now`. All checks use this rule.
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
