//! A creator's statements, payouts and balance.

use domain::{marketplace::creator::sale::HOLD, time::DAY};
use expect_test::expect;
use serde_json::{Value, json};
use testing::{Actor, TestRequest, cloud::Cloud};

use super::stage::{BuyingApp, member};

fn month(by: &Actor, month: &str) -> TestRequest {
    TestRequest::by(by).path("month", month)
}

#[tokio::test]
async fn a_creator_reads_a_month_of_their_money() {
    let (stall, lena, kim) = (BuyingApp::open(), member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 999).await;
    let id = stall.paid(&kim, &listing, "card").await;
    stall.app.ambient.clock.advance(DAY);
    stall.hear(&kim, &id, |payment| payment.refunded = 100).await;
    let mut statement = stall.statement(&month(&lena, "2026-11")).await.json();
    let links = statement["links"].take();
    expect![[r#"
        {
          "closing": {
            "amount": 720,
            "currency": "usd"
          },
          "complete": false,
          "lines": [
            {
              "at": "2026-11-22T09:00:00.000Z",
              "fee": {
                "amount": 199,
                "currency": "usd"
              },
              "gross": {
                "amount": 999,
                "currency": "usd"
              },
              "kind": "sale",
              "net": {
                "amount": 800,
                "currency": "usd"
              },
              "purchase_id": "pur_01M817QNM00000000000000002",
              "title": "Rembrandt"
            },
            {
              "at": "2026-11-23T09:00:00.000Z",
              "fee": {
                "amount": -20,
                "currency": "usd"
              },
              "gross": {
                "amount": -100,
                "currency": "usd"
              },
              "kind": "refund",
              "net": {
                "amount": -80,
                "currency": "usd"
              },
              "purchase_id": "pur_01M817QNM00000000000000002",
              "title": "Rembrandt"
            }
          ],
          "links": null,
          "month": "2026-11",
          "opening": {
            "amount": 0,
            "currency": "usd"
          },
          "totals": [
            {
              "count": 1,
              "fee": {
                "amount": 199,
                "currency": "usd"
              },
              "gross": {
                "amount": 999,
                "currency": "usd"
              },
              "kind": "sale",
              "net": {
                "amount": 800,
                "currency": "usd"
              }
            },
            {
              "count": 1,
              "fee": {
                "amount": -20,
                "currency": "usd"
              },
              "gross": {
                "amount": -100,
                "currency": "usd"
              },
              "kind": "refund",
              "net": {
                "amount": -80,
                "currency": "usd"
              }
            }
          ]
        }"#]]
    .assert_eq(&format!("{statement:#}"));
    for format in ["csv", "pdf"] {
        let link = links[format].as_str().unwrap();
        let path = format!("/api/v1/marketplace/creator/statements/2026-11?format={format}");
        assert!(link.ends_with(&path), "{link}");
    }
    let nothing = stall.statement(&month(&lena, "2026-10")).await.json();
    assert_eq!((&nothing["complete"], &nothing["lines"]), (&json!(true), &json!([])));
    assert_eq!(stall.statement(&month(&kim, "2026-11")).await.json()["lines"], json!([]));
}

#[tokio::test]
async fn what_is_no_month_or_no_form_is_refused() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    for bad in ["2026-12", "2026-1", "november", "2026-11-01", "9999-12"] {
        let answer = stall.statement(&month(&lena, bad)).await;
        assert_eq!(answer.brief(), "404 statement_not_found", "{bad}");
    }
    let answer = stall.statement(&month(&lena, "2026-11").query("format", "xml")).await;
    assert_eq!(answer.status(), 422, "{}", answer.pretty());
}

#[tokio::test]
async fn a_file_is_made_once_for_each_state_of_a_month() {
    let bucket = Cloud::here().bucket().await;
    let mut stall = BuyingApp::open();
    stall.documents = bucket.documents();
    let (lena, kim) = (member("lena"), member("kim"));
    let listing = stall.on_sale(&lena, 999).await;
    let ask = month(&lena, "2026-11").query("format", "csv");
    for card in ["one", "two"] {
        for _ in 0..2 {
            assert_eq!(stall.statement(&ask).await.status(), 302);
        }
        stall.paid(&member(card), &listing, card).await;
    }
    let keys = bucket.keys().await;
    assert_eq!(keys.len(), 2);
    let place = format!("documents/{}/statement-2026-11/", lena.id);
    assert!(keys.iter().all(|key| key.starts_with(&place) && key.ends_with(".csv")), "{keys:?}");
    let (_, media_type) = bucket.get(&keys[0]).await.unwrap();
    assert!(media_type.starts_with("text/csv"), "{media_type}");
    let pdf = stall.statement(&month(&kim, "2026-11").query("format", "pdf")).await;
    assert_eq!(pdf.status(), 302);
    let key = bucket.keys().await.into_iter().find(|key| key.ends_with(".pdf")).unwrap();
    assert!(bucket.get(&key).await.unwrap().0.starts_with(b"%PDF"));
    bucket.discard().await;
}

#[tokio::test]
async fn payouts_and_balances_say_where_the_money_is() {
    let (stall, lena) = (BuyingApp::open(), member("lena"));
    let listing = stall.on_sale(&lena, 999).await;
    let mut sales = Vec::new();
    for card in ["one", "two"] {
        sales.push(stall.paid(&member(card), &listing, card).await);
    }
    stall.app.ambient.clock.advance(HOLD);
    let now = stall.app.now();
    assert_eq!(stall.store().release_sales(&lena.id, &sales, now).await.unwrap(), 2);
    stall.store().begin_payout(&lena.id, now.floor_to(DAY), now).await.unwrap();
    let mut payouts = stall.payouts(&TestRequest::by(&lena)).await.json();
    assert_eq!(payouts["next_cursor"], Value::Null);
    payouts["items"][0]["id"].take();
    let mut stats = stall.stats(&TestRequest::by(&lena)).await.json();
    let shown = json!([payouts["items"], stats["balance"].take(), stats["account"].take()]);
    expect![[r#"
        [
          [
            {
              "amount": {
                "amount": 1600,
                "currency": "usd"
              },
              "created_at": "2026-11-29T09:00:00.000Z",
              "date": "2026-11-29",
              "id": null,
              "paid_at": null,
              "reason": "account_not_ready",
              "reversed": {
                "amount": 0,
                "currency": "usd"
              },
              "sales": 0,
              "sent_at": null,
              "settled": {
                "amount": 0,
                "currency": "usd"
              },
              "state": "skipped"
            }
          ],
          {
            "available": {
              "amount": 1600,
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
              "amount": 0,
              "currency": "usd"
            }
          },
          {
            "requirements": [],
            "state": "none"
          }
        ]"#]]
    .assert_eq(&format!("{shown:#}"));
    let earned = &stall.earnings(&TestRequest::by(&lena)).await.json()["items"][0];
    assert_eq!(earned["released_at"], json!(now));
    let others = stall.payouts(&TestRequest::by(&member("one"))).await.json();
    assert_eq!(others["items"], json!([]));
}
