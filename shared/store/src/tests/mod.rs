//! Tests of the store's reads and writes against a real DynamoDB engine in this process.
//!
//! A [`TestApp`] is a table, members, and a counter instead of randomness. Every test ends with
//! [`TestApp::check_books`]: after any concurrency, refusal or lost answer, the ledger folds to the
//! account and the account agrees with its jobs.

mod accounts;
mod api_keys;
mod audit;
mod billing;
mod billing_updates;
mod enqueue;
mod events;
mod faults;
mod follow_ups;
mod gallery;
mod metrics;
mod orders;
mod pages;
mod people;
mod presets;
mod records;
mod settle;
mod shapes;
mod staff;
mod views;

use std::{
    collections::BTreeMap,
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use domain::{
    DomainError, Timestamp,
    account::{Account, AccountUpdate},
    credits::{Credits, LedgerEntry, LotId, Movement},
    generation::{
        ChargeState, Failure, FailureCode, GenerationRequest, Job, NewJob, Provider, create_job,
    },
    id::{JobId, UserId},
    image::StoredImage,
    plan::Plan,
    time::Period,
};
use testing::engine::{Engine, TABLE};
use tokio::runtime::Builder;

use crate::{
    Cursor, Idempotency, Page, PageSize, Store, StoreError,
    keys::{JOB_PREFIX, Key, user_pk},
    table::decode,
    transaction::Transaction,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A table and test helpers.
struct TestApp {
    engine: Engine,
    store: Store,
    count: AtomicU32,
}

impl TestApp {
    fn new() -> TestApp {
        let engine = Engine::new();
        let store = Store::new(engine.client(), TABLE.to_owned());
        TestApp { engine, store, count: AtomicU32::new(0) }
    }

    /// A number that was not returned before.
    fn number(&self) -> u32 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// Creates a member of `plan` with exactly this many credits.
    async fn member(&self, name: &str, plan: Plan, credits: u32) -> UserId {
        let user = UserId::parse(name).unwrap();
        let setup = self.store.update_account(&user, None, NOW, |update| {
            if plan != Plan::Free {
                let lot = LotId("invoice_1".to_owned());
                update.begin_period(plan, lot, paid_period()).unwrap();
            }
            let spare = update.account().credits.totals().available - credits;
            if spare > 0 {
                let hold = update.start_job("setup", spare)?;
                update.capture_job("setup", &hold)?;
            }
            Ok::<(), domain::account::AccountError>(())
        });
        setup.await.unwrap();
        user
    }

    /// Creates a generation.
    async fn post(
        &self,
        user: &UserId,
        request: &Idempotency,
        now: Timestamp,
    ) -> Result<Job, StoreError> {
        let order = GenerationRequest {
            prompt: Some("a red chair".to_owned()),
            ..GenerationRequest::default()
        };
        let names = self.names(now);
        let decide = |update: &mut AccountUpdate, kept| create_job(update, &order, kept, &names);
        let nothing = crate::SourceRef::Nothing;
        self.store.enqueue((user, None), request, nothing, now, decide).await
    }

    /// Creates a generation, which must succeed.
    async fn posted(&self, user: &UserId, now: Timestamp) -> Job {
        let request = key(&format!("key {}", self.number()));
        self.post(user, &request, now).await.unwrap()
    }

    fn names(&self, now: Timestamp) -> NewJob {
        NewJob {
            id: JobId::new(now, u128::from(self.number())),
            provider: Provider::Bria,
            seed: 7,
            webhook_token: "0123456789abcdef0123456789abcdef".to_owned(),
        }
    }

    async fn claimed(&self, job: Job, now: Timestamp) -> Job {
        let claimed = job.clone().claim_submit(now);
        assert!(self.store.advance(&job, &claimed).await.unwrap());
        claimed
    }

    async fn submitted(&self, job: Job, now: Timestamp) -> Job {
        let claimed = self.claimed(job, now).await;
        let accepted = claimed.clone().accept("request_1", now);
        assert!(self.store.advance(&claimed, &accepted).await.unwrap());
        accepted
    }

    async fn account(&self, user: &UserId) -> Account {
        self.store.get(&Key::account(user)).await.unwrap().unwrap()
    }

    /// All stored jobs of a member.
    async fn all_jobs(&self, user: &UserId) -> Vec<Job> {
        let query = self.store.newest_first(user_pk(user), JOB_PREFIX).consistent_read(true);
        let items = query.into_paginator().items().send().collect::<Vec<_>>().await;
        items.into_iter().map(|item| decode(item.unwrap()).unwrap()).collect()
    }

    /// The ledger has no gap and folds to the account; the account agrees with its jobs; each hold
    /// ended as often as its job.
    async fn check_books(&self, user: &UserId) {
        let account = self.account(user).await;
        let ledger = self.store.whole_ledger(user).await.unwrap();
        let jobs = self.all_jobs(user).await;
        assert!(ledger.iter().map(|line| line.seq).eq(1..=account.credits.ledger_seq));
        assert_eq!(Credits::fold(&ledger).unwrap(), account.credits);

        let open = || jobs.iter().filter(|job| !job.status.is_final());
        assert_eq!(usize::try_from(account.open_jobs).unwrap(), open().count());
        let held: u32 = open().map(|job| job.charge.credits).sum();
        assert_eq!(account.credits.totals().held, held);

        let mut moves: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in ledger.iter().filter(|line| line.cause.starts_with(JobId::PREFIX)) {
            moves.entry(&line.cause).or_default().push(kind(line));
        }
        assert_eq!(moves.len(), jobs.len(), "one hold for each job");
        for job in &jobs {
            let expected: &[&str] = match job.charge.state {
                ChargeState::Held => &["hold"],
                ChargeState::Captured => &["hold", "capture"],
                ChargeState::Released => &["hold", "release"],
            };
            assert_eq!(moves[job.id.as_str()], expected, "{job:?}");
            assert_eq!(job.status.is_final(), job.charge.state != ChargeState::Held);
            assert_eq!(job.charge.state == ChargeState::Captured, job.image.is_some());
        }
    }
}

/// The paid period of a member of a plan.
fn paid_period() -> Period {
    Period { starts_at: NOW, ends_at: NOW.plus(DAY * 20) }
}

fn kind(line: &LedgerEntry) -> &'static str {
    match line.movement {
        Movement::Grant { .. } => "grant",
        Movement::Hold { .. } => "hold",
        Movement::Capture { .. } => "capture",
        Movement::Release { .. } => "release",
        Movement::Expire { .. } => "expire",
        Movement::End { .. } => "end",
        Movement::Revoke { .. } => "revoke",
        Movement::Owe { .. } => "owe",
        Movement::Repay { .. } => "repay",
        Movement::Forgive { .. } => "forgive",
    }
}

/// An idempotency key; the same key is the same request.
fn key(key: &str) -> Idempotency {
    Idempotency::new(key.to_owned(), format!("{:064x}", key.len()))
}

fn stored() -> StoredImage {
    StoredImage {
        key: "generations/user/job/original.png".to_owned(),
        thumbnail_key: "generations/user/job/thumbnail.jpg".to_owned(),
        sha256: "0".repeat(64),
        width: 1024,
        height: 1024,
    }
}

fn blocked() -> Failure {
    Failure::new(FailureCode::ContentBlocked, "The prompt was not accepted.")
}

/// The error code that a caller gets.
fn code<T: std::fmt::Debug>(result: Result<T, StoreError>) -> &'static str {
    result.unwrap_err().code()
}

/// Runs `count` copies at once and waits for all of them. Each has a thread and a runtime of its
/// own: the store's futures stay on the thread that made them.
fn at_once<T: Send>(count: u32, copy: impl AsyncFn(u32) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(usize::try_from(count).unwrap());
    let run = |n| {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        start.wait();
        runtime.block_on(copy(n))
    };
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..count).map(|n| scope.spawn(move || run(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Runs something while a decision is being made.
fn meanwhile<T: Send>(work: impl AsyncFn() -> T + Sync) -> T {
    at_once(1, async |_| work().await).remove(0)
}

fn size(of: u16) -> PageSize {
    serde_json::from_value(of.into()).unwrap()
}

/// Follows the cursors from the first page to the last, as a caller does: through JSON.
async fn walk<T>(mut page: impl AsyncFnMut(Option<Cursor>) -> Page<T>) -> Vec<Vec<T>> {
    let (mut pages, mut cursor) = (Vec::new(), None);
    for _ in 0..200 {
        let Page { items, next_cursor } = page(cursor).await;
        pages.push(items);
        let Some(next) = next_cursor else { return pages };
        cursor = Some(serde_json::from_value(serde_json::to_value(next).unwrap()).unwrap());
    }
    panic!("the pages never end");
}
