//! Starting a purchase, and the buyer's view of it.

use clients::ShareLinks;
use domain::{
    id::{ListingId, PurchaseId},
    marketplace::{listing::revision::Edit, purchase::PurchaseState},
};
use expect_test::expect;
use serde_json::json;
use testing::{Client, TestApp, listings};

use super::{
    super::app,
    PURCHASES,
    steps::{
        buy, buy_free, draft, next_version, on_sale, order, retire, sales_and_stars, share_code,
    },
};

#[tokio::test]
async fn a_free_listing_is_the_buyers_at_once() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let answer = buy(&kim, "k", &listing, 0).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(
        answer.header("location"),
        Some(
            "https://api.prolight.test/test/api/v1/marketplace/purchases/pur_01M817QNM00000000000000002"
        )
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    expect![[r#"
        {
          "created_at": "2026-11-22T09:00:00.000Z",
          "entitlement": "active",
          "id": "pur_01M817QNM00000000000000002",
          "latest_version": 1,
          "links": {
            "downloads": "https://api.prolight.test/test/api/v1/marketplace/purchases/pur_01M817QNM00000000000000002/downloads",
            "listing": "https://api.prolight.test/test/api/v1/marketplace/listings/lst_01M817QNM00000000000000001",
            "self": "https://api.prolight.test/test/api/v1/marketplace/purchases/pur_01M817QNM00000000000000002"
          },
          "listing_id": "lst_01M817QNM00000000000000001",
          "paid": {
            "amount": 0,
            "currency": "usd"
          },
          "paid_at": "2026-11-22T09:00:00.000Z",
          "price": {
            "amount": 0,
            "currency": "usd"
          },
          "refund_request": null,
          "refundable_until": null,
          "refunded": {
            "amount": 0,
            "currency": "usd"
          },
          "refunds": [],
          "status": "paid",
          "title": "Rembrandt",
          "type": "lighting_preset",
          "version": 1
        }"#]]
    .assert_eq(&answer.pretty());

    let listed = kim.get(PURCHASES).await;
    assert_eq!(listed.json()["items"][0], answer.json());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let mut one = kim.get(format!("{PURCHASES}/{id}")).await.json();
    one.as_object_mut().unwrap().remove("versions");
    assert_eq!(one, answer.json(), "the location leads to the purchase");
    assert_eq!(sales_and_stars(&app, &listing).await.0, 1);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn the_same_key_is_the_same_purchase() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let (listing, other) = (on_sale(&app, &lena, 0).await, on_sale(&app, &lena, 0).await);
    let first = buy(&kim, "k", &listing, 0).await.json();
    retire(&app, &lena, &listing).await;
    assert_eq!(buy(&kim, "k", &listing, 0).await.json(), first);
    let another = buy(&kim, "k", &other, 0).await;
    assert_eq!(another.brief(), "422 idempotency_key_reused");
    let keyless = kim.post(PURCHASES).json(order(&other, 0)).await;
    assert_eq!(keyless.brief(), "400 idempotency_key_required");
    assert_eq!(sales_and_stars(&app, &listing).await.0, 1);
}

#[test]
fn two_tabs_at_once_are_one_purchase() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let listing = runtime.block_on(on_sale(&app, &lena, 0));
    let mut codes = testing::at_once(4, |nth| {
        let request = buy(&kim, &format!("tab-{nth}"), &listing, 0);
        async move { request.await.brief() }
    });
    codes.sort();
    let owned = "409 already_owned";
    assert_eq!(codes, ["201", owned, owned, owned]);
    assert_eq!(runtime.block_on(sales_and_stars(&app, &listing)).0, 1);
}

/// Buys `listing` at a price and returns the error.
async fn refused(app: &TestApp, buyer: &Client<'_>, listing: &ListingId, cents: u32) -> String {
    let key = format!("key-{}", app.ambient.entropy.next());
    buy(buyer, &key, listing, cents).await.brief()
}

#[tokio::test]
async fn each_refusal_of_a_purchase_has_its_code() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    assert_eq!(refused(&app, &lena, &listing, 0).await, "409 cannot_buy_own_listing");

    let owned = buy_free(&kim, &listing).await;
    let again = buy(&kim, "again", &listing, 0).await;
    assert_eq!(again.brief(), "409 already_owned");
    assert_eq!(again.json()["purchase_id"], json!(owned));

    let dear = on_sale(&app, &lena, 600).await;
    let cheap = buy(&kim, "cheap", &dear, 900).await;
    assert_eq!(cheap.brief(), "409 price_changed");
    assert_eq!(cheap.json()["price"], json!({"amount": 600, "currency": "usd"}));
    let mut euros = order(&dear, 600);
    euros["expected_price"]["currency"] = json!("eur");
    let euros = kim.post(PURCHASES).key("euros").json(euros).await;
    assert_eq!(euros.brief(), "409 price_changed");

    let retired = on_sale(&app, &lena, 0).await;
    retire(&app, &lena, &retired).await;
    assert_eq!(refused(&app, &kim, &retired, 0).await, "409 listing_unlisted");

    let unpublished = draft(&app, &lena, "A draft", 0).await;
    assert_eq!(refused(&app, &kim, &unpublished, 0).await, "404 listing_not_found");
    let nothing = ListingId::new(app.now(), 999);
    assert_eq!(refused(&app, &kim, &nothing, 0).await, "404 listing_not_found");

    let last = on_sale(&app, &lena, 0).await;
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(refused(&app, &kim, &last, 0).await, "403 account_suspended");
    app.suspend(&lena.id, "fraud", None).await;
    let ada = app.sign_in("ada");
    assert_eq!(refused(&app, &ada, &last, 0).await, "409 seller_suspended");
    assert_eq!(ada.get(PURCHASES).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_request_is_read_strictly() {
    let app = app();
    let kim = app.sign_in("kim");
    let check = async |body, expected: &str| {
        let answer = kim.post(PURCHASES).key("k").json(body).await;
        assert_eq!(answer.brief(), expected);
    };
    let price = json!({"amount": 0, "currency": "usd"});
    let listing = ListingId::new(app.now(), 1);
    let missing = "422 invalid_request, /listing_id missing_field";
    check(json!({"expected_price": price}), missing).await;
    let both = format!("{missing}, /expected_price missing_field");
    check(json!({}), &both).await;
    let malformed = json!({"listing_id": "x", "expected_price": price});
    check(malformed, "422 invalid_request, /listing_id invalid_value").await;
    let unpriced = "422 invalid_request, /expected_price missing_field";
    check(json!({"listing_id": listing}), unpriced).await;
    let more = json!({"listing_id": listing, "expected_price": price, "coupon": "FREE"});
    check(more, "422 invalid_request, /coupon unknown_field").await;
}

/// Stripe does not answer. The purchase is written before the call, so that the same key finds it,
/// and there is no entitlement yet.
#[tokio::test]
async fn without_stripe_the_purchase_waits_for_the_same_key() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 600).await;
    for _ in 0..2 {
        assert_eq!(buy(&kim, "k", &listing, 600).await.status(), 503);
    }
    let listed = kim.get(PURCHASES).await.json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["status"], "pending");
    assert_eq!(items[0].get("checkout_url"), None);
    assert_eq!(items[0].get("entitlement"), None);
    let owned = kim.get(PURCHASES).query("listing_id", &listing).await.json();
    assert_eq!(owned["items"], json!([]));
}

#[tokio::test]
async fn the_checkout_page_is_shown_while_it_is_open() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 600).await;
    buy(&kim, "k", &listing, 600).await;
    let listed = kim.get(PURCHASES).await.json();
    let id = PurchaseId::parse(listed["items"][0]["id"].as_str().unwrap()).unwrap();
    let session = domain::billing::external::SessionId::parse("cs_1").unwrap();
    let page = (&session, "https://pay.test/cs_1");
    app.store.set_purchase_checkout(&kim.id, &id, page).await.unwrap();

    let again = buy(&kim, "k", &listing, 600).await;
    assert_eq!(again.status(), 201, "the page is known: Stripe is not asked again");
    expect![[r#"
        {
          "checkout_expires_at": "2026-11-23T08:00:00.000Z",
          "checkout_url": "https://pay.test/cs_1",
          "created_at": "2026-11-22T09:00:00.000Z",
          "id": "pur_01M817QNM00000000000000002",
          "latest_version": 1,
          "links": {
            "listing": "https://api.prolight.test/test/api/v1/marketplace/listings/lst_01M817QNM00000000000000001",
            "self": "https://api.prolight.test/test/api/v1/marketplace/purchases/pur_01M817QNM00000000000000002"
          },
          "listing_id": "lst_01M817QNM00000000000000001",
          "paid": null,
          "paid_at": null,
          "price": {
            "amount": 600,
            "currency": "usd"
          },
          "refund_request": null,
          "refundable_until": null,
          "refunded": {
            "amount": 0,
            "currency": "usd"
          },
          "refunds": [],
          "status": "pending",
          "title": "Rembrandt",
          "type": "lighting_preset",
          "version": 1
        }"#]]
    .assert_eq(&again.pretty());
    let listed = kim.get(PURCHASES).await.json();
    assert_eq!(listed["items"][0]["checkout_url"], "https://pay.test/cs_1");

    app.ambient.clock.advance(domain::time::DAY);
    let listed = kim.get(PURCHASES).await.json();
    assert_eq!(listed["items"][0].get("checkout_url"), None);
}

#[tokio::test]
async fn a_purchase_keeps_its_version_and_lists_have_pages() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let first = on_sale(&app, &lena, 0).await;
    buy_free(&kim, &first).await;
    let edit = Edit { title: Some("Another light".to_owned()), ..Edit::default() };
    next_version(&app, &lena, &first, edit).await;
    app.ambient.clock.advance(std::time::Duration::from_secs(1));
    buy_free(&app.sign_in("ada"), &first).await;
    let second = on_sale(&app, &lena, 0).await;
    buy_free(&kim, &second).await;

    let one = kim.get(PURCHASES).query("limit", 1).await.json();
    assert_eq!(one["items"][0]["listing_id"], json!(second));
    let cursor = one["next_cursor"].as_str().unwrap();
    let next = kim.get(PURCHASES).query("limit", 1).query("cursor", cursor).await.json();
    assert_eq!(next["items"][0]["listing_id"], json!(first));
    assert_eq!(next["items"][0]["version"], 1);
    assert_eq!(next["items"][0]["title"], "Rembrandt");
    let of_ada = app.sign_in("ada").get(PURCHASES).query("listing_id", &first).await.json();
    assert_eq!((&of_ada["items"][0]["version"], &of_ada["next_cursor"]), (&json!(2), &json!(null)));
    let nothing = app.sign_in("ada").get(PURCHASES).query("listing_id", &second).await.json();
    assert_eq!(nothing["items"], json!([]));
}

#[tokio::test]
async fn a_member_begins_thirty_purchases_an_hour() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    for _ in 0..30 {
        assert_eq!(buy(&kim, "k", &listing, 0).await.status(), 201);
    }
    let limited = buy(&kim, "k", &listing, 0).await;
    assert_eq!(limited.brief(), "429 rate_limited");
    assert_eq!(buy(&app.sign_in("ada"), "k", &listing, 0).await.status(), 201);
}

#[tokio::test]
async fn a_valid_referral_is_recorded() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let (listing, other) = (on_sale(&app, &lena, 0).await, on_sale(&app, &lena, 0).await);
    let code = share_code(&kim, &listing).await;
    let links: ShareLinks = app.connect().await;
    let token = links.click(&code, app.now());
    let month = domain::marketplace::community::share::ATTRIBUTED;
    let minute = std::time::Duration::from_secs(60);
    let foreign = links.click(&links.code(&lena.id, &listing), app.now());
    for (nth, (buyer, listing_bought, sent, after, expected)) in [
        ("ada", &listing, token.clone(), minute, true),
        ("eve", &listing, token.clone(), month - minute, true),
        ("bob", &listing, token.clone(), minute, false),
        ("dan", &other, token.clone(), minute, false),
        ("joe", &listing, format!("{token}x"), minute, false),
        ("leo", &listing, "nonsense".to_owned(), minute, false),
        ("mia", &listing, foreign, minute, false),
        ("kim", &listing, token, minute, false),
    ]
    .into_iter()
    .enumerate()
    {
        app.ambient.clock.advance(after);
        let mut body = order(listing_bought, 0);
        body["referral"] = json!(sent);
        let buyer = app.sign_in(buyer);
        let answer = buyer.post(PURCHASES).key("k").json(body).await;
        assert_eq!(answer.brief(), "201", "{nth}: never an error");
        let id = PurchaseId::parse(answer.json()["id"].as_str().unwrap()).unwrap();
        let purchase = app.store.purchase(&buyer.id, &id).await.unwrap();
        assert_eq!(purchase.state, PurchaseState::Paid);
        let recorded = purchase.referral.map(|it| (it.code, it.sharer_email.unwrap()));
        let share = (code.clone(), "kim@prolight.test".to_owned());
        assert_eq!(recorded, expected.then_some(share), "{nth}");
    }
}

#[tokio::test]
async fn listings_of_a_creator_with_three_strikes_cannot_be_bought() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let (unsold, sold) = (on_sale(&app, &lena, 0).await, on_sale(&app, &lena, 0).await);
    assert_eq!(buy(&kim, "k", &sold, 0).await.status(), 201);
    let (store, now) = (&app.store, app.now());
    for _ in 0..3 {
        let copied = on_sale(&app, &lena, 0).await;
        listings::strike(store, &copied, now).await;
    }
    assert_eq!(buy(&kim, "l", &unsold, 0).await.brief(), "409 seller_suspended");
    let answer = kim.get(PURCHASES).await.json();
    assert_eq!(answer["items"][0]["entitlement"], "active", "an earlier buyer keeps it");
}
