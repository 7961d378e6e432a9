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

/// The code of an upload that is refused when its file is checked leads to a page like any other.
#[tokio::test]
async fn a_refused_file_has_a_page() {
    let app = TestApp::serving(&[crate::functions]);
    for code in [
        "archive_program",
        "file_not_clean",
        "not_an_asset",
        "picture_damaged",
        "safetensors_invalid",
    ] {
        let page = app.visitor().get(format!("/docs/problems/{code}")).await;
        assert_eq!(page.status(), 200, "{code}");
        assert!(page.body.contains("send it with another upload"), "{code}: {}", page.body);
    }
    assert_eq!(app.visitor().get("/docs/problems/file_ugly").await.status(), 404);
}
