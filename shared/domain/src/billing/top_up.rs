//! Packs that are bought by themselves when the balance falls below what the member set.
//!
//! It is off until a member turns it on. It buys one pack at a time, at most so many in a calendar
//! month (UTC), and stops by itself with a reason when the card is not charged: it never tries
//! again what a person has to look at.

use serde::{Deserialize, Serialize};

use crate::{
    credits::Credits,
    error::{FieldCheck, InvalidFields},
    id::OrderId,
    pack::Pack,
    time::Timestamp,
};

/// Highest balance below which a pack may be bought.
pub const BELOW_MAX: u32 = 1_000;
/// Most packs a month that a member can allow.
pub const MONTHLY_MAX: u32 = 20;

/// What a member allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpWish {
    /// What is bought.
    pub pack: Pack,
    /// When fewer credits than this are available.
    pub below: u32,
    /// At most so many times a calendar month.
    pub monthly_max: u32,
}

/// What a member allows, and how far it is. What was bought this month and the charge under way are
/// the account's: they outlive the wish, so that turning it off and on again forgets neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// What the member allows; nothing while it is off.
    #[serde(flatten)]
    pub wish: Option<TopUpWish>,
    /// The month that `bought` counts.
    pub month: Timestamp,
    /// Bought in it.
    pub bought: u32,
    /// How far it is.
    #[serde(flatten)]
    pub state: TopUpState,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TopUpState {
    /// Watching the balance.
    Armed,
    /// A pack is to be bought.
    Due {
        /// Since when.
        since: Timestamp,
    },
    /// A pack is being bought.
    Charging {
        /// By this order.
        order: OrderId,
    },
    /// Stopped until the member turns it on again.
    Paused {
        /// Why.
        reason: TopUpPause,
        /// When.
        since: Timestamp,
    },
}

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopUpPause {
    /// The bank wants to see the card's owner.
    AuthenticationRequired,
    /// The card was declined.
    CardDeclined,
    /// No card is saved.
    NoPaymentMethod,
}

impl TopUpWish {
    /// # Errors
    /// The fields outside their range.
    pub fn new(pack: Pack, below: u32, monthly_max: u32) -> Result<TopUpWish, InvalidFields> {
        let mut check = FieldCheck::new();
        check.require((1..=BELOW_MAX).contains(&below), "/below", "range", || {
            format!("1 to {BELOW_MAX} credits")
        });
        check.require((1..=MONTHLY_MAX).contains(&monthly_max), "/monthly_max", "range", || {
            format!("1 to {MONTHLY_MAX} packs a month")
        });
        check.finish()?;
        Ok(TopUpWish { pack, below, monthly_max })
    }
}

impl TopUp {
    /// Of an account for which nothing was bought so far.
    pub(crate) fn new(now: Timestamp) -> TopUp {
        let (month, state) = (now.start_of_month(), TopUpState::Armed);
        TopUp { wish: None, month, bought: 0, state }
    }

    /// Turns it on, again or otherwise than before, or off. What was bought this month stays counted,
    /// and what is being bought goes on.
    pub(crate) fn allow(&mut self, wish: Option<TopUpWish>) {
        self.wish = wish;
        self.state = match &self.state {
            TopUpState::Charging { .. } => self.state.clone(),
            TopUpState::Armed | TopUpState::Due { .. } | TopUpState::Paused { .. } => {
                TopUpState::Armed
            }
        };
    }

    /// Looks at the balance: a pack becomes due, or is no longer.
    pub(crate) fn watch(&mut self, credits: &Credits, now: Timestamp) {
        let month = now.start_of_month();
        if month > self.month {
            (self.month, self.bought) = (month, 0);
        }
        let wanted = !credits.is_unlimited(now)
            && self.wish.is_some_and(|wish| {
                credits.totals().available < wish.below && self.bought < wish.monthly_max
            });
        self.state = match (&self.state, wanted) {
            (TopUpState::Armed, true) => TopUpState::Due { since: now },
            (TopUpState::Due { .. }, false) => TopUpState::Armed,
            (state, _) => state.clone(),
        };
    }

    /// The pack that is due is being bought by `order`.
    pub fn begin(&mut self, order: OrderId) {
        self.bought += 1;
        self.state = TopUpState::Charging { order };
    }

    /// The pack was bought: watching again. One whose payment had failed before counts again.
    pub fn bought_by(&mut self, order: &OrderId) {
        if self.is_charging(order) {
            self.state = TopUpState::Armed;
        } else {
            self.bought += 1;
        }
    }

    /// The card was not charged: stopped, and the month's count is given back.
    pub fn pause(&mut self, order: &OrderId, reason: TopUpPause, now: Timestamp) {
        if self.is_charging(order) {
            self.bought = self.bought.saturating_sub(1);
            self.state = TopUpState::Paused { reason, since: now };
        }
    }

    fn is_charging(&self, order: &OrderId) -> bool {
        matches!(&self.state, TopUpState::Charging { order: present } if present == order)
    }
}

impl TopUpPause {
    /// What Stripe's code for a failed payment comes to.
    pub fn of_code(code: &str) -> TopUpPause {
        match code {
            "authentication_required" => TopUpPause::AuthenticationRequired,
            "payment_method_required" | "resource_missing" => TopUpPause::NoPaymentMethod,
            _ => TopUpPause::CardDeclined,
        }
    }
}
