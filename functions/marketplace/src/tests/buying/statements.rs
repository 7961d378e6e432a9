//! A creator's statements, payouts and balance.

use domain::{marketplace::creator::sale::HOLD, time::DAY};
use expect_test::expect;
use serde_json::{Value, json};

use super::{
    super::app,
    EARNINGS, STATS,
    steps::{apply_payment, on_sale, paid},
};

const PAYOUTS: &str = "/api/v1/marketplace/creator/payouts";

/// The path of a month's statement.
fn statement(month: &str) -> String {
    format!("/api/v1/marketplace/creator/statements/{month}")
}

#[tokio::test]
async fn a_creator_reads_a_month_of_their_money() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 999).await;
    let id = paid(&app, &kim, &listing, "card").await;
    app.ambient.clock.advance(DAY);
    apply_payment(&app, &kim, &id, |payment| payment.refunded = 100).await;
    let mut november = lena.get(statement("2026-11")).await.json();
    let links = november["links"].take();
    expect![[r#"
        {
          "closing": {
            "amount": 720,
            "currency": "usd"
          },
          "complete": false,
          "lines": [
            {
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
              "posted_at": "2026-11-22T09:00:00.000Z",
              "purchase_id": "pur_01M817QNM00000000000000002",
              "title": "Rembrandt"
            },
            {
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
              "posted_at": "2026-11-23T09:00:00.000Z",
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
    .assert_eq(&format!("{november:#}"));
    for format in ["csv", "pdf"] {
        let link = links[format].as_str().unwrap();
        let path = format!("/api/v1/marketplace/creator/statements/2026-11?format={format}");
        assert!(link.ends_with(&path), "{link}");
    }
    let nothing = lena.get(statement("2026-10")).await.json();
    assert_eq!((&nothing["complete"], &nothing["lines"]), (&json!(true), &json!([])));
    assert_eq!(kim.get(statement("2026-11")).await.json()["lines"], json!([]));
}

#[tokio::test]
async fn an_invalid_month_or_format_is_refused() {
    let app = app();
    let lena = app.sign_in("lena");
    for bad in ["2026-12", "2026-1", "november", "2026-11-01", "9999-12"] {
        let answer = lena.get(statement(bad)).await;
        assert_eq!(answer.brief(), "404 statement_not_found", "{bad}");
    }
    let answer = lena.get(statement("2026-11")).query("format", "xml").await;
    assert_eq!(answer.status(), 422, "{}", answer.pretty());
}

#[tokio::test]
async fn a_file_is_rendered_once_for_each_state_of_a_month() {
    let app = app();
    let bucket = app.records_bucket();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 999).await;
    for card in ["one", "two"] {
        for _ in 0..2 {
            assert_eq!(lena.get(statement("2026-11")).query("format", "csv").await.status(), 302);
        }
        paid(&app, &app.sign_in(card), &listing, card).await;
    }
    let keys = bucket.keys().await;
    assert_eq!(keys.len(), 2);
    let folder = format!("documents/{}/statement-2026-11/", lena.id);
    assert!(keys.iter().all(|key| key.starts_with(&folder) && key.ends_with(".csv")), "{keys:?}");
    let (_, media_type) = bucket.get(&keys[0]).await.unwrap();
    assert!(media_type.starts_with("text/csv"), "{media_type}");
    let pdf = kim.get(statement("2026-11")).query("format", "pdf").await;
    assert_eq!(pdf.status(), 302);
    let asked = kim.get(statement("2026-11")).query("format", "pdf");
    let link = asked.header("Accept", "application/json").await;
    assert_eq!((link.status(), link.header("vary")), (200, Some("Accept, Origin")));
    assert_eq!(link.json()["url"].as_str(), pdf.header("location"));
    assert!(link.json()["expires_at"].is_string(), "{}", link.pretty());
    let key = bucket.keys().await.into_iter().find(|key| key.ends_with(".pdf")).unwrap();
    assert!(bucket.get(&key).await.unwrap().0.starts_with(b"%PDF"));
}

/// The same posting for another payment.
fn of_payment(posting: &Value, nth: u32) -> Value {
    let (_, role) = posting["sk"]["S"].as_str().unwrap().split_once('#').unwrap();
    let mut other = posting.clone();
    other["sk"]["S"] = json!(format!("payment:pi_{nth}#{role}"));
    other
}

/// The postings of one sale are imported as those of many.
#[tokio::test]
async fn a_month_with_too_many_lines_for_paper_is_a_table() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 999).await;
    paid(&app, &app.sign_in("kim"), &listing, "card").await;
    let is_posting = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("JOURNAL#");
    let postings: Vec<Value> = app.engine.dump().into_iter().filter(is_posting).collect();
    let more = |nth| postings.iter().map(move |posting| of_payment(posting, nth));
    app.engine.import((1..=2_000).flat_map(more));
    let ask = |format: &str| lena.get(statement("2026-11")).query("format", format);
    let long = ask("pdf").await;
    assert_eq!(long.brief(), "409 statement_too_long");
    assert!(long.pretty().contains("There are 2001 lines"), "{}", long.pretty());
    assert_eq!(ask("csv").await.status(), 302);
}

#[tokio::test]
async fn payouts_and_balances_show_where_the_money_is() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 999).await;
    let mut sales = Vec::new();
    for card in ["one", "two"] {
        sales.push(paid(&app, &app.sign_in(card), &listing, card).await);
    }
    app.ambient.clock.advance(HOLD);
    let now = app.now();
    assert_eq!(app.store.release_sales(&lena.id, &sales, now).await.unwrap(), 2);
    app.store.begin_payout(&lena.id, now.floor_to(DAY), now).await.unwrap();
    let mut payouts = lena.get(PAYOUTS).await.json();
    assert_eq!(payouts["next_cursor"], Value::Null);
    payouts["items"][0]["id"].take();
    let mut stats = lena.get(STATS).await.json();
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
              "status": "skipped"
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
            "status": "none"
          }
        ]"#]]
    .assert_eq(&format!("{shown:#}"));
    let earned = &lena.get(EARNINGS).await.json()["items"][0];
    assert_eq!(earned["released_at"], json!(now));
    let others = app.sign_in("one").get(PAYOUTS).await.json();
    assert_eq!(others["items"], json!([]));
}
