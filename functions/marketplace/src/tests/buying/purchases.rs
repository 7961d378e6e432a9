//! Starting a purchase, and the buyer's view of it.

use domain::{
    id::{ListingId, PurchaseId},
    marketplace::{listing::revision::Edit, purchase::PurchaseState},
};
use expect_test::expect;
use serde_json::json;
use testing::{Actor, TestRequest, listings};

use super::stage::{BuyingApp, member, order, wish};

#[tokio::test]
async fn what_is_free_is_the_buyers_at_once() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 0).await;
    let answer = stall.buy(&order(&kim, "k", &listing, 0)).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(
        answer.header("location"),
        Some("https://api.prolight.test/test/api/v1/marketplace/purchases")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    expect![[r#"
        {
          "purchase_id": "pur_01M817QNM00000000000000002",
          "state": "paid"
        }"#]]
    .assert_eq(&answer.pretty());

    let listed = stall.list(&TestRequest::by(&kim)).await;
    expect![[r#"
        {
          "items": [
            {
              "created_at": "2026-11-22T09:00:00.000Z",
              "entitlement": "active",
              "id": "pur_01M817QNM00000000000000002",
              "links": {
                "download": "https://api.prolight.test/test/api/v1/marketplace/purchases/pur_01M817QNM00000000000000002/download",
                "listing": "https://api.prolight.test/test/api/v1/marketplace/listings/lst_01M817QNM00000000000000001"
              },
              "listing_id": "lst_01M817QNM00000000000000001",
              "paid_at": "2026-11-22T09:00:00.000Z",
              "price": {
                "amount": 0,
                "currency": "usd"
              },
              "state": "paid",
              "title": "Rembrandt",
              "type": "lighting_preset",
              "version": 1
            }
          ],
          "next_cursor": null
        }"#]].assert_eq(&listed.pretty());
    assert_eq!(stall.sums(&listing).await.0, 1);
    stall.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn the_same_key_is_the_same_purchase() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let (listing, other) = (stall.on_sale(&lena, 0).await, stall.on_sale(&lena, 0).await);
    let first = stall.buy(&order(&kim, "k", &listing, 0)).await.json();
    stall.retire(&lena, &listing).await;
    assert_eq!(stall.buy(&order(&kim, "k", &listing, 0)).await.json(), first);
    let another = stall.buy(&order(&kim, "k", &other, 0)).await;
    assert_eq!(another.brief(), "422 idempotency_key_reused");
    let none = TestRequest::by(&kim).json(wish(&other, 0));
    assert_eq!(stall.buy(&none).await.brief(), "400 idempotency_key_required");
    assert_eq!(stall.sums(&listing).await.0, 1);
}

#[test]
fn two_tabs_at_once_are_one_purchase() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let listing = runtime.block_on(stall.on_sale(&lena, 0));
    let mut codes = testing::at_once(4, |nth| {
        let (stall, order) = (&stall, order(&kim, &format!("tab-{nth}"), &listing, 0));
        async move { stall.buy(&order).await.brief() }
    });
    codes.sort();
    let owned = "409 already_owned";
    assert_eq!(codes, ["201", owned, owned, owned]);
    assert_eq!(runtime.block_on(stall.sums(&listing)).0, 1);
}

/// Buys `listing` at a price and returns the error.
async fn refused(stall: &BuyingApp, buyer: &Actor, listing: &ListingId, cents: u32) -> String {
    let key = format!("key-{}", stall.app.ambient.entropy.next());
    stall.buy(&order(buyer, &key, listing, cents)).await.brief()
}

#[tokio::test]
async fn what_cannot_be_bought_is_refused_by_name() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 0).await;
    assert_eq!(refused(&stall, &lena, &listing, 0).await, "409 own_listing");

    let owned = stall.taken(&kim, &listing).await;
    let again = stall.buy(&order(&kim, "again", &listing, 0)).await;
    assert_eq!(again.brief(), "409 already_owned");
    assert_eq!(again.json()["purchase_id"], json!(owned));

    let dear = stall.on_sale(&lena, 600).await;
    let cheap = stall.buy(&order(&kim, "cheap", &dear, 900)).await;
    assert_eq!(cheap.brief(), "409 price_changed");
    assert_eq!(cheap.json()["price"], json!({"amount": 600, "currency": "usd"}));
    let mut euros = wish(&dear, 600);
    euros["expected_price"]["currency"] = json!("eur");
    let euros = stall.buy(&TestRequest::by(&kim).key("euros").json(euros)).await;
    assert_eq!(euros.brief(), "409 price_changed");

    let retired = stall.on_sale(&lena, 0).await;
    stall.retire(&lena, &retired).await;
    assert_eq!(refused(&stall, &kim, &retired, 0).await, "409 listing_unlisted");

    let draft = stall.draft(&lena, "A draft", 0).await;
    assert_eq!(refused(&stall, &kim, &draft, 0).await, "404 listing_not_found");
    let nothing = ListingId::new(stall.app.now(), 999);
    assert_eq!(refused(&stall, &kim, &nothing, 0).await, "404 listing_not_found");

    let last = stall.on_sale(&lena, 0).await;
    stall.app.suspend(&kim.id, "spam", None).await;
    assert_eq!(refused(&stall, &kim, &last, 0).await, "403 account_suspended");
    stall.app.suspend(&lena.id, "fraud", None).await;
    let ada = member("ada");
    assert_eq!(refused(&stall, &ada, &last, 0).await, "409 seller_suspended");
    assert_eq!(stall.list(&TestRequest::by(&ada)).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_request_is_read_strictly() {
    let (stall, kim) = (BuyingApp::open(), member("kim"));
    let check = async |body, expected: &str| {
        let answer = stall.buy(&TestRequest::by(&kim).key("k").json(body)).await;
        assert_eq!(answer.brief(), expected);
    };
    let price = json!({"amount": 0, "currency": "usd"});
    let listing = ListingId::new(stall.app.now(), 1);
    let missing = "422 invalid_request, /listing_id missing_field";
    check(json!({"expected_price": price}), missing).await;
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
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 600).await;
    for _ in 0..2 {
        assert_eq!(stall.buy(&order(&kim, "k", &listing, 600)).await.status(), 503);
    }
    let listed = stall.list(&TestRequest::by(&kim)).await.json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["state"], "pending");
    assert_eq!(items[0].get("checkout_url"), None);
    assert_eq!(items[0].get("entitlement"), None);
    let owned = stall.list(&TestRequest::by(&kim).query("listing_id", &listing)).await.json();
    assert_eq!(owned["items"], json!([]));
}

#[tokio::test]
async fn the_page_is_shown_while_it_can_be_paid_on() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 600).await;
    stall.buy(&order(&kim, "k", &listing, 600)).await;
    let listed = stall.list(&TestRequest::by(&kim)).await.json();
    let id = PurchaseId::parse(listed["items"][0]["id"].as_str().unwrap()).unwrap();
    let session = domain::billing::external::SessionId::parse("cs_1").unwrap();
    let page = (&session, "https://pay.test/cs_1");
    stall.store().set_purchase_checkout(&kim.id, &id, page).await.unwrap();

    let again = stall.buy(&order(&kim, "k", &listing, 600)).await;
    assert_eq!(again.status(), 201, "the page is known: Stripe is not asked again");
    expect![[r#"
        {
          "checkout_url": "https://pay.test/cs_1",
          "expires_at": "2026-11-23T08:00:00.000Z",
          "purchase_id": "pur_01M817QNM00000000000000002",
          "state": "pending"
        }"#]]
    .assert_eq(&again.pretty());
    let listed = stall.list(&TestRequest::by(&kim)).await.json();
    assert_eq!(listed["items"][0]["checkout_url"], "https://pay.test/cs_1");

    stall.app.ambient.clock.advance(domain::time::DAY);
    let listed = stall.list(&TestRequest::by(&kim)).await.json();
    assert_eq!(listed["items"][0].get("checkout_url"), None);
}

#[tokio::test]
async fn a_purchase_keeps_its_version_and_pages_are_cut() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let first = stall.on_sale(&lena, 0).await;
    stall.taken(&kim, &first).await;
    let edit = Edit { title: Some("Another light".to_owned()), ..Edit::default() };
    stall.next_version(&lena, &first, edit).await;
    stall.app.ambient.clock.advance(std::time::Duration::from_secs(1));
    stall.taken(&member("ada"), &first).await;
    let second = stall.on_sale(&lena, 0).await;
    stall.taken(&kim, &second).await;

    let one = stall.list(&TestRequest::by(&kim).query("limit", 1)).await.json();
    assert_eq!(one["items"][0]["listing_id"], json!(second));
    let cursor = one["next_cursor"].as_str().unwrap();
    let next =
        stall.list(&TestRequest::by(&kim).query("limit", 1).query("cursor", cursor)).await.json();
    assert_eq!(next["items"][0]["listing_id"], json!(first));
    assert_eq!(next["items"][0]["version"], 1);
    assert_eq!(next["items"][0]["title"], "Rembrandt");
    let of_ada =
        stall.list(&TestRequest::by(&member("ada")).query("listing_id", &first)).await.json();
    assert_eq!((&of_ada["items"][0]["version"], &of_ada["next_cursor"]), (&json!(2), &json!(null)));
    let nothing =
        stall.list(&TestRequest::by(&member("ada")).query("listing_id", &second)).await.json();
    assert_eq!(nothing["items"], json!([]));
}

#[tokio::test]
async fn a_member_begins_thirty_purchases_an_hour() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 0).await;
    for _ in 0..30 {
        assert_eq!(stall.buy(&order(&kim, "k", &listing, 0)).await.status(), 201);
    }
    let limited = stall.buy(&order(&kim, "k", &listing, 0)).await;
    assert_eq!(limited.brief(), "429 rate_limited");
    assert_eq!(stall.buy(&order(&member("ada"), "k", &listing, 0)).await.status(), 201);
}

#[tokio::test]
async fn a_referral_is_noted_if_it_means_something() {
    let stall = BuyingApp::open();
    let (lena, kim) = (member("lena"), member("kim"));
    let (listing, other) = (stall.on_sale(&lena, 0).await, stall.on_sale(&lena, 0).await);
    let code = stall.shared(&kim, &listing).await;
    let token = stall.links.click(&code, stall.app.now());
    let month = domain::marketplace::community::share::ATTRIBUTED;
    let minute = std::time::Duration::from_secs(60);
    let foreign = stall.links.click(&stall.links.code(&lena.id, &listing), stall.app.now());
    for (nth, (buyer, wanted, sent, after, expected)) in [
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
        stall.app.ambient.clock.advance(after);
        let mut body = wish(wanted, 0);
        body["referral"] = json!(sent);
        let buyer = member(buyer);
        let answer = stall.buy(&TestRequest::by(&buyer).key("k").json(body)).await;
        assert_eq!(answer.brief(), "201", "{nth}: never an error");
        let id = PurchaseId::parse(answer.json()["purchase_id"].as_str().unwrap()).unwrap();
        let purchase = stall.store().purchase(&buyer.id, &id).await.unwrap();
        assert_eq!(purchase.state, PurchaseState::Paid);
        let noted = purchase.referral.map(|it| (it.code, it.sharer_email.unwrap()));
        let share = (code.clone(), "kim@prolight.test".to_owned());
        assert_eq!(noted, expected.then_some(share), "{nth}");
    }
}

#[tokio::test]
async fn nothing_is_bought_of_a_creator_with_three_strikes() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let (kept, before) = (stall.on_sale(&lena, 0).await, stall.on_sale(&lena, 0).await);
    assert_eq!(stall.buy(&order(&kim, "k", &before, 0)).await.status(), 201);
    let (store, now) = (&stall.app.store, stall.app.now());
    for _ in 0..3 {
        let copied = stall.on_sale(&lena, 0).await;
        listings::strike(store, &copied, now).await;
    }
    assert_eq!(stall.buy(&order(&kim, "l", &kept, 0)).await.brief(), "409 seller_suspended");
    let answer = stall.list(&TestRequest::by(&kim)).await.json();
    assert_eq!(answer["items"][0]["entitlement"], "active", "an earlier buyer keeps it");
}
