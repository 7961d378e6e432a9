//! What must hold of a world: always, and once it is quiet.

use domain::{
    account::Account,
    marketplace::purchase::{Purchase, PurchaseState},
    plan::Plan,
};
use testing::{Actor, engine::TABLE};
use upkeep::{
    progress::Progress,
    table::Table,
    verify::{Finding, verify},
};

use crate::{
    billing_app::BillingApp,
    packs,
    world::{Violation, World},
};

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
        for (nth, member) in self.members.iter().enumerate() {
            if !self.past.borrow().deleted.contains(&nth) {
                self.check_member(member).await?;
            }
        }
        let purchases = self.past.borrow().purchases.clone();
        for (buyer, id) in &purchases {
            let buyer = &self.members[*buyer];
            let purchase = self.app.store.purchase(&buyer.id, id).await.unwrap();
            self.check_purchase(buyer, &purchase).await?;
        }
        self.market().assert_journals_balance().await;
        Ok(())
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

    async fn check_member(&self, member: &Actor) -> Result<(), Violation> {
        self.app.assert_credits_balance(&member.id).await;
        let (bought, paid) = packs::bought_and_paid(&self.app, member).await;
        Violation::check(bought == paid, || {
            format!("{}: {bought} credits of packs, {paid} paid for at Stripe", member.id)
        })?;
        let Account { plan, .. } = self.app.account(&member.id).await;
        let theirs = self.app.billing(member).await.subscription;
        let live = theirs.and_then(|theirs| self.app.stripe().object(theirs.id.as_str()));
        let is_over = live.as_ref().is_none_or(|live| live["status"] == "canceled");
        Violation::check(!is_over || plan == Plan::Free, || {
            format!("{}: {plan:?}, but Stripe has {live:?}", member.id)
        })
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
