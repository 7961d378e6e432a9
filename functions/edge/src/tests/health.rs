//! Health: called by monitors, so it needs no token and has no dependencies.

use expect_test::expect;
use testing::{Actor, TestApp, TestRequest};

use crate::get_health::{ENDPOINT, handle};

#[tokio::test]
async fn whoever_asks_is_told_that_functions_run() {
    let app = TestApp::new();
    for ask in [TestRequest::anonymous(), TestRequest::by(&Actor::member("kim"))] {
        let answer = app.send(&ENDPOINT, &handle, &(), &ask).await;
        assert_eq!((answer.status(), answer.header("cache-control")), (200, Some("no-store")));
        expect![[r#"{"status":"ok","version":"0.1.0"}"#]].assert_eq(&answer.body);
    }
    assert_eq!(app.engine.take_usage().round_trips(), 0);
}

#[tokio::test]
async fn it_takes_no_input() {
    let app = TestApp::new();
    let answer =
        app.send(&ENDPOINT, &handle, &(), &TestRequest::anonymous().query("deep", true)).await;
    expect!["422 invalid_request, /deep unknown_field"].assert_eq(&answer.brief());
}
