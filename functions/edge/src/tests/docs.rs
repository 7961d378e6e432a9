//! The reference page and its files.

use testing::TestApp;

#[tokio::test]
async fn a_file_that_the_page_does_not_have_is_not_found() {
    let app = TestApp::serving(&[crate::functions]);
    assert_eq!(app.visitor().get("/docs/start.js").await.status(), 200);
    assert_eq!(app.visitor().get("/docs/other.js").await.brief(), "404 not_found");
}

/// Whether or not the page is asked for with a slash at its end.
#[tokio::test]
async fn the_page_names_its_files_from_the_root() {
    let app = TestApp::serving(&[crate::functions]);
    let page = app.visitor().get("/docs").await;
    let text = &page.body;
    for file in ["swagger-ui.css", "page.css", "swagger-ui-bundle.js", "start.js"] {
        assert!(text.contains(&format!("/docs/{file}\"")), "{text}");
        assert!(!text.contains(&format!("\"docs/{file}\"")), "{text}");
    }
}
