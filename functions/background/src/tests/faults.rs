//! Faults of the provider: how the job ends for the member, and how many submits were made. A
//! failure is never charged, and a submit is never repeated unless the provider refused it cleanly.

use std::time::Duration;

use clients::{Bria, Http, Secret};
use domain::generation::Status;
use runtime::{BriaImages, ImageProvider, InvocationContext};
use sandbox::{
    bria::API_TOKEN,
    faults::{AnswerFault, Fault, Order, OutcomeFault, WebhookFault},
    route::Route,
};

use super::{
    outside::Outside,
    stage::{MINUTE, SECOND, WorkerApp},
};

/// Whether a webhook reports the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// A webhook arrives.
    Yes,
    /// No webhook arrives.
    No,
}

/// Checks how a job whose provider has `faults` ends, and after how many submits. Its name marks it
/// at the provider, so no name may be part of another.
async fn check(
    outside: &Outside,
    name: &str,
    told: Told,
    faults: &[(Route, Fault, u32)],
    expected: (&str, usize),
) {
    let stage = WorkerApp::bria(outside, name);
    for (route, fault, times) in faults {
        let order = Order::next(fault.clone()).on_route(*route).on_marker(name);
        outside.order(order.times(*times));
    }
    if told == Told::No {
        let dropped = Order::next(WebhookFault::Dropped.into());
        outside.order(dropped.on_marker(name));
    }
    let job = stage.post(name).await;
    stage.step().await;
    if told == Told::Yes {
        assert_eq!(stage.hear().await, 200, "{name}");
    }
    stage.until_quiet().await;
    let submits = outside.calls(Route::GenerateLite, name);
    assert_eq!((stage.ending(&job).await.as_str(), submits), expected, "{name}");
    stage.close().await;
}

#[tokio::test]
async fn a_submit_goes_wrong() {
    use AnswerFault::{
        Blocked, BrokenConnection, Delay, HtmlPage, MalformedJson, NotUnderstood, ServerError,
        ServerErrorAfterAccepting, TooMany,
    };
    let outside = Outside::begin().await;
    let check = async |name: &str, told: Told, fault: AnswerFault, ending: &str, submits: usize| {
        let faults = [(Route::GenerateLite, Fault::Answer(fault), 1)];
        check(&outside, name, told, &faults, (ending, submits)).await;
    };
    let late = Delay { delay_ms: 20 };
    let soon = TooMany { retry_after_s: Some(7) };
    check("answers late", Told::No, late, "succeeded", 1).await;
    check("busy for 7 s", Told::No, soon, "succeeded", 2).await;
    check("busy for a while", Told::No, TooMany { retry_after_s: None }, "succeeded", 2).await;
    check("blocked", Told::No, Blocked, "content_blocked", 1).await;
    check("not understood", Told::No, NotUnderstood, "request_invalid", 1).await;
    check("500 before", Told::No, ServerError, "submit_unknown", 1).await;
    check("502 page", Told::No, HtmlPage, "submit_unknown", 1).await;
    for (name, fault) in [
        ("500 after", ServerErrorAfterAccepting),
        ("connection broke", BrokenConnection),
        ("not JSON", MalformedJson),
    ] {
        check(&format!("{name}, told"), Told::Yes, fault.clone(), "succeeded", 1).await;
        check(&format!("{name}, untold"), Told::No, fault, "submit_unknown", 1).await;
    }
    outside.close().await;
}

#[tokio::test]
async fn a_job_ends_badly() {
    use OutcomeFault::{Error, Expired, Failed, Stuck, Unknown};
    let outside = Outside::begin().await;
    for (name, told, fault, ending) in [
        ("error, told", Told::Yes, Error { code: None }, "provider_rejected"),
        ("error, untold", Told::No, Error { code: None }, "provider_rejected"),
        ("picture blocked", Told::Yes, Error { code: Some(422) }, "content_blocked"),
        ("invalid, told", Told::Yes, Error { code: Some(400) }, "request_invalid"),
        ("failed", Told::Yes, Failed, "provider_rejected"),
        ("unknown, told", Told::Yes, Unknown, "provider_rejected"),
        ("unknown, untold", Told::No, Unknown, "provider_rejected"),
        ("expired", Told::No, Expired, "provider_rejected"),
        ("stuck", Told::No, Stuck, "timed_out"),
    ] {
        let faults = [(Route::GenerateLite, Fault::Outcome(fault), 1)];
        check(&outside, name, told, &faults, (ending, 1)).await;
    }
    outside.close().await;
}

#[tokio::test]
async fn a_poll_goes_wrong_and_the_next_one_does_not() {
    use AnswerFault::{BrokenConnection, HtmlPage, MalformedJson, ServerError, TooMany};
    let outside = Outside::begin().await;
    for (name, fault) in [
        ("poll: busy", TooMany { retry_after_s: Some(70) }),
        ("poll: 500", ServerError),
        ("poll: page", HtmlPage),
        ("poll: cut", BrokenConnection),
        ("poll: no JSON", MalformedJson),
    ] {
        let faults = [(Route::Status, Fault::Answer(fault), 2)];
        check(&outside, name, Told::No, &faults, ("succeeded", 1)).await;
    }
    let broken = [(Route::Status, Fault::Answer(ServerError), 100)];
    check(&outside, "poll: 500 for ever", Told::No, &broken, ("timed_out", 1)).await;
    outside.close().await;
}

/// A clean "busy" costs no attempt and its delay is respected; an `UNKNOWN` is polled three times;
/// a silent provider times out at its deadline and not before.
#[tokio::test]
async fn patience_has_the_length_it_should() {
    let outside = Outside::begin().await;
    let submit = |fault: Fault, name: &str| {
        outside.order(Order::next(fault).on_route(Route::GenerateLite).on_marker(name));
        outside.order(Order::next(WebhookFault::Dropped.into()).on_marker(name));
    };

    submit(AnswerFault::TooMany { retry_after_s: Some(7) }.into(), "for 7 s");
    let stage = WorkerApp::bria(&outside, "for-7-s");
    let job = stage.post("for 7 s").await;
    stage.step().await;
    let waiting = stage.job(&job).await;
    assert_eq!((waiting.status, waiting.attempt), (Status::Queued, 0));
    assert_eq!(waiting.due_at, Some(stage.now().plus(SECOND * 7)));
    stage.until_quiet().await;
    assert_eq!(stage.job(&job).await.attempt, 1);
    stage.close().await;

    submit(OutcomeFault::Unknown.into(), "unknown");
    let stage = WorkerApp::bria(&outside, "unknown");
    let job = stage.post("unknown").await;
    stage.until_quiet().await;
    let ended = stage.job(&job).await;
    assert_eq!((ended.unknown_answers, ended.polls), (2, 3), "the third is believed");
    stage.close().await;

    for (name, fault, patience) in [
        ("stuck", Fault::from(OutcomeFault::Stuck), MINUTE * 15),
        ("lost", AnswerFault::BrokenConnection.into(), MINUTE * 10),
    ] {
        submit(fault, name);
        let stage = WorkerApp::bria(&outside, name);
        let job = stage.post(name).await;
        stage.until_quiet().await;
        let ended = stage.job(&job).await;
        let took = ended.created_at.until(ended.finished_at.unwrap());
        assert!(patience <= took && took <= patience + MINUTE * 3, "{name}: {took:?}");
        stage.close().await;
    }
    outside.close().await;
}

/// Bria does not answer, or rejects our token.
#[tokio::test]
async fn a_provider_that_took_nothing_costs_nothing() {
    let outside = Outside::begin().await;
    let http = Http::new().unwrap();
    let nobody = Bria::new(http.clone(), "http://127.0.0.1:1", &Secret::new(API_TOKEN)).unwrap();
    let stranger = Bria::new(http, &outside.sandbox.bria_url(), &Secret::new("guess")).unwrap();
    for (name, bria, ending) in
        [("nobody", nobody, "provider_unavailable"), ("stranger", stranger, "provider_rejected")]
    {
        let mut stage = WorkerApp::bria(&outside, name);
        stage.hands.2 = ImageProvider::Bria(BriaImages { bria, ..outside.bria() });
        let job = stage.post(name).await;
        stage.until_quiet().await;
        assert_eq!(stage.ending(&job).await, ending, "{name}");
        stage.close().await;
    }
    outside.close().await;
}

/// The provider accepts the request without an answer; the worker dies while it waits.
#[tokio::test]
async fn a_submit_that_is_never_answered_is_never_repeated() {
    let outside = Outside::begin().await;
    for (name, notice, ending) in [
        ("told while silent", Some(WebhookFault::Early), "succeeded"),
        ("told later", None, "succeeded"),
        ("never told", Some(WebhookFault::Dropped), "submit_unknown"),
    ] {
        let stage = WorkerApp::bria(&outside, name);
        silence(&outside, name, notice.as_ref());
        let job = stage.post(name).await;
        stage.relay().await;
        let taken = async {
            if notice == Some(WebhookFault::Early) {
                assert_eq!(stage.hear().await, 200, "{name}");
            }
            while outside.calls(Route::GenerateLite, name) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = stage.work() => unreachable!("{name}: it gets no answer"),
            () = taken => {}
        }
        if notice.is_none() {
            assert_eq!(stage.job(&job).await.status, Status::Submitting);
            assert_eq!(stage.hear().await, 200, "{name}");
        }
        stage.until_quiet().await;
        assert_eq!(stage.ending(&job).await, ending, "{name}");
        assert_eq!(outside.calls(Route::GenerateLite, name), 1, "{name}");
        stage.close().await;
    }
    outside.close().await;
}

/// The same, and the worker stops a moment before Lambda would end it: its message is retried.
#[tokio::test]
async fn a_submit_that_outlasts_the_worker_is_never_repeated() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "outlasted");
    silence(&outside, "outlasted", Some(&WebhookFault::Dropped));
    let job = stage.post("outlasted").await;
    stage.relay().await;
    let two_seconds_left = Some(stage.now().plus(Duration::from_millis(2500)));
    let ambient = InvocationContext { deadline: two_seconds_left, ..stage.app.ambient.clone() };
    assert_eq!(stage.work_on(stage.queue.receive(), &ambient).await.len(), 1);
    stage.until_quiet().await;
    assert_eq!(stage.ending(&job).await, "submit_unknown");
    assert_eq!(outside.calls(Route::GenerateLite, "outlasted"), 1);
    stage.close().await;
    outside.close().await;
}

/// Makes the provider accept the submit of the job called `name` without an answer.
fn silence(outside: &Outside, name: &str, notice: Option<&WebhookFault>) {
    let silence = Order::next(AnswerFault::Silence.into());
    outside.order(silence.on_route(Route::GenerateLite).on_marker(name));
    if let Some(fault) = notice {
        outside.order(Order::next(fault.clone().into()).on_marker(name));
    }
}
