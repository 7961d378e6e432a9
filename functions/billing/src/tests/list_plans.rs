//! The plans, without a token.

use expect_test::expect;
use testing::TestApp;

#[tokio::test]
async fn anyone_can_list_the_plans() {
    let app = TestApp::serving(&[crate::functions]);
    let answer = app.visitor().get("/api/v1/billing/plans").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    expect![[r#"
        {
          "items": [
            {
              "monthly_credits": 10,
              "monthly_price": {
                "amount": 0,
                "currency": "usd"
              },
              "name": "Free",
              "open_generations_max": 2,
              "plan": "free"
            },
            {
              "monthly_credits": 500,
              "monthly_price": {
                "amount": 2900,
                "currency": "usd"
              },
              "name": "Pro",
              "open_generations_max": 8,
              "plan": "pro"
            },
            {
              "monthly_credits": null,
              "monthly_price": {
                "amount": 9900,
                "currency": "usd"
              },
              "name": "Enterprise",
              "open_generations_max": 32,
              "plan": "enterprise"
            }
          ],
          "next_cursor": null,
          "packs": [
            {
              "credits": 50,
              "name": "50 credits",
              "pack": "pack_50",
              "price": {
                "amount": 500,
                "currency": "usd"
              }
            },
            {
              "credits": 200,
              "name": "200 credits",
              "pack": "pack_200",
              "price": {
                "amount": 1800,
                "currency": "usd"
              }
            },
            {
              "credits": 1000,
              "name": "1,000 credits",
              "pack": "pack_1000",
              "price": {
                "amount": 8000,
                "currency": "usd"
              }
            }
          ]
        }"#]]
    .assert_eq(&answer.pretty());
    let member = app.sign_in("kim").get("/api/v1/billing/plans").await;
    assert_eq!(member.body, answer.body);
    let again = app.visitor().get("/api/v1/billing/plans");
    let again = again.header("If-None-Match", answer.header("etag").unwrap()).await;
    assert_eq!(again.status(), 304);
    assert_eq!(app.engine.take_usage().round_trips(), 0, "it reads nothing");
}

#[tokio::test]
async fn it_takes_no_parameters() {
    let app = TestApp::serving(&[crate::functions]);
    let answer = app.visitor().get("/api/v1/billing/plans?currency=eur").await;
    expect!["422 invalid_request, /currency unknown_field"].assert_eq(&answer.brief());
}
