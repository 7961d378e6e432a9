//! Reports.

use domain::marketplace::moderation::flag::FlagReason;
use serde_json::json;
use testing::{Actor, TestRequest};

use super::stage::{BuyingApp, member};

fn flag(by: &Actor, listing: impl ToString, reason: &str) -> TestRequest {
    TestRequest::by(by).path("id", listing).json(json!({ "reason": reason }))
}

#[tokio::test]
async fn three_members_put_a_listing_before_a_moderator() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let listing = stall.on_sale(&lena, 0).await;
    let reports = [("kim", "spam"), ("kim", "copied"), ("ada", "copied"), ("eve", "broken")];
    for (who, reason) in reports {
        let answer = stall.flag(&flag(&member(who), &listing, reason)).await;
        assert_eq!((answer.status(), answer.json()), (200, json!({"received": true})));
    }
    // The fourth flag shows the state of the flags.
    let eve = member("eve");
    let flags = stall
        .store()
        .flag_listing((&eve.id, None), &listing, FlagReason::Broken, stall.app.now())
        .await
        .unwrap();
    assert_eq!(flags.due_since, Some(stall.app.now()));
    let reasons: Vec<FlagReason> = flags.flags.iter().map(|flag| flag.reason).collect();
    assert_eq!(reasons, [FlagReason::Copied, FlagReason::Copied, FlagReason::Broken]);
}

#[tokio::test]
async fn what_is_not_on_sale_is_not_flagged() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let draft = stall.draft(&lena, "A draft", 0).await;
    for id in [draft.as_str(), "x"] {
        let answer = stall.flag(&flag(&kim, id, "spam")).await;
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    let listing = stall.on_sale(&lena, 0).await;
    let ugly = stall.flag(&flag(&kim, &listing, "ugly")).await;
    assert_eq!(ugly.brief(), "422 invalid_request, /reason unknown_value");
    stall.app.suspend(&kim.id, "spam", None).await;
    let suspended = stall.flag(&flag(&kim, &listing, "spam")).await;
    assert_eq!(suspended.brief(), "403 account_suspended");
}
