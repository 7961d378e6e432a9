//! Automatic top-up: buys a pack when the balance falls below a threshold that the member set.
//!
//! It is off until a member turns it on. It buys one pack at a time, at most a set number per
//! calendar month (UTC), and pauses with a reason when the card cannot be charged: it never retries
//! what needs the member's attention.

use serde::{Deserialize, Serialize};
use strum::EnumDiscriminants;

use crate::{
    credits::Credits,
    error::{FieldCheck, InvalidFields},
    id::OrderId,
    pack::Pack,
    time::Timestamp,
};

/// Highest threshold that a member can set.
pub const BELOW_MAX: u32 = 1_000;
/// Most packs per month that a member can allow.
pub const MONTHLY_MAX: u32 = 20;

/// A member's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpSettings {
    /// The pack to buy.
    pub pack: Pack,
    /// Buy when fewer credits than this are available.
    pub below: u32,
    /// Most packs per calendar month.
    pub monthly_max: u32,
}

/// A member's settings and their state. The month's count and the charge in progress outlive the
/// settings, so that turning top-up off and on again resets neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// The settings; `None` while it is off.
    #[serde(flatten)]
    pub settings: Option<TopUpSettings>,
    /// The month that `bought` counts.
    pub month: Timestamp,
    /// Number of packs bought in that month.
    pub bought: u32,
    /// Its state.
    #[serde(flatten)]
    pub state: TopUpState,
}

/// The state of automatic top-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum_discriminants(
    name(TopUpStatus),
    doc = "The state of automatic top-up, without its details.",
    derive(Hash, Serialize, Deserialize),
    cfg_attr(feature = "schema", derive(schemars::JsonSchema)),
    serde(rename_all = "snake_case")
)]
pub enum TopUpState {
    /// Watching the balance.
    Armed,
    /// A pack is due.
    Due {
        /// Since when.
        since: Timestamp,
    },
    /// A pack is being charged.
    Charging {
        /// The order.
        order: OrderId,
    },
    /// Paused until the member turns it on again.
    Paused {
        /// The reason.
        reason: TopUpPause,
        /// When it paused.
        since: Timestamp,
    },
}

/// Why it paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TopUpPause {
    /// The bank requires authentication by the cardholder.
    AuthenticationRequired,
    /// The card was declined.
    CardDeclined,
    /// No card is saved.
    NoPaymentMethod,
}

impl TopUpSettings {
    /// # Errors
    /// The fields outside their range.
    pub fn new(pack: Pack, below: u32, monthly_max: u32) -> Result<TopUpSettings, InvalidFields> {
        let mut check = FieldCheck::new();
        check.require((1..=BELOW_MAX).contains(&below), "/below", "range", || {
            format!("1 to {BELOW_MAX} credits")
        });
        check.require((1..=MONTHLY_MAX).contains(&monthly_max), "/monthly_max", "range", || {
            format!("1 to {MONTHLY_MAX} packs a month")
        });
        check.finish()?;
        Ok(TopUpSettings { pack, below, monthly_max })
    }
}

impl TopUp {
    /// For an account that has never used it.
    pub(crate) fn new(now: Timestamp) -> TopUp {
        let (month, state) = (now.start_of_month(), TopUpState::Armed);
        TopUp { settings: None, month, bought: 0, state }
    }

    /// Turns it on, changes it, or turns it off. The month's count stays, and a charge in progress
    /// continues.
    pub(crate) fn allow(&mut self, settings: Option<TopUpSettings>) {
        self.settings = settings;
        self.state = match &self.state {
            TopUpState::Charging { .. } => self.state.clone(),
            TopUpState::Armed | TopUpState::Due { .. } | TopUpState::Paused { .. } => {
                TopUpState::Armed
            }
        };
    }

    /// Checks the balance: a pack becomes due, or is no longer due.
    pub(crate) fn watch(&mut self, credits: &Credits, now: Timestamp) {
        let month = now.start_of_month();
        if month > self.month {
            (self.month, self.bought) = (month, 0);
        }
        let wanted = !credits.is_unlimited(now)
            && self.settings.is_some_and(|settings| {
                credits.totals().available < settings.below && self.bought < settings.monthly_max
            });
        self.state = match (&self.state, wanted) {
            (TopUpState::Armed, true) => TopUpState::Due { since: now },
            (TopUpState::Due { .. }, false) => TopUpState::Armed,
            (state, _) => state.clone(),
        };
    }

    /// Starts buying the due pack with `order`.
    pub fn begin(&mut self, order: OrderId) {
        self.bought += 1;
        self.state = TopUpState::Charging { order };
    }

    /// Records a paid order. One whose payment had failed before counts again.
    pub fn bought_by(&mut self, order: &OrderId) {
        if self.is_charging(order) {
            self.state = TopUpState::Armed;
        } else {
            self.bought += 1;
        }
    }

    /// Pauses after the card was not charged; the order no longer counts for the month.
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
    /// Maps Stripe's code for a failed payment to a reason.
    pub fn of_code(code: &str) -> TopUpPause {
        match code {
            "authentication_required" => TopUpPause::AuthenticationRequired,
            "payment_method_required" | "resource_missing" => TopUpPause::NoPaymentMethod,
            _ => TopUpPause::CardDeclined,
        }
    }
}
