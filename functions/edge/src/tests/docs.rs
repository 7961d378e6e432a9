//! The reference page and its files.

use testing::TestApp;

#[tokio::test]
async fn a_file_that_the_page_does_not_have_is_not_found() {
    let app = TestApp::serving(&[crate::functions]);
    assert_eq!(app.visitor().get("/docs/start.js").await.status(), 200);
    assert_eq!(app.visitor().get("/docs/other.js").await.brief(), "404 not_found");
}
