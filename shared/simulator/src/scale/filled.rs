//! What is in the table and at Stripe before the function runs.
//!
//! Our own code writes one of each; the others are copies with other names.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    Timestamp,
    billing::external::EventId,
    generation::{Provider, Status},
    id::{CreatorId, ListingId, PurchaseId},
    metrics::{Fact, FactKind, FinishedJob, LegMoved},
    plan::Plan as MemberPlan,
    time::{DAY, Day},
};
use sandbox::stripe::{Bank, Card};
use serde_json::Value;
use store::{AppliedEvent, Tally};
use testing::{Actor, TestApp, listings};

use super::plan::{Line, Plan};
use crate::{
    billing_app::{BillingApp, good, id_of, kind_of},
    dice::Dice,
    marketplace::Marketplace,
};

/// The member whose items are copied.
const ORIGINAL: &str = "original";
/// The price of every listing, in cents: two sales are more than the least payout.
const PRICE: i64 = 1_500;
/// Events that Stripe makes of a payment, about.
const EVENTS_EACH: u64 = 6;
/// Items of one import.
const ROWS: usize = 10_000;
/// Listings of a creator.
const LISTINGS_EACH: u64 = 10;
/// Creators and durations that the facts of a day name.
const NAMES: u64 = 500;
/// Days of which `background-report-revenue` adds up the facts.
const DAYS: u32 = 3;
/// Stripe's events are read again from so long before the checkpoint.
const OVERLAP: Duration = Duration::from_secs(60 * 60);
/// Views are counted once no other can arrive.
const SETTLED: Duration = Duration::from_secs(61);

/// Fills the table and Stripe. Returns how many items there are.
pub(super) async fn fill(app: &BillingApp, plan: &Plan) -> u64 {
    match plan.line {
        Line::Payouts => payouts(app, plan.items).await,
        Line::Events => events(app, plan).await,
        Line::Subscriptions => subscriptions(app, plan.items).await,
        Line::Views => views(app, plan).await,
        Line::Popular => {
            on_sale(app, &(1..=plan.items).collect()).await;
            plan.items
        }
        Line::Revenue => facts(app, plan.items).await,
        Line::Rewards => rewards(app, plan.items).await,
        Line::Sellers => hidden(app, plan.items).await,
    }
}

/// Items to be copied, each as JSON.
struct Copied(Vec<String>);

impl Copied {
    /// The items of the table whose `pk` and `sk` are wanted.
    fn of(app: &TestApp, is_wanted: impl Fn(&str, &str) -> bool) -> Copied {
        let key = |item: &Value, name: &str| item[name]["S"].as_str().unwrap().to_owned();
        let mut items = app.engine.dump();
        items.retain(|item| is_wanted(&key(item, "pk"), &key(item, "sk")));
        assert!(!items.is_empty(), "there is something to copy");
        Copied(items.iter().map(Value::to_string).collect())
    }

    /// The items with other names.
    fn renamed(&self, names: &[(&str, &str)]) -> impl Iterator<Item = Value> {
        self.0.iter().map(move |item| {
            let renamed =
                names.iter().fold(item.clone(), |item, (from, to)| item.replace(*from, to));
            serde_json::from_str(&renamed).unwrap()
        })
    }
}

/// Writes items in parts.
fn import(app: &TestApp, items: impl Iterator<Item = Value>) {
    let mut items = items.peekable();
    while items.peek().is_some() {
        app.engine.import(items.by_ref().take(ROWS));
    }
}

fn copy_of(number: u64) -> Actor {
    Actor::member(&format!("copy-{number:07}"))
}

/// The ids of copies begin with a time at which nothing else was made.
fn listing_id(number: u64) -> ListingId {
    ListingId::new(Timestamp::from_secs(0), number.into())
}

/// See [`listing_id`].
fn purchase_id(number: u64) -> PurchaseId {
    PurchaseId::new(Timestamp::from_secs(0), number.into())
}

/// Creators, each with two sales whose hold is over and a connected account that is ready.
async fn payouts(app: &BillingApp, creators: u64) -> u64 {
    let (market, original) = (Marketplace::new(app), app.new_member(ORIGINAL));
    let listing = market.on_sale(&original, PRICE).await;
    let mut sales = Vec::new();
    for buyer in ["ann", "bob"] {
        sales.push(market.sold(&app.new_member(buyer), &listing, PRICE).await.id.to_string());
    }
    market.complete_onboarding(&original, Bank::Works).await;
    let partition = format!("USER#{}", original.id);
    let copied = Copied::of(app, |pk, sk| {
        pk == partition && (matches!(sk, "ACCOUNT" | "CREATOR") || sk.starts_with("SALE#"))
    });
    let (user, creator) = (original.id.to_string(), CreatorId::of(&original.id).to_string());
    for number in 1..creators {
        let copy = copy_of(number);
        let theirs = CreatorId::of(&copy.id).to_string();
        let sold = [0, 1].map(|nth| purchase_id(2 * number + nth).to_string());
        let names = [
            (user.as_str(), copy.id.as_str()),
            (creator.as_str(), theirs.as_str()),
            (sales[0].as_str(), sold[0].as_str()),
            (sales[1].as_str(), sold[1].as_str()),
        ];
        app.engine.import(copied.renamed(&names));
        good(market.onboard(&copy).await);
        app.stripe().onboard(&market.account_of(&copy).await, Bank::Works).unwrap();
    }
    charge(app, "99999999").await;
    app.stripe().book_charges();
    app.advance(DAY * 7);
    creators
}

/// Has somebody pay so many cents, who is no member of ours.
async fn charge(app: &BillingApp, cents: &str) {
    let form = [
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", cents),
        ("line_items[0][price_data][product_data][name]", "Light"),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://app.prolight.test/"),
    ];
    let session = app.post_to_stripe("checkout/sessions", &form).await;
    app.stripe().pay(session["id"].as_str().unwrap(), Card::Succeeds).unwrap();
}

/// Events of payments, evenly over the time that the plan says, all applied when they were
/// delivered.
async fn events(app: &BillingApp, plan: &Plan) -> u64 {
    app.events();
    let begun = app.now();
    let payments = plan.items.div_ceil(EVENTS_EACH).max(1);
    let apart = plan.within / u32::try_from(payments).unwrap();
    for _ in 0..payments {
        charge(app, "1500").await;
        app.advance(apart);
    }
    let events = app.events();
    for event in &events {
        let applied =
            AppliedEvent { id: EventId::parse(&id_of(event)).unwrap(), kind: kind_of(event) };
        app.store.mark_event(&applied, app.now()).await.unwrap();
    }
    // The run reads from this time on, and nothing before it.
    app.store.set_events_checkpoint(begun.plus(OVERLAP)).await.unwrap();
    events.len() as u64
}

/// Members with a subscription that is here as it is at Stripe.
async fn subscriptions(app: &BillingApp, members: u64) -> u64 {
    let original = app.new_member(ORIGINAL);
    app.subscribe(&original, "pro").await;
    let billing = app.billing(&original).await;
    let (customer, known) = (billing.customer.unwrap(), billing.subscription.unwrap().id);
    let partition = format!("USER#{}", original.id);
    let copied = Copied::of(app, |pk, sk| pk == partition && sk == "BILLING");
    let price = app.price_of(MemberPlan::Pro).await;
    for number in 1..members {
        let copy = copy_of(number);
        let named = [("metadata[user_id]", copy.id.as_str())];
        let theirs = app.post_to_stripe("customers", &named).await;
        let theirs = theirs["id"].as_str().unwrap();
        let subscription = app.subscribe_customer(&copy, theirs, &price).await;
        app.engine.import(copied.renamed(&[
            (original.id.as_str(), copy.id.as_str()),
            (customer.as_str(), theirs),
            (known.as_str(), subscription.as_str()),
        ]));
    }
    // Their first events are older than what the run reads.
    app.advance(DAY);
    app.store.set_events_checkpoint(app.now()).await.unwrap();
    members
}

/// Puts copies of a listing that was sold once on sale, one for each of these numbers. Ten in a row
/// have the same creator.
async fn on_sale(app: &BillingApp, numbers: &BTreeSet<u64>) {
    let (market, original) = (Marketplace::new(app), app.new_member(ORIGINAL));
    let listing = market.on_sale(&original, PRICE).await;
    market.sold(&app.new_member("ann"), &listing, PRICE).await;
    let (user, creator) = (original.id.to_string(), CreatorId::of(&original.id).to_string());
    let (partition, account) = (format!("LISTING#{listing}"), format!("USER#{user}"));
    let copied = Copied::of(app, |pk, _| pk == partition);
    let book = Copied::of(app, |pk, sk| pk == account && sk == "CREATOR");
    let named = |copied: &Copied, number: u64| -> Vec<Value> {
        let copy = copy_of(number / LISTINGS_EACH);
        let (id, theirs) = (listing_id(number), CreatorId::of(&copy.id).to_string());
        let names = [
            (user.as_str(), copy.id.as_str()),
            (creator.as_str(), theirs.as_str()),
            (listing.as_str(), id.as_str()),
        ];
        copied.renamed(&names).collect()
    };
    import(app, numbers.iter().flat_map(|number| named(&copied, *number)));
    let creators: BTreeSet<u64> = numbers.iter().map(|number| number / LISTINGS_EACH).collect();
    import(app, creators.iter().flat_map(|number| named(&book, number * LISTINGS_EACH)));
}

/// Tallies of the views of a period: of one listing in `one_in`, in one tally in as many.
async fn views(app: &BillingApp, plan: &Plan) -> u64 {
    let seen = viewed(plan);
    on_sale(app, &seen.keys().copied().collect()).await;
    let count = (plan.tallies / plan.one_in).max(1);
    let mut tallies = vec![Tally::new(); usize::try_from(count).unwrap()];
    let (mut dice, mut views) = (Dice(2), 0);
    for (number, times) in seen {
        let id = listing_id(number);
        for _ in 0..times {
            let visitor = u32::try_from(dice.roll(u64::from(u32::MAX))).unwrap();
            let tally = dice.below(tallies.len());
            tallies[tally].entry(id.clone()).or_default().insert(visitor);
        }
        views += times;
    }
    let apart = plan.within / u32::try_from(count).unwrap();
    for tally in tallies {
        app.store.note_views(tally, app.now()).await.unwrap();
        app.advance(apart);
    }
    app.advance(SETTLED);
    views
}

/// How often each listing is seen, by its place: the second half as often as the first. Of these,
/// one in `one_in`.
fn viewed(plan: &Plan) -> BTreeMap<u64, u64> {
    let mut whole = 0.0;
    let until: Vec<f64> = (1..=plan.listings)
        .map(|place| {
            whole += 1.0 / f64::from(place);
            whole
        })
        .collect();
    let (mut dice, mut seen) = (Dice(1), BTreeMap::new());
    for _ in 0..plan.items {
        let at = dice.roll(1 << 53) as f64 / (1_u64 << 53) as f64 * whole;
        let place = until.partition_point(|end| *end <= at) as u64 + 1;
        if place.is_multiple_of(plan.one_in) {
            *seen.entry(place).or_default() += 1;
        }
    }
    seen
}

/// Facts of each of the last days, a third of them of sales, counted in its sums.
async fn facts(app: &BillingApp, a_day: u64) -> u64 {
    for back in 1..=DAYS {
        let at = app.now().minus(DAY * back);
        let day = Day::of(at);
        let facts: Vec<Fact> = (0..a_day)
            .map(|number| Fact::new(format!("{day}:{number}"), at, fact(number)))
            .collect();
        app.store.count(&facts).await.unwrap();
    }
    a_day
}

fn fact(number: u64) -> FactKind {
    if number.is_multiple_of(3) {
        return FactKind::Market(LegMoved {
            creator_id: copy_of(number % NAMES).id,
            commission: 180,
            share: 720,
            of_sale: true,
        });
    }
    FactKind::Finished(FinishedJob {
        status: Status::Succeeded,
        blocked: false,
        plan: MemberPlan::Pro,
        provider: Provider::Bria,
        user_id: None,
        preset_id: None,
        listing_id: None,
        queue_ms: Some(number % NAMES * 40),
        run_ms: Some(number % NAMES * 90),
        cost_micros: 30_000,
    })
}

/// Rewards that are due, each of another sharer.
async fn rewards(app: &BillingApp, sharers: u64) -> u64 {
    let (market, original) = (Marketplace::new(app), app.new_member(ORIGINAL));
    let (seller, buyer) = (app.new_member("kim"), app.new_member("ann"));
    app.account(&original.id).await;
    let listing = market.on_sale(&seller, PRICE).await;
    let token = market.shared_by(&original, &listing).await;
    let page = market.checkout(&buyer, &listing, PRICE, Some(&token)).await;
    app.pay(&page, Card::SucceedsToo);
    app.deliver_events().await;
    let purchase = market.purchase_of(&buyer, &page).await.id;
    let partition = format!("USER#{}", original.id);
    let copied =
        Copied::of(app, |pk, sk| pk == partition && (sk == "ACCOUNT" || sk.starts_with("REWARD#")));
    let copies = (1..sharers).flat_map(|number| {
        let copy = copy_of(number);
        let other = purchase_id(number);
        let names = [(original.id.as_str(), copy.id.as_str()), (purchase.as_str(), other.as_str())];
        copied.renamed(&names).collect::<Vec<_>>()
    });
    import(app, copies);
    app.advance(DAY * 15);
    sharers
}

/// Listings on sale of a creator whose third strike was just given.
async fn hidden(app: &BillingApp, count: u64) -> u64 {
    let (market, original) = (Marketplace::new(app), app.new_member(ORIGINAL));
    let listing = market.on_sale(&original, PRICE).await;
    let partition = format!("LISTING#{listing}");
    let copied = Copied::of(app, |pk, sk| {
        pk == partition || (pk.starts_with("SIMILAR#") && sk == listing.as_str())
    });
    for _ in 0..3 {
        let struck = market.on_sale(&original, PRICE).await;
        listings::strike(&app.store, &struck, app.now()).await;
    }
    let copies = (0..count).flat_map(|number| {
        let id = listing_id(number);
        copied.renamed(&[(listing.as_str(), id.as_str())]).collect::<Vec<_>>()
    });
    import(app, copies);
    // The listings of before were hidden at once; those that came since are due.
    let partition = format!("USER#{}", original.id);
    let strikes = Copied::of(app, |pk, sk| pk == partition && sk == "STRIKES");
    let stored: Value = serde_json::from_str(&strikes.0[0]).unwrap();
    let (later, now) = (stored["due_at"]["S"].as_str().unwrap(), app.now().to_string());
    app.engine.import(strikes.renamed(&[(later, now.as_str())]));
    count
}
