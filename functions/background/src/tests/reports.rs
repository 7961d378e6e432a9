//! The nightly report: made once for a finished day, whenever and however often it is run.

use std::cell::Cell;

use clients::{Documents, documents::Company};
use domain::{
    Timestamp,
    metrics::{Fact, FactKind, Movement, MovementKind, MrrState, RevenueReport, Source},
    plan::Plan,
    time::Day,
};
use runtime::TaskError;
use serde_json::{Value, json};
use store::{PageSize, optional};
use testing::{
    TestApp,
    engine::{Fault, TABLE},
    grants::acting_as,
};

use crate::{
    report_revenue::{FACTS, Outcome, Shift, WORKER, report},
    run::Run,
};

const NIGHT: &str = "2026-11-23T02:00:00Z";
const QUIET: Outcome = Outcome { sums_differed: 0, report_differs: false, made: false };
const MADE: Outcome = Outcome { made: true, ..QUIET };

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// A new subscriber and their payment.
fn subscribed(name: &str, at: Timestamp) -> [Fact; 2] {
    let after = MrrState { plan: Plan::Pro, mrr: 2_900, committed: 2_900 };
    let kind = MovementKind::New;
    let moved = FactKind::Moved(Movement { kind, before: MrrState::NONE, after });
    let sold = FactKind::Sold { source: Source::Pro, amount: 2_900 };
    [(moved, "moved"), (sold, "sold")]
        .map(|(what, word)| Fact::new(format!("{word}:{name}"), at, what))
}

/// An app with activity on the 22nd.
struct ReportApp {
    app: TestApp,
    documents: Documents,
    company: Company,
}

impl ReportApp {
    async fn open() -> ReportApp {
        let app = TestApp::new();
        app.store.count(&subscribed("ann", app.now())).await.unwrap();
        let (documents, company) = (app.connect().await, app.connect().await);
        ReportApp { app, documents, company }
    }

    async fn run(&self, due: &str, now: &str) -> Outcome {
        let (due, now) = (at(due), at(now));
        self.run_shift(Shift { due, now, is_ending: &|| false, page: FACTS }).await.unwrap()
    }

    /// A run at night that has time for so many pages of two facts.
    async fn run_for(&self, pages: u32) -> Result<Outcome, TaskError> {
        // It asks once for the grace periods.
        let left = Cell::new(pages + 1);
        let is_ending = || left.replace(left.get().saturating_sub(1)) == 0;
        let (due, now) = (at(NIGHT), at(NIGHT));
        self.run_shift(Shift { due, now, is_ending: &is_ending, page: 2 }).await
    }

    async fn run_shift(&self, shift: Shift<'_>) -> Result<Outcome, TaskError> {
        let deps = (&self.app.store, &self.documents, &self.company);
        let work = || async { report(deps, shift, &mut Run::default()).await };
        acting_as(WORKER.name, work).await
    }

    /// Whether a run left a recount for the next one.
    fn is_unfinished(&self) -> bool {
        self.app.engine.dump().iter().any(|item| item["sk"]["S"] == "RECOUNT")
    }

    /// The reported days, and all files.
    async fn reported(&self) -> (Vec<String>, Vec<String>) {
        let reports = self.app.store.reports(PageSize::WHOLE, None).await.unwrap().items;
        (
            reports.iter().map(|it| it.day.to_string()).collect(),
            self.app.records_bucket().keys().await,
        )
    }

    async fn report(&self, of: &str) -> Option<RevenueReport> {
        let stored = optional(self.app.store.report(day(of)).await).unwrap();
        stored.map(|stored| serde_json::from_str(&stored.json).unwrap())
    }

    /// Writes facts as a transaction does: not yet counted.
    async fn write_uncounted(&self, facts: &[Fact]) {
        let elsewhere = TestApp::new();
        elsewhere.store.count(facts).await.unwrap();
        let is_fact = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("FACTS#");
        for mut item in elsewhere.engine.dump().into_iter().filter(is_fact) {
            item["counted"] = json!({ "S": "not_yet" });
            let put = json!({ "TableName": TABLE, "Item": item });
            self.app.engine.run("PutItem", &put.to_string()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_day_is_reported_once_and_its_report_never_changes() {
    let reports = ReportApp::open().await;
    assert_eq!(reports.run(NIGHT, NIGHT).await, MADE);
    let reported = reports.report("2026-11-22").await.unwrap();
    assert_eq!((reported.period.end.mrr, reported.period.revenue.net), (2_900, 2_900));
    assert_eq!((reported.period.start.mrr, reported.days.len()), (0, 30));
    let (days, files) = reports.reported().await;
    assert_eq!(days, ["2026-11-22"]);
    assert_eq!(files.len(), 3);
    for (key, begins) in files.iter().zip([".csv from,to", ".json {", ".pdf %PDF"]) {
        let (ending, start) = begins.split_once(' ').unwrap();
        let (bytes, _) = reports.app.records_bucket().get(key).await.unwrap();
        assert!(key.ends_with(ending) && bytes.starts_with(start.as_bytes()), "{key}");
    }

    // For the same day again: at once, the next day, and a year later.
    let before = reports.app.engine.dump();
    for now in [NIGHT, "2026-11-24T09:00:00Z", "2027-11-23T02:00:00Z"] {
        assert_eq!(reports.run(NIGHT, now).await, QUIET);
    }
    assert_eq!(reports.app.engine.dump(), before);
    assert_eq!(reports.reported().await, (days, files));
}

#[tokio::test]
async fn of_runs_at_once_one_reports() {
    let reports = ReportApp::open().await;
    let run = || reports.run(NIGHT, NIGHT);
    let done = tokio::join!(run(), run(), run());
    let made = [done.0, done.1, done.2].iter().filter(|it| it.made).count();
    assert_eq!(made, 1);
    let (days, files) = reports.reported().await;
    assert_eq!((days.len(), files.len()), (1, 3));
}

#[tokio::test]
async fn a_run_that_crashes_is_resumed_by_the_next() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        let reports = ReportApp::open().await;
        reports.app.engine.order("PutItem", 1, fault);
        assert_eq!(reports.app.engine.until_hung(reports.run(NIGHT, NIGHT)).await, None, "it died");
        let expected = if fault == Fault::HangBefore { MADE } else { QUIET };
        assert_eq!(reports.run(NIGHT, NIGHT).await, expected, "{fault:?}");
        let (days, files) = reports.reported().await;
        assert_eq!((days.len(), files.len()), (1, 3), "{fault:?}");
    }
}

#[tokio::test]
async fn no_day_is_reported_before_it_is_over_or_before_the_first() {
    let reports = ReportApp::open().await;
    for (due, now) in [
        // The day with activity is not over.
        ("2026-11-22T02:00:00Z", "2026-11-22T23:59:59Z"),
        ("2026-11-23T02:00:00Z", "2026-11-22T23:59:59Z"),
        // A run due in the far future.
        ("2099-01-01T02:00:00Z", "2026-11-22T23:59:59Z"),
        // Days before the first activity.
        ("2026-11-22T02:00:00Z", NIGHT),
        ("2020-02-29T02:00:00Z", NIGHT),
    ] {
        assert_eq!(reports.run(due, now).await, QUIET, "{due} at {now}");
    }
    assert_eq!(reports.reported().await, (vec![], vec![]));
    // One from the future reports the finished day.
    assert_eq!(reports.run("2099-01-01T02:00:00Z", NIGHT).await, MADE);
    assert_eq!(reports.reported().await.0, ["2026-11-22"]);
}

#[tokio::test]
async fn a_past_day_without_a_report_is_reported_as_it_was() {
    let reports = ReportApp::open().await;
    let later = at("2026-12-05T10:00:00Z");
    reports.app.store.count(&subscribed("ben", later)).await.unwrap();
    let now = "2026-12-24T02:00:00Z";
    for (due, of, mrr) in [
        ("2026-11-23T02:00:00Z", "2026-11-22", 2_900),
        ("2026-12-05T02:00:00Z", "2026-12-04", 2_900),
        ("2026-12-06T02:00:00Z", "2026-12-05", 5_800),
    ] {
        assert_eq!(reports.run(due, now).await, MADE);
        assert_eq!(reports.report(of).await.unwrap().period.end.mrr, mrr, "{of}");
    }
}

/// A late fact changes the metrics of the day, not its report; the difference is counted.
#[tokio::test]
async fn a_report_that_no_longer_matches_is_counted_and_not_changed() {
    let reports = ReportApp::open().await;
    assert_eq!(reports.run(NIGHT, NIGHT).await, MADE);
    let before = reports.report("2026-11-22").await;
    let late = subscribed("late", at("2026-11-22T23:59:59Z"));
    reports.app.store.count(&late).await.unwrap();
    assert_eq!(reports.run(NIGHT, NIGHT).await, Outcome { report_differs: true, ..QUIET });
    assert_eq!(reports.report("2026-11-22").await, before);
    assert_eq!(reports.reported().await.1.len(), 3);
}

#[tokio::test]
async fn facts_that_the_stream_lost_are_counted_by_the_run_and_reported() {
    let reports = ReportApp::open().await;
    reports.write_uncounted(&subscribed("lost", at("2026-11-22T12:00:00Z"))).await;
    let outcome = reports.run(NIGHT, NIGHT).await;
    assert!(outcome.made && outcome.sums_differed > 0, "{outcome:?}");
    assert_eq!(reports.report("2026-11-22").await.unwrap().period.end.mrr, 5_800);
    assert_eq!(reports.run(NIGHT, NIGHT).await, QUIET);
}

/// Two tables with the same facts of three days, some of which no stream delivered: on one, a run
/// reads all of them; on the other, each run is cut off after three pages of two.
#[tokio::test]
async fn a_run_that_is_cut_off_between_pages_is_resumed_and_reports_the_same() {
    let (whole, cut) = (ReportApp::open().await, ReportApp::open().await);
    for reports in [&whole, &cut] {
        for number in 0..12 {
            let of = at(["2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z"][number % 2]);
            reports.app.store.count(&subscribed(&format!("m{number}"), of)).await.unwrap();
        }
        for (name, of) in [("lost", "2026-11-20T09:00:00Z"), ("late", "2026-11-22T09:00:00Z")] {
            reports.write_uncounted(&subscribed(name, at(of))).await;
        }
    }
    let expected = whole.run(NIGHT, NIGHT).await;
    assert!(expected.made && expected.sums_differed > 0, "{expected:?}");

    let mut stopped = 0;
    let outcome = loop {
        match cut.run_for(3).await {
            Ok(outcome) => break outcome,
            Err(error) => assert!(format!("{error:?}").contains("run_unfinished"), "{error:?}"),
        }
        assert!(cut.is_unfinished());
        assert_eq!(cut.reported().await, (vec![], vec![]), "not before all is read");
        stopped += 1;
        assert!(stopped < 20, "each run goes on behind the last one");
    };
    // Thirty facts are at least fifteen pages.
    assert!(stopped >= 4, "{stopped}");
    assert_eq!(outcome, expected);
    assert!(!cut.is_unfinished());
    assert_eq!(cut.reported().await, whole.reported().await, "names are of the content");
    let day = day("2026-11-22");
    let [one, other] = [&cut, &whole].map(|it| it.app.store.report(day));
    assert_eq!(one.await.unwrap().json, other.await.unwrap().json);
    assert_eq!(cut.run(NIGHT, NIGHT).await, QUIET, "every fact is counted once");
}

/// A run of the next night does not continue with what was added up of other days.
#[tokio::test]
async fn a_recount_of_another_day_is_not_continued() {
    let reports = ReportApp::open().await;
    assert!(reports.run_for(1).await.is_err());
    assert!(reports.is_unfinished());
    let next = "2026-11-24T02:00:00Z";
    assert_eq!(reports.run(next, next).await, MADE);
    assert!(!reports.is_unfinished());
    assert_eq!(reports.run(NIGHT, next).await, MADE);
}

/// Wherever a run fails: what it found missing is counted by then, and still a difference.
#[tokio::test]
async fn what_a_failed_run_found_missing_is_said_by_its_retry() {
    let mut failed = 0;
    for nth in 1.. {
        let reports = ReportApp::open().await;
        reports.write_uncounted(&subscribed("late", at("2026-11-20T09:00:00Z"))).await;
        reports.app.engine.fail_from("Query", nth);
        let first = reports.run_for(1_000).await;
        reports.app.engine.clear_faults();
        if first.is_ok() {
            break;
        }
        failed += 1;
        let second = reports.run(NIGHT, NIGHT).await;
        assert!(second.made && second.sums_differed > 0, "{nth}: {second:?}");
        assert!(!reports.is_unfinished());
    }
    assert!(failed > 3, "{failed}");
}

/// Another build wrote it.
#[tokio::test]
async fn a_recount_that_cannot_be_read_is_begun_anew() {
    let reports = ReportApp::open().await;
    assert!(reports.run_for(1).await.is_err());
    let is_recount = |item: &Value| item["sk"]["S"] == "RECOUNT";
    let mut recount = reports.app.engine.dump().into_iter().find(is_recount).unwrap();
    recount["days"] = json!({ "S": "all" });
    let put = json!({ "TableName": TABLE, "Item": recount });
    reports.app.engine.run("PutItem", &put.to_string()).unwrap();
    assert_eq!(reports.run(NIGHT, NIGHT).await, MADE);
    assert!(!reports.is_unfinished());
}
