//! Reviews by buyers, and replies by creators.

use domain::{
    account::Role,
    audit::{self, Action, AuditEntry, Target, TargetKind},
    id::{ListingId, ReviewId},
};
use expect_test::expect;
use serde_json::{Value, json};
use testing::{Actor, Client, ClientRequest};

use super::{
    super::{LISTINGS, app},
    REVIEWS,
    steps::{apply_payment, buy_free, draft, on_sale, paid, sales_and_stars},
};

fn review<'a>(buyer: &Client<'a>, listing: &ListingId, rating: i64) -> ClientRequest<'a> {
    let review = json!({ "listing_id": listing, "rating": rating, "comment": "Soft." });
    buyer.post(REVIEWS).json(review)
}

/// The path of a listing's reviews.
fn reviews_of(listing: &ListingId) -> String {
    format!("{LISTINGS}/{listing}/reviews")
}

fn reply<'a>(
    creator: &Client<'a>,
    (listing, id): (&ListingId, &Value),
    text: &str,
) -> ClientRequest<'a> {
    let id = id.as_str().unwrap();
    creator.post(format!("{LISTINGS}/{listing}/reviews/{id}/reply")).json(json!({ "text": text }))
}

#[tokio::test]
async fn an_average_is_rounded_half_up() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 0).await;
    for (name, stars) in [("kim", 3), ("ada", 4), ("eve", 1)] {
        let buyer = app.sign_in(name);
        buy_free(&buyer, &listing).await;
        assert_eq!(review(&buyer, &listing, stars).await.status(), 201);
    }
    assert_eq!(app.visitor().get(reviews_of(&listing)).await.json()["summary"]["average"], 2.67);
}

#[tokio::test]
async fn a_buyer_writes_a_review_and_replaces_it() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let nobody = review(&kim, &listing, 5).await;
    assert_eq!(nobody.brief(), "403 not_a_buyer");
    assert_eq!(review(&lena, &listing, 5).await.brief(), "403 not_a_buyer");

    buy_free(&kim, &listing).await;
    let first = review(&kim, &listing, 5).await;
    assert_eq!(first.status(), 201);
    let link =
        format!("https://api.prolight.test/test/api/v1/marketplace/listings/{listing}/reviews");
    assert_eq!(first.header("location"), Some(&link[..]));
    expect![[r#"
        {
          "author": null,
          "comment": "Soft.",
          "created_at": "2026-11-22T09:00:00.000Z",
          "id": "rev_01M817QNM00000000000000005",
          "rating": 5,
          "reply": null,
          "updated_at": "2026-11-22T09:00:00.000Z"
        }"#]]
    .assert_eq(&first.pretty());

    app.ambient.clock.advance(std::time::Duration::from_secs(60));
    let second = review(&kim, &listing, 2).await;
    assert_eq!(second.status(), 201);
    assert_eq!(second.json()["id"], first.json()["id"]);
    assert_eq!(sales_and_stars(&app, &listing).await, (1, [0, 1, 0, 0, 0]));

    let shown = app.visitor().get(reviews_of(&listing)).await;
    assert_eq!(shown.header("cache-control"), Some("public, max-age=10"));
    expect![[r#"
        {
          "items": [
            {
              "author": null,
              "comment": "Soft.",
              "created_at": "2026-11-22T09:00:00.000Z",
              "id": "rev_01M817QNM00000000000000005",
              "rating": 2,
              "reply": null,
              "updated_at": "2026-11-22T09:01:00.000Z"
            }
          ],
          "next_cursor": null,
          "summary": {
            "average": 2.0,
            "count": 1,
            "histogram": [
              0,
              1,
              0,
              0,
              0
            ]
          }
        }"#]]
    .assert_eq(&shown.pretty());
}

#[tokio::test]
async fn a_review_has_stars_and_visible_text() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    buy_free(&kim, &listing).await;
    let check = async |opinion: Value, expected: &str| {
        let mut body = opinion;
        body["listing_id"] = json!(listing);
        assert_eq!(kim.post(REVIEWS).json(body).await.brief(), expected);
    };
    check(json!({"rating": 0}), "422 invalid_request, /rating out_of_range").await;
    check(json!({"rating": 6}), "422 invalid_request, /rating out_of_range").await;
    check(json!({"rating": 300}), "422 invalid_request, /rating invalid_value").await;
    check(json!({"rating": 4.5}), "422 invalid_request, /rating wrong_type").await;
    let blank = json!({"rating": 4, "comment": " "});
    check(blank, "422 invalid_request, /comment invisible_text").await;
    let long = json!({"rating": 4, "comment": "x".repeat(2_001)});
    check(long, "422 invalid_request, /comment too_long").await;
    check(json!({"rating": 4, "comment": null}), "201").await;
    check(json!({"rating": 4}), "201").await;
    assert_eq!(sales_and_stars(&app, &listing).await.1, [0, 0, 0, 1, 0]);
    app.suspend(&kim.id, "spam", None).await;
    check(json!({"rating": 1}), "403 account_suspended").await;
}

#[test]
fn reviews_at_once_are_all_counted_once() {
    let app = app();
    let lena = app.sign_in("lena");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let buyers = ["kim", "ada", "eve", "bob"].map(|name| app.sign_in(name));
    let listing = runtime.block_on(async {
        let listing = on_sale(&app, &lena, 0).await;
        for buyer in &buyers {
            buy_free(buyer, &listing).await;
        }
        listing
    });
    // Each buyer twice at once: the first two are from the same buyer.
    let statuses = testing::at_once(8, |nth| {
        let request = review(&buyers[nth / 2], &listing, 4);
        async move { request.await.status() }
    });
    assert_eq!(statuses, [201; 8]);
    runtime.block_on(async {
        assert_eq!(sales_and_stars(&app, &listing).await, (4, [0, 0, 0, 4, 0]));
        let shown = app.visitor().get(reviews_of(&listing)).await.json();
        assert_eq!(shown["items"].as_array().unwrap().len(), 4);
        let summary = json!({"average": 4.0, "count": 4, "histogram": [0, 0, 0, 4, 0]});
        assert_eq!(shown["summary"], summary);
        let book = app.store.creator_book(&lena.id).await.unwrap();
        assert_eq!((book.ratings, book.stars, book.sales), (4, 16, 4));
    });
}

#[tokio::test]
async fn the_pages_of_reviews_together_are_all_reviews() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 0).await;
    for (nth, name) in ["kim", "ada", "eve"].into_iter().enumerate() {
        buy_free(&app.sign_in(name), &listing).await;
        let stars = i64::try_from(nth).unwrap() + 3;
        review(&app.sign_in(name), &listing, stars).await;
        app.ambient.clock.advance(std::time::Duration::from_secs(1));
    }
    let first = app.visitor().get(reviews_of(&listing)).query("limit", 2).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = app
        .visitor()
        .get(reviews_of(&listing))
        .query("limit", 2)
        .query("cursor", cursor)
        .await
        .json();
    let stars = |page: &Value| -> Vec<i64> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["rating"].as_i64().unwrap()).collect()
    };
    assert_eq!((stars(&first), stars(&rest)), (vec![5, 4], vec![3]));
    assert_eq!((&rest["next_cursor"], &rest["summary"]["count"]), (&json!(null), &json!(3)));
    let wrong = app.visitor().get(reviews_of(&listing)).query("cursor", "eA").await;
    assert_eq!(wrong.brief(), "422 invalid_cursor, /cursor cursor");
}

#[tokio::test]
async fn a_creator_replies_once_to_their_own() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    buy_free(&kim, &listing).await;
    let id = review(&kim, &listing, 3).await.json()["id"].clone();
    let about = (&listing, &id);
    for foreign in [&kim, &app.sign_in("ada")] {
        let answer = reply(foreign, about, "Thanks.").await;
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    let other = on_sale(&app, &lena, 0).await;
    let elsewhere = reply(&lena, (&other, &id), "Thanks.").await;
    assert_eq!(elsewhere.brief(), "404 review_not_found");
    let nothing = json!(ReviewId::new(app.now(), 99));
    let answer = reply(&lena, (&listing, &nothing), "Thanks.").await;
    assert_eq!(answer.brief(), "404 review_not_found");
    let blank = reply(&lena, about, " ").await;
    assert_eq!(blank.brief(), "422 invalid_request, /text invisible_text");

    let first = reply(&lena, about, " Thanks. ").await;
    assert_eq!(first.status(), 200);
    let written = json!({"text": "Thanks.", "at": "2026-11-22T09:00:00.000Z"});
    assert_eq!(first.json()["reply"], written);
    let again = reply(&lena, about, "Thanks.").await;
    assert_eq!((again.status(), &again.json()), (200, &first.json()), "a repeat");
    let other = reply(&lena, about, "No thanks.").await;
    assert_eq!(other.brief(), "409 already_replied");

    review(&kim, &listing, 5).await;
    let shown = app.visitor().get(reviews_of(&listing)).await.json();
    assert_eq!((&shown["items"][0]["rating"], &shown["items"][0]["reply"]), (&json!(5), &written));
}

#[tokio::test]
async fn only_reviews_of_listings_on_sale_are_shown() {
    let app = app();
    let lena = app.sign_in("lena");
    let missing = async |id: &str| {
        let answer = app.visitor().get(format!("{LISTINGS}/{id}/reviews")).await;
        assert_eq!(answer.brief(), "404 listing_not_found", "{id}");
    };
    missing("x").await;
    missing(ListingId::new(app.now(), 99).as_str()).await;
    missing(draft(&app, &lena, "A draft", 0).await.as_str()).await;
    let listing = on_sale(&app, &lena, 0).await;
    let none = app.visitor().get(reviews_of(&listing)).await.json();
    let summary = json!({"average": null, "count": 0, "histogram": [0, 0, 0, 0, 0]});
    assert_eq!(none, json!({"items": [], "next_cursor": null, "summary": summary}));
    app.suspend(&lena.id, "fraud", None).await;
    missing(listing.as_str()).await;
}

#[tokio::test]
async fn the_review_of_a_refunded_purchase_is_removed() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 900).await;
    let id = paid(&app, &kim, &listing, "card").await;
    review(&kim, &listing, 1).await;
    apply_payment(&app, &kim, &id, |payment| payment.refunded = 900).await;
    let shown = app.visitor().get(reviews_of(&listing)).await.json();
    assert_eq!((&shown["items"], &shown["summary"]["count"]), (&json!([]), &json!(0)));
    assert_eq!(review(&kim, &listing, 1).await.brief(), "403 not_a_buyer");
}

#[tokio::test]
async fn a_review_that_staff_removed_is_not_written_again() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    buy_free(&kim, &listing).await;
    let written = review(&kim, &listing, 1).await.json();
    let id = ReviewId::parse(written["id"].as_str().unwrap()).unwrap();
    let staff = audit::Actor::Staff { user_id: Actor::moderator().id, role: Role::Moderator };
    let entry = AuditEntry::new(staff, Action::RemoveReview, Target::of(TargetKind::Review, &id));
    let (about, why) = ((&listing, &id), "It names a private address.");
    app.store.remove_review(&entry, about, why, app.now()).await.unwrap();
    let again = review(&kim, &listing, 5).await;
    assert_eq!(again.brief(), "403 review_removed");
    assert!(again.pretty().contains(why), "{}", again.pretty());
    assert_eq!(app.visitor().get(reviews_of(&listing)).await.json()["items"], json!([]));
    assert_eq!(sales_and_stars(&app, &listing).await, (1, [0; 5]));
}
