//! Where sales come from, and revenue by day and listing.

use clients::ShareLinks;
use domain::time::DAY;
use expect_test::expect;
use serde_json::{Value, json};

use super::{
    super::app,
    EARNINGS, PURCHASES, REWARDS, SHARES,
    steps::{apply_payment, on_sale, on_sale_titled, order, ordered, share_code},
};

const REVENUE: &str = "/api/v1/marketplace/creator/revenue/2026-11";

#[tokio::test]
async fn a_sharer_sees_what_came_of_their_links() {
    let app = app();
    let (lena, kim, ada) = (app.sign_in("lena"), app.sign_in("kim"), app.sign_in("ada"));
    let listing = on_sale(&app, &lena, 900).await;
    let code = share_code(&kim, &listing).await;
    let other = share_code(&kim, &on_sale(&app, &lena, 0).await).await;
    assert_eq!(share_code(&kim, &listing).await, code);
    app.visitor().get(format!("/s/{code}")).await;
    let links: ShareLinks = app.connect().await;
    let mut body = order(&listing, 900);
    body["referral"] = json!(links.click(&code, app.now()));
    let id = ordered(&ada, body).await;

    let listed = kim.get(SHARES).await.json();
    assert_eq!(listed["items"][0]["id"], json!(other), "of the newest listing first");
    let mut share = listed["items"][1].clone();
    assert_eq!(share["id"].take(), json!(code));
    assert!(share["url"].take().as_str().unwrap().ends_with(&format!("/s/{code}")));
    assert_eq!(share["listing_id"].take(), json!(listing));
    expect![[r#"
        {
          "created_at": "2026-11-22T09:00:00.000Z",
          "credits": {
            "cancelled": 0,
            "granted": 0,
            "held": 5
          },
          "id": null,
          "last_viewed_at": "2026-11-22T09:00:00.000Z",
          "listing_id": null,
          "sales": 1,
          "title": "Rembrandt",
          "url": null,
          "views": 1
        }"#]]
    .assert_eq(&format!("{share:#}"));
    let one = kim.get(SHARES).query("limit", 1).await.json();
    let cursor = one["next_cursor"].as_str().unwrap();
    let next = kim.get(SHARES).query("limit", 1).query("cursor", cursor).await.json();
    assert_eq!(next["items"], json!([listed["items"][1]]));
    assert_eq!(next["next_cursor"], json!(null));

    let reward = async || {
        let mut rewards = kim.get(REWARDS).await.json()["items"].clone();
        assert_eq!(rewards[0]["share_id"].take(), json!(code));
        rewards[0].clone()
    };
    expect![[r#"
        {
          "credits": 5,
          "decided_at": null,
          "due_at": "2026-12-06T09:00:00.000Z",
          "earned_at": "2026-11-22T09:00:00.000Z",
          "reason": null,
          "share_id": null,
          "status": "held"
        }"#]]
    .assert_eq(&format!("{:#}", reward().await));
    app.ambient.clock.advance(DAY * 15);
    app.store.grant_reward(&kim.id, &id, app.now()).await.unwrap();
    let granted = reward().await;
    assert_eq!((&granted["status"], &granted["due_at"]), (&json!("granted"), &json!(null)));
    assert_eq!(granted["decided_at"], "2026-12-07T09:00:00.000Z");
    apply_payment(&app, &ada, &id, |payment| payment.refunded = 900).await;
    let cancelled = reward().await;
    assert_eq!([&cancelled["status"], &cancelled["reason"]], ["cancelled", "refunded"]);
    let share = kim.get(SHARES).await.json()["items"][1].clone();
    assert_eq!((&share["sales"], &share["credits"]["cancelled"]), (&json!(0), &json!(5)));
    assert_eq!(ada.get(REWARDS).await.json()["items"], json!([]));
    assert_eq!(ada.get(SHARES).await.json()["items"], json!([]));
}

/// A sale through a shared link is known by its token alone.
#[tokio::test]
async fn a_creator_sees_where_a_sale_came_from() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 900).await;
    let code = share_code(&kim, &listing).await;
    let links: ShareLinks = app.connect().await;
    for (buyer, said, referred, expected) in [
        ("ada", None, false, "direct"),
        ("bob", Some("direct"), false, "direct"),
        ("cyd", Some("search"), false, "search"),
        ("dan", Some("share"), false, "direct"),
        ("eve", Some("search"), true, "share"),
    ] {
        app.ambient.clock.advance(std::time::Duration::from_secs(1));
        let mut body = order(&listing, 900);
        if let Some(said) = said {
            body["found_by"] = json!(said);
        }
        if referred {
            body["referral"] = json!(links.click(&code, app.now()));
        }
        ordered(&app.sign_in(buyer), body).await;
        let sale = lena.get(EARNINGS).await.json()["items"][0].clone();
        assert_eq!(sale["found_by"], expected, "{buyer}");
    }
    let mut body = order(&listing, 900);
    body["found_by"] = json!("luck");
    let refused = app.sign_in("fay").post(PURCHASES).key("k").json(body).await;
    assert_eq!(refused.brief(), "422 invalid_request, /found_by unknown_value");
}

#[tokio::test]
async fn revenue_is_by_day_and_listing_as_the_sales_are_now() {
    let app = app();
    let bucket = app.records_bucket();
    let lena = app.sign_in("lena");
    let first = on_sale(&app, &lena, 1_000).await;
    let second = on_sale_titled(&app, &lena, "=Haze", 500).await;
    let found = |listing, cents: u32, by: &str| {
        let mut body = order(listing, cents);
        body["found_by"] = json!(by);
        body
    };
    let ada = app.sign_in("ada");
    let id = ordered(&ada, found(&first, 1_000, "search")).await;
    ordered(&app.sign_in("bob"), found(&first, 1_000, "direct")).await;
    app.ambient.clock.advance(DAY);
    ordered(&app.sign_in("cyd"), found(&first, 1_000, "direct")).await;
    ordered(&app.sign_in("cyd"), found(&second, 500, "search")).await;
    apply_payment(&app, &ada, &id, |payment| payment.refunded = 250).await;

    let shown = lena.get(REVENUE).await.json();
    let row = |row: &Value| {
        let cents = |name: &str| row[name]["amount"].as_i64().unwrap();
        let sum = cents("fee") + cents("net") + cents("refunded");
        assert_eq!(sum, cents("gross"), "{row}");
        let (date, title) = (row["date"].as_str().unwrap(), row["title"].as_str().unwrap());
        let found = &row["found_by"];
        let found = format!("{}/{}/{}", found["direct"], found["search"], found["share"]);
        format!("{date} {title} {} {sum} {} {found}", row["sales"], cents("net"))
    };
    let rows: Vec<String> = shown["items"].as_array().unwrap().iter().map(row).collect();
    let expected = [
        "2026-11-22 Rembrandt 2 2000 1400 1/1/0",
        "2026-11-23 Rembrandt 1 1000 800 1/0/0",
        "2026-11-23 =Haze 1 500 400 0/1/0",
    ];
    assert_eq!(rows, expected);
    let csv = lena.get(REVENUE).query("format", "csv").header("Accept", "application/json").await;
    assert_eq!(csv.status(), 200);
    assert!(csv.json()["url"].is_string() && csv.json()["expires_at"].is_string());
    let keys = bucket.keys().await;
    let (bytes, media_type) = bucket.get(&keys[0]).await.unwrap();
    assert!(media_type.starts_with("text/csv"), "{media_type}");
    let text = String::from_utf8(bytes.to_vec()).unwrap().replace("\r\n", "\n");
    let text = text.replace(first.as_str(), "FIRST").replace(second.as_str(), "SECOND");
    let expected = "date,listing,title,sales,gross,fee,net,refunded,direct,search,share,currency\n\
        2026-11-22,FIRST,Rembrandt,2,20.00,3.50,14.00,2.50,1,1,0,USD\n\
        2026-11-23,FIRST,Rembrandt,1,10.00,2.00,8.00,0.00,1,0,0,USD\n\
        2026-11-23,SECOND,'=Haze,1,5.00,1.00,4.00,0.00,0,1,0,USD\n";
    assert_eq!(text, expected);

    apply_payment(&app, &ada, &id, |payment| payment.refunded = 1_000).await;
    let row = lena.get(REVENUE).await.json()["items"][0].clone();
    assert_eq!((&row["sales"], &row["found_by"]["search"]), (&json!(1), &json!(0)));
    let october = "/api/v1/marketplace/creator/revenue/2026-10";
    assert_eq!(lena.get(october).await.json()["items"], json!([]));
    assert_eq!(ada.get(REVENUE).await.json()["items"], json!([]));
    for bad in ["2026-12", "november"] {
        let answer = lena.get(format!("/api/v1/marketplace/creator/revenue/{bad}")).await;
        assert_eq!(answer.brief(), "404 statement_not_found", "{bad}");
    }
}
