//! A crash at every step: for each request to the table in a successful run, a run in which the
//! process dies before it and one in which it dies after it; and runs in which that request meets a
//! fault of the table.
//!
//! In every case each job ends in time, the ledger balances, the provider receives the request at
//! most once, and a credit is spent if and only if the image is stored.

use expect_test::{Expect, expect};
use runtime::BatchResponse;
use sandbox::{
    faults::{Order, WebhookFault},
    route::Route,
};
use testing::{Fault, Usage};

use super::{
    outside::Outside,
    stage::{SECOND, WorkerApp},
};

/// The path of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Rendered by us.
    Studio,
    /// Made by Bria, reported by webhook.
    Told,
    /// Made by Bria, found by polling.
    Polled,
}

impl Path {
    fn stage<'a>(self, outside: &'a Outside, name: &str) -> WorkerApp<'a> {
        match self {
            Path::Studio => WorkerApp::studio(outside, name),
            Path::Told | Path::Polled => WorkerApp::bria(outside, name),
        }
    }

    /// From the first message to the end, without faults.
    async fn walk(self, stage: &WorkerApp<'_>) {
        stage.work().await;
        match self {
            Path::Studio => return,
            Path::Told => {
                stage.hear().await;
            }
            Path::Polled => stage.pass(SECOND * 45),
        }
        stage.relay().await;
        stage.work().await;
    }
}

/// The result of a run.
struct Ran {
    /// Its requests to the table until it ended or died.
    usage: Usage,
    /// How its job ended.
    ending: String,
    /// Submits to the provider.
    submits: usize,
}

/// One run whose `nth` request of its kind meets `fault`.
async fn run(outside: &Outside, path: Path, trouble: Option<(u32, Fault)>) -> Ran {
    let name = match trouble {
        None => format!("{path:?}-clean"),
        Some((nth, fault)) => format!("{path:?}-{fault:?}-{nth}."),
    };
    let stage = path.stage(outside, &name);
    if path == Path::Polled {
        outside.order(Order::next(WebhookFault::Dropped.into()).on_marker(&name));
    }
    let job = stage.post(&name).await;
    assert_eq!(stage.relay().await, BatchResponse::default());

    let engine = &stage.app.engine;
    engine.take_usage();
    if let Some((nth, fault)) = trouble {
        engine.order(fault.meets(), nth, fault);
    }
    let died = engine.until_hung(path.walk(&stage)).await.is_none();
    let usage = engine.take_usage();
    assert_eq!(died, trouble.is_some_and(|(_, fault)| DEATHS.contains(&fault)), "{name}");

    // Bria retries until its webhook is accepted.
    let submits = || outside.calls(Route::GenerateLite, &name);
    if path == Path::Told && submits() == 1 && stage.notices.get() == 0 {
        assert_eq!(stage.hear().await, 200, "{name}");
    }
    stage.until_quiet().await;

    let (ending, submits) = (stage.ending(&job).await, submits());
    assert!(submits <= 1, "{name}: submitted twice");
    stage.close().await;
    Ran { usage, ending, submits }
}

/// Every request of a successful run of `path`, met by each of `faults`: how each of these runs
/// ends. The image is stored unless it says `lost` (submitted, but the request id died with the
/// worker) or `unasked` (never submitted, which cannot be known); neither is charged.
async fn check(path: Path, faults: &[Fault], expected: Expect) {
    let outside = Outside::begin().await;
    let usage = run(&outside, path, None).await.usage;
    let mut table = String::new();
    for fault in faults {
        let requests = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        table.push_str(&format!("{fault:?}:"));
        for nth in 1..=requests {
            let ran = run(&outside, path, Some((nth, *fault))).await;
            let ending = match (ran.ending.as_str(), ran.submits) {
                ("succeeded", _) => "image",
                ("submit_unknown", 0) => "unasked",
                ("submit_unknown", _) => "lost",
                (other, _) => other,
            };
            table.push_str(&format!(" {ending}"));
        }
        table.push('\n');
    }
    expected.assert_eq(&table);
    outside.close().await;
}

const DEATHS: [Fault; 2] = [Fault::HangBefore, Fault::HangAfter];
const BAD_DAYS: [Fault; 4] = [Fault::Conflict, Fault::Throttle, Fault::Fail, Fault::LoseAnswer];

#[tokio::test]
async fn a_worker_that_draws_dies_anywhere() {
    check(
        Path::Studio,
        &DEATHS,
        expect![[r#"
        HangBefore: image image image image
        HangAfter: image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_worker_that_is_told_dies_anywhere() {
    check(
        Path::Told,
        &DEATHS,
        expect![[r#"
        HangBefore: image image image image image image image image image image image
        HangAfter: image image unasked image image image image image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_worker_that_polls_dies_anywhere() {
    check(
        Path::Polled,
        &DEATHS,
        expect![[r#"
        HangBefore: image image image lost image image image image image
        HangAfter: image image unasked image image image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_table_has_a_bad_day_while_we_draw() {
    check(
        Path::Studio,
        &BAD_DAYS,
        expect![[r#"
        Conflict: image
        Throttle: image image image image
        Fail: image image image image
        LoseAnswer: image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_table_has_a_bad_day_while_bria_draws() {
    check(
        Path::Told,
        &BAD_DAYS,
        expect![[r#"
        Conflict: image
        Throttle: image image image image image image image image image image image
        Fail: image image image image image image image image image image image
        LoseAnswer: image image image image image image image image image image image
    "#]],
    )
    .await;
}
