//! Messages that are duplicate, late, reordered or foreign; and two workers on the same job.

use domain::generation::Status;
use runtime::{Clock, InvocationContext};
use sandbox::route::Route;
use serde_json::json;
use testing::Actor;

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{MINUTE, NO_FAILURES, WorkerApp},
};

#[tokio::test]
async fn five_messages_are_one_image() {
    let bria = BriaSandbox::start().await;
    for provider in ["studio", "bria"] {
        let mut app = WorkerApp::bria(&bria, provider);
        app.redeploy(|app| app.set("IMAGE_PROVIDER", provider));
        let job = app.post("five messages").await;
        app.redeploy(|app| app.set("IMAGE_PROVIDER", "bria"));
        app.queue.send_job(&job, 5);
        app.step().await;
        app.queue.send_job(&job, 5);
        app.run_until_idle().await;
        assert_eq!(app.outcome(&job).await, "succeeded");
        assert_eq!(app.job(&job).await.attempt, 1);
        app.close().await;
    }
    assert_eq!(bria.calls(Route::GenerateLite, "five messages"), 1, "for the one that Bria makes");
    bria.close();
}

#[tokio::test]
async fn messages_may_arrive_in_any_order() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "orders");
    let mut jobs = Vec::new();
    for name in ["one", "two", "three"] {
        jobs.push(app.post_by(&Actor::member(name), name).await);
    }
    for _ in 0..4 {
        app.relay().await;
        jobs.iter().for_each(|job| app.queue.send_job(job, 1));
        app.queue.reverse();
        app.process_batch().await;
    }
    app.run_until_idle().await;
    for (job, name) in jobs.iter().zip(["one", "two", "three"]) {
        assert_eq!(app.outcome(job).await, "succeeded", "{name}");
        assert_eq!(bria.calls(Route::GenerateLite, name), 1, "{name}");
    }
    app.close().await;
    bria.close();
}

#[tokio::test]
async fn a_message_for_a_job_that_ended_changes_nothing() {
    let app = WorkerApp::studio();
    let done = app.post("done").await;
    app.step().await;
    let cancelled = app.post("cancelled").await;
    assert_eq!(app.cancel(&cancelled).await.status(), 200);
    assert_eq!(app.outcome(&cancelled).await, "cancelled");

    let before = app.engine.dump();
    app.relay().await;
    app.queue.send_job(&done, 2);
    app.queue.send_job(&cancelled, 2);
    let unknown = json!({"user_id": done.user_id, "job_id": "gen_01JD0000000000000000000000"});
    app.queue.send(unknown.to_string());
    assert_eq!(app.process_batch().await, NO_FAILURES, "and none of them is retried");
    assert_eq!(app.queue.messages(), []);
    assert_eq!(app.engine.dump(), before);
    app.close().await;
}

/// A member cancels at the moment a worker starts: exactly one of them wins.
#[tokio::test]
async fn of_a_cancel_and_a_worker_at_once_one_wins() {
    let app = WorkerApp::studio();
    for words in ["first", "second", "third"] {
        let job = app.post(words).await;
        app.relay().await;
        let (failed, answer) = tokio::join!(app.process_batch(), app.cancel(&job));
        assert_eq!(failed, NO_FAILURES);
        let expected = match answer.status() {
            200 => "cancelled",
            409 => "succeeded",
            other => panic!("{other}: {:?}", answer.json()),
        };
        assert_eq!(app.outcome(&job).await, expected);
    }
    app.close().await;
}

#[tokio::test]
async fn of_ten_messages_only_the_unreadable_one_is_reported() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "unreadable");
    let mut jobs = Vec::new();
    for number in 0..9 {
        if number == 4 {
            app.relay().await;
            app.queue.send("{\"user_id\": 7");
        }
        let member = Actor::member(&format!("good-{number}"));
        jobs.push(app.post_by(&member, "a good one").await);
    }
    app.relay().await;
    let unreadable = app.queue.messages()[4].clone();
    assert_eq!(app.process_batch().await, [unreadable.id], "exactly that one is reported");
    assert_eq!(bria.calls(Route::GenerateLite, "a good one"), 9);

    app.run_until_idle().await;
    for job in &jobs {
        assert_eq!(app.outcome(job).await, "succeeded");
    }
    assert_eq!(app.queue.messages(), [], "it was received five times, then dead-lettered");
    app.close().await;
    bria.close();
}

/// Two workers whose clocks are two minutes apart: while one holds the lease, the other does
/// nothing.
#[tokio::test]
async fn a_worker_whose_clock_is_ahead_respects_a_lease() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.queue.send_job(&job, 2);
    let mut batch = app.queue.receive();
    let ahead = InvocationContext {
        clock: Clock::manual(app.now().plus(MINUTE * 2)),
        ..app.ambient.clone()
    };
    let second = app.process(vec![batch.remove(1)], &ahead);
    let first = app.process(batch, &app.ambient);
    let both = tokio::join!(first, second);
    assert_eq!(both, (Vec::new(), Vec::new()));
    let done = app.job(&job).await;
    assert_eq!((done.status, done.attempt), (Status::Succeeded, 1), "one of them rendered");
    app.close().await;
}

/// A worker that stalls longer than its lease finds the job ended by another: it writes nothing,
/// and the credit is spent once.
#[tokio::test]
async fn a_worker_that_comes_back_too_late_writes_nothing() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.queue.send_job(&job, 1);
    let context = InvocationContext { clock: Clock::manual(app.now()), ..app.ambient.clone() };
    let mut slow = Box::pin(app.process(app.queue.receive(), &context));
    let claimed = async {
        while app.job(&job).await.status != Status::Submitting {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = &mut slow => unreachable!("rendering takes longer than this check"),
        () = claimed => {}
    }

    app.advance(MINUTE * 2);
    app.queue.send_job(&job, 1);
    assert_eq!(app.process_batch().await, NO_FAILURES);
    assert_eq!(app.job(&job).await.status, Status::Submitting, "its lease is not over");
    app.advance(MINUTE * 2);
    app.queue.send_job(&job, 1);
    assert_eq!(app.process_batch().await, NO_FAILURES);
    let ended = app.job(&job).await;
    assert_eq!((ended.status, ended.attempt), (Status::Succeeded, 2));

    assert_eq!(slow.await, NO_FAILURES);
    assert_eq!(app.job(&job).await, ended, "the late one wrote nothing");
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.run_until_idle().await;
    app.close().await;
}
