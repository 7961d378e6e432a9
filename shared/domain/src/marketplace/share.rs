//! Passing a listing on: a member's code for it, the click that followed it, and the reward.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    journal::{LedgerAccount, Posting, Role},
    refund::refund_window_ends,
};
use crate::{
    account::AccountUpdate,
    credits::{LedgerError, LotId},
    id::{ListingId, PurchaseId, UserId},
    plan::{Allowance, Plan},
    time::{DAY, Timestamp},
};

/// A click counts for a purchase within this time.
pub const ATTRIBUTED: Duration = DAY.saturating_mul(30);
/// Credits for a sale.
pub const REWARD_CREDITS: u32 = 5;
/// How long a reward may be spent at least: it ends with the month, so that rewards of one month are
/// one lot.
pub const REWARD_LASTS: Duration = DAY.saturating_mul(365);

/// A member's code for a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The code, as it stands in a link.
    pub code: String,
    /// To what it leads.
    pub listing_id: ListingId,
    /// Who passes it on.
    pub sharer_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Visitors, each once a day.
    #[serde(default)]
    pub clicks: u32,
    /// When one came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<Timestamp>,
}

/// Who pointed a buyer to a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// By which code.
    pub code: String,
    /// OwnerRef that is.
    pub sharer_id: UserId,
    /// Their e-mail address in a form that can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharer_email: Option<String>,
    /// When the buyer followed it.
    pub clicked_at: Timestamp,
}

/// What a sharer gets for a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// For this purchase.
    pub purchase_id: PurchaseId,
    /// Of this buyer.
    pub buyer_id: UserId,
    /// Who sold it: what the reward costs stands in their journal, beside the sale.
    pub creator_id: UserId,
    /// For whom.
    pub sharer_id: UserId,
    /// By which code.
    pub code: String,
    /// How many.
    pub credits: u32,
    /// What the buyer paid with, as the payment network tells cards apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// How often it was taken back after it had been granted.
    #[serde(default, skip_serializing_if = "never")]
    pub reversals: u32,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// How far it is.
    #[serde(flatten)]
    pub state: RewardState,
}

/// How far a reward is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RewardState {
    /// Connected as long as the buyer may give back what they bought.
    Connected {
        /// Until after that.
        due_at: Timestamp,
    },
    /// The credits are the sharer's.
    Granted {
        /// In this lot.
        lot: LotId,
    },
    /// They are not, and why: `refunded`, `own_card`, `suspended`,
    /// `email_unverified`.
    Cancelled {
        /// Stable, snake case.
        reason: String,
    },
}

impl Referral {
    /// Whether it is somebody else's than the buyer's.
    pub fn is_of_another(&self, buyer: &UserId) -> bool {
        self.sharer_id != *buyer
    }

    /// Whether a click counts for a purchase at `now`.
    pub fn counts(clicked_at: Timestamp, now: Timestamp) -> bool {
        clicked_at <= now && now <= clicked_at.plus(ATTRIBUTED)
    }

    /// Whether sharer and buyer have the same e-mail address, however they write it.
    pub fn has_email_of(&self, buyer: Option<&str>) -> bool {
        match (&self.sharer_email, buyer) {
            (Some(sharer), Some(buyer)) => comparable_email(sharer) == comparable_email(buyer),
            (_, _) => false,
        }
    }
}

impl Reward {
    /// The reward for a sale that was paid for at `now`.
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
            reversals: 0,
            version: 0,
            state: RewardState::Connected { due_at: refund_window_ends(now) },
        }
    }

    /// When somebody should see to it.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            RewardState::Connected { due_at } => Some(*due_at),
            RewardState::Granted { .. } | RewardState::Cancelled { .. } => None,
        }
    }

    /// Grants what is due, unless the card that paid is the sharer's own, or the sharer is
    /// suspended or has no verified address. Nothing happens before its time, or twice.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn grant(
        &mut self,
        draft: &mut AccountUpdate,
        same_card: SameCard,
    ) -> Result<(), LedgerError> {
        // At that very instant it can still be given back.
        if self.due_at().is_none_or(|due_at| draft.now() <= due_at) {
            return Ok(());
        }
        let against = match same_card {
            SameCard::Yes => Some("own_card"),
            SameCard::No if draft.require_active().is_err() => Some("suspended"),
            SameCard::No => draft.account().email_unverified.then_some("email_unverified"),
        };
        if let Some(reason) = against {
            self.state = RewardState::Cancelled { reason: reason.to_owned() };
            return Ok(());
        }
        let ends_at = draft.now().plus(REWARD_LASTS).start_of_month().plus_months(1);
        let lot = draft.add_promo(LotId(self.cause()), self.credits, ends_at)?;
        self.state = RewardState::Granted { lot };
        Ok(())
    }

    /// What its next grant is called in the ledger and in the journal: each is called otherwise.
    pub fn cause(&self) -> String {
        match self.reversals {
            0 => format!("reward:{}", self.purchase_id),
            times => format!("reward:{}:{times}", self.purchase_id),
        }
    }

    /// It will not be granted, because the sale was taken back before.
    pub fn forfeit(&mut self) {
        if self.due_at().is_some() {
            self.state = RewardState::Cancelled { reason: REFUNDED.to_owned() };
        }
    }

    /// Takes it back because the sale was: what is left of it, and what was spent of it is owed.
    /// Returns what is posted for that, and its cause, if it was granted.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn reverse(
        &mut self,
        draft: &mut AccountUpdate,
    ) -> Result<Option<(String, [Posting; 2])>, LedgerError> {
        self.forfeit();
        let RewardState::Granted { lot } = &self.state else { return Ok(None) };
        let cause = format!("{}:reversed", self.cause());
        draft.take_back(&cause, lot, self.credits)?;
        self.reversals += 1;
        self.state = RewardState::Cancelled { reason: REFUNDED.to_owned() };
        Ok(Some((cause, cost(-reward_cost(self.credits)))))
    }

    /// Promises it again, because the sale it was taken back with is one again: a dispute was won,
    /// or a refund failed. It is granted like any other, and first pays what its reversal left owed.
    pub fn restore(&mut self, paid_at: Timestamp) {
        let with_sale = RewardState::Cancelled { reason: REFUNDED.to_owned() };
        if self.state == with_sale {
            self.state = RewardState::Connected { due_at: refund_window_ends(paid_at) };
        }
    }

    /// What is posted when its credits are given.
    pub fn cost_of_grant(&self) -> [Posting; 2] {
        cost(reward_cost(self.credits))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn never(times: &u32) -> bool {
    *times == 0
}

/// What so many credits cost, in US cents: as a month of [`Plan::Pro`] has them, rounded down.
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

/// Why a reward was cancelled with its sale.
const REFUNDED: &str = "refunded";

/// Whether buyer and sharer pay with the same card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameCard {
    /// They do.
    Yes,
    /// Not as far as we know.
    No,
}

/// An e-mail address without what most providers pass over: case, and what stands after a plus; and
/// where Google reads it, dots, and which of its two names the address has
/// (<https://support.google.com/mail/answer/7436150>, <https://support.google.com/mail/answer/10313>).
pub fn comparable_email(email: &str) -> String {
    let email = email.trim().to_lowercase();
    match email.split_once('@') {
        Some((local, domain)) => {
            let local = local.split('+').next().unwrap_or_default();
            match domain {
                "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
                _ => format!("{local}@{domain}"),
            }
        }
        None => email,
    }
}
