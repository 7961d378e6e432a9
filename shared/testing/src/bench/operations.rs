//! What each operation asks of the table: trips over the network, and units that are paid for.

use domain::{
    generation::{Job, Names, Order, OrderRefused, Provider, place},
    id::{JobId, UserId},
    image::StoredImage,
};
use serde_json::json;
use store::{Idempotency, PageSize, Store};

use super::{BenchFailed, function::now};
use crate::engine::{Engine, TABLE, Usage};

/// One operation and what it took.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What was done, and in which circumstances.
    pub name: &'static str,
    /// What it asked of the table.
    pub usage: Usage,
}

/// A table to measure on.
pub(super) struct Bench {
    pub(super) store: Store,
    engine: Engine,
}

/// Measures each operation once: the engine counts the same every time.
pub(super) async fn measure() -> Result<Vec<Operation>, BenchFailed> {
    let bench = Bench::on(&Engine::new());
    let (store, user) = (&bench.store, UserId::parse("user_member").expect("an id"));
    let size: PageSize = serde_json::from_value(json!(20)).expect("a size");
    let mut rows = Vec::new();
    let mut row = |name| rows.push(Operation { name, usage: bench.engine.take_usage() });
    bench.engine.take_usage();

    store.visit(&user, None, now()).await?;
    row("a member's very first call");
    store.visit(&user, None, now()).await?;
    row("GET /me");
    let queued = bench.queued(&user, "1").await?;
    row("POST /generations");
    bench.queued(&user, "1").await?;
    row("POST /generations, the same key again");
    store.job_and_input(&user, &queued.id).await?;
    row("GET /generations/{id}");
    store.jobs(&user, None, size, None, now()).await?;
    row("GET /generations");
    let claimed = queued.clone().claim_submit(now());
    store.advance(&queued, &claimed).await?;
    row("a worker claims a job");
    bench.settle(&claimed).await?;
    row("a worker settles a job with its image");
    let second = bench.queued(&user, "2").await?;
    bench.engine.take_usage();
    store.cancel(&user, &second.id, None, now()).await?;
    row("POST /generations/{id}/cancel");
    store.visit(&user, None, now()).await?;
    store.ledger(&user, size, None).await?;
    row("GET /billing/credits");
    Ok(rows)
}

impl Bench {
    pub(super) fn on(engine: &Engine) -> Bench {
        let store = Store::new(engine.client(), TABLE.to_owned());
        Bench { store, engine: engine.clone() }
    }

    /// A job of `user` that has its image.
    pub(super) async fn succeeded(&self, user: &UserId) -> Result<Job, BenchFailed> {
        let queued = self.queued(user, "seed").await?;
        let claimed = queued.clone().claim_submit(now());
        self.store.advance(&queued, &claimed).await?;
        self.settle(&claimed).await?;
        Ok(claimed)
    }

    async fn queued(&self, user: &UserId, key: &str) -> Result<Job, BenchFailed> {
        let order = Order { prompt: Some("a marble bust".to_owned()), ..Order::default() };
        let key = Idempotency { key: key.to_owned(), fingerprint: "0".repeat(64) };
        let names = Names {
            id: JobId::new(now(), rand::random()),
            provider: Provider::Studio,
            seed: 7,
            webhook_token: "0".repeat(32),
        };
        let placed =
            self.store.enqueue::<OrderRefused>((user, None), &key, None, now(), |draft, kept| {
                place(draft, &order, kept, &names)
            });
        Ok(placed.await?)
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
        self.store.settle(job, now(), |job, draft| job.succeed(draft, image.clone())).await?;
        Ok(())
    }
}
