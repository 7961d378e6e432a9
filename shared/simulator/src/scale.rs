//! Scheduled functions with as much to do as a multiple of the base load leaves to them.
//!
//! The table is filled with items that our own code wrote once and that are then copied under other
//! names. The function runs as its schedule starts it, run after run, until nothing is left. Its
//! requests move the clock by what they take on AWS and at Stripe, Lambda ends a run at its
//! timeout, and the next one continues at the next start. `infra/scale.py` says how much there is,
//! what a request takes, and what the figures mean.

mod filled;

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

use crate::billing_app::BillingApp;

/// Most runs until the work is done.
const RUNS_MAX: u32 = 1_000;
/// How often the requests to Stripe are counted, in real time.
const TICK: Duration = Duration::from_millis(1);

/// What is measured, with which load and at which pace.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The line of the table.
    pub line: Line,
    /// How many items there are: creators to pay, events, listings, facts of a day.
    pub items: u64,
    /// The time in which they came.
    pub within: Duration,
    /// The tallies in which views were written down.
    pub tallies: u64,
    /// The listings on which views fall.
    pub listings: u32,
    /// Of how many of them one is taken.
    pub one_in: u64,
    /// How many pieces of work the function does at a time, which share a request's time.
    pub at_once: u32,
    /// A request to the table, each item that a transaction writes, and a megabyte that is read.
    pub table: [Duration; 3],
    /// A request to Stripe.
    pub stripe: Duration,
    /// The time between two requests to Stripe at the rate of the function.
    pub stripe_every: Duration,
    /// The timeout of the function.
    pub timeout: Duration,
    /// The time between two starts.
    pub every: Duration,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Creators to pay.
    Payouts,
    /// Events that webhooks delivered.
    Events,
    /// Subscriptions that are as we know them.
    Subscriptions,
    /// Views of listings, by Zipf's law.
    Views,
    /// Listings on sale that nobody looked at.
    Popular,
    /// Facts of a day.
    Revenue,
    /// Rewards that are due.
    Rewards,
    /// Listings of a creator who is suspended from selling.
    Sellers,
}

impl Line {
    const ALL: [(&str, Line); 8] = [
        ("payouts", Line::Payouts),
        ("events", Line::Events),
        ("subscriptions", Line::Subscriptions),
        ("views", Line::Views),
        ("popular", Line::Popular),
        ("revenue", Line::Revenue),
        ("rewards", Line::Rewards),
        ("sellers", Line::Sellers),
    ];

    fn parse(name: &str) -> Option<Line> {
        Line::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, line)| line)
    }

    /// The function that does the work.
    fn function(self) -> &'static str {
        match self {
            Line::Payouts => "background-pay-creators",
            Line::Events | Line::Subscriptions => "background-reconcile-stripe",
            Line::Views | Line::Popular => "background-rank-popular",
            Line::Revenue => "background-report-revenue",
            Line::Rewards => "background-grant-rewards",
            Line::Sellers => "background-follow-sellers",
        }
    }

    /// Whether the function knows itself when the work of a day is done.
    fn has_days(self) -> bool {
        matches!(self, Line::Payouts | Line::Events | Line::Subscriptions)
    }
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// The name of what is missing or wrong.
    pub fn parse(text: &str) -> Result<Plan, String> {
        let told: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let count = |name: &str| told[name].as_u64().ok_or_else(|| format!("{name} is no number"));
        let time = |name: &str| {
            let seconds = told[name].as_f64();
            let seconds = seconds.ok_or_else(|| format!("{name} is no number of seconds"))?;
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("{name}: {error}"))
        };
        let line = told["line"].as_str().and_then(Line::parse);
        Ok(Plan {
            line: line.ok_or_else(|| format!("line is none of {:?}", Line::ALL.map(|it| it.0)))?,
            items: count("items")?,
            within: time("within_s")?,
            tallies: count("tallies")?,
            listings: u32::try_from(count("listings")?).unwrap_or(u32::MAX),
            one_in: count("one_in")?.max(1),
            at_once: u32::try_from(count("at_once")?).unwrap_or(u32::MAX).max(1),
            table: [time("trip_s")?, time("written_s")?, time("megabyte_s")?],
            stripe: time("stripe_s")?,
            stripe_every: time("stripe_every_s")?,
            timeout: time("timeout_s")?,
            every: time("every_s")?,
        })
    }
}

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
