//! Which decisions about creators' and buyers' money go into the audit: derived from what a change
//! makes of its item, so that no way of changing it is forgotten.

use serde_json::json;

use super::{
    payout::{Payout, PayoutState},
    purchase::{Purchase, PurchaseState},
    refund::{Refund, RefundedBy},
    share::{Reward, RewardState},
};
use crate::audit::{Action, Actor, AuditEntry, Target, TargetKind};

/// Who follows a creator's payouts.
const PAYOUTS: &str = "payouts";
/// Who gives money back where the rules say so.
const REFUNDS: &str = "refunds";
/// Who grants sharers their credits.
const REWARDS: &str = "rewards";

impl Payout {
    /// What the step from `before` did, where it is a decision about money.
    pub fn deeds_since(&self, before: &Payout) -> impl Iterator<Item = AuditEntry> {
        self.reversal_deed(before).into_iter().chain(self.state_deed(before))
    }

    fn reversal_deed(&self, before: &Payout) -> Option<AuditEntry> {
        let told = |it: &Payout| {
            json!({
                "creator_id": it.creator_id, "standing": it.standing(), "currency": it.currency,
            })
        };
        let target = Target::of(TargetKind::Payout, &self.id);
        let deed = AuditEntry::of_job(PAYOUTS, Action::ReverseTransfer, target);
        let fewer = self.standing() < before.standing();
        fewer.then(|| deed.with_diff(&told(before), &told(self)))
    }

    fn state_deed(&self, before: &Payout) -> Option<AuditEntry> {
        if self.state.as_str() == before.state.as_str() {
            return None;
        }
        let action = match self.state {
            PayoutState::Sending => Action::SendPayout,
            PayoutState::Sent => Action::PayoutSent,
            PayoutState::Paid => Action::PayoutPaid,
            PayoutState::Failed { .. } => Action::PayoutFailed,
            PayoutState::Reopened { .. } => Action::ReopenPayout,
            PayoutState::Skipped { .. } | PayoutState::Collecting | PayoutState::Planned => {
                return None;
            }
        };
        let told = |it: &Payout| {
            json!({
                "creator_id": it.creator_id, "state": it.state.as_str(),
                "amount": it.amount, "currency": it.currency,
            })
        };
        let target = Target::of(TargetKind::Payout, &self.id);
        let deed =
            AuditEntry::of_job(PAYOUTS, action, target).with_diff(&told(before), &told(self));
        Some(match &self.state {
            PayoutState::Failed { code } | PayoutState::Reopened { code } => deed.with_reason(code),
            PayoutState::Skipped { .. }
            | PayoutState::Collecting
            | PayoutState::Planned
            | PayoutState::Sending
            | PayoutState::Sent
            | PayoutState::Paid => deed,
        })
    }
}

impl Purchase {
    /// What was decided since `before` to give back.
    pub fn deeds_since(&self, before: &Purchase) -> impl Iterator<Item = AuditEntry> {
        let known = |it: &Refund| before.refunds.iter().any(|was| was.number == it.number);
        let asked = self.refunds.iter().filter(move |it| !known(it));
        asked.map(|it| self.refund_deed(it)).chain(self.return_deed(before))
    }

    fn return_deed(&self, before: &Purchase) -> Option<AuditEntry> {
        let PurchaseState::Returned { reason } = &self.state else { return None };
        let told = |it: &Purchase| json!({ "buyer_id": it.buyer_id, "state": it.state });
        let target = Target::of(TargetKind::Purchase, &self.id);
        let deed = AuditEntry::of_job(REFUNDS, Action::Refund, target).with_reason(reason);
        (before.state != self.state).then(|| deed.with_diff(&told(before), &told(self)))
    }

    fn refund_deed(&self, order: &Refund) -> AuditEntry {
        let (actor, origin) = match &order.by {
            RefundedBy::Staff { actor, origin } => (actor.clone(), origin.clone()),
            RefundedBy::Buyer => (Actor::Job { name: REFUNDS.to_owned() }, None),
        };
        let told = |refunded: i64| json!({ "buyer_id": self.buyer_id, "refunded": refunded });
        let target = Target::of(TargetKind::Purchase, &self.id);
        let deed = AuditEntry::new(actor, Action::Refund, target)
            .with_diff(&told(order.target - order.amount), &told(order.target));
        AuditEntry { reason: order.reason.clone(), origin, ..deed }
    }
}

impl Reward {
    /// That it was granted, if it was since `before`.
    pub fn deed_since(&self, before: &Reward) -> Option<AuditEntry> {
        let granted = |it: &Reward| matches!(it.state, RewardState::Granted { .. });
        if !granted(self) || granted(before) {
            return None;
        }
        let target = Target::user(&self.sharer_id);
        let deed = AuditEntry::of_job(REWARDS, Action::GrantReward, target);
        Some(deed.with_reason(&format!("For {}.", self.purchase_id)))
    }
}
