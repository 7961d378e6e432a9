//! Stripe's webhook before its signature is looked at; the rest is in the billing suite.

use testing::TestApp;

#[tokio::test]
async fn a_body_that_is_not_text_is_refused() {
    let app = TestApp::serving(&[crate::functions]);
    let answer = app.visitor().post("/webhooks/stripe").bytes(&[0xff, 0xfe]).await;
    assert_eq!(answer.brief(), "400 body_not_text");
}
