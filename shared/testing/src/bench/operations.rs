//! Table usage of each operation: network round trips and billed units.

use clients::stripe::receipt_id;
use domain::{
    billing::{
        external::{EventId, SessionId},
        invoice::Invoice,
        order::{PackOrder, Via},
    },
    credits::LedgerError,
    generation::{GenerationRequest, Job, NewJob, Provider, create_job},
    id::{JobId, OrderId, UserId},
    image::StoredImage,
    money::Money,
    pack::Pack,
};
use serde_json::json;
use store::{AppliedEvent, Idempotency, JobFilter, PageSize, SourceRef, Store, Wanted};

use super::{
    BenchFailed,
    given::{now, succeeded},
};
use crate::engine::{Engine, TABLE, Usage};

/// One operation and its usage.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The operation and its circumstances.
    pub name: &'static str,
    /// Its table usage.
    pub usage: Usage,
}

/// A table for benchmarks.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) engine: Engine,
}

/// Measures each operation once: the engine's counts are deterministic.
pub(super) async fn measure() -> Result<Vec<Operation>, BenchFailed> {
    let bench = Bench::on(&Engine::new());
    let (store, user) = (&bench.store, UserId::parse("user_member").expect("an id"));
    let size: PageSize = serde_json::from_value(json!(20)).expect("a size");
    let mut rows = Vec::new();
    let mut row = |name| rows.push(Operation { name, usage: bench.engine.take_usage() });
    bench.engine.take_usage();

    store.get_or_create_account(&user, None, now()).await?;
    row("first call of a new member");
    store.get_or_create_account(&user, None, now()).await?;
    row("GET /me");
    let queued = bench.queued(&user, "1").await?;
    row("POST /generations");
    bench.queued(&user, "1").await?;
    row("POST /generations, the same key again");
    store.job_and_input(&user, &queued.id).await?;
    row("GET /generations/{id}");
    store.jobs(&user, &JobFilter::default(), size, None, now()).await?;
    row("GET /generations");
    let claimed = queued.clone().claim_submit(now());
    store.advance(&queued, &claimed).await?;
    row("worker: claim a job");
    bench.settle(&claimed).await?;
    row("worker: settle a job with its image");
    let second = bench.queued(&user, "2").await?;
    bench.engine.take_usage();
    store.cancel(&user, &second.id, None, now()).await?;
    row("POST /generations/{id}/cancel");
    store.get_or_create_account(&user, None, now()).await?;
    store.ledger(&user, size, None).await?;
    row("GET /billing/credits");
    store.account_and_billing(&user, None, now()).await?;
    row("GET /billing/subscription");
    let order = bench.ordered(&user).await?;
    row("POST /billing/checkout, Stripe aside");
    bench.hear_of(&order, "evt_1").await?;
    row("webhook of a paid pack, granted");
    bench.hear_of(&order, "evt_1").await?;
    row("the same event again");
    store.invoices(&user, size, None).await?;
    row("GET /billing/invoices");
    super::market::measure(store, row).await?;
    rows.retain(|row| !row.name.is_empty());
    super::metrics::measure(|name, usage| rows.push(Operation { name, usage })).await?;
    Ok(rows)
}

impl Bench {
    pub(super) fn on(engine: &Engine) -> Bench {
        let store = Store::new(engine.client(), TABLE.to_owned());
        Bench { store, engine: engine.clone() }
    }

    /// A job of `user` with an image.
    pub(super) async fn succeeded(&self, user: &UserId) -> Result<Job, BenchFailed> {
        let queued = self.queued(user, "seed").await?;
        let claimed = queued.clone().claim_submit(now());
        self.store.advance(&queued, &claimed).await?;
        self.settle(&claimed).await?;
        Ok(claimed)
    }

    pub(super) async fn queued(&self, user: &UserId, key: &str) -> Result<Job, BenchFailed> {
        let order = GenerationRequest {
            prompt: Some("a marble bust".to_owned()),
            ..GenerationRequest::default()
        };
        let key = Idempotency::new(key.to_owned(), "0".repeat(64));
        let names = NewJob {
            id: JobId::new(now(), rand::random()),
            provider: Provider::Studio,
            seed: 7,
            webhook_token: "0".repeat(32),
        };
        let placed =
            self.store.enqueue((user, None), &key, SourceRef::Nothing, now(), |update, named| {
                create_job(update, &order, named, &names)
            });
        Ok(placed.await?)
    }

    /// Writes of a pack checkout, before and after Stripe creates the session.
    pub(super) async fn ordered(&self, user: &UserId) -> Result<PackOrder, BenchFailed> {
        let key = Idempotency::new("pack".to_owned(), "0".repeat(64));
        self.store.account_and_billing(user, None, now()).await?;
        let id = OrderId::new(now(), rand::random());
        let placed = self.store.place_order((user, None), &key, now(), |update| {
            PackOrder::place(id.clone(), Pack::Small, Via::Checkout, update)
        });
        let order = placed.await?;
        let session = SessionId::parse("cs_test_1").expect("an id");
        let opened =
            self.store.set_order_checkout(user, &order.id, &session, "https://pay.example");
        Ok(opened.await?)
    }

    /// Reads and writes of the webhook for a paid order.
    pub(super) async fn hear_of(&self, order: &PackOrder, event: &str) -> Result<(), BenchFailed> {
        let event = AppliedEvent {
            id: EventId::parse(event).expect("an id"),
            kind: "checkout.session.completed".to_owned(),
        };
        let (read, before) = self.store.billing_of_event(&order.user_id, &event.id).await?;
        if before {
            return Ok(());
        }
        let wanted = Wanted { order: Some(order.id.clone()), invoices: Vec::new() };
        let paid = succeeded("pi_1", Money::usd_cents(500));
        let kept = self.store.apply_billing(&read, &wanted, Some(&event), now(), |update| {
            let Some(order) = &mut update.order else { return Ok(()) };
            order.settle(&paid, &mut update.account)?;
            update.invoices.extend(Invoice::receipt(order, receipt_id(order), None));
            Ok::<(), LedgerError>(())
        });
        kept.await?;
        Ok(())
    }

    async fn settle(&self, job: &Job) -> Result<(), BenchFailed> {
        let folder = format!("generations/{}/{}", job.user_id, job.id);
        let image = StoredImage {
            key: format!("{folder}/original.png"),
            thumbnail_key: format!("{folder}/thumbnail.jpg"),
            sha256: "0".repeat(64),
            width: 768,
            height: 768,
        };
        self.store.settle(job, now(), |job, update| job.succeed(update, image.clone())).await?;
        Ok(())
    }
}
