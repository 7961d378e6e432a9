//! A prompt becomes an image: by our own renderer, and by Bria, reported by webhook or by polling.

use std::time::Duration;

use domain::generation::{Job, Status};
use expect_test::expect;
use sandbox::{
    faults::{Order, WebhookFault},
    request_log::Filter,
    route::Route,
};
use serde_json::{Value, json};
use testing::Actor;

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{MINUTE, NO_FAILURES, SECOND, WorkerApp},
};

const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test]
async fn our_own_renderer_makes_an_image_at_once() {
    let app = WorkerApp::studio();
    let job = app.post("a red chair").await;
    app.step().await;

    let done = app.job(&job).await;
    let image = done.image.clone().unwrap();
    let shown = json!({
        "status": done.status, "charge": done.charge.state, "attempt": done.attempt,
        "size": [image.width, image.height],
    });
    expect![[r#"{"attempt":1,"charge":"captured","size":[512,288],"status":"succeeded"}"#]]
        .assert_eq(&shown.to_string());
    app.check_image(&done).await;
    let folder = format!("generations/{}/{}", job.user_id, job.id);
    let stored = ["original.png", "thumbnail.jpg"].map(|name| format!("{folder}/{name}"));
    assert_eq!(app.images_bucket().keys().await, stored);
    assert_eq!(stored, [image.key, image.thumbnail_key]);

    app.run_until_idle().await;
    assert_eq!(app.job(&job).await, done, "nothing changes afterwards");
    app.close().await;
}

/// The clock moves on while an image is rendered.
#[tokio::test]
async fn every_step_is_dated_when_it_happens() {
    let app = WorkerApp::studio();
    let posted_at = app.now();
    let job = app.post("a red chair").await;
    assert_eq!(app.relay().await, NO_FAILURES);
    app.advance(SECOND * 2);
    let time_passes = async {
        while app.job(&job).await.status == Status::Queued {
            tokio::time::sleep(MILLISECOND).await;
        }
        app.advance(SECOND * 3);
    };
    let (failed, ()) = tokio::join!(app.process_batch(), time_passes);
    assert_eq!(failed, NO_FAILURES);
    let done = app.job(&job).await;
    let (started_at, finished_at) = (posted_at.plus(SECOND * 2), posted_at.plus(SECOND * 5));
    assert_eq!((done.created_at, done.started_at), (posted_at, Some(started_at)));
    assert_eq!((done.finished_at, done.updated_at), (Some(finished_at), finished_at));
    let ledger = app.store.whole_ledger(&job.user_id).await.unwrap();
    assert!(ledger.is_sorted_by_key(|entry| entry.at));
    assert_eq!(ledger.last().unwrap().at, finished_at);
    app.close().await;
}

#[tokio::test]
async fn the_same_request_is_the_same_image() {
    let app = WorkerApp::studio();
    let first = app.post("a red chair").await;
    let second = app.post_by(&Actor::member("another"), "a red chair").await;
    app.step().await;
    let [first, second] = [app.job(&first).await, app.job(&second).await];
    assert_eq!(first.image.unwrap().sha256, second.image.unwrap().sha256);
    app.close().await;
}

#[tokio::test]
async fn an_image_is_charged_when_the_bucket_has_it_and_not_before() {
    let mut app = WorkerApp::studio();
    app.redeploy(|app| app.set("IMAGES_BUCKET", "missing"));
    let missing = app.bucket("missing");
    let job = app.post("a red chair").await;
    app.step().await;
    let waiting = app.job(&job).await;
    assert_eq!((waiting.status, waiting.attempt), (Status::Queued, 0));
    assert_eq!(waiting.due_at, Some(app.now().plus(SECOND * 30)));
    assert_eq!(app.outcome(&job).await, "queued", "the credit is held");
    missing.create().await;
    app.advance(SECOND * 30);
    app.step().await;
    let done = app.job(&job).await;
    assert!(missing.get(&done.image.unwrap().key).await.is_some());
    assert_eq!(done.status, Status::Succeeded);
    app.close().await;

    let mut app = WorkerApp::studio();
    app.redeploy(|app| app.set("IMAGES_BUCKET", "missing"));
    let job = app.post("a red chair").await;
    app.run_until_idle().await;
    assert_eq!(app.outcome(&job).await, "provider_unavailable");
    app.close().await;
}

#[tokio::test]
async fn bria_makes_an_image_and_sends_a_webhook() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "webhook");
    let job = app.post("a red chair").await;
    app.step().await;
    let submitted = app.job(&job).await;
    assert_eq!(submitted.status, Status::Submitted);
    assert_eq!(app.queue.messages(), [], "the message for the first poll comes through the outbox");

    assert_eq!(app.deliver_webhook().await, 200);
    app.step().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    let request_id = submitted.request_id.unwrap();
    let calls = (
        bria.calls(Route::GenerateLite, "a red chair"),
        bria.calls(Route::Status, &request_id),
        bria.calls(Route::Result, &request_id),
    );
    assert_eq!(calls, (1, 1, 1), "one submit, one poll, one fetch");
    app.run_until_idle().await;
    app.close().await;
    bria.close();
}

#[tokio::test]
async fn the_request_to_bria_has_its_documented_shape() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "asked");
    app.post("a red chair").await;
    app.step().await;
    let received = bria.received(&Filter::route(Route::GenerateLite));
    let request = &received.items[0];
    let mut body: Value = serde_json::from_str(&request.body).unwrap();
    let webhook_url = body["webhook_url"].take();
    assert!(webhook_url.as_str().unwrap().contains("/webhooks/bria?job=gen_"), "{webhook_url}");
    assert_eq!(request.credentials, ["api_token"]);
    expect![[r#"
        {
          "aspect_ratio": "16:9",
          "prompt": "a red chair.",
          "seed": 7,
          "sync": false,
          "webhook_url": null
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&body).unwrap());
    app.run_until_idle().await;
    app.close().await;
    bria.close();
}

#[tokio::test]
async fn a_tailored_model_is_named_in_the_request() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "tailored");
    let job = app.post_tailored("a red chair", "m-7").await;
    app.step().await;
    let received = bria.received(&Filter::route(Route::GenerateTailored));
    let body: Value = serde_json::from_str(&received.items[0].body).unwrap();
    assert_eq!(
        (&body["tailored_model_id"], &body["prompt"]),
        (&json!("m-7"), &json!("a red chair."))
    );
    assert_eq!(app.deliver_webhook().await, 200);
    app.step().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.run_until_idle().await;
    app.close().await;
    bria.close();
}

/// Our own renderer has one model: it renders the prompt.
#[tokio::test]
async fn our_own_renderer_ignores_a_tailored_model() {
    let app = WorkerApp::studio();
    let job = app.post_tailored("a red chair", "m-7").await;
    app.step().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.run_until_idle().await;
    app.close().await;
}

#[tokio::test]
async fn without_a_webhook_bria_is_polled() {
    let bria = BriaSandbox::start().await;
    let app = WorkerApp::bria(&bria, "polled");
    bria.order(Order::next(WebhookFault::Dropped.into()));
    let job = app.post("a red chair").await;
    app.step().await;
    app.relay().await;
    let message = &app.queue.messages()[0];
    assert_eq!(
        message.sent_at.until(message.visible_at),
        SECOND * 45,
        "when the first poll is due"
    );
    assert_eq!(message.group, job.user_id.as_str(), "a member's jobs are one group");

    app.advance(SECOND * 44);
    assert_eq!(app.queue.receive(), []);
    app.advance(SECOND);
    app.step().await;
    assert_eq!(app.outcome(&job).await, "succeeded");
    app.close().await;
    bria.close();
}

/// A job that was queued for Bria before the stack was switched to the studio.
#[tokio::test]
async fn a_provider_that_is_no_longer_used_costs_nothing() {
    let bria = BriaSandbox::start().await;
    let mut app = WorkerApp::bria(&bria, "switched");
    let job = app.post("a red chair").await;
    app.redeploy(|app| app.set("IMAGE_PROVIDER", "studio"));
    app.step().await;
    assert_eq!(app.outcome(&job).await, "provider_unavailable");
    assert_eq!(bria.calls(Route::GenerateLite, "a red chair"), 0);
    app.close().await;
    bria.close();
}

/// Three jobs of one batch.
async fn three_jobs(app: &WorkerApp<'_>) -> [Job; 3] {
    let mut jobs = Vec::new();
    for name in ["first", "second", "third"] {
        jobs.push(app.post_by(&Actor::member(name), name).await);
    }
    jobs.try_into().unwrap()
}

#[tokio::test]
async fn submits_keep_to_brias_limit_per_minute() {
    let bria = BriaSandbox::start().await;
    bria.order(Order::next(WebhookFault::Dropped.into()).times(3));
    let mut app = WorkerApp::bria(&bria, "limited");
    app.redeploy(|app| app.set("BRIA_CALLS_PER_MINUTE", "2"));
    let jobs = three_jobs(&app).await;
    app.step().await;
    let submits = || bria.received(&Filter::route(Route::GenerateLite)).matched;
    assert_eq!(submits(), 2);
    let last = app.job(&jobs[2]).await;
    assert_eq!((last.status, last.attempt), (Status::Queued, 0), "no attempt was counted");
    assert_eq!(last.due_at, Some(app.now().plus(MINUTE)), "its turn is the next minute");
    app.run_until_idle().await;
    for job in &jobs {
        assert_eq!(app.outcome(job).await, "succeeded");
        assert_eq!(app.job(job).await.attempt, 1);
    }
    assert_eq!(submits(), 3);
    app.close().await;
    bria.close();
}

/// A burst is spread over the minutes in its order; who comes later, and a worker that knows nothing
/// of full minutes, find the places taken.
#[tokio::test]
async fn the_generation_that_came_first_begins_first() {
    let bria = BriaSandbox::start().await;
    bria.order(Order::next(WebhookFault::Dropped.into()).times(8));
    let mut app = WorkerApp::bria(&bria, "in-turn");
    app.redeploy(|app| app.set("BRIA_CALLS_PER_MINUTE", "2"));
    let begins = app.now();
    let mut jobs = Vec::new();
    for n in 0..7 {
        jobs.push(app.post_by(&Actor::member(&format!("in-turn-{n}")), &format!("n {n}")).await);
        app.step().await;
    }
    let submits = || bria.received(&Filter::route(Route::GenerateLite)).matched;
    assert_eq!(submits(), 2);
    let turns =
        [0, 0, 60, 75, 120, 135, 180].map(|after| (after > 0).then(|| begins.plus(SECOND * after)));
    for (job, turn_at) in jobs.iter().zip(turns) {
        let job = app.job(job).await;
        assert_eq!(job.turn_at, turn_at);
        assert!(turn_at.is_none() || job.due_at == turn_at, "it is left alone until then");
    }

    app.advance(MINUTE);
    app.redeploy(|_| ());
    jobs.push(app.post_by(&Actor::member("in-turn-late"), "late").await);
    app.step().await;
    assert_eq!(submits(), 3, "the one whose turn it is");
    let late = app.job(&jobs[7]).await;
    assert_eq!(late.turn_at, Some(begins.plus(SECOND * 195)));
    app.run_until_idle().await;
    assert_eq!(submits(), 8);
    let mut started = Vec::new();
    for job in &jobs {
        assert_eq!(app.outcome(job).await, "succeeded");
        started.push(app.job(job).await.started_at);
    }
    assert!(started.is_sorted(), "{started:?}");
    app.close().await;
    bria.close();
}

/// A worker that is late has lost the place in its minute, and takes another one.
#[tokio::test]
async fn no_call_is_made_with_a_place_of_a_minute_that_is_over() {
    let bria = BriaSandbox::start().await;
    bria.order(Order::next(WebhookFault::Dropped.into()).times(3));
    let mut app = WorkerApp::bria(&bria, "late-turn");
    app.redeploy(|app| app.set("BRIA_CALLS_PER_MINUTE", "1"));
    let begins = app.now();
    let jobs = three_jobs(&app).await;
    app.step().await;
    let submits = || bria.received(&Filter::route(Route::GenerateLite)).matched;
    assert_eq!(submits(), 1);
    app.advance(MINUTE * 2);
    app.step().await;
    assert_eq!(submits(), 2, "one of them in this minute");
    assert_eq!(app.job(&jobs[1]).await.turn_at, Some(begins.plus(MINUTE * 3)));
    app.run_until_idle().await;
    assert_eq!(submits(), 3);
    for job in &jobs {
        assert_eq!(app.outcome(job).await, "succeeded");
    }
    app.close().await;
    bria.close();
}

#[tokio::test]
async fn polls_of_all_jobs_share_brias_limit_per_minute() {
    let bria = BriaSandbox::start().await;
    bria.order(Order::next(WebhookFault::Dropped.into()).times(3));
    let mut app = WorkerApp::bria(&bria, "limited-polls");
    let jobs = three_jobs(&app).await;
    app.step().await;
    app.relay().await;
    app.redeploy(|app| app.set("BRIA_CALLS_PER_MINUTE", "2"));
    app.advance(SECOND * 45);
    app.step().await;
    let polls = || bria.received(&Filter::route(Route::Status)).matched;
    assert_eq!(polls(), 2);
    let last = app.job(&jobs[2]).await;
    assert_eq!((last.status, last.polls), (Status::Submitted, 0));
    assert_eq!(last.due_at, Some(app.now().plus(SECOND * 15)), "the rest of the minute");
    app.run_until_idle().await;
    assert_eq!(polls(), 3);
    for job in &jobs {
        assert_eq!(app.outcome(job).await, "succeeded");
    }
    app.close().await;
    bria.close();
}
