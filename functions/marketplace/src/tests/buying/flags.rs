//! Reports.

use std::fmt;

use domain::{
    id::{ReviewId, UploadId},
    marketplace::moderation::flag::{FlagReason, FlagSubject},
};
use serde_json::{Value, json};
use store::NewFlag;
use testing::{Client, ClientRequest};

use super::{
    super::{LISTINGS, app},
    steps::{draft, on_sale},
};

/// A report of a listing.
fn flag<'a>(member: &Client<'a>, listing: impl fmt::Display, reason: &str) -> ClientRequest<'a> {
    member.post(format!("{LISTINGS}/{listing}/flags")).json(json!({ "reason": reason }))
}

#[tokio::test]
async fn three_reports_put_a_listing_before_a_moderator() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 0).await;
    let reports = [("kim", "spam"), ("kim", "copied"), ("ada", "copied"), ("eve", "broken")];
    for (name, reason) in reports {
        let answer = flag(&app.sign_in(name), &listing, reason).await;
        assert_eq!((answer.status(), answer.json()), (200, json!({"received": true})));
    }
    // The fourth flag shows the state of the flags.
    let eve = app.sign_in("eve");
    let (subject, reason) = (FlagSubject::listing(&listing), FlagReason::Broken);
    let new = NewFlag { subject, reason, text: None };
    let flags = app.store.add_flag((&eve.id, None), &listing, &new, app.now()).await.unwrap();
    assert_eq!(flags.due_since, Some(app.now()));
    let reasons: Vec<FlagReason> = flags.flags.iter().map(|flag| flag.reason).collect();
    assert_eq!(reasons, [FlagReason::Copied, FlagReason::Copied, FlagReason::Broken]);
}

#[tokio::test]
async fn only_listings_on_sale_are_flagged() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let draft = draft(&app, &lena, "A draft", 0).await;
    for id in [draft.as_str(), "x"] {
        let answer = flag(&kim, id, "spam").await;
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    let listing = on_sale(&app, &lena, 0).await;
    let ugly = flag(&kim, &listing, "ugly").await;
    assert_eq!(ugly.brief(), "422 invalid_request, /reason unknown_value");
    app.suspend(&kim.id, "spam", None).await;
    let suspended = flag(&kim, &listing, "spam").await;
    assert_eq!(suspended.brief(), "403 account_suspended");
}

/// Reports name an image, a review or its author by an id of the listing's page.
#[tokio::test]
async fn only_what_is_on_the_page_is_flagged() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let path = format!("{LISTINGS}/{listing}");
    let check = async |body: Value, expected: &str| {
        assert_eq!(kim.post(format!("{path}/flags")).json(body).await.brief(), expected);
    };
    let image = |id: Value| json!({ "reason": "copied", "about": "image", "image_id": id });
    let unknown = UploadId::new(app.now(), 99);
    check(image(json!(unknown)), "404 image_not_found").await;
    let shown = app.visitor().get(&path).await.json()["previews"][0]["id"].clone();
    check(image(shown), "200").await;
    let unknown = ReviewId::new(app.now(), 99);
    for about in ["review", "reviewer"] {
        let body = json!({ "reason": "abusive", "about": about, "review_id": unknown });
        check(body, "404 review_not_found").await;
    }
}
