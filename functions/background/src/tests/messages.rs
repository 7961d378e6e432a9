//! Messages that are duplicate, late, reordered or foreign; and two workers on the same job.

use domain::generation::Status;
use runtime::{Clock, InvocationContext};
use sandbox::route::Route;
use serde_json::json;
use testing::Actor;

use super::{
    outside::Outside,
    stage::{MINUTE, WorkerApp},
};

#[tokio::test]
async fn five_hints_are_one_image() {
    let outside = Outside::begin().await;
    for mut stage in
        [WorkerApp::studio(&outside, "five-drawn"), WorkerApp::bria(&outside, "five-asked")]
    {
        stage.hands.2 = outside.provider();
        let job = stage.post("five hints").await;
        stage.queue.hint(&job, 5);
        stage.step().await;
        stage.queue.hint(&job, 5);
        stage.until_quiet().await;
        assert_eq!(stage.ending(&job).await, "succeeded");
        assert_eq!(stage.job(&job).await.attempt, 1);
        stage.close().await;
    }
    assert_eq!(outside.calls(Route::GenerateLite, "five hints"), 1, "by the one that asks");
    outside.close().await;
}

#[tokio::test]
async fn hints_in_any_order() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "orders");
    let mut jobs = Vec::new();
    for name in ["one", "two", "three"] {
        jobs.push(stage.post_by(&Actor::member(name), name).await);
    }
    for _ in 0..4 {
        stage.relay().await;
        jobs.iter().for_each(|job| stage.queue.hint(job, 1));
        stage.queue.reverse();
        stage.work().await;
    }
    stage.until_quiet().await;
    for (job, name) in jobs.iter().zip(["one", "two", "three"]) {
        assert_eq!(stage.ending(job).await, "succeeded", "{name}");
        assert_eq!(outside.calls(Route::GenerateLite, name), 1, "{name}");
    }
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn a_hint_about_what_is_over_changes_nothing() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "over");
    let done = stage.post("done").await;
    stage.step().await;
    let cancelled = stage.post("cancelled").await;
    assert_eq!(stage.cancel(&cancelled).await.status(), 200);
    assert_eq!(stage.ending(&cancelled).await, "cancelled");

    let before = stage.app.engine.dump();
    stage.relay().await;
    stage.queue.hint(&done, 2);
    stage.queue.hint(&cancelled, 2);
    let nobodys = json!({"user_id": done.user_id, "job_id": "gen_01JD0000000000000000000000"});
    stage.queue.put(nobodys.to_string());
    assert_eq!(stage.work().await, Vec::<String>::new(), "and none of them is retried");
    assert_eq!(stage.queue.waiting(), []);
    assert_eq!(stage.app.engine.dump(), before);
    stage.close().await;
    outside.close().await;
}

/// A member cancels at the moment a worker starts: exactly one of them wins.
#[tokio::test]
async fn a_cancel_and_a_worker_at_once() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "torn");
    for words in ["first", "second", "third"] {
        let job = stage.post(words).await;
        stage.relay().await;
        let (failed, answer) = tokio::join!(stage.work(), stage.cancel(&job));
        assert_eq!(failed, Vec::<String>::new());
        let expected = match answer.status() {
            200 => "cancelled",
            409 => "succeeded",
            other => panic!("{other}: {:?}", answer.json()),
        };
        assert_eq!(stage.ending(&job).await, expected);
    }
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn one_poisoned_message_among_nine_good_ones() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "poisoned");
    let mut jobs = Vec::new();
    for number in 0..9 {
        if number == 4 {
            stage.relay().await;
            stage.queue.put("{\"user_id\": 7");
        }
        let member = Actor::member(&format!("good-{number}"));
        jobs.push(stage.post_by(&member, "a good one").await);
    }
    stage.relay().await;
    let poison = stage.queue.waiting()[4].clone();
    assert_eq!(stage.work().await, [poison.id], "exactly that one is reported");
    assert_eq!(outside.calls(Route::GenerateLite, "a good one"), 9);

    stage.until_quiet().await;
    for job in &jobs {
        assert_eq!(stage.ending(job).await, "succeeded");
    }
    assert_eq!(stage.queue.waiting(), [], "it was received five times, then dead-lettered");
    stage.close().await;
    outside.close().await;
}

/// Two workers whose clocks are two minutes apart: while one holds the lease, the other does
/// nothing.
#[tokio::test]
async fn a_worker_whose_clock_is_ahead_respects_a_lease() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "ahead");
    let job = stage.post("a red chair").await;
    stage.queue.hint(&job, 2);
    let mut batch = stage.queue.receive();
    let ahead = InvocationContext {
        clock: Clock::manual(stage.now().plus(MINUTE * 2)),
        ..stage.app.ambient.clone()
    };
    let second = stage.work_on(vec![batch.remove(1)], &ahead);
    let first = stage.work_on(batch, &stage.app.ambient);
    let both = tokio::join!(first, second);
    assert_eq!(both, (Vec::new(), Vec::new()));
    let done = stage.job(&job).await;
    assert_eq!((done.status, done.attempt), (Status::Succeeded, 1), "one of them rendered");
    stage.close().await;
    outside.close().await;
}

/// A worker that stalls longer than its lease finds the job ended by another: it writes nothing,
/// and the credit is spent once.
#[tokio::test]
async fn a_worker_that_comes_back_too_late_writes_nothing() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "too-late");
    let job = stage.post("a red chair").await;
    stage.queue.hint(&job, 1);
    let ambient =
        InvocationContext { clock: Clock::manual(stage.now()), ..stage.app.ambient.clone() };
    let mut slow = Box::pin(stage.work_on(stage.queue.receive(), &ambient));
    let claimed = async {
        while stage.job(&job).await.status != Status::Submitting {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = &mut slow => unreachable!("rendering takes longer than this check"),
        () = claimed => {}
    }

    stage.pass(MINUTE * 2);
    stage.queue.hint(&job, 1);
    assert_eq!(stage.work().await, Vec::<String>::new());
    assert_eq!(stage.job(&job).await.status, Status::Submitting, "its lease is not over");
    stage.pass(MINUTE * 2);
    stage.queue.hint(&job, 1);
    assert_eq!(stage.work().await, Vec::<String>::new());
    let ended = stage.job(&job).await;
    assert_eq!((ended.status, ended.attempt), (Status::Succeeded, 2));

    assert_eq!(slow.await, Vec::<String>::new());
    assert_eq!(stage.job(&job).await, ended, "the late one wrote nothing");
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}
