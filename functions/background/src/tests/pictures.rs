//! Invalid results in place of the image: nothing is stored, nothing is charged, and what may be a
//! transient fault is retried.

use domain::generation::{RESULT_KEPT, RESULT_WAIT, Status};
use sandbox::{
    faults::{AnswerFault, Fault, Order, PictureFault},
    request_log::Filter,
    route::Route,
};

use super::{
    bria_sandbox::BriaSandbox,
    worker_app::{SECOND, WorkerApp},
};

/// Checks how a job whose image meets `fault` ends.
async fn check(bria: &BriaSandbox, name: &str, fault: (Route, Fault, u32), ending: &str) {
    let app = WorkerApp::bria(bria, name);
    let (route, fault, times) = fault;
    bria.order(Order::next(fault).on_route(route).on_marker(name).times(times));
    let job = app.post(name).await;
    app.step().await;
    assert_eq!(app.deliver_webhook().await, 200);
    app.run_until_idle().await;
    assert_eq!(app.outcome(&job).await, ending, "{name}");
    assert_eq!(bria.calls(Route::GenerateLite, name), 1, "{name}: asked for once");
    let stored = app.images_bucket().keys().await;
    let stored = stored.iter().filter(|key| key.contains(job.user_id.as_str())).count();
    assert_eq!(stored, if ending == "succeeded" { 2 } else { 0 }, "{name}: nothing else is stored");
    app.close().await;
}

#[tokio::test]
async fn a_result_that_is_no_image_is_not_charged() {
    let bria = BriaSandbox::start().await;
    for (name, fault) in [
        ("huge", PictureFault::Huge),
        ("truncated", PictureFault::Truncated),
        ("bomb", PictureFault::Bomb),
        ("page", PictureFault::HtmlPage),
        ("redirect", PictureFault::Redirect),
        ("gone", PictureFault::Gone),
    ] {
        let fault = (Route::GenerateLite, Fault::Picture(fault), 1);
        check(&bria, name, fault, "result_invalid").await;
    }
    let elsewhere = bria.received(&Filter::route(Route::Elsewhere)).matched;
    assert_eq!(elsewhere, 0, "no redirect is followed");
    bria.close();
}

#[tokio::test]
async fn an_image_that_is_unavailable_for_a_moment_is_fetched_again() {
    let bria = BriaSandbox::start().await;
    for (name, fault) in [
        ("fetch: 500", AnswerFault::ServerError),
        ("fetch: busy", AnswerFault::TooMany { retry_after_s: None }),
        ("fetch: cut", AnswerFault::BrokenConnection),
    ] {
        check(&bria, name, (Route::Result, Fault::Answer(fault), 2), "succeeded").await;
    }
    let away = (Route::Result, Fault::Answer(AnswerFault::ServerError), 100);
    check(&bria, "fetch: away", away, "timed_out").await;
    bria.close();
}

/// Bria's content filter answers with a black picture. The job fails with a cause of its own, and
/// the credit is released.
#[tokio::test]
async fn a_picture_of_nothing_but_black_is_not_charged() {
    let bria = BriaSandbox::start().await;
    let black = (Route::GenerateLite, Fault::Picture(PictureFault::Black), 1);
    check(&bria, "black", black, "result_black").await;
    bria.close();
}

/// A list of image hosts without the sandbox's.
const OTHER_ORIGINS: &str = "https://*.bria.ai";

/// A result may have any URL; only origins listed by an operator are fetched. The image is paid for
/// all the same, so the job waits until its host is listed.
#[tokio::test]
async fn an_image_on_a_host_that_is_not_listed_waits_until_it_is() {
    let bria = BriaSandbox::start().await;
    let mut app = WorkerApp::bria(&bria, "unlisted");
    app.redeploy(|app| app.set("IMAGE_ORIGINS", OTHER_ORIGINS));
    let job = app.post("unlisted").await;
    app.step().await;
    assert_eq!(app.deliver_webhook().await, 200);
    app.step().await;
    let waiting = app.job(&job).await;
    assert_eq!(waiting.status, Status::Submitted);
    assert!(waiting.request_id.is_some(), "the provider's request id is stored");
    assert_eq!(waiting.withheld_since, Some(waiting.updated_at));
    assert_eq!(app.outcome(&job).await, "submitted", "the credit is held");
    assert_eq!(bria.received(&Filter::route(Route::Result)).matched, 0);

    // It waits longer than the deadline of the provider.
    for _ in 0..6 {
        app.advance(RESULT_WAIT);
        app.step().await;
    }
    let waiting = app.job(&job).await;
    assert_eq!(waiting.status, Status::Submitted);
    assert_ne!(waiting.withheld_since, Some(waiting.updated_at), "since the first attempt");

    app.redeploy(|app| app.set("IMAGE_ORIGINS", bria.image_origin()));
    app.advance(RESULT_WAIT);
    app.step().await;
    let done = app.job(&job).await;
    assert_eq!((done.status, done.withheld_since), (Status::Succeeded, None));
    assert_eq!(bria.calls(Route::GenerateLite, "unlisted"), 1, "submitted once");
    app.run_until_idle().await;
    app.close().await;
    bria.close();
}

#[tokio::test]
async fn an_image_whose_host_is_never_listed_fails_once_the_provider_deleted_it() {
    let bria = BriaSandbox::start().await;
    let mut app = WorkerApp::bria(&bria, "never listed");
    app.redeploy(|app| app.set("IMAGE_ORIGINS", OTHER_ORIGINS));
    let job = app.post("never listed").await;
    app.step().await;
    assert_eq!(app.deliver_webhook().await, 200);
    app.step().await;
    app.advance(RESULT_KEPT);
    app.step().await;
    assert_eq!(app.outcome(&job).await, "result_invalid", "and the credit is released");
    app.run_until_idle().await;
    app.close().await;
    bria.close();
}

/// The bucket refuses the write: the job waits, with its credit held, until the image is stored.
#[tokio::test]
async fn an_image_is_fetched_again_until_the_bucket_accepts_it() {
    let bria = BriaSandbox::start().await;
    let mut app = WorkerApp::bria(&bria, "refused");
    app.redeploy(|app| app.set("IMAGES_BUCKET", "missing"));
    let missing = app.bucket("missing");
    let job = app.post("refused").await;
    app.step().await;
    assert_eq!(app.deliver_webhook().await, 200);
    app.step().await;
    let waiting = app.job(&job).await;
    assert_eq!((waiting.status, waiting.polls), (Status::Submitted, 1));
    assert_eq!(app.outcome(&job).await, "submitted", "the credit is held");

    missing.create().await;
    app.advance(SECOND * 30);
    app.step().await;
    let done = app.job(&job).await;
    assert_eq!(done.status, Status::Succeeded);
    assert!(missing.get(&done.image.unwrap().key).await.is_some());
    app.run_until_idle().await;
    app.close().await;
    bria.close();
}
