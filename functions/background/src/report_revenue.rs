//! `background-report-revenue`: every night, what there is to say about the day that is over.
//!
//! The day is the one before that of the event's `time`, so a day that is still running, or to come,
//! is never reported; nor is one by which nothing had happened. A report covers the thirty days up
//! to its day. It is kept once: a run for a day that has one makes the numbers anew, compares, and
//! changes nothing. Where the sums that are kept are not what the day's facts come to, or a report is
//! not what its numbers come to now, that is counted as drift, and an alarm goes off. A run first
//! ends the graces in which nobody paid, and counts facts of the day that no stream brought.
//!
//! Files lie under names made of their content before the row that names them is written, so a run
//! may be cut off anywhere.

use std::process::ExitCode;

use clients::documents::{Company, Document, Documents, FileKind};
use domain::{
    Timestamp,
    metrics::{Counters, Metrics as Numbers, RevenueReport, Span},
    time::Day,
};
use runtime::{Metrics, Task, TaskError, Worker};
use store::{KeptReport, Store, optional};
use tracing::{info, warn};

use crate::{
    report::{ReportFailed, to_csv, to_pdf},
    run::Run,
};

pub const WORKER: Worker = Worker::new("background-report-revenue");

/// How many days a report covers.
const DAYS: u32 = 30;
/// The folder of its files.
const FOLDER: &str = "revenue";

/// Most times that the index of graces is asked in one run.
const TRIPS_MAX: u32 = 200;

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Sums of the day that were not what its facts come to.
    pub(crate) sums_differed: u64,
    /// Whether the report that is kept is not what its numbers come to now.
    pub(crate) report_differs: bool,
    /// Whether a report was made and kept.
    pub(crate) made: bool,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(
    (store, documents, company): &(Store, Documents, Company),
    task: Task,
) -> Result<(), TaskError> {
    let mut run = Run::default();
    let hands = (store, documents, company);
    let outcome = report(hands, task.sent_at, task.now, &mut run).await?;
    Metrics::at(task.now)
        .count("RevenueSumsDrift", outcome.sums_differed)
        .count("RevenueReportDrift", u64::from(outcome.report_differs))
        .emit();
    run.end(task.now)
}

/// The run that was due at `due`. A grace that cannot be ended does not keep the report from being
/// made.
pub(crate) async fn report(
    hands: (&Store, &Documents, &Company),
    due: Timestamp,
    now: Timestamp,
    run: &mut Run,
) -> Result<Outcome, TaskError> {
    let (store, ..) = hands;
    let day = Day::of(due.min(now)).minus(1);
    let ended = end_graces(store, now, run).await?;
    let facts = store.facts_of_day(day).await?;
    let span = Span { from: day.minus(DAYS - 1), to: day };
    let mut numbers = store.metrics(span, now).await?;
    let mut outcome = Outcome {
        sums_differed: differing(&numbers, day, &Counters::fold(&facts)),
        ..Outcome::default()
    };
    if outcome.sums_differed > 0 {
        let sums = outcome.sums_differed;
        warn!(%day, sums, "the sums of a day are not what its facts come to");
        store.count(&facts).await?;
        numbers = store.metrics(span, now).await?;
    }
    match optional(store.report(day).await)? {
        Some(kept) => outcome.report_differs = kept.json != json_of(&report_of(span, &numbers))?,
        None if nothing_yet(&numbers, span) => {}
        None => outcome.made = make(hands, day, &report_of(span, &numbers), now).await?,
    }
    info!(%day, ended, ?outcome, "reported");
    Ok(outcome)
}

/// Ends the graces in which nobody paid, each dated when it ended. How many.
async fn end_graces(store: &Store, now: Timestamp, run: &mut Run) -> Result<u64, TaskError> {
    let mut ended = 0;
    for _ in 0..TRIPS_MAX {
        let before = ended;
        for user in store.due_graces(now).await? {
            let done = run.take("grace", &user, store.end_grace(&user, now).await);
            ended += u64::from(done.unwrap_or_default());
        }
        if ended == before {
            break;
        }
    }
    Ok(ended)
}

/// The numbers as of the end of the day: the same, whenever they are made.
fn report_of(span: Span, numbers: &Numbers) -> RevenueReport {
    RevenueReport::of(span, numbers, span.to.period().ends_at)
}

/// How many sums of the day are not what its facts come to.
fn differing(numbers: &Numbers, day: Day, folded: &Counters) -> u64 {
    let mut differ = folded.clone();
    if let Some(kept) = numbers.days.get(&day) {
        differ.take_off(kept);
    }
    u64::try_from(differ.iter().count()).unwrap_or(u64::MAX)
}

/// Whether the day is before the first on which anything happened.
fn nothing_yet(numbers: &Numbers, span: Span) -> bool {
    numbers.standing(span.to).is_empty() && numbers.of(span).is_empty()
}

/// Makes the files and keeps the report, unless another run was faster.
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
    let kept = KeptReport { day, made_at: now, json, json_key, csv_key, pdf_key };
    Ok(store.keep_report(&kept).await?)
}

fn json_of(report: &RevenueReport) -> Result<String, ReportFailed> {
    Ok(serde_json::to_string(report)?)
}
