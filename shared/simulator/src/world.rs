//! A world: four members, staff, Stripe, Bria, AWS and a clock, in one process.
#![expect(clippy::wildcard_enum_match_arm, reason = "each part carries out some of the steps")]

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use domain::{
    id::{ListingId, PurchaseId},
    plan::Plan,
};
use sandbox::{
    bria,
    faults::{Fault as AtVendor, Order, WebhookFault},
    stripe::{Bank, Card, Closing, Decision, Opening},
};
use serde_json::{Value, json};
use testing::{
    Actor, Answer,
    engine::{Turns, unobserved},
    queue::{QueuedMessage, TestQueue, batch_event, failed_items, is_relayed},
};

use crate::{
    billing_app::{BillingApp, kind_of, session_of},
    dice::Dice,
    marketplace::Marketplace,
    step::{Mishap, Move, SCHEDULED, Step},
};

const MEMBERS: usize = 4;
/// The first of them also sell.
const CREATORS: usize = 2;
/// How long a world is looked after once nothing goes wrong any more: longer than sales are held,
/// than Stripe tries to collect an invoice, and than a closed account is kept.
const CALM_DAYS: u32 = 40;
/// Most attempts for an event of Stripe in a calm world.
const ATTEMPTS_MAX: u32 = 5;
/// A batch of records, as the stream passes it.
const RECORDS: usize = 100;

/// What must not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

impl Violation {
    pub(crate) fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { Err(Violation(what())) }
    }
}

/// A listing on sale.
#[derive(Clone)]
pub(crate) struct Listing {
    pub(crate) id: ListingId,
    pub(crate) creator: usize,
    price: i64,
}

/// What happened so far, as far as later steps refer to it.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) listings: Vec<Listing>,
    pub(crate) purchases: Vec<(usize, PurchaseId)>,
    pub(crate) disputes: Vec<String>,
    pub(crate) deleted: Vec<usize>,
    /// Pages that pay by a bank debit.
    debits: Vec<String>,
    /// Events that were not accepted yet.
    events: Vec<String>,
    /// Records of the stream that the relay, and the metrics, have not processed.
    unrelayed: Vec<Value>,
    uncounted: Vec<Value>,
}

/// A world.
pub(crate) struct World {
    pub(crate) app: BillingApp,
    pub(crate) members: Vec<Actor>,
    pub(crate) past: RefCell<Past>,
    keys: Cell<u32>,
    /// Whether something goes wrong in the present step.
    is_troubled: Cell<bool>,
}

impl World {
    pub(crate) async fn new() -> World {
        let bria = bria::Settings {
            completes_after_ms: 0,
            calls_per_minute: 100_000,
            ..bria::Settings::default()
        };
        let mut app = BillingApp::with_bria(bria).await;
        app.use_bria();
        // Its webhooks carry this machine's time, so the workers ask for results.
        let dropped = Order::next(AtVendor::Webhook(WebhookFault::Dropped)).times(10_000);
        app.sandbox.order(dropped).unwrap();
        let members = (0..MEMBERS).map(|nth| Actor::member(&format!("m{nth}"))).collect();
        World {
            app,
            members,
            past: RefCell::default(),
            keys: Cell::default(),
            is_troubled: Cell::new(false),
        }
    }

    pub(crate) fn market(&self) -> Marketplace<'_> {
        Marketplace::new(&self.app)
    }

    fn member(&self, nth: usize) -> &Actor {
        &self.members[nth % MEMBERS]
    }

    fn key(&self) -> String {
        self.keys.set(self.keys.get() + 1);
        format!("key-{}", self.keys.get())
    }

    /// Makes a move: the step, with its mishap.
    pub(crate) async fn make(&self, next: &Move) -> Result<(), Violation> {
        self.is_troubled.set(next.mishap.is_some());
        match &next.mishap {
            Some(Mishap::Table(nth, fault)) => self.app.engine.order(fault.meets(), *nth, *fault),
            Some(Mishap::Stripe(times, fault)) => {
                let order = Order::next(AtVendor::Answer(fault.clone())).on_marker("/stripe/v");
                self.app.sandbox.order(order.times(*times)).unwrap();
            }
            None => {}
        }
        let done = self.app.engine.until_hung(self.take(&next.step)).await;
        if next.mishap.is_some() {
            self.calm_down();
        }
        match done {
            Some(done) => done,
            None => {
                self.app.restart();
                Ok(())
            }
        }
    }

    /// Nothing more goes wrong.
    fn calm_down(&self) {
        self.app.engine.clear_faults();
        self.app.sandbox.clear_faults();
        let dropped = Order::next(AtVendor::Webhook(WebhookFault::Dropped)).times(10_000);
        self.app.sandbox.order(dropped).unwrap();
        self.is_troubled.set(false);
    }

    /// Without a mishap, no answer is an error of ours.
    fn answered(&self, what: &str, answer: &Answer) -> Result<(), Violation> {
        let is_fine = answer.status() < 500 || self.is_troubled.get();
        Violation::check(is_fine, || format!("{what}: {}", answer.pretty()))
    }

    fn ran(&self, what: &str, done: Result<impl Sized, String>) -> Result<(), Violation> {
        match done {
            Err(error) if !self.is_troubled.get() => Err(Violation(format!("{what}: {error}"))),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn take(&self, step: &Step) -> Result<(), Violation> {
        match step {
            Step::Both(one, other, seed) => {
                let mut dice = Dice(*seed);
                let turns = Turns::new(&self.app.engine, move || dice.one_in(2));
                let (one, other) = (Box::pin(self.take(one)), Box::pin(self.take(other)));
                let (one, other) = turns.both(one, other).await;
                one.and(other)
            }
            Step::Hours(hours) => {
                self.app.advance(Duration::from_secs(60 * 60) * *hours);
                Ok(())
            }
            Step::Generate(..)
            | Step::CancelJob(..)
            | Step::BuyPack(..)
            | Step::Subscribe(..)
            | Step::CancelPlan(..)
            | Step::Upgrade(..)
            | Step::Downgrade(..)
            | Step::TopUp(..)
            | Step::SetCard(..)
            | Step::DeleteMe(..) => self.member_step(step).await,
            Step::List(..)
            | Step::Retire(..)
            | Step::Buy(..)
            | Step::AskRefund(..)
            | Step::Download(..)
            | Step::Onboard(..)
            | Step::Restrict(..)
            | Step::StaffRefund(..)
            | Step::Ban(..)
            | Step::Adjust(..) => self.market_step(step).await,
            Step::Refund(..)
            | Step::FailRefund(..)
            | Step::Dispute(..)
            | Step::EndDispute(..)
            | Step::ReturnPayout(..)
            | Step::Decide(..)
            | Step::Renew(..)
            | Step::Book => {
                self.stripe_step(step).await;
                Ok(())
            }
            Step::Deliver(seed) => self.deliver(&mut Dice(*seed)).await,
            Step::Relay => self.relay().await,
            Step::Work(seed) => self.work(&mut Dice(*seed)).await,
            Step::BuyTopUps => self.buy_top_ups().await,
            Step::Run(name) => self.ran(name, self.app.run(name).await),
            Step::Restart => {
                self.app.restart();
                Ok(())
            }
        }
    }

    // What members do.

    async fn member_step(&self, step: &Step) -> Result<(), Violation> {
        let stripe = self.app.stripe();
        match step {
            Step::Generate(member) => {
                let body = json!({
                    "prompt": "a bottle on slate", "seed": 7, "quality": "lite",
                    "aspect_ratio": "16:9",
                });
                let caller = self.app.client(self.member(*member));
                let posted = caller.post("/api/v1/generations").key(&self.key()).json(body).await;
                self.answered("POST /generations", &posted)
            }
            Step::CancelJob(member, nth) => {
                let member = self.member(*member);
                let jobs = unobserved(self.app.jobs(&member.id)).await;
                let Some(job) = jobs.get(nth % jobs.len().max(1)) else { return Ok(()) };
                let path = format!("/api/v1/generations/{}/cancel", job.id);
                self.answered("cancel", &self.app.client(member).post(path).await)
            }
            Step::BuyPack(member, pack, card) => {
                self.check_out(*member, json!({ "pack": pack }), *card).await
            }
            Step::Subscribe(member, plan, card) => {
                self.check_out(*member, json!({ "plan": plan }), *card).await
            }
            Step::CancelPlan(member, at_period_end) => {
                let answer = self.app.cancel(self.member(*member), *at_period_end).await;
                self.answered("cancel a plan", &answer)
            }
            Step::Upgrade(member) | Step::Downgrade(member) => {
                let member = self.member(*member);
                let Some(theirs) = unobserved(self.app.billing(member)).await.subscription else {
                    return Ok(());
                };
                let live = stripe.object(theirs.id.as_str());
                if live.is_some_and(|live| live["status"] == "active") {
                    match step {
                        Step::Upgrade(_) => {
                            self.app.switch_plan(member, Plan::Enterprise).await;
                        }
                        _ => self.app.downgrade(member, Plan::Pro).await,
                    }
                }
                Ok(())
            }
            Step::TopUp(member, true) => {
                let on = json!({
                    "enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 2,
                });
                self.answered("top-up on", &self.app.top_up(self.member(*member), on).await)
            }
            Step::TopUp(member, false) => {
                let off = json!({ "enabled": false });
                self.answered("top-up off", &self.app.top_up(self.member(*member), off).await)
            }
            Step::SetCard(member, card) => {
                let billing = unobserved(self.app.billing(self.member(*member))).await;
                if let Some(customer) = billing.customer {
                    // It may have been deleted.
                    let _ = stripe.set_card(customer.as_str(), *card);
                }
                Ok(())
            }
            Step::DeleteMe(member) => {
                let answer = self.app.client(self.member(*member)).delete("/api/v1/me").await;
                if answer.status() < 300 {
                    self.past.borrow_mut().deleted.push(member % MEMBERS);
                }
                self.answered("DELETE /me", &answer)
            }
            other => unreachable!("{other:?} is no step of a member"),
        }
    }

    async fn check_out(
        &self,
        member: usize,
        body: Value,
        card: Option<Card>,
    ) -> Result<(), Violation> {
        let answer = self.app.try_checkout(self.member(member), &self.key(), body).await;
        self.answered("checkout", &answer)?;
        if let (201, Some(card)) = (answer.status(), card) {
            let url = answer.json()["checkout_url"].as_str().unwrap().to_owned();
            self.pay(&url, card);
        }
        Ok(())
    }

    /// Pays a page, unless it is paid or expired.
    fn pay(&self, url: &str, card: Card) {
        let _ = self.app.stripe().pay(session_of(url), card);
        if card == Card::Bank {
            self.past.borrow_mut().debits.push(session_of(url).to_owned());
        }
    }

    // The marketplace, and staff.

    async fn market_step(&self, step: &Step) -> Result<(), Violation> {
        let market = self.market();
        match step {
            Step::List(creator, price) => {
                let creator = creator % CREATORS;
                let who = self.member(creator);
                // A suspended or deleted creator lists nothing.
                if let Some(id) = market.try_on_sale(who, *price).await {
                    self.past.borrow_mut().listings.push(Listing { id, creator, price: *price });
                }
                Ok(())
            }
            Step::Retire(nth) => {
                let Some(listing) = self.listing(*nth) else { return Ok(()) };
                let path = format!("/api/v1/marketplace/listings/{}", listing.id);
                let answer = self.app.client(self.member(listing.creator)).delete(path).await;
                self.answered("retire", &answer)
            }
            Step::Buy(buyer, nth, sharer, card) => {
                let Some(listing) = self.listing(*nth) else { return Ok(()) };
                let by = self.member(*buyer);
                let token = match sharer {
                    Some(sharer) => {
                        let sharer = self.member(*sharer);
                        unobserved(market.try_shared_by(sharer, &listing.id)).await
                    }
                    None => None,
                };
                let (id, price) = (&listing.id, listing.price);
                let key = self.key();
                let answer = market.try_purchase(by, &key, id, price, token.as_deref()).await;
                self.answered("purchase", &answer)?;
                if answer.status() == 201 {
                    let id = PurchaseId::parse(answer.json()["id"].as_str().unwrap()).unwrap();
                    self.past.borrow_mut().purchases.push((buyer % MEMBERS, id));
                    if let Some(card) = card {
                        self.pay(answer.json()["checkout_url"].as_str().unwrap(), *card);
                    }
                }
                Ok(())
            }
            Step::AskRefund(nth) | Step::Download(nth) | Step::StaffRefund(nth, _) => {
                let Some((buyer, id)) = self.purchase(*nth) else { return Ok(()) };
                let by = self.member(buyer);
                let purchase = unobserved(self.app.store.purchase(&by.id, &id)).await.unwrap();
                let answer = match step {
                    Step::AskRefund(_) => market.request_refund(by, &purchase, "not mine").await,
                    Step::Download(_) => market.download(by, &purchase).await,
                    Step::StaffRefund(_, percent) => {
                        let part =
                            percent.map(|percent| (purchase.price.amount * percent / 100).max(1));
                        market.refund(&self.key(), &purchase, part).await
                    }
                    other => unreachable!("{other:?} is about no purchase"),
                };
                self.answered("a purchase", &answer)
            }
            Step::Onboard(creator, bank) => {
                let who = self.member(creator % CREATORS);
                let answer = market.onboard(who).await;
                self.answered("onboarding", &answer)?;
                if let Some(payee) = unobserved(self.app.store.payee(&who.id)).await.unwrap() {
                    let _ = self.app.stripe().onboard(payee.account_id.as_str(), *bank);
                }
                Ok(())
            }
            Step::Restrict(creator) => {
                let who = self.member(creator % CREATORS);
                if let Some(payee) = unobserved(self.app.store.payee(&who.id)).await.unwrap() {
                    let _ = self.app.stripe().restrict(payee.account_id.as_str());
                }
                Ok(())
            }
            Step::Ban(member, is_banned) => {
                let what = if *is_banned { "ban" } else { "unban" };
                let path = format!("/api/v1/admin/users/{}/{what}", self.member(*member).id);
                let staff = self.app.client(&Actor::admin());
                let body = json!({ "reason": "fraud, it seemed" });
                self.answered(what, &staff.post(path).key(&self.key()).json(body).await)
            }
            Step::Adjust(member, credits) => {
                let path = format!("/api/v1/admin/users/{}/credits", self.member(*member).id);
                let staff = self.app.client(&Actor::admin());
                let body = json!({ "amount": credits, "reason": "as agreed" });
                self.answered("credits", &staff.post(path).key(&self.key()).json(body).await)
            }
            other => unreachable!("{other:?} is no step of the marketplace"),
        }
    }

    fn listing(&self, nth: usize) -> Option<Listing> {
        let past = self.past.borrow();
        past.listings.get(nth % past.listings.len().max(1)).cloned()
    }

    fn purchase(&self, nth: usize) -> Option<(usize, PurchaseId)> {
        let past = self.past.borrow();
        past.purchases.get(nth % past.purchases.len().max(1)).cloned()
    }

    // What happens at Stripe.

    /// Ids of the objects that events of this type are about, oldest first.
    pub(crate) fn objects(&self, kind: &str) -> Vec<String> {
        let events = self.app.stripe().events();
        let of_kind = events.iter().filter(|event| kind_of(event) == kind);
        of_kind
            .map(|event| {
                let event: Value = serde_json::from_str(event).unwrap();
                event["data"]["object"]["id"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    fn nth_object(&self, kind: &str, nth: usize) -> Option<String> {
        let found = self.objects(kind);
        found.get(nth % found.len().max(1)).cloned()
    }

    /// Stripe refuses what cannot be.
    async fn stripe_step(&self, step: &Step) {
        let stripe = self.app.stripe();
        match step {
            Step::Refund(nth, percent) | Step::Dispute(nth, percent) => {
                let Some(charge) = self.nth_object("charge.succeeded", *nth) else { return };
                let theirs = stripe.object(&charge).unwrap();
                let amount = theirs["amount"].as_i64().unwrap();
                let cents = (*percent < 100).then(|| (amount * percent / 100).max(1));
                match step {
                    Step::Refund(..) => drop(stripe.refund(&charge, cents)),
                    // It comes days after the payment, whose event has arrived by then.
                    _ if theirs["disputed"] == true || !self.is_known(&theirs).await => {}
                    _ => {
                        if let Ok(id) = stripe.dispute(&charge, cents, Opening::Chargeback) {
                            self.past.borrow_mut().disputes.push(id);
                        }
                    }
                }
            }
            Step::FailRefund(nth) => {
                if let Some(refund) = self.nth_object("refund.created", *nth) {
                    let _ = stripe.fail_refund(&refund);
                }
            }
            Step::EndDispute(nth, is_won) => {
                let dispute = {
                    let past = self.past.borrow();
                    past.disputes.get(nth % past.disputes.len().max(1)).cloned()
                };
                if let Some(dispute) = dispute {
                    let closing = if *is_won { Closing::Won } else { Closing::Lost };
                    let _ = stripe.close_dispute(&dispute, closing);
                }
            }
            Step::ReturnPayout(nth) => {
                if let Some(payout) = self.nth_object("payout.paid", *nth) {
                    let _ = stripe.fail_bank_payout(&payout);
                }
            }
            Step::Decide(nth, succeeds) => {
                let session = {
                    let past = self.past.borrow();
                    past.debits.get(nth % past.debits.len().max(1)).cloned()
                };
                if let Some(session) = session {
                    let decision = if *succeeds { Decision::Succeed } else { Decision::Fail };
                    let _ = stripe.decide(&session, decision);
                }
            }
            Step::Renew(nth) => {
                if let Some(id) = self.nth_object("customer.subscription.created", *nth) {
                    let _ = stripe.renew(&id);
                }
            }
            Step::Book => stripe.book_charges(),
            other => unreachable!("{other:?} is no step at Stripe"),
        }
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

    // What carries it on.

    /// Delivers events: shuffled, some twice, late, or never.
    async fn deliver(&self, dice: &mut Dice) -> Result<(), Violation> {
        let mut events = std::mem::take(&mut self.past.borrow_mut().events);
        events.extend(self.app.events());
        dice.shuffle(&mut events);
        let mut late = Vec::new();
        let mut done = Ok(());
        for event in events {
            // Only this event reports the failure of a payout that had arrived.
            let must_come = kind_of(&event) == "payout.failed";
            let times = match dice.roll(8) {
                0 if !must_come => 0,
                1 => {
                    late.push(event);
                    continue;
                }
                2 => 2,
                _ => 1,
            };
            for _ in 0..times {
                match self.app.deliver(&event).await {
                    200 => {}
                    503 => late.push(event.clone()),
                    _ if self.is_troubled.get() => late.push(event.clone()),
                    other => done = Err(Violation(format!("{other} for {event}"))),
                }
            }
        }
        self.past.borrow_mut().events.extend(late);
        done
    }

    /// Passes the stream's records to its two readers. Each reads on behind what it processed.
    async fn relay(&self) -> Result<(), Violation> {
        loop {
            let batch = self.app.engine.stream_batch();
            let records = batch["Records"].as_array().unwrap();
            if records.is_empty() {
                break;
            }
            let mut past = self.past.borrow_mut();
            past.unrelayed.extend(records.iter().filter(|it| is_relayed(it)).cloned());
            past.uncounted.extend(records.iter().cloned());
        }
        self.read("background-relay-outbox", |past| &mut past.unrelayed).await?;
        self.read("background-project-metrics", |past| &mut past.uncounted).await
    }

    async fn read(
        &self,
        name: &'static str,
        of: impl Fn(&mut Past) -> &mut Vec<Value>,
    ) -> Result<(), Violation> {
        loop {
            let batch: Vec<Value> = {
                let mut past = self.past.borrow_mut();
                of(&mut past).iter().take(RECORDS).cloned().collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let failed = match self.app.invoke(name, &json!({ "Records": batch })).await {
                Ok(answer) => failed_items(&answer),
                Err(error) => return self.ran(name, Err::<(), _>(error)),
            };
            // The stream is read again from the first record that failed.
            let number = |record: &Value| record["dynamodb"]["SequenceNumber"].clone();
            let first = batch.iter().position(|it| failed.iter().any(|id| number(it) == json!(id)));
            let done: Vec<Value> =
                batch.iter().take(first.unwrap_or(batch.len())).map(number).collect();
            of(&mut self.past.borrow_mut()).retain(|record| !done.contains(&number(record)));
            if first.is_some() {
                return self.ran(name, Err::<(), _>(format!("{failed:?} failed")));
            }
        }
    }

    /// Works on a batch of jobs; sometimes its messages come twice.
    async fn work(&self, dice: &mut Dice) -> Result<(), Violation> {
        let queue = self.app.generation_queue();
        let mut batch = queue.receive();
        dice.shuffle(&mut batch);
        if batch.is_empty() {
            return Ok(());
        }
        let times = if dice.one_in(4) { 2 } else { 1 };
        for _ in 0..times {
            self.process("background-run-generation", &queue, &batch).await?;
        }
        let letters = queue.take_dead_letters();
        if letters.is_empty() {
            return Ok(());
        }
        let event = batch_event(&letters);
        let done = self.app.invoke("background-fail-dead-letters", &event).await;
        self.ran("background-fail-dead-letters", done)
    }

    async fn buy_top_ups(&self) -> Result<(), Violation> {
        let queue = self.app.top_up_queue();
        let batch = queue.receive();
        match batch.is_empty() {
            true => Ok(()),
            false => self.process("background-buy-top-ups", &queue, &batch).await,
        }
    }

    async fn process(
        &self,
        name: &'static str,
        queue: &TestQueue,
        batch: &[QueuedMessage],
    ) -> Result<(), Violation> {
        match self.app.invoke(name, &batch_event(batch)).await {
            Ok(answer) => {
                queue.delete_processed(batch, &failed_items(&answer));
                Ok(())
            }
            Err(error) => self.ran(name, Err::<(), _>(error)),
        }
    }

    // The end.

    /// Nothing goes wrong any more: what is open is carried to its end, day by day.
    pub(crate) async fn settle(&self) -> Result<(), Violation> {
        self.calm_down();
        let stripe = self.app.stripe();
        for creator in &self.members[..CREATORS] {
            if let Some(payee) = self.app.store.payee(&creator.id).await.unwrap() {
                let _ = stripe.onboard(payee.account_id.as_str(), Bank::Works);
            }
        }
        let disputes = self.past.borrow().disputes.clone();
        for dispute in disputes {
            let _ = stripe.close_dispute(&dispute, Closing::Lost);
        }
        let debits = self.past.borrow().debits.clone();
        for session in debits {
            let _ = stripe.decide(&session, Decision::Succeed);
        }
        for day in 0..CALM_DAYS {
            // The first days in full; then only what waits for a date.
            if day < 3 || day % 8 == 7 {
                self.quiet_day().await?;
            }
            self.app.advance_days(1);
        }
        self.quiet_day().await?;
        self.quiet_day().await
    }

    /// A day on which everything works.
    async fn quiet_day(&self) -> Result<(), Violation> {
        for _ in 0..2 {
            self.deliver_all().await?;
            self.app.stripe().book_charges();
        }
        self.relay().await?;
        for _ in 0..2 {
            self.buy_top_ups().await?;
            self.drain_jobs().await?;
            self.deliver_all().await?;
            self.relay().await?;
        }
        for name in SCHEDULED {
            self.ran(name, self.app.run(name).await)?;
            self.deliver_all().await?;
        }
        self.relay().await
    }

    async fn deliver_all(&self) -> Result<(), Violation> {
        let mut events = std::mem::take(&mut self.past.borrow_mut().events);
        events.extend(self.app.events());
        for event in events {
            let mut status = 0;
            for _ in 0..ATTEMPTS_MAX {
                status = self.app.deliver(&event).await;
                if status == 200 {
                    break;
                }
            }
            Violation::check(status == 200, || format!("{status} for ever, for {event}"))?;
        }
        Ok(())
    }

    /// Works on jobs until none is in the queue; an hour at most.
    async fn drain_jobs(&self) -> Result<(), Violation> {
        let mut dice = Dice(0);
        for _ in 0..60 {
            let queue = self.app.generation_queue();
            let Some(next) = queue.messages().first().map(|message| message.visible_at) else {
                return Ok(());
            };
            let wait = self.app.now().until(next);
            self.app.advance(wait);
            self.work(&mut dice).await?;
            self.relay().await?;
        }
        Err(Violation("the queue of jobs is never empty".to_owned()))
    }
}
