//! The audit entries of decisions about creators' and buyers' money. They are derived from the
//! change of an item, so that no code path that changes it can omit them.

use serde_json::json;

use super::{
    community::reward::{Reward, RewardState},
    creator::payout::{Payout, PayoutState},
    purchase::{
        Purchase, PurchaseState,
        refund::{ManualReview, PaidBack, Refund, RefundedBy, ReviewDecision, ReviewOutcome},
    },
};
use crate::audit::{Action, Actor, AuditEntry, Origin, Target, TargetKind};

/// The job that advances payouts.
const PAYOUTS: &str = "payouts";
/// The job that refunds buyers where the rules say so.
const REFUNDS: &str = "refunds";
/// The job that grants rewards.
const REWARDS: &str = "rewards";

impl Payout {
    /// The audit entries for the change since `before`, where it is a decision about money.
    pub fn audit_entries_since(&self, before: &Payout) -> impl Iterator<Item = AuditEntry> {
        self.reversal_entry(before).into_iter().chain(self.state_entry(before))
    }

    fn reversal_entry(&self, before: &Payout) -> Option<AuditEntry> {
        let summary = |it: &Payout| {
            json!({
                "creator_id": it.creator_id, "standing": it.standing(), "currency": it.currency,
            })
        };
        let target = Target::of(TargetKind::Payout, &self.id);
        let entry = AuditEntry::of_job(PAYOUTS, Action::ReverseTransfer, target);
        let fewer = self.standing() < before.standing();
        fewer.then(|| entry.with_diff(&summary(before), &summary(self)))
    }

    fn state_entry(&self, before: &Payout) -> Option<AuditEntry> {
        if self.state.into_str() == before.state.into_str() {
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
        let summary = |it: &Payout| {
            json!({
                "creator_id": it.creator_id, "state": it.state.into_str(),
                "amount": it.amount, "currency": it.currency,
            })
        };
        let target = Target::of(TargetKind::Payout, &self.id);
        let entry =
            AuditEntry::of_job(PAYOUTS, action, target).with_diff(&summary(before), &summary(self));
        Some(match &self.state {
            PayoutState::Failed { code } | PayoutState::Reopened { code } => {
                entry.with_reason(code)
            }
            PayoutState::Skipped { .. }
            | PayoutState::Collecting
            | PayoutState::Planned
            | PayoutState::Sending
            | PayoutState::Sent
            | PayoutState::Paid => entry,
        })
    }
}

impl Purchase {
    /// The audit entries for refunds decided or declined, and what was paid back outside Stripe,
    /// since `before`.
    pub fn audit_entries_since(&self, before: &Purchase) -> impl Iterator<Item = AuditEntry> {
        let known = |it: &Refund| before.refunds.iter().any(|was| was.number == it.number);
        let asked = self.refunds.iter().filter(move |it| !known(it));
        let asked = asked.map(|it| self.refund_entry(it));
        let decided = asked.chain(self.return_entry(before)).chain(self.decline_entry(before));
        decided.chain(self.paid_back_entry(before))
    }

    fn paid_back_entry(&self, before: &Purchase) -> Option<AuditEntry> {
        let PaidBack { by, reason, .. } = self.paid_back.get(before.paid_back.len())?;
        let (actor, origin) = who(by);
        let summary =
            |it: &Purchase| json!({ "buyer_id": it.buyer_id, "paid_back": it.paid_outside() });
        let target = Target::of(TargetKind::Purchase, &self.id);
        let entry = AuditEntry::new(actor, Action::RecordPaidBack, target).with_reason(reason);
        let entry = entry.with_diff(&summary(before), &summary(self));
        Some(AuditEntry { origin, ..entry })
    }

    fn decline_entry(&self, before: &Purchase) -> Option<AuditEntry> {
        let declined = |it: &Purchase| {
            let decision = it.refund_request.as_ref().and_then(|it| it.decision.clone());
            decision.filter(|it| it.outcome == ReviewOutcome::Declined)
        };
        let ReviewDecision { by, reason, .. } =
            declined(self).filter(|_| declined(before).is_none())?;
        let (actor, origin) = who(&by);
        let summary = |it: &Purchase| {
            let outcome = |it: &ManualReview| it.decision.as_ref().map(|it| it.outcome);
            json!({
                "buyer_id": it.buyer_id, "decision": it.refund_request.as_ref().and_then(outcome),
            })
        };
        let target = Target::of(TargetKind::Purchase, &self.id);
        let entry = AuditEntry::new(actor, Action::DeclineRefund, target);
        let entry = entry.with_diff(&summary(before), &summary(self));
        Some(AuditEntry { reason, origin, ..entry })
    }

    fn return_entry(&self, before: &Purchase) -> Option<AuditEntry> {
        let PurchaseState::Returned { reason } = &self.state else { return None };
        let summary = |it: &Purchase| json!({ "buyer_id": it.buyer_id, "state": it.state });
        let target = Target::of(TargetKind::Purchase, &self.id);
        let entry = AuditEntry::of_job(REFUNDS, Action::Refund, target).with_reason(reason);
        (before.state != self.state).then(|| entry.with_diff(&summary(before), &summary(self)))
    }

    fn refund_entry(&self, order: &Refund) -> AuditEntry {
        let (actor, origin) = who(&order.by);
        let summary = |refunded: i64| json!({ "buyer_id": self.buyer_id, "refunded": refunded });
        let target = Target::of(TargetKind::Purchase, &self.id);
        let entry = AuditEntry::new(actor, Action::Refund, target)
            .with_diff(&summary(order.target - order.amount), &summary(order.target));
        AuditEntry { reason: order.reason.clone(), origin, ..entry }
    }
}

/// The actor of a decision on a refund, and the request that caused it.
fn who(by: &RefundedBy) -> (Actor, Option<Origin>) {
    match by {
        RefundedBy::Staff { actor, origin } => (actor.clone(), origin.clone()),
        RefundedBy::Buyer => (Actor::Job { name: REFUNDS.to_owned() }, None),
    }
}

impl Reward {
    /// The audit entry for its grant, if it was granted since `before`.
    pub fn audit_entry_since(&self, before: &Reward) -> Option<AuditEntry> {
        let granted = |it: &Reward| matches!(it.state, RewardState::Granted { .. });
        if !granted(self) || granted(before) {
            return None;
        }
        let target = Target::user(&self.sharer_id);
        let entry = AuditEntry::of_job(REWARDS, Action::GrantReward, target);
        Some(entry.with_reason(&format!("For {}.", self.purchase_id)))
    }
}
