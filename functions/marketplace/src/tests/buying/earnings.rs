//! A creator's sales and balance.

use domain::{
    billing::{
        external::PaymentId,
        payment::{Payment, PaymentState},
    },
    id::{ListingId, PurchaseId},
    marketplace::{creator::sale::HOLD, purchase::Purchase},
    money::Money,
};
use expect_test::expect;
use serde_json::{Value, json};
use store::Idempotency;
use testing::{Actor, TestRequest};

use super::stage::{BuyingApp, member};

impl BuyingApp {
    /// A paid purchase, as the webhook writes it.
    pub(crate) async fn paid(&self, by: &Actor, listing: &ListingId, card: &str) -> PurchaseId {
        let now = self.app.now();
        let price = self.store().listing_page(listing, now).await.unwrap();
        let price = price.listing.on_sale().unwrap().price;
        let id = PurchaseId::new(now, self.app.ambient.entropy.next());
        let key = Idempotency { key: format!("pay-{id}"), fingerprint: "0".repeat(64) };
        let placed = self.store().place_purchase((&by.id, None), listing, &key, now, |offer| {
            Purchase::place(id.clone(), by.id.clone(), offer, price, None, now)
        });
        placed.await.unwrap();
        self.hear(by, &id, |payment| payment.fingerprint = Some(card.to_owned())).await;
        id
    }

    /// Applies a payment, modified by `change`.
    pub(crate) async fn hear(&self, by: &Actor, id: &PurchaseId, change: impl Fn(&mut Payment)) {
        let now = self.app.now();
        let (read, _) = self.store().purchase_of_event(&by.id, id, None).await.unwrap();
        let mut payment = Payment {
            id: PaymentId::parse(&format!("pi_{id}")).unwrap(),
            charge: None,
            customer: None,
            user: None,
            order: None,
            purchase: Some(id.clone()),
            fingerprint: None,
            state: PaymentState::Succeeded,
            amount: read.price,
            refunded: 0,
            withdrawn: 0,
            disputed: false,
            fees: 0,
        };
        change(&mut payment);
        let applied =
            self.store().apply_purchase(&read, None, now, |deal| deal.settle(&payment, now));
        applied.await.unwrap();
    }
}

#[tokio::test]
async fn a_creator_sees_what_they_sold() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let listing = stall.on_sale(&lena, 999).await;
    stall.draft(&lena, "A draft", 0).await;
    let free = stall.on_sale(&lena, 0).await;
    let retired = stall.on_sale(&lena, 0).await;
    stall.retire(&lena, &retired).await;
    stall.taken(&member("eve"), &free).await;
    stall.paid(&member("kim"), &listing, "card-1").await;
    stall.app.ambient.clock.advance(domain::time::DAY);
    let back = stall.paid(&member("ada"), &listing, "card-2").await;
    stall.hear(&member("ada"), &back, |payment| payment.refunded = 999).await;
    stall.review_of(&member("kim"), &listing, 4).await;
    stall.review_of(&member("eve"), &free, 5).await;
    let views = [(listing.clone(), (0..30).collect()), (free, (0..10).collect())];
    stall.store().note_views(views.into(), stall.app.now()).await.unwrap();
    stall.store().add_views(stall.app.now()).await.unwrap();

    let answer = stall.stats(&TestRequest::by(&lena)).await;
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
              "state": "none"
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

impl BuyingApp {
    async fn review_of(&self, by: &Actor, listing: &ListingId, rating: u8) {
        let ask = TestRequest::by(by).json(json!({ "listing_id": listing, "rating": rating }));
        assert_eq!(self.review(&ask).await.status(), 201);
    }
}

#[tokio::test]
async fn who_sells_nothing_sees_zeros() {
    let (stall, kim) = (BuyingApp::open(), member("kim"));
    let stats = stall.stats(&TestRequest::by(&kim)).await.json();
    assert_eq!(stats["sales"], 0);
    assert_eq!([&stats["average_rating"], &stats["conversion_bps"]], [&Value::Null; 2]);
    assert_eq!((&stats["fee_bps"], &stats["hold_days"]), (&json!(2_000), &json!(7)));
    let listings = json!({"draft": 0, "pending": 0, "approved": 0, "rejected": 0, "delisted": 0});
    assert_eq!(stats["listings"], listings);
    let earnings = stall.earnings(&TestRequest::by(&kim)).await.json();
    assert_eq!(earnings, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_sale_is_held_then_payable_and_every_cent_is_somewhere() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 999).await;
    let id = stall.paid(&kim, &listing, "card").await;
    let shown = stall.earnings(&TestRequest::by(&lena)).await;
    expect![[r#"
        {
          "items": [
            {
              "fee": {
                "amount": 199,
                "currency": "usd"
              },
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
              "state": "held",
              "title": "Rembrandt",
              "version": 1
            }
          ],
          "next_cursor": null
        }"#]]
    .assert_eq(&shown.pretty());

    let now = async || stall.earnings(&TestRequest::by(&lena)).await.json()["items"][0].clone();
    let check = async |state: &str, refunded: i64| {
        let sale = now().await;
        assert_eq!(
            (&sale["state"], &sale["refunded"]["amount"]),
            (&json!(state), &json!(refunded))
        );
        let cents = |name: &str| sale[name]["amount"].as_i64().unwrap();
        assert_eq!(cents("gross"), cents("fee") + cents("net") + cents("refunded"));
    };
    stall.hear(&kim, &id, |payment| payment.refunded = 100).await;
    check("held", 100).await;
    stall.app.ambient.clock.advance(HOLD);
    check("payable", 100).await;
    stall.hear(&kim, &id, |payment| (payment.refunded, payment.disputed) = (100, true)).await;
    check("frozen", 100).await;
    stall.hear(&kim, &id, |payment| payment.refunded = 999).await;
    check("refunded", 999).await;
    assert_eq!(stall.earnings(&TestRequest::by(&kim)).await.json()["items"], json!([]));
    assert_eq!(now().await["gross"], json!(Money::usd_cents(999)));
}
