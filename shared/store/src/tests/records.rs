//! Idempotency keys of requests with effects outside the table, and rate limits.

use domain::ErrorKind;

use super::*;
use crate::{Claim, REMEMBERED, Rate};

#[tokio::test]
async fn a_key_is_claimed_completed_and_repeated() {
    let app = TestApp::new();
    let (store, request) = (&app.store, key("a"));
    let user = UserId::parse("member").unwrap();
    assert_eq!(store.claim(&user, &request, NOW).await.unwrap(), Claim::New);

    let meanwhile = store.claim(&user, &request, NOW).await.unwrap_err();
    assert_eq!(meanwhile.kind(), ErrorKind::Conflict);
    assert_eq!(meanwhile.code(), "idempotency_key_in_flight");
    assert_eq!(meanwhile.retry_after_s(), Some(2));

    store.complete(&user, &request, "{\"a\":1}".to_owned(), NOW).await.unwrap();
    let answer = Claim::Replay("{\"a\":1}".to_owned());
    assert_eq!(store.claim(&user, &request, NOW.plus(SECOND)).await.unwrap(), answer);

    let other = Idempotency { fingerprint: "another".to_owned(), ..request.clone() };
    assert_eq!(code(store.claim(&user, &other, NOW).await), "idempotency_key_reused");
    let neighbour = UserId::parse("neighbour").unwrap();
    assert_eq!(store.claim(&neighbour, &other, NOW).await.unwrap(), Claim::New);

    let late = NOW.plus(REMEMBERED);
    assert_eq!(store.claim(&user, &request, late.minus(SECOND)).await.unwrap(), answer);
    assert_eq!(store.claim(&user, &other, late).await.unwrap(), Claim::New, "the key expired");
}

#[tokio::test]
async fn a_claim_that_failed_does_not_block_its_key() {
    let app = TestApp::new();
    let (store, request) = (&app.store, key("a"));
    let user = UserId::parse("member").unwrap();
    store.claim(&user, &request, NOW).await.unwrap();
    store.abandon(&user, &request).await.unwrap();
    assert_eq!(store.claim(&user, &request, NOW).await.unwrap(), Claim::New);
}

#[tokio::test]
async fn a_claim_whose_function_died_is_taken_over_by_the_same_request_only() {
    let app = TestApp::new();
    let (store, request) = (&app.store, key("a"));
    let other = Idempotency { fingerprint: "another".to_owned(), ..request.clone() };
    let user = UserId::parse("member").unwrap();
    store.claim(&user, &request, NOW).await.unwrap();
    let before = NOW.plus(SECOND * 59);
    assert_eq!(code(store.claim(&user, &request, before).await), "idempotency_key_in_flight");
    let after = NOW.plus(SECOND * 60);
    assert_eq!(code(store.claim(&user, &other, after).await), "idempotency_key_reused");
    assert_eq!(store.claim(&user, &request, after).await.unwrap(), Claim::New);
    assert_eq!(code(store.claim(&user, &request, after).await), "idempotency_key_in_flight");
}

#[tokio::test]
async fn one_of_many_claims_a_key() {
    let app = TestApp::new();
    let claims = at_once(32, async |_| {
        let user = UserId::parse("member").unwrap();
        app.store.claim(&user, &key("a"), NOW).await.is_ok()
    });
    assert_eq!(claims.into_iter().filter(|claimed| *claimed).count(), 1);
}

#[tokio::test]
async fn so_many_in_a_window_and_no_more() {
    let app = TestApp::new();
    let rate = Rate { max: 3, window: SECOND * 60 };
    let take = async |what: &str, now: Timestamp| app.store.check_rate_limit(what, rate, now).await;
    let begins = NOW.floor_to(rate.window);
    app.engine.take_usage();
    for n in 0..3 {
        take("a", begins.plus(SECOND * n)).await.unwrap();
    }
    assert_eq!(app.engine.take_usage().write_units, 3.0);

    let refused = take("a", begins.plus(Duration::from_millis(44_500))).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::TooMany, "rate_limited"));
    assert_eq!(refused.retry_after_s(), Some(16));
    expect_test::expect!["At most 3 of these in 60 seconds: try again in 16 seconds."]
        .assert_eq(&refused.to_string());

    take("b", begins).await.expect("another name has its own window");
    take("a", begins.plus(rate.window)).await.expect("the next window");
}

#[tokio::test]
async fn the_places_of_a_window_are_taken_once_each() {
    let app = TestApp::new();
    let taken = at_once(64, async |_| {
        let rate = Rate { max: 10, window: SECOND * 60 };
        app.store.check_rate_limit("a", rate, NOW).await.is_ok()
    });
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 10);
}

/// The first window that has room, of those that may be waited for.
#[tokio::test]
async fn places_are_taken_window_after_window() {
    let app = TestApp::new();
    let rate = Rate { max: 2, window: SECOND * 60 };
    let begins = NOW.floor_to(rate.window);
    let (from, until) = (begins.plus(SECOND * 50), begins.plus(SECOND * 130));
    let mut taken = Vec::new();
    while let Some(place) = app.store.take_first("a", rate, from, until).await.unwrap() {
        taken.push((begins.secs_until(place.window), place.nth));
    }
    assert_eq!(taken, [(0, 1), (0, 2), (60, 1), (60, 2), (120, 1), (120, 2)]);
    let later = app.store.take_first("a", rate, from, begins.plus(SECOND * 181)).await.unwrap();
    assert_eq!(later.map(|place| place.window), Some(begins.plus(SECOND * 180)));
}

#[tokio::test]
async fn a_place_is_taken_once_whoever_is_faster() {
    let app = TestApp::new();
    let rate = Rate { max: 10, window: SECOND * 60 };
    let until = NOW.plus(SECOND * 60 * 60);
    let taken = at_once(64, async |_| {
        let place = app.store.take_first("a", rate, NOW, until).await.unwrap().unwrap();
        (place.window, place.nth)
    });
    let different: std::collections::BTreeSet<_> = taken.iter().collect();
    assert_eq!(different.len(), 64);
    assert!(taken.iter().all(|(window, nth)| *window < NOW.plus(SECOND * 60 * 7) && *nth <= 10));
}
