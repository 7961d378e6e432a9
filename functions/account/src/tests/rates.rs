//! The limit over all routes, and what answers say about limits.

use domain::plan::Plan;
use expect_test::{Expect, expect};
use serde_json::json;
use testing::{Actor, Answer, Client};

use super::account_app;

fn limits(answer: &Answer) -> String {
    let text = |name: &str| answer.header(name).unwrap_or("none").to_owned();
    format!("{} {}\n{}", answer.status(), text("ratelimit-policy"), text("ratelimit"))
}

#[tokio::test]
async fn an_answer_says_what_is_left() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let check = |answer: &Answer, expected: Expect| expected.assert_eq(&limits(answer));
    check(
        &kim.get("/api/v1/me").await,
        expect![[r#"
            200 "member";q=600;w=60
            "member";r=599;t=60"#]],
    );
    app.ambient.clock.advance(std::time::Duration::from_secs(18));
    let pro = app.client(&Actor::member("kim").on(Plan::Pro));
    check(
        &pro.patch("/api/v1/me").json(json!({})).await,
        expect![[r#"
            200 "member";q=2400;w=60, "account-update-me";q=120;w=60
            "member";r=2399;t=42, "account-update-me";r=119;t=42"#]],
    );
    // Also where the call fails; before a caller is known, nothing is counted.
    check(
        &kim.get("/api/v1/me/keys/nonsense").await,
        expect![[r#"
            404 "member";q=600;w=60
            "member";r=599;t=42"#]],
    );
    check(
        &app.visitor().get("/api/v1/me").await,
        expect![[r#"
        401 none
        none"#]],
    );
    let exposed = kim.get("/api/v1/me").await;
    let exposed = exposed.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("RateLimit, RateLimit-Policy"), "{exposed}");
}

#[tokio::test]
async fn all_routes_together_have_a_limit_by_plan() {
    let app = account_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let max = Plan::Free.terms().calls_a_minute;
    let read = async |member: &Client<'_>| member.get("/api/v1/me").await;
    read(&kim).await;
    app.engine.take_usage();
    for _ in 1..max {
        assert_eq!(read(&kim).await.status(), 200);
    }
    assert_eq!(app.engine.take_usage().requests.get("UpdateItem"), Some(&10));
    let refused = read(&kim).await;
    assert_eq!(refused.brief(), "429 rate_limited");
    assert_eq!(refused.header("retry-after"), Some("60"));
    assert_eq!(refused.header("ratelimit"), Some("\"member\";r=0;t=60"));
    assert_eq!(read(&ada).await.status(), 200, "other members are not limited");
    let pro = app.client(&Actor::member("kim").on(Plan::Pro));
    assert_eq!(read(&pro).await.status(), 200, "a larger plan takes effect at once");
    // The process of another route learns it by its first report.
    let mut statuses = Vec::new();
    for _ in 0..60 {
        statuses.push(kim.get("/api/v1/me/keys").await.status());
    }
    assert_eq!(statuses, [[200; 59].as_slice(), &[429]].concat());
    app.ambient.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(read(&kim).await.status(), 200);
}
