//! `background-report-revenue`: every night, the revenue report of the previous day.
//!
//! The day is the one before that of the event's `time`, so an unfinished or future day is never
//! reported; nor is a day before the first activity. A report covers the thirty days up to its day.
//! It is stored once: a run for a day that has one recomputes the metrics, compares, and changes
//! nothing. If stored totals differ from the day's facts, or a report from its metrics, that counts
//! as drift, with an alarm. A run first ends unpaid grace periods, and counts facts of the last days
//! that the stream did not deliver: those about money, which are written with what they are about.
//!
//! Files have content-addressed names and are written before the item that names them, so a run may
//! be interrupted.

use clients::documents::{Company, Document, Documents, FileKind};
use domain::{
    Timestamp,
    metrics::{Counters, Metrics as Numbers, RevenueReport, Span},
    time::Day,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use store::{Store, StoredReport, optional};
use tracing::{info, warn};

use crate::{
    report::{ReportFailed, to_csv, to_pdf},
    run::Run,
};

pub const WORKER: Worker = Worker::new("background-report-revenue");

/// How many days are counted again: an end may be dated back, and the stream may be read late.
const RECOUNTED_DAYS: u32 = 3;
/// How many days a report covers.
const DAYS: u32 = 30;
/// The folder of its files.
const FOLDER: &str = "revenue";

/// Grace periods of a page.
const PAGE: u16 = 100;

/// The result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Number of the day's totals that differed from its facts.
    pub(crate) sums_differed: u64,
    /// Whether the stored report differs from its metrics as they are now.
    pub(crate) report_differs: bool,
    /// Whether a report was stored.
    pub(crate) made: bool,
}

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    documents: Documents,
    company: Company,
}

async fn handle(Deps { store, documents, company }: &Deps, task: Task) -> Result<(), TaskError> {
    let mut run = Run::default();
    let deps = (store, documents, company);
    let outcome = report(deps, task.sent_at, task.now, &mut run).await?;
    Metrics::new()
        .count("RevenueSumsDrift", outcome.sums_differed)
        .count("RevenueReportDrift", u64::from(outcome.report_differs))
        .emit();
    run.end()
}

/// The run that was due at `due`. A grace period that cannot be ended does not stop the report.
pub(crate) async fn report(
    deps: (&Store, &Documents, &Company),
    due: Timestamp,
    now: Timestamp,
    run: &mut Run,
) -> Result<Outcome, TaskError> {
    let (store, ..) = deps;
    let day = Day::of(due.min(now)).minus(1);
    let ended = end_graces(store, now, run).await?;
    let span = Span { from: day.minus(DAYS - 1), to: day };
    let mut numbers = store.metrics(span, now).await?;
    let mut outcome = Outcome::default();
    for earlier in 0..RECOUNTED_DAYS {
        outcome.sums_differed += recount(store, day.minus(earlier), &numbers).await?;
    }
    if outcome.sums_differed > 0 {
        numbers = store.metrics(span, now).await?;
    }
    match optional(store.report(day).await)? {
        Some(stored) => {
            outcome.report_differs = stored.json != json_of(&report_of(span, &numbers))?
        }
        None if nothing_yet(&numbers, span) => {}
        None => outcome.made = make(deps, day, &report_of(span, &numbers), now).await?,
    }
    info!(%day, ended, ?outcome, "revenue report run ended");
    Ok(outcome)
}

/// Counts the facts of a day that its totals lack. Returns how many of the totals differed.
async fn recount(store: &Store, day: Day, numbers: &Numbers) -> Result<u64, TaskError> {
    let facts = store.facts_of_day(day).await?;
    let sums = differing(numbers, day, &Counters::fold(&facts));
    if sums > 0 {
        warn!(%day, sums, "totals differ from the facts of the day, counting missing facts");
        store.count(&facts).await?;
    }
    Ok(sums)
}

/// Ends unpaid grace periods, each dated when it ended. Returns how many.
async fn end_graces(store: &Store, now: Timestamp, run: &mut Run) -> Result<u64, TaskError> {
    let (mut ended, mut after) = (0, None);
    loop {
        let page = store.due_graces(now, after.as_ref(), PAGE).await?;
        run.pass_over("grace", &page.unreadable);
        for user in &page.items {
            let done = run.take("grace", user, store.end_grace(user, now).await);
            ended += u64::from(done.unwrap_or_default());
        }
        after = page.next;
        if after.is_none() {
            return Ok(ended);
        }
    }
}

/// The report as of the end of the day: the same, whenever it is computed.
fn report_of(span: Span, numbers: &Numbers) -> RevenueReport {
    RevenueReport::of(span, numbers, span.to.period().ends_at)
}

/// How many of the day's totals differ from its facts.
fn differing(numbers: &Numbers, day: Day, folded: &Counters) -> u64 {
    let mut differ = folded.clone();
    if let Some(stored) = numbers.days.get(&day) {
        differ.take_off(stored);
    }
    u64::try_from(differ.iter().count()).unwrap_or(u64::MAX)
}

/// Whether the day is before the first activity.
fn nothing_yet(numbers: &Numbers, span: Span) -> bool {
    numbers.standing(span.to).is_empty() && numbers.of(span).is_empty()
}

/// Writes the files and stores the report, unless another run was faster.
async fn make(
    (store, documents, company): (&Store, &Documents, &Company),
    day: Day,
    report: &RevenueReport,
    now: Timestamp,
) -> Result<bool, TaskError> {
    let json = json_of(report)?;
    let named = store.with_names(report.clone()).await?;
    let document = |kind| Document::of_report((FOLDER, day), &named, kind);
    let bytes = || Ok::<_, ReportFailed>(json.clone().into_bytes());
    let json_key = documents.store_once(document(FileKind::Json)?, bytes).await?;
    let csv_key = documents.store_once(document(FileKind::Csv)?, || to_csv(&named)).await?;
    let pdf = || to_pdf(&named, company);
    let pdf_key = documents.store_once(document(FileKind::Pdf)?, pdf).await?;
    let stored = StoredReport { day, made_at: now, json, json_key, csv_key, pdf_key };
    Ok(store.keep_report(&stored).await?)
}

fn json_of(report: &RevenueReport) -> Result<String, ReportFailed> {
    Ok(serde_json::to_string(report)?)
}
