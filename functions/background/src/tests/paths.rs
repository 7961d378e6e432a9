//! A prompt becomes an image: by our own renderer, and by Bria, reported by webhook or by polling.

use domain::generation::{Job, Status};
use expect_test::expect;
use runtime::{BriaImages, ImageProvider};
use sandbox::{
    faults::{Order, WebhookFault},
    request_log::Filter,
    route::Route,
};
use serde_json::{Value, json};
use testing::{Actor, cloud::Cloud};

use super::{
    outside::Outside,
    stage::{MINUTE, SECOND, WorkerApp},
};

#[tokio::test]
async fn our_own_renderer_draws_an_image_at_once() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "drawn");
    let job = stage.post("a red chair").await;
    stage.step().await;

    let done = stage.job(&job).await;
    let image = done.image.clone().unwrap();
    let shown = json!({
        "status": done.status, "charge": done.charge.state, "attempt": done.attempt,
        "size": [image.width, image.height],
    });
    expect![[r#"{"attempt":1,"charge":"captured","size":[512,288],"status":"succeeded"}"#]]
        .assert_eq(&shown.to_string());
    stage.check_image(&done).await;
    let folder = format!("generations/{}/{}", job.user_id, job.id);
    let stored = ["original.png", "thumbnail.jpg"].map(|name| format!("{folder}/{name}"));
    assert_eq!(outside.bucket.keys().await, stored);
    assert_eq!(stored, [image.key, image.thumbnail_key]);

    stage.until_quiet().await;
    assert_eq!(stage.job(&job).await, done, "nothing changes afterwards");
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn the_same_order_is_the_same_image() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "again");
    let first = stage.post("a red chair").await;
    let second = stage.post_by(&Actor::member("another"), "a red chair").await;
    stage.step().await;
    let [first, second] = [stage.job(&first).await, stage.job(&second).await];
    assert_eq!(first.image.unwrap().sha256, second.image.unwrap().sha256);
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn an_image_is_charged_when_the_bucket_has_it_and_not_before() {
    let outside = Outside::begin().await;
    let missing = Cloud::here().missing_bucket();

    let mut stage = WorkerApp::studio(&outside, "stored-later");
    stage.hands.1 = missing.images();
    let job = stage.post("a red chair").await;
    stage.step().await;
    let waiting = stage.job(&job).await;
    assert_eq!((waiting.status, waiting.attempt), (Status::Queued, 0));
    assert_eq!(waiting.due_at, Some(stage.now().plus(SECOND * 30)));
    assert_eq!(stage.ending(&job).await, "queued", "the credit is held");
    missing.create().await;
    stage.pass(SECOND * 30);
    stage.step().await;
    let done = stage.job(&job).await;
    assert!(missing.get(&done.image.unwrap().key).await.is_some());
    assert_eq!(done.status, Status::Succeeded);
    stage.close().await;
    missing.discard().await;

    let mut stage = WorkerApp::studio(&outside, "stored-never");
    stage.hands.1 = Cloud::here().missing_bucket().images();
    let job = stage.post("a red chair").await;
    stage.until_quiet().await;
    assert_eq!(stage.ending(&job).await, "provider_unavailable");
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn bria_draws_an_image_and_says_so() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "told");
    let job = stage.post("a red chair").await;
    stage.step().await;
    let submitted = stage.job(&job).await;
    assert_eq!(submitted.status, Status::Submitted);
    assert_eq!(
        stage.queue.waiting(),
        [],
        "the message for the first poll comes through the outbox"
    );

    assert_eq!(stage.hear().await, 200);
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    let request_id = submitted.request_id.unwrap();
    let calls = (
        outside.calls(Route::GenerateLite, "a red chair"),
        outside.calls(Route::Status, &request_id),
        outside.calls(Route::Result, &request_id),
    );
    assert_eq!(calls, (1, 1, 1), "one submit, one poll, one fetch");
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

/// The request to Bria has its documented shape and nothing else.
#[tokio::test]
async fn what_bria_is_asked_for() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "asked");
    stage.post("a red chair").await;
    stage.step().await;
    let received = outside.sandbox.received(&Filter::route(Route::GenerateLite));
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
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn a_tailored_model_is_asked_by_its_name() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "tailored");
    let job = stage.post_tailored("a red chair", "m-7").await;
    stage.step().await;
    let received = outside.sandbox.received(&Filter::route(Route::GenerateTailored));
    let body: Value = serde_json::from_str(&received.items[0].body).unwrap();
    assert_eq!(
        (&body["tailored_model_id"], &body["prompt"]),
        (&json!("m-7"), &json!("a red chair."))
    );
    assert_eq!(stage.hear().await, 200);
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

/// Our own renderer has one model: it renders the prompt.
#[tokio::test]
async fn our_own_renderer_passes_a_tailored_model_over() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::studio(&outside, "passed-over");
    let job = stage.post_tailored("a red chair", "m-7").await;
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn bria_says_nothing_and_is_asked() {
    let outside = Outside::begin().await;
    let stage = WorkerApp::bria(&outside, "polled");
    outside.order(Order::next(WebhookFault::Dropped.into()));
    let job = stage.post("a red chair").await;
    stage.step().await;
    stage.relay().await;
    let hint = &stage.queue.waiting()[0];
    assert_eq!(hint.sent_at.until(hint.visible_at), SECOND * 45, "when the first poll is due");
    assert_eq!(hint.group, job.user_id.as_str(), "a member's jobs are one group");

    stage.pass(SECOND * 44);
    assert_eq!(stage.queue.receive(), []);
    stage.pass(SECOND);
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "succeeded");
    stage.close().await;
    outside.close().await;
}

/// A job that was queued for Bria before the stack was switched to the studio.
#[tokio::test]
async fn a_provider_that_is_gone_costs_nothing() {
    let outside = Outside::begin().await;
    let mut stage = WorkerApp::bria(&outside, "switched");
    stage.hands.2 = ImageProvider::Studio;
    let job = stage.post("a red chair").await;
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "provider_unavailable");
    assert_eq!(outside.calls(Route::GenerateLite, "a red chair"), 0);
    stage.close().await;
    outside.close().await;
}

/// Three jobs of one batch.
async fn three_jobs(stage: &WorkerApp<'_>) -> [Job; 3] {
    let mut jobs = Vec::new();
    for name in ["first", "second", "third"] {
        jobs.push(stage.post_by(&Actor::member(name), name).await);
    }
    jobs.try_into().unwrap()
}

fn at_most(outside: &Outside, calls_per_minute: u32) -> ImageProvider {
    ImageProvider::Bria(BriaImages { calls_per_minute, ..outside.bria() })
}

#[tokio::test]
async fn submits_keep_to_brias_limit_per_minute() {
    let outside = Outside::begin().await;
    outside.order(Order::next(WebhookFault::Dropped.into()).times(3));
    let mut stage = WorkerApp::bria(&outside, "limited");
    stage.hands.2 = at_most(&outside, 2);
    let jobs = three_jobs(&stage).await;
    stage.step().await;
    let submits = || outside.sandbox.received(&Filter::route(Route::GenerateLite)).matched;
    assert_eq!(submits(), 2);
    let last = stage.job(&jobs[2]).await;
    assert_eq!((last.status, last.attempt), (Status::Queued, 0), "no attempt was counted");
    assert_eq!(last.due_at, Some(stage.now().plus(MINUTE)), "its turn is the next minute");
    stage.until_quiet().await;
    for job in &jobs {
        assert_eq!(stage.ending(job).await, "succeeded");
        assert_eq!(stage.job(job).await.attempt, 1);
    }
    assert_eq!(submits(), 3);
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn polls_of_all_jobs_share_brias_limit_per_minute() {
    let outside = Outside::begin().await;
    outside.order(Order::next(WebhookFault::Dropped.into()).times(3));
    let mut stage = WorkerApp::bria(&outside, "limited-polls");
    let jobs = three_jobs(&stage).await;
    stage.step().await;
    stage.relay().await;
    stage.hands.2 = at_most(&outside, 2);
    stage.pass(SECOND * 45);
    stage.step().await;
    let polls = || outside.sandbox.received(&Filter::route(Route::Status)).matched;
    assert_eq!(polls(), 2);
    let last = stage.job(&jobs[2]).await;
    assert_eq!((last.status, last.polls), (Status::Submitted, 0));
    assert_eq!(last.due_at, Some(stage.now().plus(SECOND * 15)), "the rest of the minute");
    stage.until_quiet().await;
    assert_eq!(polls(), 3);
    for job in &jobs {
        assert_eq!(stage.ending(job).await, "succeeded");
    }
    stage.close().await;
    outside.close().await;
}
