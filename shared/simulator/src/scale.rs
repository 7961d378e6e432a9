//! Scheduled functions with as much to do as a multiple of the base load leaves to them.
//!
//! The table is filled with items that our own code wrote once and that are then copied under other
//! names. The function runs as its schedule starts it, run after run, until nothing is left. Its
//! requests move the clock by what they take on AWS and at Stripe, Lambda ends a run at its
//! timeout, and the next one continues at the next start. `infra/scale.py` says how much there is,
//! what a request takes, and what the figures mean.

mod filled;
mod plan;

use std::{
    fs,
    pin::pin,
    time::{Duration, Instant},
};

use domain::Timestamp;
use runtime::InvocationContext;
use sandbox::request_log::Filter;
use serde_json::{Value, json};
use testing::{
    Usage,
    engine::{Pace, TABLE},
};

pub use self::plan::{Line, Plan};
use crate::billing_app::BillingApp;

/// Most runs until the work is done.
const RUNS_MAX: u32 = 1_000;
/// How often the requests to Stripe are counted, in real time.
const TICK: Duration = Duration::from_millis(1);

/// What the work took.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// How many items there were.
    pub items: u64,
    /// Runs until the work was done.
    pub runs: u32,
    /// Time that they worked, on the clock that requests move.
    pub worked: Duration,
    /// The same in real time: our own code, the engine and the sandbox.
    pub own: Duration,
    /// Requests to Stripe.
    pub stripe_requests: u64,
    /// Use of the table.
    pub usage: Usage,
    /// Audit records that were added.
    pub audited: u64,
    /// Kibibytes by which the memory of this process grew at most, engine and sandbox included;
    /// `None` where the system does not say.
    pub grown_kib: Option<u64>,
}

impl Measured {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "items": self.items,
            "runs": self.runs,
            "worked_s": self.worked.as_secs_f64(),
            "own_s": self.own.as_secs_f64(),
            "stripe_requests": self.stripe_requests,
            "trips": self.usage.round_trips(),
            "writes": self.usage.write_units,
            "reads": self.usage.read_units,
            "audited": self.audited,
            "grown_kib": self.grown_kib,
        })
    }
}

/// Fills the table and has the function do its work.
///
/// # Errors
/// What a run failed with, other than that its time was up.
pub async fn measure(plan: &Plan) -> Result<Measured, String> {
    let mut app = BillingApp::new().await;
    app.pay_at_once(u16::try_from(plan.at_once).unwrap_or(u16::MAX));
    app.stop_stream();
    let items = filled::fill(&app, plan).await;
    let (asked_before, audited_before) = (asked(&app), audited(&app));
    app.engine.take_usage();
    let (memory_before, began) = (memory_kib("VmRSS"), Instant::now());
    forget_peak();
    let mut measured = Measured { items, ..Measured::default() };
    work(&app, plan, &mut measured).await?;
    measured.own = began.elapsed();
    measured.grown_kib =
        memory_before.and_then(|before| Some(memory_kib("VmHWM")?.saturating_sub(before)));
    measured.stripe_requests = asked(&app) - asked_before;
    measured.usage = app.engine.take_usage();
    measured.audited = audited(&app) - audited_before;
    Ok(measured)
}

/// Starts runs as the schedule does, until nothing is left.
async fn work(app: &BillingApp, plan: &Plan, measured: &mut Measured) -> Result<(), String> {
    for _ in 0..RUNS_MAX {
        let starts_at = app.now();
        let ended = run(app, plan).await;
        measured.runs += 1;
        measured.worked += starts_at.until(app.now());
        let is_done = match ended {
            // Lambda ended it, and its process.
            None => {
                app.restart();
                false
            }
            Some(Err(error)) if !is_unfinished(&error) => return Err(error),
            Some(Err(_)) => false,
            Some(Ok(())) if plan.line.has_days() => {
                let day = app.store.run_day(plan.line.function()).await;
                day.map_err(|error| error.to_string())?.is_some_and(|day| day.is_done)
            }
            Some(Ok(())) => true,
        };
        if is_done {
            return Ok(());
        }
        app.set_time(starts_at.plus(plan.every).max(app.now()));
    }
    Err(format!("{} has not done its work after {RUNS_MAX} runs", plan.line.function()))
}

/// Whether a run failed only because its time was up.
fn is_unfinished(error: &str) -> bool {
    error.ends_with("run_unfinished")
}

/// One run; `None` if Lambda ended it. Its requests move the clock.
async fn run(app: &BillingApp, plan: &Plan) -> Option<Result<(), String>> {
    let ends_at = app.now().plus(plan.timeout);
    let context = InvocationContext { deadline: Some(ends_at), ..app.ambient.clone() };
    let event = json!({ "id": "run", "time": app.now() });
    let [trip, written, megabyte] = plan.table.map(|time| time / plan.at_once);
    let clock = app.ambient.clock.clone();
    app.engine.set_pace(Some(Pace { clock, trip, written, megabyte, ends_at }));
    let work = app.invoke_in(&context, plan.line.function(), &event);
    let ended = beside_stripe(app, plan, ends_at, work).await;
    app.engine.set_pace(None);
    ended.map(|done| done.map(drop))
}

/// Does `work` while its requests to Stripe move the clock; `None` if it is not done by `ends_at`.
async fn beside_stripe<T>(
    app: &BillingApp,
    plan: &Plan,
    ends_at: Timestamp,
    work: impl Future<Output = T>,
) -> Option<T> {
    let each = plan.stripe_every.max(plan.stripe / plan.at_once);
    let mut work = pin!(work);
    let mut counted = asked(app);
    loop {
        let done = tokio::select! {
            done = &mut work => Some(done),
            () = tokio::time::sleep(TICK) => None,
        };
        let now = asked(app);
        let new = u32::try_from(now - counted).unwrap_or(u32::MAX);
        app.ambient.clock.advance(each.saturating_mul(new));
        counted = now;
        if done.is_some() {
            return done;
        }
        if ends_at < app.now() {
            return None;
        }
    }
}

/// Requests that Stripe has received.
fn asked(app: &BillingApp) -> u64 {
    let counted = app.sandbox.received(&Filter { limit: Some(0), ..Filter::default() });
    counted.forgotten + counted.matched as u64
}

/// The audit records of all chains.
fn audited(app: &BillingApp) -> u64 {
    let query = json!({
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": "AUDIT#HEAD" } },
    });
    let answer = app.engine.run("Query", &query.to_string()).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let heads = answer["Items"].as_array().into_iter().flatten();
    heads.filter_map(|head| head["seq"]["N"].as_str()?.parse::<u64>().ok()).sum()
}

/// A line of this process's status on Linux, in kibibytes.
fn memory_kib(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Has the peak of the memory begin at what is used now (`man 5 proc_pid_clear_refs`). Where the
/// system refuses it, the peak is that of the whole process.
fn forget_peak() {
    drop(fs::write("/proc/self/clear_refs", "5"));
}
