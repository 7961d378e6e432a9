//! Invalid results in place of the image: nothing is stored, nothing is charged, and what may be a
//! transient fault is retried.

use clients::{Http, ImageFetcher};
use domain::generation::{RESULT_KEPT, RESULT_WAIT, Status};
use runtime::{BriaImages, ImageProvider};
use sandbox::{
    faults::{AnswerFault, Fault, Order, PictureFault},
    request_log::Filter,
    route::Route,
};
use testing::cloud::Cloud;

use super::{
    outside::Outside,
    stage::{SECOND, WorkerApp},
};

/// Checks how a job whose image meets `fault` ends.
async fn check(outside: &Outside, name: &str, fault: (Route, Fault, u32), ending: &str) {
    let stage = WorkerApp::bria(outside, name);
    let (route, fault, times) = fault;
    outside.order(Order::next(fault).on_route(route).on_marker(name).times(times));
    let job = stage.post(name).await;
    stage.step().await;
    assert_eq!(stage.hear().await, 200);
    stage.until_quiet().await;
    assert_eq!(stage.ending(&job).await, ending, "{name}");
    assert_eq!(outside.calls(Route::GenerateLite, name), 1, "{name}: asked for once");
    let stored = outside.bucket.keys().await;
    let stored = stored.iter().filter(|key| key.contains(job.user_id.as_str())).count();
    assert_eq!(stored, if ending == "succeeded" { 2 } else { 0 }, "{name}: nothing else is stored");
    stage.close().await;
}

#[tokio::test]
async fn a_picture_that_is_none_is_not_charged() {
    let outside = Outside::begin().await;
    for (name, fault) in [
        ("huge", PictureFault::Huge),
        ("truncated", PictureFault::Truncated),
        ("bomb", PictureFault::Bomb),
        ("page", PictureFault::HtmlPage),
        ("redirect", PictureFault::Redirect),
        ("gone", PictureFault::Gone),
    ] {
        let fault = (Route::GenerateLite, Fault::Picture(fault), 1);
        check(&outside, name, fault, "result_invalid").await;
    }
    let elsewhere = outside.sandbox.received(&Filter::route(Route::Elsewhere)).matched;
    assert_eq!(elsewhere, 0, "no redirect is followed");
    outside.close().await;
}

#[tokio::test]
async fn a_picture_that_is_away_for_a_moment_is_fetched_again() {
    let outside = Outside::begin().await;
    for (name, fault) in [
        ("fetch: 500", AnswerFault::ServerError),
        ("fetch: busy", AnswerFault::TooMany { retry_after_s: None }),
        ("fetch: cut", AnswerFault::BrokenConnection),
    ] {
        check(&outside, name, (Route::Result, Fault::Answer(fault), 2), "succeeded").await;
    }
    let away = (Route::Result, Fault::Answer(AnswerFault::ServerError), 100);
    check(&outside, "fetch: away", away, "timed_out").await;
    outside.close().await;
}

/// A fetcher that does not allow the sandbox's image host.
fn elsewhere() -> ImageFetcher {
    ImageFetcher::new(Http::new().unwrap(), &["https://*.bria.ai"]).unwrap()
}

/// A result may have any URL; only origins listed by an operator are fetched. The image is paid for
/// all the same, so the job waits until its host is listed.
#[tokio::test]
async fn a_picture_on_a_host_that_is_not_listed_waits_until_it_is() {
    let outside = Outside::begin().await;
    let mut stage = WorkerApp::bria(&outside, "unlisted");
    let fetcher = elsewhere();
    stage.hands.2 = ImageProvider::Bria(BriaImages { fetcher, ..outside.bria() });
    let job = stage.post("unlisted").await;
    stage.step().await;
    assert_eq!(stage.hear().await, 200);
    stage.step().await;
    let waiting = stage.job(&job).await;
    assert_eq!(waiting.status, Status::Submitted);
    assert!(waiting.request_id.is_some(), "the provider's request id is stored");
    assert_eq!(waiting.withheld_since, Some(waiting.updated_at));
    assert_eq!(stage.ending(&job).await, "submitted", "the credit is held");
    assert_eq!(outside.sandbox.received(&Filter::route(Route::Result)).matched, 0);

    // It waits longer than the deadline of the provider.
    for _ in 0..6 {
        stage.pass(RESULT_WAIT);
        stage.step().await;
    }
    let waiting = stage.job(&job).await;
    assert_eq!(waiting.status, Status::Submitted);
    assert_ne!(waiting.withheld_since, Some(waiting.updated_at), "since the first attempt");

    stage.hands.2 = ImageProvider::Bria(outside.bria());
    stage.pass(RESULT_WAIT);
    stage.step().await;
    let done = stage.job(&job).await;
    assert_eq!((done.status, done.withheld_since), (Status::Succeeded, None));
    assert_eq!(outside.calls(Route::GenerateLite, "unlisted"), 1, "submitted once");
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

#[tokio::test]
async fn a_picture_whose_host_is_never_listed_is_given_up_once_the_provider_deleted_it() {
    let outside = Outside::begin().await;
    let mut stage = WorkerApp::bria(&outside, "never listed");
    let fetcher = elsewhere();
    stage.hands.2 = ImageProvider::Bria(BriaImages { fetcher, ..outside.bria() });
    let job = stage.post("never listed").await;
    stage.step().await;
    assert_eq!(stage.hear().await, 200);
    stage.step().await;
    stage.pass(RESULT_KEPT);
    stage.step().await;
    assert_eq!(stage.ending(&job).await, "result_invalid", "and the credit is released");
    stage.until_quiet().await;
    stage.close().await;
    outside.close().await;
}

/// The bucket refuses the write: the job waits, with its credit held, until the image is stored.
#[tokio::test]
async fn a_picture_is_fetched_again_until_the_bucket_takes_it() {
    let outside = Outside::begin().await;
    let missing = Cloud::here().missing_bucket();
    let mut stage = WorkerApp::bria(&outside, "refused");
    stage.hands.1 = missing.images();
    let job = stage.post("refused").await;
    stage.step().await;
    assert_eq!(stage.hear().await, 200);
    stage.step().await;
    let waiting = stage.job(&job).await;
    assert_eq!((waiting.status, waiting.polls), (Status::Submitted, 1));
    assert_eq!(stage.ending(&job).await, "submitted", "the credit is held");

    missing.create().await;
    stage.pass(SECOND * 30);
    stage.step().await;
    let done = stage.job(&job).await;
    assert_eq!(done.status, Status::Succeeded);
    assert!(missing.get(&done.image.unwrap().key).await.is_some());
    stage.until_quiet().await;
    stage.close().await;
    missing.discard().await;
    outside.close().await;
}
