//! A crash at every step: for each request to the table in a successful run, a run in which the
//! process dies before it and one in which it dies after it; and runs in which that request meets a
//! fault of the table.
//!
//! In every case each job ends in time, the ledger balances, the provider receives the request at
//! most once, and a credit is spent if and only if the image is stored.

use expect_test::{Expect, expect};
use sandbox::{
    faults::{Order, WebhookFault},
    route::Route,
};
use testing::{Fault, Usage};

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{NO_FAILURES, SECOND, WorkerApp},
};

/// The path of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Rendered by us.
    Studio,
    /// Made by Bria, reported by a webhook.
    Webhook,
    /// Made by Bria, found by polling.
    Polled,
}

impl Path {
    fn app<'a>(self, bria: &'a BriaSandbox, name: &str) -> WorkerApp<'a> {
        match self {
            Path::Studio => WorkerApp::studio(),
            Path::Webhook | Path::Polled => WorkerApp::bria(bria, name),
        }
    }

    /// From the first message to the end, without faults.
    async fn complete(self, app: &WorkerApp<'_>) {
        app.process_batch().await;
        match self {
            Path::Studio => return,
            Path::Webhook => {
                app.deliver_webhook().await;
            }
            Path::Polled => app.advance(SECOND * 45),
        }
        app.relay().await;
        app.process_batch().await;
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
async fn run(bria: &BriaSandbox, path: Path, trouble: Option<(u32, Fault)>) -> Ran {
    let name = match trouble {
        None => format!("{path:?}-clean"),
        Some((nth, fault)) => format!("{path:?}-{fault:?}-{nth}."),
    };
    let app = path.app(bria, &name);
    if path == Path::Polled {
        bria.order(Order::next(WebhookFault::Dropped.into()).on_marker(&name));
    }
    let job = app.post(&name).await;
    assert_eq!(app.relay().await, NO_FAILURES);

    let engine = &app.engine;
    engine.take_usage();
    if let Some((nth, fault)) = trouble {
        engine.order(fault.meets(), nth, fault);
    }
    let died = engine.until_hung(path.complete(&app)).await.is_none();
    let usage = engine.take_usage();
    if died {
        app.restart();
    }
    assert_eq!(died, trouble.is_some_and(|(_, fault)| CRASHES.contains(&fault)), "{name}");

    // Bria retries until its webhook is accepted.
    let submits = || bria.calls(Route::GenerateLite, &name);
    if path == Path::Webhook && submits() == 1 && app.accepted_webhooks.get() == 0 {
        assert_eq!(app.deliver_webhook().await, 200, "{name}");
    }
    app.run_until_idle().await;

    let (ending, submits) = (app.outcome(&job).await, submits());
    assert!(submits <= 1, "{name}: submitted twice");
    app.close().await;
    Ran { usage, ending, submits }
}

/// Every request of a successful run of `path`, met by each of `faults`: how each of these runs
/// ends. The image is stored unless it says `lost` (submitted, but the request id died with the
/// worker) or `unasked` (never submitted, which cannot be known); neither is charged.
async fn check(path: Path, faults: &[Fault], expected: Expect) {
    let bria = BriaSandbox::start().await;
    let usage = run(&bria, path, None).await.usage;
    let mut table = String::new();
    for fault in faults {
        let requests = match fault.meets() {
            "*" => usage.round_trips(),
            operation => usage.requests[operation],
        };
        table.push_str(&format!("{fault:?}:"));
        for nth in 1..=requests {
            let ran = run(&bria, path, Some((nth, *fault))).await;
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
    bria.close();
}

const CRASHES: [Fault; 2] = [Fault::HangBefore, Fault::HangAfter];
const TABLE_FAULTS: [Fault; 4] = [Fault::Conflict, Fault::Throttle, Fault::Fail, Fault::LoseAnswer];

#[tokio::test]
async fn a_worker_that_renders_crashes_at_any_request() {
    check(
        Path::Studio,
        &CRASHES,
        expect![[r#"
        HangBefore: image image image image
        HangAfter: image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_worker_that_gets_a_webhook_crashes_at_any_request() {
    check(
        Path::Webhook,
        &CRASHES,
        expect![[r#"
        HangBefore: image image image image image image image image image image image
        HangAfter: image image unasked image image image image image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_worker_that_polls_crashes_at_any_request() {
    check(
        Path::Polled,
        &CRASHES,
        expect![[r#"
        HangBefore: image image image lost image image image image image
        HangAfter: image image unasked image image image image image image
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_table_fails_at_any_request_while_we_render() {
    check(
        Path::Studio,
        &TABLE_FAULTS,
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
async fn the_table_fails_at_any_request_while_bria_renders() {
    check(
        Path::Webhook,
        &TABLE_FAULTS,
        expect![[r#"
        Conflict: image
        Throttle: image image image image image image image image image image image
        Fail: image image image image image image image image image image image
        LoseAnswer: image image image image image image image image image image image
    "#]],
    )
    .await;
}
