//! Reviews by buyers, and replies by creators.

use domain::id::{ListingId, ReviewId};
use expect_test::expect;
use serde_json::{Value, json};
use testing::{Actor, TestRequest};

use super::stage::{BuyingApp, member};

fn review(by: &Actor, listing: &ListingId, rating: i64) -> TestRequest {
    TestRequest::by(by).json(json!({ "listing_id": listing, "rating": rating, "comment": "Soft." }))
}

fn of(listing: &ListingId) -> TestRequest {
    TestRequest::anonymous().path("id", listing)
}

fn reply(by: &Actor, (listing, id): (&ListingId, &Value), text: &str) -> TestRequest {
    let ask = TestRequest::by(by).path("id", listing).path("review_id", id.as_str().unwrap());
    ask.json(json!({ "text": text }))
}

#[tokio::test]
async fn an_average_is_rounded_half_up() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let listing = stall.on_sale(&lena, 0).await;
    for (name, stars) in [("kim", 3), ("ada", 4), ("eve", 1)] {
        let buyer = member(name);
        stall.taken(&buyer, &listing).await;
        assert_eq!(stall.review(&review(&buyer, &listing, stars)).await.status(), 201);
    }
    assert_eq!(stall.reviews(&of(&listing)).await.json()["summary"]["average"], 2.67);
}

#[tokio::test]
async fn a_buyer_says_something_and_says_it_anew() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 0).await;
    let nobody = stall.review(&review(&kim, &listing, 5)).await;
    assert_eq!(nobody.brief(), "403 not_a_buyer");
    assert_eq!(stall.review(&review(&lena, &listing, 5)).await.brief(), "403 not_a_buyer");

    stall.taken(&kim, &listing).await;
    let first = stall.review(&review(&kim, &listing, 5)).await;
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

    stall.app.ambient.clock.advance(std::time::Duration::from_secs(60));
    let second = stall.review(&review(&kim, &listing, 2)).await;
    assert_eq!(second.status(), 201);
    assert_eq!(second.json()["id"], first.json()["id"]);
    assert_eq!(stall.sums(&listing).await, (1, [0, 1, 0, 0, 0]));

    let shown = stall.reviews(&of(&listing)).await;
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
async fn an_opinion_has_stars_and_words_that_are_seen() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 0).await;
    stall.taken(&kim, &listing).await;
    let check = async |opinion: Value, expected: &str| {
        let mut body = opinion;
        body["listing_id"] = json!(listing);
        assert_eq!(stall.review(&TestRequest::by(&kim).json(body)).await.brief(), expected);
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
    assert_eq!(stall.sums(&listing).await.1, [0, 0, 0, 1, 0]);
    stall.app.suspend(&kim.id, "spam", None).await;
    check(json!({"rating": 1}), "403 account_suspended").await;
}

#[test]
fn reviews_at_once_are_all_counted_once() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let buyers: Vec<Actor> = ["kim", "ada", "eve", "bob"].map(member).into();
    let listing = runtime.block_on(async {
        let listing = stall.on_sale(&lena, 0).await;
        for buyer in &buyers {
            stall.taken(buyer, &listing).await;
        }
        listing
    });
    // Each buyer twice at once: the first two are from the same buyer.
    let statuses = testing::at_once(8, |nth| {
        let (stall, ask) = (&stall, review(&buyers[nth / 2], &listing, 4));
        async move { stall.review(&ask).await.status() }
    });
    assert_eq!(statuses, [201; 8]);
    runtime.block_on(async {
        assert_eq!(stall.sums(&listing).await, (4, [0, 0, 0, 4, 0]));
        let shown = stall.reviews(&of(&listing)).await.json();
        assert_eq!(shown["items"].as_array().unwrap().len(), 4);
        let summary = json!({"average": 4.0, "count": 4, "histogram": [0, 0, 0, 4, 0]});
        assert_eq!(shown["summary"], summary);
        let book = stall.store().creator_book(&lena.id).await.unwrap();
        assert_eq!((book.ratings, book.stars, book.sales), (4, 16, 4));
    });
}

#[tokio::test]
async fn pages_of_reviews_are_all_of_them() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let listing = stall.on_sale(&lena, 0).await;
    for (nth, name) in ["kim", "ada", "eve"].into_iter().enumerate() {
        stall.taken(&member(name), &listing).await;
        let stars = i64::try_from(nth).unwrap() + 3;
        stall.review(&review(&member(name), &listing, stars)).await;
        stall.app.ambient.clock.advance(std::time::Duration::from_secs(1));
    }
    let first = stall.reviews(&of(&listing).query("limit", 2)).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = stall.reviews(&of(&listing).query("limit", 2).query("cursor", cursor)).await.json();
    let stars = |page: &Value| -> Vec<i64> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["rating"].as_i64().unwrap()).collect()
    };
    assert_eq!((stars(&first), stars(&rest)), (vec![5, 4], vec![3]));
    assert_eq!((&rest["next_cursor"], &rest["summary"]["count"]), (&json!(null), &json!(3)));
    let wrong = stall.reviews(&of(&listing).query("cursor", "eA")).await;
    assert_eq!(wrong.brief(), "422 invalid_cursor, /cursor cursor");
}

#[tokio::test]
async fn a_creator_replies_once_to_their_own() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 0).await;
    stall.taken(&kim, &listing).await;
    let id = stall.review(&review(&kim, &listing, 3)).await.json()["id"].clone();
    let about = (&listing, &id);
    for foreign in [&kim, &member("ada")] {
        let answer = stall.reply(&reply(foreign, about, "Thanks.")).await;
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    let other = stall.on_sale(&lena, 0).await;
    let elsewhere = stall.reply(&reply(&lena, (&other, &id), "Thanks.")).await;
    assert_eq!(elsewhere.brief(), "404 review_not_found");
    let nothing = json!(ReviewId::new(stall.app.now(), 99));
    let answer = stall.reply(&reply(&lena, (&listing, &nothing), "Thanks.")).await;
    assert_eq!(answer.brief(), "404 review_not_found");
    let blank = stall.reply(&reply(&lena, about, " ")).await;
    assert_eq!(blank.brief(), "422 invalid_request, /text invisible_text");

    let first = stall.reply(&reply(&lena, about, " Thanks. ")).await;
    assert_eq!(first.status(), 200);
    let said = json!({"text": "Thanks.", "at": "2026-11-22T09:00:00.000Z"});
    assert_eq!(first.json()["reply"], said);
    let again = stall.reply(&reply(&lena, about, "Thanks.")).await;
    assert_eq!((again.status(), &again.json()), (200, &first.json()), "a repeat");
    let other = stall.reply(&reply(&lena, about, "No thanks.")).await;
    assert_eq!(other.brief(), "409 already_replied");

    stall.review(&review(&kim, &listing, 5)).await;
    let shown = stall.reviews(&of(&listing)).await.json();
    assert_eq!((&shown["items"][0]["rating"], &shown["items"][0]["reply"]), (&json!(5), &said));
}

#[tokio::test]
async fn reviews_of_what_is_not_on_sale_are_nobodys() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let missing = async |id: &str| {
        let answer = stall.reviews(&TestRequest::anonymous().path("id", id)).await;
        assert_eq!(answer.brief(), "404 listing_not_found", "{id}");
    };
    missing("x").await;
    missing(ListingId::new(stall.app.now(), 99).as_str()).await;
    missing(stall.draft(&lena, "A draft", 0).await.as_str()).await;
    let listing = stall.on_sale(&lena, 0).await;
    let none = stall.reviews(&of(&listing)).await.json();
    let summary = json!({"average": null, "count": 0, "histogram": [0, 0, 0, 0, 0]});
    assert_eq!(none, json!({"items": [], "next_cursor": null, "summary": summary}));
    stall.app.suspend(&lena.id, "fraud", None).await;
    missing(listing.as_str()).await;
}

#[tokio::test]
async fn a_review_of_what_was_paid_back_is_gone() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 900).await;
    let id = stall.paid(&kim, &listing, "card").await;
    stall.review(&review(&kim, &listing, 1)).await;
    stall.hear(&kim, &id, |payment| payment.refunded = 900).await;
    let shown = stall.reviews(&of(&listing)).await.json();
    assert_eq!((&shown["items"], &shown["summary"]["count"]), (&json!([]), &json!(0)));
    assert_eq!(stall.review(&review(&kim, &listing, 1)).await.brief(), "403 not_a_buyer");
}
