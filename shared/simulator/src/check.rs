//! What must hold of a world: always, and once it is quiet.

mod credits;
mod money;
mod service;

use std::collections::BTreeSet;

use domain::{
    marketplace::{
        creator::{journal::LedgerAccount, payout::PAYOUT_MIN},
        purchase::{Purchase, PurchaseState},
    },
    time::DAY,
};
use serde_json::{Value, json};
use testing::{Actor, engine::TABLE};
use upkeep::{
    progress::Progress,
    table::Table,
    verify::{Finding, verify},
};

use crate::{
    billing_app::BillingApp,
    world::{CREATORS, Violation, World},
};
use money::Cash;

/// What `scripts/verify` finds in the table of an app.
pub async fn findings(app: &BillingApp) -> Vec<String> {
    let table = Table::new(app.engine.client(), TABLE);
    let mut found = Vec::new();
    let mut report = |finding: &Finding| found.push(finding.to_string());
    let verified = verify(&table, &mut Progress::none(), &mut report).await.unwrap();
    assert_eq!(verified.findings, u64::try_from(found.len()).unwrap());
    found
}

impl World {
    /// What holds after every step: what is stored follows from its entries.
    pub(crate) async fn check_always(&self) -> Result<(), Violation> {
        let found = findings(&self.app).await;
        Violation::check(found.is_empty(), || found.join("\n"))
    }

    /// What holds of a quiet world: everything has ended, and everybody has what Stripe says.
    pub(crate) async fn check_quiet(&self) -> Result<(), Violation> {
        self.check_always().await?;
        self.check_ended().await?;
        let cash = Cash::of(&self.app);
        for (nth, member) in self.members.iter().enumerate() {
            if !self.past.borrow().deleted.contains(&nth) {
                self.check_member(member, &cash).await?;
            }
            self.check_rewards(nth, member).await?;
        }
        self.check_refund_keys()?;
        let purchases = self.past.borrow().purchases.clone();
        for (buyer, id) in &purchases {
            let buyer = &self.members[*buyer];
            let purchase = self.app.store.purchase(&buyer.id, id).await.unwrap();
            self.check_purchase(buyer, &purchase).await?;
            self.check_refunds(&purchase)?;
            self.check_hold(&purchase).await?;
        }
        for creator in 0..CREATORS {
            self.check_paid(creator).await?;
        }
        let balances = self.market().assert_journals_balance().await;
        self.check_cash(&cash, &balances)?;
        self.check_subscriptions()?;
        self.check_ratings().await?;
        self.check_webhooks().await?;
        self.check_works().await
    }

    /// Nothing is open.
    async fn check_ended(&self) -> Result<(), Violation> {
        let parked = self.app.store.parked_events(None, 100).await.unwrap();
        Violation::check(parked.items.is_empty(), || format!("parked: {:?}", parked.items))?;
        for member in &self.members {
            let jobs = self.app.jobs(&member.id).await;
            let open = jobs.iter().find(|job| !job.status.is_final());
            Violation::check(open.is_none(), || format!("never ends: {open:?}"))?;
            let payouts = self.market().payouts(member).await;
            let open = payouts.iter().find(|payout| payout.is_open());
            Violation::check(open.is_none(), || format!("never ends: {open:?}"))?;
        }
        Ok(())
    }

    /// The money of a sale is held for a week.
    async fn check_hold(&self, purchase: &Purchase) -> Result<(), Violation> {
        let Ok(sale) = self.app.store.sale(&purchase.creator_id, &purchase.id).await else {
            return Ok(());
        };
        let is_held = sale.released_at.is_none_or(|at| at >= sale.sold_at.plus(DAY * 7));
        Violation::check(is_held, || format!("released too early: {sale:?}"))
    }

    /// A creator who may be paid, and can be, has been.
    async fn check_paid(&self, nth: usize) -> Result<(), Violation> {
        let creator = &self.members[nth];
        let is_gone = self.past.borrow().deleted.contains(&nth);
        if is_gone || self.connected_account(nth).await.is_none() {
            return Ok(());
        }
        let may_be_paid = self.app.account(&creator.id).await.standing.allows(self.app.now());
        let balances = self.market().creator_balance(creator).await.balances;
        let owed =
            -balances.of(LedgerAccount::CreatorAvailable) - balances.of(LedgerAccount::CreatorDebt);
        Violation::check(!may_be_paid || owed < PAYOUT_MIN, || {
            format!("{}: {owed} cents are never paid: {balances:?}", creator.id)
        })
    }

    /// At Stripe, a member has one subscription at most that goes on, and none once deleted.
    fn check_subscriptions(&self) -> Result<(), Violation> {
        let stripe = self.app.stripe();
        let made: BTreeSet<String> =
            self.app.ids_of("customer.subscription.created").into_iter().collect();
        let all: Vec<Value> = made.iter().filter_map(|id| stripe.object(id)).collect();
        for (nth, member) in self.members.iter().enumerate() {
            let theirs = all.iter().filter(|it| it["metadata"]["user_id"] == json!(member.id));
            let live: Vec<&Value> = theirs.filter(|it| goes_on(it)).collect();
            let most = usize::from(!self.past.borrow().deleted.contains(&nth));
            Violation::check(live.len() <= most, || format!("{}: {live:?}", member.id))?;
        }
        Ok(())
    }

    /// A purchase is usable if and only if it is paid and not fully taken back.
    async fn check_purchase(&self, buyer: &Actor, purchase: &Purchase) -> Result<(), Violation> {
        let wrong = |what: String| Err(Violation(format!("{what}: {purchase:?}")));
        if purchase.open_refund().is_some() {
            return wrong("its refund never ends".to_owned());
        }
        let Some(payment) = &purchase.payment else {
            let is_paid = purchase.state == PurchaseState::Paid && purchase.price.amount > 0;
            return if is_paid { wrong("paid by nothing".to_owned()) } else { Ok(()) };
        };
        let stripe = self.app.stripe();
        let intent = stripe.object(payment.as_str()).unwrap();
        let charge = intent["latest_charge"].as_str().and_then(|id| stripe.object(id));
        let Some(charge) = charge.filter(|charge| charge["status"] == "succeeded") else {
            return Ok(());
        };
        let gone = self.app.taken_back(&charge);
        if purchase.taken_back != gone {
            return wrong(format!("{gone} cents are taken back at Stripe"));
        }
        let usable = self.market().is_usable(buyer, purchase).await;
        let returned = matches!(purchase.state, PurchaseState::Returned { .. });
        match usable == (gone < purchase.price.amount && !returned) {
            true => Ok(()),
            false => wrong(format!("usable: {usable}, {gone} cents taken back")),
        }
    }
}

/// Whether Stripe goes on to charge for a subscription.
fn goes_on(subscription: &Value) -> bool {
    let is_over = ["canceled", "incomplete_expired"].map(Value::from);
    !is_over.contains(&subscription["status"])
}
