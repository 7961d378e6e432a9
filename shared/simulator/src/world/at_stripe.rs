//! What happens at Stripe. It refuses what cannot be.

use sandbox::stripe::{Closing, Decision, Opening};
use serde_json::{Value, json};

use super::{World, nth_of};

impl World {
    /// Refunds a part of a charge in the dashboard.
    pub(super) fn refund(&self, nth: usize, percent: i64) {
        if let Some((charge, cents)) = self.part_of_charge(nth, percent) {
            let _ = self.app.stripe().refund(charge["id"].as_str().unwrap(), cents);
        }
    }

    pub(super) async fn dispute(&self, nth: usize, percent: i64) {
        let Some((charge, cents)) = self.part_of_charge(nth, percent) else { return };
        // It comes days after the payment, whose event has arrived by then.
        if charge["disputed"] == true || !self.is_known(&charge).await {
            return;
        }
        let id = charge["id"].as_str().unwrap();
        if let Ok(dispute) = self.app.stripe().dispute(id, cents, Opening::Chargeback) {
            self.past.borrow_mut().disputes.push(dispute);
        }
    }

    /// A charge, and so many percent of it; all of it is `None`.
    fn part_of_charge(&self, nth: usize, percent: i64) -> Option<(Value, Option<i64>)> {
        let id = nth_of(&self.app.ids_of("charge.succeeded"), nth)?;
        let charge = self.app.stripe().object(&id).unwrap();
        let amount = charge["amount"].as_i64().unwrap();
        Some((charge, (percent < 100).then(|| (amount * percent / 100).max(1))))
    }

    /// Whether we know that a charge was paid; of a plan's, always.
    async fn is_known(&self, charge: &Value) -> bool {
        let theirs = &charge["metadata"]["purchase_id"];
        let found = {
            let past = self.past.borrow();
            past.purchases.iter().find(|(_, id)| *theirs == json!(id)).cloned()
        };
        match found {
            Some((buyer, id)) => {
                let purchase = self.app.store.purchase(&self.members[buyer].id, &id).await.unwrap();
                purchase.paid.is_some()
            }
            None => theirs.is_null(),
        }
    }

    pub(super) fn fail_refund(&self, nth: usize) {
        if let Some(refund) = nth_of(&self.app.ids_of("refund.created"), nth) {
            let _ = self.app.stripe().fail_refund(&refund);
        }
    }

    pub(super) fn end_dispute(&self, nth: usize, is_won: bool) {
        if let Some(dispute) = nth_of(&self.past.borrow().disputes, nth) {
            let closing = if is_won { Closing::Won } else { Closing::Lost };
            let _ = self.app.stripe().close_dispute(&dispute, closing);
        }
    }

    pub(super) fn return_payout(&self, nth: usize) {
        if let Some(payout) = nth_of(&self.app.ids_of("payout.paid"), nth) {
            let _ = self.app.stripe().fail_bank_payout(&payout);
        }
    }

    pub(super) fn decide(&self, nth: usize, succeeds: bool) {
        if let Some(session) = nth_of(&self.past.borrow().debits, nth) {
            let decision = if succeeds { Decision::Succeed } else { Decision::Fail };
            let _ = self.app.stripe().decide(&session, decision);
        }
    }

    pub(super) fn renew(&self, nth: usize) {
        if let Some(id) = nth_of(&self.app.ids_of("customer.subscription.created"), nth) {
            let _ = self.app.stripe().renew(&id);
        }
    }
}
