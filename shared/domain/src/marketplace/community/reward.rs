//! A sharer's reward: held until the buyer can no longer ask for a refund, then granted in credits.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::EnumDiscriminants;

use super::share::Referral;
use crate::{
    account::AccountUpdate,
    credits::{LedgerError, LotId},
    id::{PurchaseId, UserId},
    marketplace::{
        creator::{
            cause::Cause,
            journal::{LedgerAccount, Posting, Role},
        },
        purchase::refund::refund_window_ends,
    },
    plan::{Allowance, Plan},
    time::{DAY, Timestamp},
};

/// Credits rewarded for a sale.
pub const REWARD_CREDITS: u32 = 5;
/// Minimum validity of a reward. It expires at the end of a month, so that the rewards of one month
/// share a lot.
pub const REWARD_LASTS: Duration = DAY.saturating_mul(365);

/// A sharer's reward for a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// Its buyer.
    pub buyer_id: UserId,
    /// The creator who sold it: the cost of the reward is posted in their journals, beside the
    /// sale.
    pub creator_id: UserId,
    /// The member who is rewarded.
    pub sharer_id: UserId,
    /// The share code.
    pub code: String,
    /// The number of credits.
    pub credits: u32,
    /// Stripe's fingerprint of the card that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When the sale was paid; unknown of rewards from before that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned_at: Option<Timestamp>,
    /// When it was granted or cancelled; see [`Reward::earned_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// How often it was reversed after it had been granted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reversals: u32,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Its state.
    #[serde(flatten)]
    pub state: RewardState,
}

/// The state of a reward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum_discriminants(
    name(RewardStatus),
    doc = "The state of a reward, without its details.",
    derive(Serialize),
    cfg_attr(feature = "schema", derive(schemars::JsonSchema)),
    serde(rename_all = "snake_case")
)]
pub enum RewardState {
    /// Held until the buyer's refund window ends.
    Held {
        /// When the window ends.
        due_at: Timestamp,
    },
    /// Granted to the sharer.
    Granted {
        /// The lot that holds the credits.
        lot: LotId,
    },
    /// Not granted or reversed.
    Cancelled {
        /// Why.
        reason: RewardCancellation,
    },
}

/// Why a reward is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RewardCancellation {
    /// The sale was taken back.
    Refunded,
    /// The sharer's own card paid.
    OwnCard,
    /// The sharer is suspended.
    Suspended,
    /// The sharer has no verified e-mail address.
    EmailUnverified,
}

impl Reward {
    /// The held reward for a sale that was paid at `now`.
    pub fn held(
        referral: &Referral,
        (purchase_id, buyer_id, creator_id): (PurchaseId, UserId, UserId),
        fingerprint: Option<String>,
        now: Timestamp,
    ) -> Reward {
        Reward {
            purchase_id,
            buyer_id,
            creator_id,
            sharer_id: referral.sharer_id.clone(),
            code: referral.code.clone(),
            credits: REWARD_CREDITS,
            fingerprint,
            earned_at: Some(now),
            decided_at: None,
            reversals: 0,
            version: 0,
            state: RewardState::Held { due_at: refund_window_ends(now) },
        }
    }

    /// When to grant it; `None` if it was granted or cancelled.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            RewardState::Held { due_at } => Some(*due_at),
            RewardState::Granted { .. } | RewardState::Cancelled { .. } => None,
        }
    }

    /// Grants the reward if it is due, or cancels it if the sharer's own card paid, or the sharer
    /// is suspended or has no verified address. Does nothing before it is due, or a second time.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn grant(
        &mut self,
        update: &mut AccountUpdate,
        same_card: SameCard,
    ) -> Result<(), LedgerError> {
        // At that very instant the buyer can still ask for a refund.
        if self.due_at().is_none_or(|due_at| update.now() <= due_at) {
            return Ok(());
        }
        let against = match same_card {
            SameCard::Yes => Some(RewardCancellation::OwnCard),
            SameCard::No if update.require_active().is_err() => Some(RewardCancellation::Suspended),
            SameCard::No => {
                let unverified = update.account().email_unverified;
                unverified.then_some(RewardCancellation::EmailUnverified)
            }
        };
        if let Some(reason) = against {
            self.cancel(reason, update.now());
            return Ok(());
        }
        let ends_at = update.now().plus(REWARD_LASTS).start_of_month().plus_months(1);
        let lot = update.add_promo(LotId(self.cause().to_string()), self.credits, ends_at)?;
        self.state = RewardState::Granted { lot };
        self.decided_at = Some(update.now());
        Ok(())
    }

    /// The cause of its next grant in the ledger and the journal; each grant has its own.
    pub fn cause(&self) -> Cause {
        Cause::Reward { purchase: self.purchase_id.clone(), reversals: self.reversals }
    }

    /// Cancels it before it was granted, because the sale was taken back.
    pub fn forfeit(&mut self, now: Timestamp) {
        if self.due_at().is_some() {
            self.cancel(RewardCancellation::Refunded, now);
        }
    }

    fn cancel(&mut self, reason: RewardCancellation, now: Timestamp) {
        self.state = RewardState::Cancelled { reason };
        self.decided_at = Some(now);
    }

    /// Whether its sale was taken back.
    pub fn is_refunded(&self) -> bool {
        self.state == RewardState::Cancelled { reason: RewardCancellation::Refunded }
    }

    /// Reverses it because the sale was taken back: revokes what is left of it, and makes what was
    /// spent debt. Returns the cause and the postings, if it was granted.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn reverse(
        &mut self,
        update: &mut AccountUpdate,
    ) -> Result<Option<(Cause, [Posting; 2])>, LedgerError> {
        self.forfeit(update.now());
        let RewardState::Granted { lot } = &self.state else { return Ok(None) };
        let (purchase, reversals) = (self.purchase_id.clone(), self.reversals);
        let cause = Cause::RewardReversal { purchase, reversals };
        update.take_back(&cause.to_string(), lot, self.credits)?;
        self.reversals += 1;
        self.cancel(RewardCancellation::Refunded, update.now());
        Ok(Some((cause, cost(-reward_cost(self.credits)))))
    }

    /// Accrues it again, because its sale was restored: a dispute was won, or a refund failed. It
    /// is granted like any other, and first repays the debt that its reversal left.
    pub fn restore(&mut self, paid_at: Timestamp) {
        if self.is_refunded() {
            self.state = RewardState::Held { due_at: refund_window_ends(paid_at) };
            self.decided_at = None;
        }
    }

    /// The postings of its grant.
    pub fn cost_of_grant(&self) -> [Posting; 2] {
        cost(reward_cost(self.credits))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_zero(times: &u32) -> bool {
    *times == 0
}

/// The cost of `credits` in US cents, at the price per credit of a month of [`Plan::Pro`], rounded
/// down.
fn reward_cost(credits: u32) -> i64 {
    let pro = Plan::Pro.terms();
    match pro.allowance {
        Allowance::Credits(of) => i64::from(credits * pro.monthly_price_cents / of),
        Allowance::Unlimited => 0,
    }
}

fn cost(cents: i64) -> [Posting; 2] {
    [
        Posting::new(Role::Reward, LedgerAccount::RewardExpense, cents),
        Posting::new(Role::RewardCredits, LedgerAccount::RewardCredits, -cents),
    ]
}

/// Whether buyer and sharer paid with the same card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameCard {
    /// The same card.
    Yes,
    /// Not the same, as far as is known.
    No,
}
