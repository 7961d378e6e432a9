//! Table usage of a member's operations, with few and with many of their items in the table.

use domain::{
    id::{JobId, UserId},
    time::DAY,
};
use serde_json::{Value, json};
use store::{JobFilter, PageSize};

use super::{
    BenchFailed,
    given::now,
    operations::{Bench, Operation},
};
use crate::engine::Engine;

/// Numbers of stored items: jobs of one member, and their inputs. A million take the engine in this
/// process minutes to store; what grows with the number of items shows earlier.
const SIZES: [u32; 3] = [100, 10_000, 100_000];
/// Items of a job.
const ITEMS_OF_ONE: u32 = 2;
/// Items per import.
const AT_ONCE: u32 = 10_000;

/// The operations of a member with this many items.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Number of stored items.
    pub items: u32,
    /// Each operation and its usage.
    pub operations: Vec<Operation>,
}

/// Measures the same operations at each size.
pub(super) async fn measure() -> Result<Vec<Scale>, BenchFailed> {
    let bench = Bench::on(&Engine::new());
    let user = UserId::parse("user_member").expect("an id");
    let job = bench.succeeded(&user).await?;
    let originals = items_of(&bench.engine, &job.id);
    let mut stored = 0;
    let mut scales = Vec::new();
    for items in SIZES {
        let jobs = items / ITEMS_OF_ONE;
        for from in (stored..jobs).step_by(AT_ONCE as usize) {
            let numbers = from..(from + AT_ONCE).min(jobs);
            bench.engine.import(numbers.flat_map(|number| copies(&originals, &job.id, number)));
        }
        stored = jobs;
        scales.push(Scale { items, operations: walk(&bench, &user, &job.id, items).await? });
    }
    Ok(scales)
}

/// The items of a job, as JSON.
fn items_of(engine: &Engine, job: &JobId) -> Vec<String> {
    let is_of =
        |item: &&Value| item["sk"]["S"].as_str().is_some_and(|sk| sk.ends_with(job.as_str()));
    engine.dump().iter().filter(is_of).map(Value::to_string).collect()
}

/// The same items under another job's id, which is older.
fn copies(originals: &[String], job: &JobId, number: u32) -> Vec<Value> {
    let id = JobId::new(now().minus(DAY), number.into());
    let copy = |text: &String| text.replace(job.as_str(), id.as_str());
    originals.iter().map(|it| serde_json::from_str(&copy(it)).expect("an item")).collect()
}

/// The operations, each once: the engine's counts are deterministic.
async fn walk(
    bench: &Bench,
    user: &UserId,
    job: &JobId,
    items: u32,
) -> Result<Vec<Operation>, BenchFailed> {
    let (store, mut rows) = (&bench.store, Vec::new());
    let mut row = |name| rows.push(Operation { name, usage: bench.engine.take_usage() });
    let size: PageSize = serde_json::from_value(json!(20)).expect("a size");
    bench.engine.take_usage();
    store.get_or_create_account(user, None, now()).await?;
    row("GET /me");
    let queued = bench.queued(user, &format!("at {items}")).await?;
    row("POST /generations");
    store.job_and_input(user, job).await?;
    row("GET /generations/{id}");
    store.jobs(user, &JobFilter::default(), size, None, now()).await?;
    row("GET /generations");
    store.cancel(user, &queued.id, None, now()).await?;
    row("POST /generations/{id}/cancel");
    store.ledger(user, size, None).await?;
    row("GET /billing/credits, the ledger");
    Ok(rows)
}
