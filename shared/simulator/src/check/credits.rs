//! A member's credits, plan, orders and invoices.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    account::Account,
    billing::{
        invoice::{Invoice, Issue},
        order::Via,
    },
    credits::{LedgerEntry, LotId, LotSize, Movement},
    generation::{Job, Status},
    id::OrderId,
    plan::Plan,
    time::{DAY, Month, Timestamp},
};
use serde_json::{Value, json};
use store::PageSize;
use testing::Actor;

use super::money::Cash;
use crate::{
    packs,
    world::{GENERATIONS, TOP_UPS_A_MONTH, Violation, World},
};

impl World {
    pub(super) async fn check_member(&self, member: &Actor, cash: &Cash) -> Result<(), Violation> {
        self.app.assert_credits_balance(&member.id).await;
        let ledger = self.app.store.whole_ledger(&member.id).await.unwrap();
        let jobs = self.app.jobs(&member.id).await;
        check_spending(&jobs, &ledger)?;
        check_unlimited(member, &ledger)?;
        self.check_keys(member, &jobs)?;
        self.check_orders(member, cash).await?;
        self.check_invoices(member, &ledger, cash).await?;
        let (bought, paid) = packs::by_ledger(&self.app, member, &ledger);
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

    /// A key makes one generation at most, and no two make the same.
    fn check_keys(&self, member: &Actor, jobs: &[Job]) -> Result<(), Violation> {
        let past = self.past.borrow();
        let asked = past.keyed.iter().filter(|it| it.by.id == member.id && it.path == GENERATIONS);
        let (said, unanswered): (Vec<_>, Vec<_>) = asked.partition(|it| it.said.is_some());
        let known: BTreeSet<&str> =
            said.iter().filter_map(|it| it.said.as_ref().and_then(Value::as_str)).collect();
        let unknown = jobs.iter().filter(|job| !known.contains(job.id.as_str())).count();
        Violation::check(known.len() == said.len() && unknown <= unanswered.len(), || {
            format!("{}: {unknown} generations of no key, {} keys", member.id, said.len())
        })
    }

    /// No more packs are bought in a month without the member than they allow, and every order
    /// knows what its payment brought.
    async fn check_orders(&self, member: &Actor, cash: &Cash) -> Result<(), Violation> {
        let mut bought: BTreeMap<Month, Vec<OrderId>> = BTreeMap::new();
        for charge in packs::charges(&self.app, member) {
            let id = OrderId::parse(charge["metadata"]["order_id"].as_str().unwrap()).unwrap();
            let order = self.app.store.order(&member.id, &id).await.unwrap();
            let paid = order.paid.map_or(0, |paid| paid.amount);
            let ours = paid - order.refunded - order.withdrawn - order.fees;
            let theirs = cash.of_charge(&charge);
            let is_right = ours == theirs || order.fees == 0 && self.is_no_longer_listed(&charge);
            Violation::check(is_right, || {
                format!("{theirs} cents at Stripe, {ours} in {order:?}")
            })?;
            if order.via == Via::TopUp {
                bought.entry(Month::of(order.created_at)).or_default().push(id);
            }
        }
        let many = bought.iter().find(|(_, orders)| orders.len() > TOP_UPS_A_MONTH);
        Violation::check(many.is_none(), || format!("{}: {many:?} topped up", member.id))
    }

    /// An invoice knows what was taken back of its payment, and what it granted ends with the last
    /// of it.
    async fn check_invoices(
        &self,
        member: &Actor,
        ledger: &[LedgerEntry],
        cash: &Cash,
    ) -> Result<(), Violation> {
        let page = self.app.store.invoices(&member.id, PageSize::WHOLE, None).await.unwrap();
        for invoice in &page.items {
            let Some(charge) = self.charge_of_plan(invoice) else { continue };
            let gone = self.app.taken_back(&charge);
            Violation::check(invoice.gone == gone, || {
                format!("{gone} cents are taken back at Stripe of {invoice:?}")
            })?;
            // More than the payment may be taken; the rest is the bank's and in no invoice.
            if gone < invoice.amount_paid {
                let (ours, theirs) =
                    (invoice.amount_paid - gone - invoice.fees, cash.of_charge(&charge));
                let is_right =
                    ours == theirs || invoice.fees == 0 && self.is_no_longer_listed(&charge);
                Violation::check(is_right, || {
                    format!("{theirs} cents at Stripe, {ours} in {invoice:?}")
                })?;
                continue;
            }
            let open = invoice.granted.iter().find(|lot| !self.has_ended(lot, ledger));
            Violation::check(open.is_none(), || {
                format!("{open:?} goes on without its money: {invoice:?}")
            })?;
        }
        Ok(())
    }

    /// The charge that paid an invoice of a plan.
    fn charge_of_plan(&self, invoice: &Invoice) -> Option<Value> {
        if !matches!(invoice.issue, Issue::Subscription { .. }) || invoice.amount_paid <= 0 {
            return None;
        }
        let stripe = self.app.stripe();
        let intent = stripe.object(invoice.payment.as_ref()?.as_str())?;
        let charge = stripe.object(intent["latest_charge"].as_str()?)?;
        (charge["status"] == "succeeded").then_some(charge)
    }

    /// Whether a lot was ended, or its own end had come before anybody could have ended it.
    fn has_ended(&self, id: &LotId, ledger: &[LedgerEntry]) -> bool {
        let by_then: Timestamp = self.settled_at.get().plus(DAY * 2);
        ledger.iter().any(|line| match &line.movement {
            Movement::End { lot } => lot == id,
            Movement::Grant { lot, .. } => {
                lot.id == *id && lot.expires_at.is_some_and(|end| end <= by_then)
            }
            Movement::Hold { .. }
            | Movement::Capture { .. }
            | Movement::Release { .. }
            | Movement::Expire { .. }
            | Movement::Revoke { .. }
            | Movement::Owe { .. }
            | Movement::Repay { .. }
            | Movement::Forgive { .. } => false,
        })
    }
}

/// A generation with an image costs its credits once, one without costs nothing, and nothing else
/// is spent.
fn check_spending(jobs: &[Job], ledger: &[LedgerEntry]) -> Result<(), Violation> {
    let mut spent: BTreeMap<&str, u32> = BTreeMap::new();
    for line in ledger {
        if let Movement::Capture { .. } = line.movement {
            *spent.entry(&line.cause).or_default() += line.movement.credits();
        }
    }
    for job in jobs {
        let price = if job.status == Status::Succeeded { job.charge.credits } else { 0 };
        let paid = spent.remove(job.id.as_str()).unwrap_or_default();
        Violation::check(paid == price, || format!("{paid} credits spent on {job:?}"))?;
    }
    Violation::check(spent.is_empty(), || format!("spent on no generation: {spent:?}"))
}

/// What is paid for by its use has no credits that could pay a debt.
fn check_unlimited(member: &Actor, ledger: &[LedgerEntry]) -> Result<(), Violation> {
    let unlimited = |line: &LedgerEntry| match &line.movement {
        Movement::Grant { lot, .. } => (lot.size == LotSize::Unlimited).then(|| lot.id.clone()),
        Movement::Hold { .. }
        | Movement::Capture { .. }
        | Movement::Release { .. }
        | Movement::Expire { .. }
        | Movement::End { .. }
        | Movement::Revoke { .. }
        | Movement::Owe { .. }
        | Movement::Repay { .. }
        | Movement::Forgive { .. } => None,
    };
    let lots: BTreeSet<LotId> = ledger.iter().filter_map(unlimited).collect();
    let pays = |line: &&LedgerEntry| {
        matches!(&line.movement, Movement::Repay { shares }
            if shares.iter().any(|share| lots.contains(&share.lot)))
    };
    let paid = ledger.iter().find(pays);
    Violation::check(paid.is_none(), || {
        format!("{}: an unlimited lot pays: {}", member.id, json!(paid))
    })
}
