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

use clients::documents::{Company, Document, Documents, FileKind};
use domain::{
    metrics::{Counters, Metrics as Numbers, RevenueReport, Span},
    time::Day,
};
use runtime::{Metrics, Task, TaskError, Worker};
use store::{KeptReport, Store, if_there};
use tracing::{info, warn};

use crate::report::{ReportFailed, to_csv, to_pdf};

pub const WORKER: Worker = Worker::new("background-report-revenue");

/// How many days a report covers.
const DAYS: u32 = 30;
/// The folder of its files.
const FOLDER: &str = "revenue";

pub async fn handle(
    (store, documents, company): &(Store, Documents, Company),
    task: Task,
) -> Result<(), TaskError> {
    let day = Day::of(task.sent_at.min(task.now)).minus(1);
    let ended = store.end_graces(task.now).await?;
    let facts = store.facts_of_day(day).await?;
    let span = Span { from: day.minus(DAYS - 1), to: day };
    let mut numbers = store.metrics(span, task.now).await?;
    let drift = drift_of(&numbers, day, &Counters::fold(&facts));
    if drift > 0 {
        warn!(%day, drift, "the sums of a day are not what its facts come to");
        store.count(&facts).await?;
        numbers = store.metrics(span, task.now).await?;
    }
    let kept = if_there(store.report(day).await)?;
    let changed = match kept {
        Some(kept) => u64::from(kept.json != json_of(&report_of(span, &numbers))?),
        None if nothing_yet(&numbers, span) => 0,
        None => {
            let report = report_of(span, &numbers);
            let made = make((store, documents, company), day, &report, &task).await?;
            info!(%day, made, ended, "reported");
            0
        }
    };
    Metrics::at(task.now)
        .count("RevenueSumsDrift", drift)
        .count("RevenueReportDrift", changed)
        .emit();
    Ok(())
}

/// The numbers as of the end of the day: the same, whenever they are made.
fn report_of(span: Span, numbers: &Numbers) -> RevenueReport {
    RevenueReport::of(span, numbers, span.to.period().ends_at)
}

/// How many sums of the day are not what its facts come to. Some facts are counted on a day before it
/// is over (a week's active members on its Sunday), so what counts is read from the same facts.
fn drift_of(numbers: &Numbers, day: Day, folded: &Counters) -> u64 {
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
    task: &Task,
) -> Result<bool, TaskError> {
    let json = json_of(report)?;
    let named = store.with_names(report.clone()).await?;
    let document = |kind| Document::of_report((FOLDER, day), &named, kind);
    let bytes = || Ok::<_, ReportFailed>(json.clone().into_bytes());
    let json_key = documents.store_once(document(FileKind::Json)?, bytes).await?;
    let csv_key = documents.store_once(document(FileKind::Csv)?, || to_csv(&named)).await?;
    let pdf = || to_pdf(&named, company);
    let pdf_key = documents.store_once(document(FileKind::Pdf)?, pdf).await?;
    let kept = KeptReport { day, made_at: task.now, json, json_key, csv_key, pdf_key };
    Ok(store.keep_report(&kept).await?)
}

fn json_of(report: &RevenueReport) -> Result<String, ReportFailed> {
    Ok(serde_json::to_string(report)?)
}
