//! A creator's sales and balance.

use domain::{marketplace::creator::sale::HOLD, money::Money};
use expect_test::expect;
use serde_json::{Value, json};
use testing::listings;

use super::{
    super::app,
    EARNINGS, REVIEWS, STATS,
    steps::{apply_payment, buy_free, draft, on_sale, paid, retire},
};

#[tokio::test]
async fn a_creator_sees_what_they_sold() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 999).await;
    draft(&app, &lena, "A draft", 0).await;
    let free = on_sale(&app, &lena, 0).await;
    let retired = on_sale(&app, &lena, 0).await;
    retire(&app, &lena, &retired).await;
    buy_free(&app.sign_in("eve"), &free).await;
    paid(&app, &app.sign_in("kim"), &listing, "card-1").await;
    app.ambient.clock.advance(domain::time::DAY);
    let back = paid(&app, &app.sign_in("ada"), &listing, "card-2").await;
    apply_payment(&app, &app.sign_in("ada"), &back, |payment| payment.refunded = 999).await;
    for (name, listing, rating) in [("kim", &listing, 4), ("eve", &free, 5)] {
        let review = json!({ "listing_id": listing, "rating": rating });
        assert_eq!(app.sign_in(name).post(REVIEWS).json(review).await.status(), 201);
    }
    let views = [(listing.clone(), (0..30).collect()), (free, (0..10).collect())];
    app.store.note_views(views.into(), app.now()).await.unwrap();
    listings::add_views(&app.store, app.now()).await;

    let answer = lena.get(STATS).await;
    let mut stats = answer.json();
    let days = stats["last_30_days"].take();
    let days = days.as_array().unwrap();
    assert_eq!(days.len(), 30);
    assert!(days[..28].iter().all(|day| day["sales"] == 0 && day["gross"]["amount"] == 0));
    expect![[r#"
        [
          {
            "account": {
              "requirements": [],
              "status": "none"
            },
            "average_rating": 4.5,
            "balance": {
              "available": {
                "amount": 0,
                "currency": "usd"
              },
              "frozen": {
                "amount": 0,
                "currency": "usd"
              },
              "in_payout": {
                "amount": 0,
                "currency": "usd"
              },
              "owed": {
                "amount": 0,
                "currency": "usd"
              },
              "paid": {
                "amount": 0,
                "currency": "usd"
              },
              "pending": {
                "amount": 800,
                "currency": "usd"
              }
            },
            "conversion_bps": 500,
            "fee_bps": 2000,
            "fees": {
              "amount": 199,
              "currency": "usd"
            },
            "gross": {
              "amount": 999,
              "currency": "usd"
            },
            "hold_days": 7,
            "last_30_days": null,
            "listings": {
              "approved": 2,
              "delisted": 1,
              "draft": 1,
              "pending": 0,
              "rejected": 0
            },
            "net": {
              "amount": 800,
              "currency": "usd"
            },
            "ratings": 2,
            "sales": 2,
            "strikes": {
              "live": [],
              "selling_suspended_until": null
            },
            "views": 40
          },
          [
            {
              "date": "2026-11-22",
              "gross": {
                "amount": 999,
                "currency": "usd"
              },
              "net": {
                "amount": 800,
                "currency": "usd"
              },
              "sales": 2,
              "views": 0
            },
            {
              "date": "2026-11-23",
              "gross": {
                "amount": 0,
                "currency": "usd"
              },
              "net": {
                "amount": 0,
                "currency": "usd"
              },
              "sales": 0,
              "views": 40
            }
          ]
        ]"#]]
    .assert_eq(&format!("{:#}", json!([stats, &days[28..]])));
}

#[tokio::test]
async fn a_member_without_sales_sees_zeros() {
    let app = app();
    let kim = app.sign_in("kim");
    let stats = kim.get(STATS).await.json();
    assert_eq!(stats["sales"], 0);
    assert_eq!([&stats["average_rating"], &stats["conversion_bps"]], [&Value::Null; 2]);
    assert_eq!((&stats["fee_bps"], &stats["hold_days"]), (&json!(2_000), &json!(7)));
    let listings = json!({"draft": 0, "pending": 0, "approved": 0, "rejected": 0, "delisted": 0});
    assert_eq!(stats["listings"], listings);
    let earnings = kim.get(EARNINGS).await.json();
    assert_eq!(earnings, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_sale_is_held_then_payable_and_every_cent_is_somewhere() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 999).await;
    let id = paid(&app, &kim, &listing, "card").await;
    let shown = lena.get(EARNINGS).await;
    expect![[r#"
        {
          "items": [
            {
              "fee": {
                "amount": 199,
                "currency": "usd"
              },
              "found_by": "direct",
              "gross": {
                "amount": 999,
                "currency": "usd"
              },
              "hold_until": "2026-11-29T09:00:00.000Z",
              "listing_id": "lst_01M817QNM00000000000000001",
              "net": {
                "amount": 800,
                "currency": "usd"
              },
              "payout_id": null,
              "purchase_id": "pur_01M817QNM00000000000000002",
              "refunded": {
                "amount": 0,
                "currency": "usd"
              },
              "released_at": null,
              "sold_at": "2026-11-22T09:00:00.000Z",
              "status": "held",
              "title": "Rembrandt",
              "version": 1
            }
          ],
          "next_cursor": null
        }"#]]
    .assert_eq(&shown.pretty());

    let now = async || lena.get(EARNINGS).await.json()["items"][0].clone();
    let check = async |state: &str, refunded: i64| {
        let sale = now().await;
        assert_eq!(
            (&sale["status"], &sale["refunded"]["amount"]),
            (&json!(state), &json!(refunded))
        );
        let cents = |name: &str| sale[name]["amount"].as_i64().unwrap();
        assert_eq!(cents("gross"), cents("fee") + cents("net") + cents("refunded"));
    };
    apply_payment(&app, &kim, &id, |payment| payment.refunded = 100).await;
    check("held", 100).await;
    app.ambient.clock.advance(HOLD);
    check("payable", 100).await;
    apply_payment(&app, &kim, &id, |payment| (payment.refunded, payment.disputed) = (100, true))
        .await;
    check("frozen", 100).await;
    apply_payment(&app, &kim, &id, |payment| payment.refunded = 999).await;
    check("refunded", 999).await;
    assert_eq!(kim.get(EARNINGS).await.json()["items"], json!([]));
    assert_eq!(now().await["gross"], json!(Money::usd_cents(999)));
}
