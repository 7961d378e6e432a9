//! Decisions on listings: approve, reject, delist.

use clients::uploads::asset_key;
use domain::{
    erasure::{Erasure, ErasureSubject},
    marketplace::{
        listing::{DelistedBy, HiddenReason, State},
        moderation::strike::Seller,
    },
};
use serde_json::Value;
use testing::Fault;

use super::{flags::flagged_listing, *};

#[tokio::test]
async fn an_approved_listing_is_on_sale() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    advance_a_minute(&app);
    let answer = approval(&app, &moderator, &id).await.key("k").await;
    assert_eq!(answer.status(), 200);
    let judged = json!({ "listing_id": id, "status": "approved", "version": 1 });
    assert_eq!(answer.json(), judged);
    let page = app.store.listing_page(&id, app.now()).await.unwrap();
    assert_eq!(page.revision.published_at, Some(app.now()));
    assert_eq!(moderator.get(PENDING).await.json()["items"], json!([]));

    let again = approval(&app, &moderator, &id).await.key("k").await;
    assert_eq!((again.status(), again.json()), (200, judged), "the same key, the same answer");
    assert_eq!(approve(&app, &moderator, &id).await.brief(), "409 not_pending");
    let late = json!({ "content_hash": "0".repeat(64), "reason": "Too near to another." });
    let path = format!("/api/v1/admin/marketplace/listings/{id}/reject");
    assert_eq!(moderator.post(path).json(late).await.brief(), "409 not_pending");
}

#[test]
fn two_moderators_at_once_decide_once() {
    let app = staff_app();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let id = runtime.block_on(pending_listing(&app, &lena(), "Rembrandt"));
    let mut answers = testing::at_once(2, |nth| {
        let (app, id) = (&app, &id);
        async move {
            match nth {
                0 => approve(app, &app.client(&Actor::moderator()), id).await.brief(),
                _ => reject(app, &app.client(&Actor::admin()), id, "Too dark.").await.brief(),
            }
        }
    });
    answers.sort();
    assert_eq!(answers, ["200", "409 not_pending"]);
}

/// A change of a submitted version starts the next one. A rejected version may get other images and
/// be submitted again under its number: its hash identifies what a moderator was shown.
#[tokio::test]
async fn a_moderator_decides_on_what_they_were_shown() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    let shown = async || {
        let item = moderator.get(PENDING).await.json()["items"][0].clone();
        json!({ "content_hash": item["content_hash"] })
    };
    let reject = async |mut body: Value| {
        body["reason"] = json!("Too dark.");
        moderator.post(listing_path(&id, "reject")).json(body).await.brief()
    };
    let approve =
        async |body: Value| moderator.post(listing_path(&id, "approve")).json(body).await.brief();
    let first = shown().await;
    edit(&app, &lena(), &id, "Something else").await;
    assert_eq!(approve(first.clone()).await, "409 not_pending");
    submit(&app, &lena(), &id).await;
    assert_eq!(approve(first.clone()).await, "409 version_changed");
    assert_eq!(reject(first).await, "409 version_changed");

    let second = shown().await;
    assert_eq!(reject(second.clone()).await, "200");
    advance_a_minute(&app);
    submit(&app, &lena(), &id).await;
    assert_eq!(approve(second.clone()).await, "409 version_changed", "with one more picture");
    assert_eq!(reject(second).await, "409 version_changed");
    assert_eq!(approve(shown().await).await, "200");
    let nothing = approve(json!({})).await;
    assert_eq!(nothing, "422 invalid_request, /content_hash missing_field");
}

#[tokio::test]
async fn a_listing_with_a_file_is_approved_once_the_file_is_found_clean() {
    let mut app = staff_app();
    app.set("MALWARE_SCAN_TAG", "scan=clean");
    let (moderator, bucket) = (app.client(&Actor::moderator()), app.images_bucket());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    let asset = own_listing(&app, &lena(), &id).await.newest.assets[0].clone();
    let key = asset_key(&id, &asset.upload_id);
    let approve = async || approve(&app, &moderator, &id).await.brief();
    bucket.put(&key, b"PK", "application/zip", "nobody").await;
    assert_eq!(approve().await, "409 asset_not_scanned");
    bucket.tag(&key, "scan", "infected").await;
    assert_eq!(approve().await, "409 asset_not_clean");
    bucket.tag(&key, "other", "clean").await;
    assert_eq!(approve().await, "409 asset_not_scanned");
    assert_eq!(own_listing(&app, &lena(), &id).await.listing.state(), State::Pending);
    bucket.tag(&key, "scan", "clean").await;
    assert_eq!(approve().await, "200");
}

#[tokio::test]
async fn a_creator_reads_the_reason_and_the_version_on_sale_stays() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    let answer = reject(&app, &moderator, &id, " Show it on a face. ").await;
    let rejected = json!({ "listing_id": id, "status": "rejected", "version": 1 });
    assert_eq!((answer.status(), answer.json()), (200, rejected));
    let own = own_listing(&app, &lena(), &id).await;
    let hidden = own.listing.hidden_by(&Seller::from(&own.creator), app.now());
    assert_eq!((hidden.len(), hidden[0].code), (1, HiddenReason::Rejected));
    let draft = serde_json::to_value(&own.listing.draft).unwrap();
    assert_eq!(draft["reason"], "Show it on a face.");

    submit(&app, &lena(), &id).await;
    assert_eq!(approve(&app, &moderator, &id).await.status(), 200);
    edit(&app, &lena(), &id, "Worse").await;
    submit(&app, &lena(), &id).await;
    let answer = reject(&app, &moderator, &id, "The first was better.").await;
    let on_sale = json!({ "listing_id": id, "status": "approved", "version": 2 });
    assert_eq!(answer.json(), on_sale);
    let page = app.store.listing_page(&id, app.now()).await.unwrap();
    assert_eq!(page.revision.description.title, "Rembrandt");
}

#[tokio::test]
async fn a_listing_that_staff_delist_is_off_sale() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    let delist = async || {
        moderator.post(listing_path(&id, "delist")).json(json!({ "reason": "Copied." })).await
    };
    assert_eq!(delist().await.brief(), "409 not_on_sale");
    assert_eq!(approve(&app, &moderator, &id).await.status(), 200);
    let delisted = json!({ "listing_id": id, "status": "delisted", "version": 1 });
    for _ in 0..2 {
        let answer = delist().await;
        assert_eq!((answer.status(), answer.json()), (200, delisted.clone()));
    }
    let own = own_listing(&app, &lena(), &id).await.listing;
    let (by, reason) = own.delisted.map(|it| (it.by, it.reason)).unwrap();
    assert_eq!((by, reason.as_deref()), (DelistedBy::Staff, Some("Copied.")));
    let page = app.store.listing_page(&id, app.now()).await;
    assert_eq!(domain::DomainError::code(&page.unwrap_err()), "listing_not_found");
}

/// Images that must not be seen are deleted, and the creator has to upload others.
#[tokio::test]
async fn pictures_that_are_removed_are_erased_and_the_listing_is_off_sale() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    assert_eq!(approve(&app, &moderator, &id).await.status(), 200);
    let due = async || app.store.due_erasures(app.now(), None, 10).await.unwrap().items;
    let body = json!({ "reason": "Copied.", "pictures": "keep" });
    assert_eq!(moderator.post(listing_path(&id, "delist")).json(body).await.status(), 200);
    assert_eq!(due().await, []);
    assert!(!own_listing(&app, &lena(), &id).await.newest.previews.is_empty());

    let body = json!({ "reason": "Not hers.", "pictures": "remove" });
    for _ in 0..2 {
        assert_eq!(
            moderator.post(listing_path(&id, "delist")).json(body.clone()).await.status(),
            200
        );
    }
    let subject = ErasureSubject::ListingPictures { listing_id: id.clone() };
    assert_eq!(due().await, [Erasure::request(subject, app.now())]);
    assert!(own_listing(&app, &lena(), &id).await.newest.previews.is_empty());
    let body = json!({ "reason": "Not hers.", "pictures": "burn" });
    let refused = moderator.post(listing_path(&id, "delist")).json(body).await;
    assert_eq!(refused.status(), 422, "{}", refused.pretty());
}

#[tokio::test]
async fn staff_do_not_moderate_their_own_listings() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &moderator, "Rembrandt").await;
    let own = "403 own_listing";
    assert_eq!(approve(&app, &moderator, &id).await.brief(), own);
    assert_eq!(reject(&app, &moderator, &id, "It is mine.").await.brief(), own);
    assert_eq!(approve(&app, &app.client(&Actor::admin()), &id).await.status(), 200);
    let body = json!({ "reason": "It is mine." });
    assert_eq!(moderator.post(listing_path(&id, "delist")).json(body).await.brief(), own);
}

#[tokio::test]
async fn staff_do_not_moderate_what_they_bought_or_reported() {
    let app = staff_app();
    let (id, involved) = listing_with_involved_staff(&app).await;
    for (who, refused) in &involved {
        let staff = app.client(who);
        let answers =
            [approve(&app, &staff, &id).await, reject(&app, &staff, &id, "Too dark.").await];
        assert_eq!(answers.map(|answer| answer.brief()), [*refused; 2]);
    }
    assert!(own_listing(&app, &lena(), &id).await.listing.pending_since().is_some());
    assert_eq!(approve(&app, &app.client(&Actor::moderator()), &id).await.status(), 200);
}

/// A function died while it decided: its key is blocked for as long as it could be at work.
#[tokio::test]
async fn a_decision_that_may_be_under_way_is_not_begun_again() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let flagged = flagged_listing(&app, &lena(), "Copy").await;
    let good = pending_listing(&app, &lena(), "Rembrandt").await;
    let dark = pending_listing(&app, &lena(), "Another").await;
    let delisting = json!({ "decision": "delist", "reason": "Copied.", "seen": 3 });
    let requests = [
        (&good, approval(&app, &moderator, &good).await),
        (&dark, rejection(&app, &moderator, &dark, "Too dark.").await),
        (&flagged, moderator.post(resolve_path(&flagged)).json(delisting)),
    ];
    for (id, request) in requests {
        let request = request.key(id.as_str());
        let before = own_listing(&app, &lena(), id).await.listing;
        app.engine.order("TransactWriteItems", 1, Fault::HangBefore);
        let first = app.engine.until_hung(request.clone().into_future()).await;
        assert_eq!(first, None, "it died");
        let again = request.clone().await;
        assert_eq!(again.brief(), "409 idempotency_key_in_flight");
        assert_eq!(again.header("retry-after"), Some("2"));
        assert_eq!(own_listing(&app, &lena(), id).await.listing, before);
        advance_a_minute(&app);
        assert_eq!(request.await.brief(), "200");
        assert_ne!(own_listing(&app, &lena(), id).await.listing, before);
    }
}

#[tokio::test]
async fn a_decision_is_about_a_listing_and_has_a_reason() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    let nothing = ListingId::new(app.now(), 999);
    for missing in [nothing.as_str(), "x"] {
        let body = json!({ "content_hash": "0", "reason": "Too dark." });
        let answers = [
            moderator
                .post(listing_path(missing, "approve"))
                .json(json!({ "content_hash": "0" }))
                .await,
            moderator.post(listing_path(missing, "reject")).json(body).await,
            moderator
                .post(listing_path(missing, "delist"))
                .json(json!({ "reason": "Copied." }))
                .await,
        ];
        assert_eq!(answers.map(|answer| answer.brief()), ["404 listing_not_found"; 3]);
    }
    for reason in ["", " ", "\u{200b}", &"x".repeat(501)] {
        let body = json!({ "content_hash": "0", "reason": reason });
        let refused = "422 invalid_request, /reason text";
        assert_eq!(moderator.post(listing_path(&id, "reject")).json(body).await.brief(), refused);
        let body = json!({ "reason": reason });
        assert_eq!(moderator.post(listing_path(&id, "delist")).json(body).await.brief(), refused);
    }
}
