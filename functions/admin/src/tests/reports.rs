//! Reports of images, reviews and members, and the removal of reviews.

use domain::{
    id::ReviewId,
    marketplace::{
        community::review::Opinion,
        moderation::flag::{FlagReason, FlagSubject},
    },
};
use serde_json::Value;
use store::NewFlag;

use super::{
    lists::{free_listing, take},
    *,
};

/// A listing of Lena's with Kim's review of one star.
async fn reviewed(app: &TestApp) -> (ListingId, ReviewId) {
    let listing = free_listing(app, &lena(), "Rembrandt").await;
    take(app, &Actor::member("kim"), &listing).await;
    (listing.clone(), review(app, &listing).await.unwrap())
}

async fn review(app: &TestApp, listing: &ListingId) -> Result<ReviewId, store::StoreError> {
    let id = ReviewId::new(app.now(), app.ambient.entropy.next());
    let opinion = Opinion { rating: 1, comment: Some("He lives in 5 High Street.".to_owned()) };
    let kim = Actor::member("kim").id;
    let written = app.store.write_review((&kim, None), listing, (&id, &opinion), app.now());
    written.await.map(|it| it.id)
}

async fn report(app: &TestApp, by: &str, listing: &ListingId, subject: FlagSubject) {
    let (reason, text) = (FlagReason::Abusive, Some(format!("{by} saw it.")));
    let new = NewFlag { subject, reason, text };
    let by = Actor::member(by).id;
    app.store.add_flag((&by, None), listing, &new, app.now()).await.unwrap();
    advance_a_minute(app);
}

async fn decide(by: &Client<'_>, id: &str, decision: &str, seen: u64) -> String {
    let body = json!({ "decision": decision, "reason": "Seen.", "seen": seen });
    by.post(format!("{FLAGS}/{id}/resolve")).json(body).await.brief()
}

#[tokio::test]
async fn one_queue_has_open_reports_of_every_kind() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let (listing, review) = reviewed(&app).await;
    let listing_id = || listing.clone();
    let page = app.store.listing_page(&listing, app.now()).await.unwrap();
    let image_id = page.revision.previews[0].upload_id.clone();
    let subjects = [
        FlagSubject::Review { listing_id: listing_id(), review_id: review.clone() },
        FlagSubject::Image { listing_id: listing_id(), image_id },
        FlagSubject::Member { member_id: Actor::member("kim").id },
    ];
    for subject in &subjects {
        report(&app, "ada", &listing, subject.clone()).await;
    }
    report(&app, "eve", &listing, subjects[0].clone()).await;
    let page = moderator.get(FLAGS).await.json();
    let items = page["items"].as_array().unwrap();
    let kinds: Vec<&Value> = items.iter().map(|it| &it["subject"]).collect();
    assert_eq!(kinds, ["review", "image", "member"]);
    assert_eq!(items[0]["texts"][1]["text"], "eve saw it.");
    assert_eq!(items[0]["review"]["comment"], "He lives in 5 High Street.");
    assert_eq!(items[0]["member"]["id"], "user_kim");
    assert_eq!(
        (&items[1]["listing_id"], &items[1]["member"]["id"]),
        (&json!(listing), &json!("user_lena"))
    );
    assert!(items[1]["image"]["url_600"].is_string());
    let only = moderator.get(FLAGS).query("subject", "member").await.json();
    assert_eq!(only["items"].as_array().unwrap().len(), 1);

    let id = subjects[0].to_string();
    let kim = app.client(&Actor::member("kim").as_moderator());
    assert_eq!(decide(&kim, &id, "dismiss", 2).await, "403 own_review");
    assert_eq!(decide(&moderator, &id, "strike", 2).await, "422 decision_unfit");
    assert_eq!(decide(&moderator, &id, "dismiss", 1).await, "409 flags_changed");
    assert_eq!(decide(&moderator, &id, "dismiss", 2).await, "200");
    assert_eq!(decide(&moderator, &id, "dismiss", 3).await, "409 flags_resolved");
    report(&app, "ada", &listing, subjects[0].clone()).await;
    let left = moderator.get(FLAGS).await.json();
    assert_eq!(
        left["items"].as_array().unwrap().len(),
        2,
        "a dismissed report does not count again"
    );
    assert_eq!(decide(&kim, &subjects[2].to_string(), "uphold", 1).await, "403 own_account");
    let ada = app.client(&Actor::member("ada").as_moderator());
    assert_eq!(decide(&ada, &subjects[2].to_string(), "uphold", 1).await, "403 own_report");
    assert_eq!(decide(&moderator, &subjects[2].to_string(), "uphold", 1).await, "200");
    assert_eq!(decide(&moderator, "nothing", "uphold", 1).await, "404 flags_not_found");
}

#[tokio::test]
async fn a_removed_review_does_not_count_and_is_not_written_again() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let (listing, id) = reviewed(&app).await;
    let subject = FlagSubject::Review { listing_id: listing.clone(), review_id: id.clone() };
    report(&app, "ada", &listing, subject).await;
    let path = format!("/api/v1/admin/marketplace/listings/{listing}/reviews/{id}/remove");
    let remove = async |by: &Client<'_>| {
        by.post(&path).json(json!({ "reason": "It names a private address." })).await
    };
    for (staff, refused) in [("lena", "own_listing"), ("kim", "own_review"), ("ada", "own_report")]
    {
        let staff = app.client(&Actor::member(staff).as_moderator());
        assert_eq!(remove(&staff).await.brief(), format!("403 {refused}"));
    }
    let nowhere = format!("/api/v1/admin/marketplace/listings/nothing/reviews/{id}/remove");
    let body = json!({ "reason": "It names a private address." });
    assert_eq!(moderator.post(nowhere).json(body).await.brief(), "404 review_not_found");
    let lena = lena().id;
    let stars = async || {
        let stats = app.store.stats(&listing).await.unwrap().unwrap();
        let book = app.store.creator_book(&lena).await.unwrap();
        (stats.ratings(), book.ratings, book.stars)
    };
    assert_eq!(stars().await, (1, 1, 1));
    for _ in 0..2 {
        let answer = remove(&moderator).await;
        assert_eq!((answer.status(), answer.json()["id"].clone()), (200, json!(id)));
    }
    assert_eq!(stars().await, (0, 0, 0));
    assert!(app.store.reviews(&listing, Default::default(), None).await.unwrap().items.is_empty());
    assert_eq!(moderator.get(FLAGS).await.json()["items"], json!([]));
    let kim = Actor::member("kim").id;
    let owned = app.store.entitlement(&kim, &listing).await.unwrap().unwrap();
    assert_eq!(owned.review_removed.unwrap().reason, "It names a private address.");
    let again = review(&app, &listing).await.unwrap_err();
    assert_eq!(domain::DomainError::code(&again), "review_removed");
    assert_eq!(stars().await, (0, 0, 0));
    let admin = app.client(&Actor::admin());
    let target = format!("review:{id}");
    let log = admin.get("/api/v1/admin/audit").query("target", target).await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "a repeat is not another decision");
    assert_eq!(log["items"][0]["action"], "remove_review");
}
