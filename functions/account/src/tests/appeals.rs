//! Appeals, as their member makes and sees them.

use serde_json::json;
use testing::TestApp;

const APPEALS: &str = "/api/v1/me/appeals";

#[tokio::test]
async fn a_suspended_member_appeals_once_and_does_nothing_else() {
    let app = TestApp::serving(&[crate::functions]);
    let kim = app.sign_in("kim");
    let make = |text: &str| kim.post(APPEALS).json(json!({ "text": text }));
    assert_eq!(make("Why?").await.brief(), "409 no_decision");
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(make(" ").await.brief(), "422 invalid_request, /text text");
    let first = make("It was not me.").await;
    assert_eq!(first.status(), 201, "{}", first.pretty());
    assert_eq!(make("It was not me.").await.json(), first.json());
    assert_eq!(make("It was my sister.").await.brief(), "409 already_appealed");
    let renamed = kim.patch("/api/v1/me").json(json!({ "display_name": "Kim" })).await;
    assert_eq!(renamed.brief(), "403 account_suspended");
    let page = kim.get(APPEALS).await.json();
    let item = &page["items"][0];
    assert_eq!((&item["status"], &item["about"]), (&json!("open"), &json!("suspension")));
    assert_eq!((&item["reason"], &item["text"]), (&json!("spam"), &json!("It was not me.")));
    let others = json!({ "listing_id": "lst_01JD0000000000000000000000", "text": "Mine." });
    assert_eq!(kim.post(APPEALS).json(others).await.brief(), "404 listing_not_found");
}
