//! `background-report-revenue`: every night, the revenue report of the previous day.
//!
//! The day is the one before that of the event's `time`, so an unfinished or future day is never
//! reported; nor is a day before the first activity. A report covers the thirty days up to its day.
//! It is stored once: a run for a day that has one recomputes the metrics, compares, and changes
//! nothing. If stored totals differ from the day's facts, or a report from its metrics, that counts
//! as drift, with an alarm. A run first ends unpaid grace periods, and counts facts of the last days
//! that the stream did not deliver: those about money, which are written with what they are about.
//!
//! It reads the facts of these days page by page, so its memory does not grow with their number. If
//! its time is up before it has read all, it stores what it has added up and fails; its retry
//! continues from there.
//!
//! Files have content-addressed names and are written before the item that names them, so a run may
//! be interrupted.

use clients::documents::{Company, Document, Documents, FileKind};
use domain::{
    Timestamp,
    metrics::{Metrics as Numbers, RevenueReport, Span},
    time::Day,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use store::{Recount, Store, StoredReport, optional};
use tracing::{info, warn};

use crate::{
    report::{ReportFailed, to_csv, to_pdf},
    run::Run,
    walk::Unfinished,
};

pub const WORKER: Worker = Worker::new("background-report-revenue");

/// How many days are counted again: an end may be dated back, and the stream may be read late.
const RECOUNTED_DAYS: u32 = 3;
/// How many days a report covers.
const DAYS: u32 = 30;
/// The folder of its files.
const FOLDER: &str = "revenue";

/// Grace periods of a page.
const GRACES: u16 = 100;
/// Facts of a page: about a megabyte, which a trip reads at most.
pub(crate) const FACTS: u16 = 5_000;

/// When a run is due, and how far it goes.
#[derive(Clone, Copy)]
pub(crate) struct Shift<'a> {
    /// The run is about the day before.
    pub(crate) due: Timestamp,
    pub(crate) now: Timestamp,
    /// Whether the time is nearly up.
    pub(crate) is_ending: &'a dyn Fn() -> bool,
    /// Most facts that are read at a time.
    pub(crate) page: u16,
}

/// The result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Number of totals of the last days that differed from their facts.
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
    let is_ending = || task.is_ending();
    let shift = Shift { due: task.sent_at, now: task.now, is_ending: &is_ending, page: FACTS };
    let reported = report(deps, shift, &mut run).await;
    let ended = run.end();
    let outcome = reported?;
    Metrics::new()
        .count("RevenueSumsDrift", outcome.sums_differed)
        .count("RevenueReportDrift", u64::from(outcome.report_differs))
        .emit();
    ended
}

/// One run. A grace period that cannot be ended does not stop the report.
///
/// # Errors
/// [`Unfinished`] when the time is up, and when DynamoDB or S3 is unavailable.
pub(crate) async fn report(
    deps: (&Store, &Documents, &Company),
    shift: Shift<'_>,
    run: &mut Run,
) -> Result<Outcome, TaskError> {
    let ((store, ..), now) = (deps, shift.now);
    let day = Day::of(shift.due.min(now)).minus(1);
    let ended = end_graces(store, shift, run).await?;
    let recount = recount(store, day, shift).await?;
    let span = Span { from: day.minus(DAYS - 1), to: day };
    let numbers = store.metrics(span, now).await?;
    let sums_differed = recount.differing(&numbers);
    if sums_differed > 0 {
        warn!(%day, sums_differed, "totals differed from their facts, which are all counted now");
    }
    let mut outcome = Outcome { sums_differed, ..Outcome::default() };
    match optional(store.report(day).await)? {
        Some(stored) => {
            outcome.report_differs = stored.json != json_of(&report_of(span, &numbers))?
        }
        None if nothing_yet(&numbers, span) => {}
        None => outcome.made = make(deps, day, &report_of(span, &numbers), now).await?,
    }
    store.end_recount(WORKER.name, recount).await?;
    info!(%day, ended, ?outcome, "revenue report run ended");
    Ok(outcome)
}

/// Adds up the facts of a day and of those before it, and counts those that the totals lack.
/// Continues where the last run stopped. What it found missing is stored until the run ends, because
/// a retry finds it counted.
async fn recount(store: &Store, day: Day, shift: Shift<'_>) -> Result<Recount, TaskError> {
    let span = Span { from: day.minus(RECOUNTED_DAYS - 1), to: day };
    let mut recount = store.recount(WORKER.name, span).await?;
    let mut done = Ok(());
    while done.is_ok() && !recount.is_done() {
        done = match (shift.is_ending)() {
            true => Err(Unfinished("facts".to_owned()).into()),
            false => store.recount_page(&mut recount, shift.page).await.map_err(TaskError::from),
        };
    }
    if done.is_err() || recount.has_missed() {
        store.keep_recount(WORKER.name, &mut recount).await?;
    }
    done?;
    Ok(recount)
}

/// Ends unpaid grace periods, each dated when it ended. Returns how many. Those that a run has no
/// time for are still due in the next one.
async fn end_graces(store: &Store, shift: Shift<'_>, run: &mut Run) -> Result<u64, TaskError> {
    let (mut ended, mut after) = (0, None);
    loop {
        if (shift.is_ending)() {
            return Err(Unfinished("graces".to_owned()).into());
        }
        let page = store.due_graces(shift.now, after.as_ref(), GRACES).await?;
        run.pass_over("grace", &page.unreadable);
        for user in &page.items {
            let done = run.take("grace", user, store.end_grace(user, shift.now).await);
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
