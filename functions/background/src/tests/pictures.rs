//! What lies where the picture should: nothing of it is kept, nothing of it is charged, and what
//! may be a passing fault is tried again.

use clients::{Http, ImageFetcher};
use domain::generation::Status;
use runtime::{BriaImages, ImageProvider};
use sandbox::{
    faults::{AnswerFault, Fault, Order, PictureFault},
    journal::Filter,
    route::Route,
};
use testing::cloud::Cloud;

use super::{
    outside::Outside,
    stage::{SECOND, Stage},
};

/// A job whose picture meets `fault`: how it ends.
async fn check(outside: &Outside, name: &str, fault: (Route, Fault, u32), ending: &str) {
    let stage = Stage::bria(outside, name);
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
    assert_eq!(stored, if ending == "succeeded" { 2 } else { 0 }, "{name}: nothing else is kept");
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

/// A completed report may name any address; only those an operator listed are followed.
#[tokio::test]
async fn a_picture_at_an_address_that_is_not_listed_is_not_fetched() {
    let outside = Outside::begin().await;
    let mut stage = Stage::bria(&outside, "unlisted");
    let fetcher = ImageFetcher::new(Http::new().unwrap(), &["https://*.bria.ai"]).unwrap();
    stage.hands.2 = ImageProvider::Bria(BriaImages { fetcher, ..outside.bria() });
    let job = stage.post("unlisted").await;
    stage.until_quiet().await;
    assert_eq!(stage.ending(&job).await, "result_invalid");
    assert_eq!(outside.sandbox.received(&Filter::route(Route::Result)).matched, 0);
    stage.close().await;
    outside.close().await;
}

/// The bucket refuses the write: the job waits, with its credit held, until it is taken.
#[tokio::test]
async fn a_picture_is_fetched_again_until_the_bucket_takes_it() {
    let outside = Outside::begin().await;
    let missing = Cloud::here().missing_bucket();
    let mut stage = Stage::bria(&outside, "refused");
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
