//! Faults of the provider: how the job ends for the member, and how many submits were made. A
//! failure is never charged, and a submit is never repeated unless the provider refused it cleanly.

use std::time::Duration;

use domain::generation::Status;
use runtime::InvocationContext;
use sandbox::{
    faults::{AnswerFault, Fault, Order, OutcomeFault, WebhookFault},
    route::Route,
};
use serde_json::json;
use testing::TestApp;

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{MINUTE, SECOND, WorkerApp},
};

/// Whether a webhook reports the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WebhookArrives {
    Yes,
    No,
}

/// Checks how a job whose provider has `faults` ends, and after how many submits. Its name marks it
/// at the provider, so no name may be part of another.
async fn check(
    bria: &BriaSandbox,
    name: &str,
    webhook: WebhookArrives,
    faults: &[(Route, Fault, u32)],
    expected: (&str, usize),
) {
    let app = WorkerApp::bria(bria, name);
    for (route, fault, times) in faults {
        let order = Order::next(fault.clone()).on_route(*route).on_marker(name);
        bria.order(order.times(*times));
    }
    if webhook == WebhookArrives::No {
        let dropped = Order::next(WebhookFault::Dropped.into());
        bria.order(dropped.on_marker(name));
    }
    let job = app.post(name).await;
    app.step().await;
    if webhook == WebhookArrives::Yes {
        assert_eq!(app.deliver_webhook().await, 200, "{name}");
    }
    app.run_until_idle().await;
    let submits = bria.calls(Route::GenerateLite, name);
    assert_eq!((app.outcome(&job).await.as_str(), submits), expected, "{name}");
    app.close().await;
}

#[tokio::test]
async fn a_submit_that_fails_is_repeated_only_if_it_was_refused() {
    use AnswerFault::{
        Blocked, BrokenConnection, Delay, HtmlPage, MalformedJson, NotUnderstood, ServerError,
        ServerErrorAfterAccepting, TooMany,
    };
    let bria = BriaSandbox::start().await;
    let check = async |name: &str,
                       webhook: WebhookArrives,
                       fault: AnswerFault,
                       ending: &str,
                       submits: usize| {
        let faults = [(Route::GenerateLite, Fault::Answer(fault), 1)];
        check(&bria, name, webhook, &faults, (ending, submits)).await;
    };
    let late = Delay { delay_ms: 20 };
    let soon = TooMany { retry_after_s: Some(7) };
    check("answers late", WebhookArrives::No, late, "succeeded", 1).await;
    check("busy for 7 s", WebhookArrives::No, soon, "succeeded", 2).await;
    check("busy for a while", WebhookArrives::No, TooMany { retry_after_s: None }, "succeeded", 2)
        .await;
    check("blocked", WebhookArrives::No, Blocked, "content_blocked", 1).await;
    check("not understood", WebhookArrives::No, NotUnderstood, "request_invalid", 1).await;
    check("500 before", WebhookArrives::No, ServerError, "submit_unknown", 1).await;
    check("502 page", WebhookArrives::No, HtmlPage, "submit_unknown", 1).await;
    for (name, fault) in [
        ("500 after", ServerErrorAfterAccepting),
        ("connection broke", BrokenConnection),
        ("not JSON", MalformedJson),
    ] {
        check(&format!("{name}, webhook"), WebhookArrives::Yes, fault.clone(), "succeeded", 1)
            .await;
        check(&format!("{name}, no webhook"), WebhookArrives::No, fault, "submit_unknown", 1).await;
    }
    bria.close();
}

#[tokio::test]
async fn a_job_that_fails_at_the_provider_has_the_code_of_its_failure() {
    use OutcomeFault::{Error, Expired, Failed, Stuck, Unknown};
    let bria = BriaSandbox::start().await;
    for (name, webhook, fault, ending) in [
        ("error, webhook", WebhookArrives::Yes, Error { code: None }, "provider_rejected"),
        ("error, no webhook", WebhookArrives::No, Error { code: None }, "provider_rejected"),
        ("picture blocked", WebhookArrives::Yes, Error { code: Some(422) }, "content_blocked"),
        ("invalid, webhook", WebhookArrives::Yes, Error { code: Some(400) }, "request_invalid"),
        ("failed", WebhookArrives::Yes, Failed, "provider_rejected"),
        ("unknown, webhook", WebhookArrives::Yes, Unknown, "provider_rejected"),
        ("unknown, no webhook", WebhookArrives::No, Unknown, "provider_rejected"),
        ("expired", WebhookArrives::No, Expired, "provider_rejected"),
        ("stuck", WebhookArrives::No, Stuck, "timed_out"),
    ] {
        let faults = [(Route::GenerateLite, Fault::Outcome(fault), 1)];
        check(&bria, name, webhook, &faults, (ending, 1)).await;
    }
    bria.close();
}

#[tokio::test]
async fn a_poll_that_fails_is_repeated() {
    use AnswerFault::{BrokenConnection, HtmlPage, MalformedJson, ServerError, TooMany};
    let bria = BriaSandbox::start().await;
    for (name, fault) in [
        ("poll: busy", TooMany { retry_after_s: Some(70) }),
        ("poll: 500", ServerError),
        ("poll: page", HtmlPage),
        ("poll: cut", BrokenConnection),
        ("poll: no JSON", MalformedJson),
    ] {
        let faults = [(Route::Status, Fault::Answer(fault), 2)];
        check(&bria, name, WebhookArrives::No, &faults, ("succeeded", 1)).await;
    }
    let broken = [(Route::Status, Fault::Answer(ServerError), 100)];
    check(&bria, "poll: 500 for ever", WebhookArrives::No, &broken, ("timed_out", 1)).await;
    bria.close();
}

/// A clean "busy" costs no attempt and its delay is respected; an `UNKNOWN` is polled three times;
/// a silent provider times out at its deadline and not before.
#[tokio::test]
async fn each_wait_for_the_provider_has_its_documented_length() {
    let bria = BriaSandbox::start().await;
    let submit = |fault: Fault, name: &str| {
        bria.order(Order::next(fault).on_route(Route::GenerateLite).on_marker(name));
        bria.order(Order::next(WebhookFault::Dropped.into()).on_marker(name));
    };

    submit(AnswerFault::TooMany { retry_after_s: Some(7) }.into(), "for 7 s");
    let app = WorkerApp::bria(&bria, "for-7-s");
    let job = app.post("for 7 s").await;
    app.step().await;
    let waiting = app.job(&job).await;
    assert_eq!((waiting.status, waiting.attempt), (Status::Queued, 0));
    assert_eq!(waiting.due_at, Some(app.now().plus(SECOND * 7)));
    app.run_until_idle().await;
    assert_eq!(app.job(&job).await.attempt, 1);
    app.close().await;

    submit(OutcomeFault::Unknown.into(), "unknown");
    let app = WorkerApp::bria(&bria, "unknown");
    let job = app.post("unknown").await;
    app.run_until_idle().await;
    let ended = app.job(&job).await;
    assert_eq!((ended.unknown_answers, ended.polls), (2, 3), "the third is believed");
    app.close().await;

    for (name, fault, patience) in [
        ("stuck", Fault::from(OutcomeFault::Stuck), MINUTE * 15),
        ("lost", AnswerFault::BrokenConnection.into(), MINUTE * 10),
    ] {
        submit(fault, name);
        let app = WorkerApp::bria(&bria, name);
        let job = app.post(name).await;
        app.run_until_idle().await;
        let ended = app.job(&job).await;
        let took = ended.created_at.until(ended.finished_at.unwrap());
        assert!(patience <= took && took <= patience + MINUTE * 3, "{name}: {took:?}");
        app.close().await;
    }
    bria.close();
}

/// Bria does not answer, or rejects our token.
#[tokio::test]
async fn a_provider_that_accepts_nothing_costs_nothing() {
    let bria = BriaSandbox::start().await;
    let nowhere = |app: &mut TestApp| app.set("BRIA_BASE_URL", "http://127.0.0.1:1");
    let stranger = |app: &mut TestApp| {
        app.set_secret("BRIA_SECRET_ARN", &json!({ "api_token": "guess" }));
    };
    for (name, change, ending) in [
        ("nowhere", &nowhere as &dyn Fn(&mut TestApp), "provider_unavailable"),
        ("stranger", &stranger, "provider_rejected"),
    ] {
        let mut app = WorkerApp::bria(&bria, name);
        app.redeploy(change);
        let job = app.post(name).await;
        app.run_until_idle().await;
        assert_eq!(app.outcome(&job).await, ending, "{name}");
        app.close().await;
    }
    bria.close();
}

/// The provider accepts the request without an answer; the worker dies while it waits.
#[tokio::test]
async fn a_submit_that_is_never_answered_is_never_repeated() {
    let bria = BriaSandbox::start().await;
    for (name, webhook, ending) in [
        ("webhook while silent", Some(WebhookFault::Early), "succeeded"),
        ("webhook later", None, "succeeded"),
        ("no webhook", Some(WebhookFault::Dropped), "submit_unknown"),
    ] {
        let app = WorkerApp::bria(&bria, name);
        leave_unanswered(&bria, name, webhook.as_ref());
        let job = app.post(name).await;
        app.relay().await;
        let taken = async {
            if webhook == Some(WebhookFault::Early) {
                assert_eq!(app.deliver_webhook().await, 200, "{name}");
            }
            while bria.calls(Route::GenerateLite, name) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = app.process_batch() => unreachable!("{name}: it gets no answer"),
            () = taken => {}
        }
        if webhook.is_none() {
            assert_eq!(app.job(&job).await.status, Status::Submitting);
            assert_eq!(app.deliver_webhook().await, 200, "{name}");
        }
        app.run_until_idle().await;
        assert_eq!(app.outcome(&job).await, ending, "{name}");
        assert_eq!(bria.calls(Route::GenerateLite, name), 1, "{name}");
        app.close().await;
    }
    bria.close();
}

/// The same, and the worker stops a moment before Lambda would end it: its message is retried.
#[tokio::test]
async fn a_submit_that_outlasts_the_worker_is_never_repeated() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "outlasted");
    leave_unanswered(&bria, "outlasted", Some(&WebhookFault::Dropped));
    let job = app.post("outlasted").await;
    app.relay().await;
    let two_seconds_left = Some(app.now().plus(Duration::from_millis(2500)));
    let context = InvocationContext { deadline: two_seconds_left, ..app.ambient.clone() };
    assert_eq!(app.process(app.queue.receive(), &context).await.len(), 1);
    app.run_until_idle().await;
    assert_eq!(app.outcome(&job).await, "submit_unknown");
    assert_eq!(bria.calls(Route::GenerateLite, "outlasted"), 1);
    app.close().await;
    bria.close();
}

/// Makes the provider accept the submit of the job called `name` without an answer.
fn leave_unanswered(bria: &BriaSandbox, name: &str, webhook: Option<&WebhookFault>) {
    let silence = Order::next(AnswerFault::Silence.into());
    bria.order(silence.on_route(Route::GenerateLite).on_marker(name));
    if let Some(fault) = webhook {
        bria.order(Order::next(fault.clone().into()).on_marker(name));
    }
}
