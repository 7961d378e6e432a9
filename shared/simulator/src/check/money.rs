//! Money at Stripe and in the journals: cash, refunds and rewards.

use std::collections::BTreeMap;

use domain::{
    credits::{LotSource, Movement},
    marketplace::{
        community::reward::RewardState,
        creator::journal::{Balances, LedgerAccount},
        purchase::Purchase,
    },
    time::{DAY, Timestamp},
};
use sandbox::stripe::TOP_UP;
use serde_json::{Value, json};
use testing::Actor;

use crate::{
    billing_app::BillingApp,
    world::{Violation, World},
};

/// What is in the platform's balance at Stripe, in cents, less what its operator added.
pub(super) struct Cash {
    /// What each charge brought: less fees, refunds and disputes.
    by_charge: BTreeMap<String, i64>,
    /// The fee of each charge.
    fees: BTreeMap<String, i64>,
    /// The rest: transfers and what came back of them.
    rest: i64,
}

impl Cash {
    pub(super) fn of(app: &BillingApp) -> Cash {
        let mut cash = Cash { by_charge: BTreeMap::new(), fees: BTreeMap::new(), rest: 0 };
        for transaction in app.stripe().balance_transactions() {
            let net = transaction["net"].as_i64().unwrap();
            match charge_of(app, &transaction) {
                Some(charge) => {
                    let fee = transaction["fee"].as_i64().unwrap();
                    *cash.fees.entry(charge.clone()).or_default() += fee;
                    *cash.by_charge.entry(charge).or_default() += net;
                }
                // The operator's own money is in no journal.
                None if transaction["type"] == TOP_UP => {}
                None => cash.rest += net,
            }
        }
        cash
    }

    /// What a charge brought.
    pub(super) fn of_charge(&self, charge: &Value) -> i64 {
        self.by_charge.get(charge["id"].as_str().unwrap()).copied().unwrap_or_default()
    }

    /// What sales of listings brought, less what was sent to creators.
    fn of_sales(&self, app: &BillingApp) -> i64 {
        let sales = self.by_charge.iter().filter(|(id, _)| sale_charge(app, id).is_some());
        sales.map(|(_, net)| net).sum::<i64>() + self.rest
    }
}

/// A charge, if it paid for a listing.
fn sale_charge(app: &BillingApp, id: &str) -> Option<Value> {
    app.stripe().object(id).filter(|charge| charge["metadata"]["purchase_id"].is_string())
}

/// The charge that a transaction is about: of itself, a refund or a dispute.
fn charge_of(app: &BillingApp, transaction: &Value) -> Option<String> {
    let source = app.stripe().object(transaction["source"].as_str()?)?;
    let name = if source["object"] == "charge" { "id" } else { "charge" };
    match source["object"].as_str() {
        Some("charge" | "refund" | "dispute") => source[name].as_str().map(str::to_owned),
        Some(_) | None => None,
    }
}

impl World {
    /// The journals have the cash of sales that Stripe has, with those of packs and plans beside.
    pub(super) fn check_cash(&self, cash: &Cash, all: &Balances) -> Result<(), Violation> {
        let (ours, theirs) = (all.of(LedgerAccount::BuyerCash), cash.of_sales(&self.app));
        let may_be_unknown = cash.fees.iter().filter(|(id, _)| {
            sale_charge(&self.app, id).is_some_and(|charge| self.is_no_longer_listed(&charge))
        });
        let unknown: i64 = may_be_unknown.map(|(_, fee)| fee).sum();
        Violation::check((theirs..=theirs + unknown).contains(&ours), || {
            format!("{theirs} cents of sales at Stripe, {ours} in the journals: {all:?}")
        })
    }

    /// Whether the month in which Stripe lists the event with a charge's fee was over before the
    /// world was quiet: if no webhook delivered it, and no night looked, nobody knows of it.
    pub(super) fn is_no_longer_listed(&self, charge: &Value) -> bool {
        let charged_at = Timestamp::from_secs(charge["created"].as_i64().unwrap());
        charged_at.plus(DAY * 29) < self.settled_at.get()
    }

    /// Stripe made a refund once for each key under which we asked, unless a bank refused it.
    pub(super) fn check_refund_keys(&self) -> Result<(), Violation> {
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for refund in self.refunds() {
            if let (Some(key), false) = (key_of(&refund), refund["status"] == "failed") {
                *times.entry(key.to_owned()).or_default() += 1;
            }
        }
        let many = times.iter().find(|(_, times)| **times > 1);
        Violation::check(many.is_none(), || format!("refunded more than once: {many:?}"))
    }

    /// Stripe made the refunds that were recorded, each of its amount.
    pub(super) fn check_refunds(&self, purchase: &Purchase) -> Result<(), Violation> {
        let begin = format!("purchase:{}:refund:", purchase.id);
        for refund in self.refunds() {
            let Some(key) = key_of(&refund).filter(|key| key.starts_with(&begin)) else { continue };
            let asked = purchase.refunds.iter().find(|it| purchase.refund_key(it.number) == key);
            let is_right = asked.is_some_and(|asked| refund["amount"] == json!(asked.amount));
            Violation::check(is_right, || format!("{refund}, but asked for: {asked:?}"))?;
        }
        Ok(())
    }

    /// All refunds, as they are now.
    fn refunds(&self) -> Vec<Value> {
        let ids = self.app.ids_of("refund.created");
        ids.iter().filter_map(|id| self.app.stripe().object(id)).collect()
    }

    /// A sharer is rewarded for sales that stand, and for no other.
    pub(super) async fn check_rewards(&self, nth: usize, sharer: &Actor) -> Result<(), Violation> {
        let is_deleted = self.past.borrow().deleted.contains(&nth);
        let mut credits = 0;
        for reward in self.app.store.all_rewards(&sharer.id).await.unwrap() {
            let sale = self.app.store.purchase(&reward.buyer_id, &reward.purchase_id).await;
            let sale = sale.unwrap();
            let is_back = sale.paid.is_some_and(|paid| sale.taken_back >= paid.amount);
            let is_right = match &reward.state {
                RewardState::Granted { .. } => !is_back,
                RewardState::Held { .. } => is_deleted,
                RewardState::Cancelled { .. } => true,
            };
            Violation::check(is_right, || format!("{reward:?} for {sale:?}"))?;
            if let RewardState::Granted { .. } = reward.state {
                credits += i64::from(reward.credits);
            }
        }
        if is_deleted {
            return Ok(());
        }
        let rewarded = self.rewarded(sharer).await;
        Violation::check(rewarded == credits, || {
            format!("{}: {rewarded} credits of rewards, {credits} are due", sharer.id)
        })
    }

    /// Number of credits that a member was granted as rewards, less what was taken back.
    async fn rewarded(&self, sharer: &Actor) -> i64 {
        let ledger = self.app.store.whole_ledger(&sharer.id).await.unwrap();
        let credits = ledger.iter().map(|line| {
            let (credits, is_reversal) =
                (i64::from(line.movement.credits()), line.cause.ends_with(":reversed"));
            match &line.movement {
                Movement::Grant { lot, .. } if lot.source == LotSource::Promo => credits,
                Movement::Revoke { .. } | Movement::Owe { .. } if is_reversal => -credits,
                Movement::Grant { .. }
                | Movement::Hold { .. }
                | Movement::Capture { .. }
                | Movement::Release { .. }
                | Movement::Expire { .. }
                | Movement::End { .. }
                | Movement::Revoke { .. }
                | Movement::Owe { .. }
                | Movement::Repay { .. }
                | Movement::Forgive { .. } => 0,
            }
        });
        credits.sum()
    }
}

/// The key under which we asked for a refund.
fn key_of(refund: &Value) -> Option<&str> {
    refund["metadata"]["key"].as_str()
}
