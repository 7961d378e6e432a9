//! Revenue reports: events at Stripe and the resulting numbers.

use std::cell::RefCell;

use domain::{
    id::{InvoiceId, UserId},
    metrics::{Counters, PeriodMetrics},
    plan::Plan,
    time::Day,
};
use sandbox::stripe::{Card, Closing, Lasts, Off, Opening, Payment};
use serde_json::{Value, json};
use testing::Actor;

use crate::{
    billing_app::{BillingApp, all_done, good, id_of},
    marketplace::Marketplace,
};

/// A app whose stream is counted and can be replayed.
struct Numbers {
    app: BillingApp,
    batches: RefCell<Vec<Value>>,
    first: Day,
}

impl Numbers {
    async fn new() -> Numbers {
        let app = BillingApp::new().await;
        let first = Day::of(app.now());
        Numbers { app, batches: RefCell::default(), first }
    }

    /// Does the nightly run, which ends the grace periods that are over. Returns how many.
    async fn end_graces(&self) -> usize {
        let due = async || {
            self.app.store.due_graces(self.app.now(), None, 100).await.unwrap().items.len()
        };
        let before = due().await;
        self.app.run("background-report-revenue").await.unwrap();
        before - due().await
    }

    fn today(&self) -> Day {
        Day::of(self.app.now())
    }

    async fn project(&self, batch: &Value) {
        let answer = self.app.invoke("background-project-metrics", batch).await;
        assert_eq!(answer, Ok(all_done()));
    }

    /// Counts new stream records, and those that counting writes.
    async fn follow(&self) {
        loop {
            let batch = self.app.engine.stream_batch();
            if batch["Records"].as_array().unwrap().is_empty() {
                return;
            }
            self.project(&batch).await;
            self.batches.borrow_mut().push(batch);
        }
    }

    async fn report(&self, from: Day, to: Day) -> Value {
        self.follow().await;
        let admin = self.app.client(&Actor::admin());
        let path = "/api/v1/admin/revenue/stats";
        good(admin.get(path).query("from", from).query("to", to).await)
    }

    /// The numbers from the first day to today.
    async fn figures(&self) -> PeriodMetrics {
        let report = self.report(self.first, self.today()).await;
        let figures: PeriodMetrics = serde_json::from_value(report["period"].clone()).unwrap();
        assert_eq!(figures.start.mrr + figures.movements.net, figures.end.mrr);
        figures
    }

    /// New, reactivation, expansion, contraction, churned; MRR and committed MRR.
    async fn moved(&self) -> ([i64; 5], i64, i64) {
        let PeriodMetrics { movements: it, end, .. } = self.figures().await;
        let moved = [it.new, it.reactivation, it.expansion, it.contraction, it.churned];
        (moved.map(|sum| sum.mrr), end.mrr, end.committed_mrr)
    }

    /// Asserts that every day's sums are the fold of its facts, and that replaying the stream
    /// backwards changes nothing.
    async fn close(self) {
        self.follow().await;
        let read = async || {
            let span = domain::metrics::Span { from: self.first, to: self.today() };
            self.app.store.metrics(span, self.app.now()).await.unwrap()
        };
        let kept = read().await;
        for (day, sums) in &kept.days {
            let facts = self.app.store.facts_of_day(*day).await.unwrap();
            assert_eq!(&Counters::fold(&facts), sums, "{day}");
        }
        for batch in self.batches.take().iter().rev() {
            self.project(batch).await;
        }
        assert_eq!(read().await, kept);
        self.app.close().await;
    }

    async fn customer(&self, of: &Actor) -> String {
        self.app.billing(of).await.customer.unwrap().to_string()
    }

    /// The payment of the newest plan invoice, by its Stripe id.
    async fn payment_of_plan(&self, of: &Actor) -> String {
        let invoices = self.app.invoices(of).await;
        let plan = invoices.iter().find(|invoice| invoice["kind"] == "subscription").unwrap();
        let id = InvoiceId::parse(plan["id"].as_str().unwrap()).unwrap();
        self.app.store.invoice(&of.id, &id).await.unwrap().payment.unwrap().to_string()
    }
}

#[tokio::test]
async fn a_plan_is_bought_changed_and_left() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    assert_eq!(numbers.moved().await, ([2_900, 0, 0, 0, 0], 2_900, 2_900));
    app.advance_days(10);
    app.switch_plan(&ann, Plan::Enterprise).await;
    app.deliver_events().await;
    assert_eq!(numbers.moved().await, ([2_900, 0, 7_000, 0, 0], 9_900, 9_900));
    assert_eq!(app.cancel(&ann, true).await.status(), 200);
    assert_eq!(numbers.moved().await, ([2_900, 0, 7_000, 0, 0], 9_900, 0), "not canceled yet");
    app.advance_days(31);
    app.deliver_events().await;
    assert_eq!(numbers.moved().await, ([2_900, 0, 7_000, 0, -9_900], 0, 0));
    app.subscribe(&ann, "pro").await;
    assert_eq!(numbers.moved().await, ([2_900, 2_900, 7_000, 0, -9_900], 2_900, 2_900));
    let figures = numbers.figures().await;
    assert_eq!((figures.churn.ended, figures.churn.of_start_bps), (1, None));
    assert_eq!(figures.churn.of_start_and_new_bps, Some(10_000));
    assert_eq!(figures.end.customers, 1);
    assert_eq!(figures.new_members, 2, "ann, and the admin who reads the report");
    numbers.close().await;
}

/// Discounts on the whole subscription and on its only item.
#[tokio::test]
async fn discounts_are_not_in_the_numbers() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let (ann, ben) = (app.new_member("ann"), app.new_member("ben"));
    let subscribed = async |member: &Actor| {
        app.subscribe(member, "pro").await;
        let billing = app.billing(member).await;
        let id = billing.live_subscription().unwrap().id.to_string();
        app.stripe().object(&id).unwrap()
    };
    let (anns, bens) = (subscribed(&ann).await, subscribed(&ben).await);
    assert_eq!(numbers.moved().await, ([5_800, 0, 0, 0, 0], 5_800, 5_800));

    let item = anns["items"]["data"][0]["id"].as_str().unwrap();
    app.stripe().discount(item, Off::Percent(50.0), Lasts::Months(2)).unwrap();
    app.deliver_events().await;
    assert_eq!(numbers.moved().await, ([5_800, 0, 0, -1_450, 0], 4_350, 4_350));
    let whole = bens["id"].as_str().unwrap();
    app.stripe().discount(whole, Off::Cents(900), Lasts::Forever).unwrap();
    app.stripe().discount(whole, Off::Percent(100.0), Lasts::Once).unwrap();
    app.deliver_events().await;
    assert_eq!(numbers.moved().await, ([5_800, 0, 0, -2_350, 0], 3_450, 3_450));
    let paid = async || {
        let figures = numbers.figures().await;
        let pro = figures.by_source[&domain::metrics::Source::Pro];
        (pro.paid, figures.revenue.net)
    };
    assert_eq!(paid().await, (5_800, 5_800));

    // Ann pays half, Ben nothing this once.
    app.advance_days(31);
    app.deliver_events().await;
    assert_eq!(paid().await, (5_800 + 1_450, 5_800 + 1_450));
    assert_eq!(numbers.moved().await.1, 3_450);
    // Ann's two months are over; Ben pays his regular price from now on.
    app.advance_days(31);
    app.deliver_events().await;
    assert_eq!(paid().await, (7_250 + 2_900 + 2_000, 7_250 + 2_900 + 2_000));
    assert_eq!(numbers.moved().await, ([5_800, 0, 1_450, -2_350, 0], 4_900, 4_900));
    numbers.close().await;
}

#[tokio::test]
async fn past_due_counts_until_its_grace_ends() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let customer = numbers.customer(&ann).await;
    app.stripe().set_card(&customer, Card::Declines).unwrap();
    let paid_until = app.account(&ann.id).await.paid_period.unwrap().ends_at;
    app.advance_days(31);
    app.deliver_events().await;
    assert_eq!(numbers.moved().await, ([2_900, 0, 0, 0, 0], 2_900, 2_900), "in its grace period");
    assert!(numbers.figures().await.failed_payments >= 1);
    assert_eq!(numbers.end_graces().await, 0);
    app.advance_days(9);
    assert_eq!(numbers.end_graces().await, 1);
    assert_eq!(numbers.end_graces().await, 0, "once");
    assert_eq!(numbers.moved().await, ([2_900, 0, 0, 0, -2_900], 0, 0));
    let end = Day::of(paid_until).plus(7);
    let churned = async |from: Day, to: Day| {
        numbers.report(from, to).await["period"]["movements"]["churned"]["count"].clone()
    };
    assert_eq!(churned(end, end).await, 1, "on the day it ended");
    assert_eq!(churned(end.plus(1), numbers.today()).await, 0);
    app.stripe().set_card(&customer, Card::Succeeds).unwrap();
    app.advance_days(3);
    app.deliver_events().await;
    let (_, mrr, _) = numbers.moved().await;
    let goes_on = app.billing(&ann).await.live_subscription().is_ok();
    assert_eq!(mrr, if goes_on { 2_900 } else { 0 }, "a late payment restores the MRR");
    numbers.close().await;
}

#[tokio::test]
async fn payments_and_refunds_are_counted() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let order = app.buy(&ann, "pack_200").await;
    let sums = async || {
        let figures = numbers.figures().await;
        let of = |source| figures.by_source[&source];
        let (pro, packs) = (of(domain::metrics::Source::Pro), of(domain::metrics::Source::Packs));
        [pro.paid, pro.returned, packs.paid, packs.returned, figures.revenue.net]
    };
    assert_eq!(sums().await, [2_900, 0, 1_800, 0, 4_700]);
    let payment = BillingApp::payment_of(&order).to_string();
    app.stripe().refund(&payment, Some(600)).unwrap();
    app.deliver_events().await;
    assert_eq!(sums().await, [2_900, 0, 1_800, 600, 4_100]);
    let dispute = app.stripe().dispute(&payment, None, Opening::Chargeback).unwrap();
    app.deliver_events().await;
    let [.., returned, _] = sums().await;
    assert_eq!(returned, 1_800, "all of it counts as returned during the dispute");
    app.stripe().close_dispute(&dispute, Closing::Won).unwrap();
    app.deliver_events().await;
    assert_eq!(sums().await, [2_900, 0, 1_800, 600, 4_100], "and is restored");
    app.stripe().refund(&numbers.payment_of_plan(&ann).await, None).unwrap();
    app.deliver_events().await;
    assert_eq!(sums().await, [2_900, 2_900, 1_800, 600, 1_200]);
    assert_eq!(numbers.figures().await.end.mrr, 2_900, "a refund is not MRR");
    numbers.close().await;
}

/// The margin is what is left after Stripe's fees and the renderer's cost.
#[tokio::test]
async fn the_fee_of_a_plan_is_in_its_margin_once_it_is_paid() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let ann = app.new_member("ann");
    app.subscribe(&ann, "pro").await;
    let kept = async || {
        let figures = numbers.figures().await;
        let pro = figures.margins.iter().find(|it| it.plan == Plan::Pro).unwrap();
        assert_eq!(pro.gross_margin, pro.revenue - pro.processor_fees);
        pro.processor_fees
    };
    let payment = numbers.payment_of_plan(&ann).await;
    let mut object = app.stripe().object(&payment).unwrap();
    for next in ["latest_charge", "balance_transaction"] {
        object = app.stripe().object(object[next].as_str().unwrap()).unwrap();
    }
    let fee = object["fee"].as_i64().unwrap();
    assert!(fee > 0);
    assert_eq!(kept().await, fee);
    app.advance_days(31);
    app.deliver_events().await;
    assert_eq!(kept().await, 2 * fee);
    numbers.close().await;
}

#[tokio::test]
async fn sales_of_the_marketplace_are_counted_by_their_journals() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(app);
    let listing = market.on_sale(&kim, 2_000).await;
    let purchase = market.sold(&ann, &listing, 2_000).await;
    let figures = numbers.figures().await;
    let it = &figures.marketplace;
    assert_eq!((it.sales, it.gross, it.commission, it.returned_gross), (1, 2_000, 400, 0));
    assert_eq!((figures.end.mrr, figures.revenue.net), (0, 400));
    let top = numbers.report(numbers.first, numbers.today()).await["top_creators"].clone();
    let kim_id: &UserId = &kim.id;
    assert_eq!(top["items"], json!([{ "creator_id": kim_id, "gross": 2_000 }]));

    app.advance_days(40);
    let payment = purchase.payment.unwrap().to_string();
    app.stripe().refund(&payment, Some(1_000)).unwrap();
    app.deliver_events().await;
    // It was refunded today, not in the period of the sale.
    let today = numbers.report(numbers.today(), numbers.today()).await["period"].clone();
    assert_eq!(today["marketplace"]["returned_gross"], 1_000);
    assert_eq!(today["marketplace"]["returned_commission"], 200);
    assert_eq!(today["marketplace"]["gross"], 0);
    let then = numbers.report(numbers.first, numbers.first).await["period"].clone();
    assert_eq!(
        (&then["marketplace"]["gross"], &then["revenue"]["net"]),
        (&json!(2_000), &json!(400))
    );
    numbers.close().await;
}

/// Every event twice and backwards counts nothing twice.
#[tokio::test]
async fn doubled_and_shuffled_events_are_counted_once() {
    let numbers = Numbers::new().await;
    let app = &numbers.app;
    let ann = app.new_member("ann");
    let url = app.checkout(&ann, json!({ "plan": "pro" })).await;
    assert!(matches!(app.pay(&url, Card::Succeeds), Payment::Complete(_)));
    let mut events = app.events();
    events.extend(events.clone());
    events.reverse();
    for event in &events {
        assert_eq!(app.deliver(event).await, 200, "{}", id_of(event));
    }
    assert_eq!(numbers.moved().await, ([2_900, 0, 0, 0, 0], 2_900, 2_900));
    assert_eq!(numbers.figures().await.revenue.paid, 2_900);
    numbers.close().await;
}
