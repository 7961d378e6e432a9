//! A world: four members, staff, Stripe, Bria, AWS and a clock, in one process.

mod again;
mod at_stripe;
mod delivery;
mod keyed;
mod market;
mod members;
mod payouts;
mod quiet;

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use domain::{
    Timestamp,
    id::{ListingId, PurchaseId},
    plan::Plan,
};
use keyed::Keyed;
pub(crate) use members::{an_image, hook_of};
use sandbox::{
    bria,
    faults::{Fault as AtVendor, Order, WebhookFault},
};
use serde_json::{Value, json};
use testing::{Actor, Answer, engine::Turns, queue::Availability};

use crate::{
    billing_app::BillingApp,
    dice::Dice,
    marketplace::Marketplace,
    step::{Mishap, Move, Step},
};

/// Where generations are asked for.
pub(crate) const GENERATIONS: &str = "/api/v1/generations";
/// How many packs a month members allow to be bought for them.
pub(crate) const TOP_UPS_A_MONTH: usize = 2;
const MEMBERS: usize = 4;
/// The first of them also sell.
pub(crate) const CREATORS: usize = 2;

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
    /// The requests under an `Idempotency-Key`.
    pub(crate) keyed: Vec<Keyed>,
    /// Members who have webhooks.
    pub(crate) with_webhooks: Vec<usize>,
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
    /// Whether two steps happen at once.
    is_paired: Cell<bool>,
    /// When nothing went wrong any more; until then, the time of the first step.
    pub(crate) settled_at: Cell<Timestamp>,
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
        app.allow_loopback();
        app.engine.stop_metering();
        app.engine.index_stream();
        drop_webhooks(&app);
        let began_at = app.now();
        let members = (0..MEMBERS).map(|nth| Actor::member(&format!("m{nth}"))).collect();
        World {
            app,
            members,
            past: RefCell::default(),
            keys: Cell::default(),
            is_troubled: Cell::new(false),
            is_paired: Cell::new(false),
            settled_at: Cell::new(began_at),
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
            Some(Mishap::Bria(order)) => self.app.sandbox.order(order.clone()).unwrap(),
            Some(Mishap::Queues(availability)) => self.set_queues(*availability),
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
        drop_webhooks(&self.app);
        self.set_queues(Availability::Available);
        self.is_troubled.set(false);
        self.is_paired.set(false);
    }

    fn set_queues(&self, availability: Availability) {
        let app = &self.app;
        for queue in [app.generation_queue(), app.top_up_queue(), app.webhook_queue()] {
            queue.set_availability(availability);
        }
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
        match *step {
            Step::Both(ref one, ref other, seed) => {
                let mut dice = Dice(seed);
                let turns = Turns::new(&self.app.engine, move || dice.one_in(2));
                let (one, other) = (Box::pin(self.take(one)), Box::pin(self.take(other)));
                self.is_paired.set(true);
                let (one, other) = turns.both(one, other).await;
                self.is_paired.set(false);
                return one.and(other);
            }
            Step::Generate(member) => return self.generate(member).await,
            Step::CancelJob(member, nth) => return self.cancel_job(member, nth).await,
            Step::BuyPack(member, pack, card) => {
                return self.check_out(member, json!({ "pack": pack }), card).await;
            }
            Step::Subscribe(member, plan, card) => {
                return self.check_out(member, json!({ "plan": plan }), card).await;
            }
            Step::CancelPlan(member, at_end) => return self.cancel_plan(member, at_end).await,
            Step::TopUp(member, is_on) => return self.top_up(member, is_on).await,
            Step::DeleteMe(member) => return self.delete_me(member).await,
            Step::Again(nth) => return self.again(nth).await,
            Step::AddWebhook(member) => return self.add_webhook(member).await,
            Step::Retire(nth) => return self.retire(nth).await,
            Step::Buy(buyer, nth, sharer, card) => {
                return self.buy(buyer, nth, sharer, card).await;
            }
            Step::AskRefund(nth) => return self.ask_refund(nth).await,
            Step::Download(nth) => return self.download(nth).await,
            Step::Review(nth, stars) => return self.review(nth, stars).await,
            Step::Onboard(creator, bank) => return self.onboard(creator, bank).await,
            Step::StaffRefund(nth, percent) => return self.staff_refund(nth, percent).await,
            Step::Ban(member, is_banned) => return self.ban(member, is_banned).await,
            Step::Adjust(member, credits) => return self.adjust(member, credits).await,
            Step::Deliver(seed) => return self.deliver(&mut Dice(seed)).await,
            Step::Relay => return self.relay().await,
            Step::Work(seed) => return self.work(&mut Dice(seed)).await,
            Step::DeliverBria(seed) => return self.deliver_bria(&mut Dice(seed)).await,
            Step::SendWebhooks => return self.send_webhooks().await,
            Step::BuyTopUps => return self.buy_top_ups().await,
            Step::Run(name) => return self.run(name).await,
            Step::Hours(hours) => self.app.advance(Duration::from_secs(60 * 60) * hours),
            Step::Upgrade(member) => self.switch_plan(member, Plan::Enterprise).await,
            Step::Downgrade(member) => self.switch_plan(member, Plan::Pro).await,
            Step::SetCard(member, card) => self.set_card(member, card).await,
            Step::WebhookAnswers(member, status) => self.answer_webhooks(member, status),
            Step::List(creator, price) => self.list(creator, price).await,
            Step::Restrict(creator) => self.restrict(creator).await,
            Step::Refund(nth, percent) => self.refund(nth, percent),
            Step::Dispute(nth, percent) => self.dispute(nth, percent).await,
            Step::FailRefund(nth) => self.fail_refund(nth),
            Step::EndDispute(nth, is_won) => self.end_dispute(nth, is_won),
            Step::ReturnPayout(nth) => self.return_payout(nth),
            Step::Decide(nth, succeeds) => self.decide(nth, succeeds),
            Step::Renew(nth) => self.renew(nth),
            Step::Book => self.app.stripe().book_charges(),
            Step::Restart => self.app.restart(),
        }
        Ok(())
    }
}

/// Bria's webhooks carry this machine's time, so the workers ask for results.
fn drop_webhooks(app: &BillingApp) {
    let dropped = Order::next(AtVendor::Webhook(WebhookFault::Dropped)).times(10_000);
    app.sandbox.order(dropped).unwrap();
}

/// One of the items, counted round and round; `None` if there are none.
fn nth_of<T: Clone>(items: &[T], nth: usize) -> Option<T> {
    items.get(nth % items.len().max(1)).cloned()
}
