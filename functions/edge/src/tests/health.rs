//! Health: called by monitors, so it needs no token and has no dependencies.

use expect_test::expect;
use testing::TestApp;

#[tokio::test]
async fn anyone_can_read_that_functions_run() {
    let app = TestApp::serving(&[crate::functions]);
    for client in [app.visitor(), app.sign_in("kim")] {
        let answer = client.get("/health").await;
        assert_eq!((answer.status(), answer.header("cache-control")), (200, Some("no-store")));
        expect![[r#"{"status":"ok","version":"0.1.0"}"#]].assert_eq(&answer.body);
    }
    assert_eq!(app.engine.take_usage().round_trips(), 0);
}

#[tokio::test]
async fn it_takes_no_input() {
    let app = TestApp::serving(&[crate::functions]);
    let answer = app.visitor().get("/health?deep=true").await;
    expect!["422 invalid_request, /deep unknown_field"].assert_eq(&answer.brief());
}
