//! Profile changes.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testing::{Answer, at_once};

use super::account_app;

#[tokio::test]
async fn an_omitted_field_stays_and_null_clears_it() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, expected: Expect| {
        let answer = kim.patch("/api/v1/me").json(body).await;
        assert_eq!(answer.status(), 200, "{}", answer.pretty());
        let me = answer.json();
        assert_eq!(kim.get("/api/v1/me").await.json(), me);
        expected.assert_eq(&format!("{} {}", me["display_name"], me["bio"]));
    };
    check(json!({}), expect!["null null"]).await;
    check(json!({"display_name": "Kim"}), expect![[r#""Kim" null"#]]).await;
    check(json!({"bio": "I light\nchairs."}), expect![[r#""Kim" "I light\nchairs.""#]]).await;
    check(json!({"display_name": "金 💡"}), expect![[r#""金 💡" "I light\nchairs.""#]]).await;
    check(json!({}), expect![[r#""金 💡" "I light\nchairs.""#]]).await;
    check(
        json!({"bio": "Two\r\nlines\rof Ane\u{301}"}),
        expect![[r#""金 💡" "Two\nlines\nof Ané""#]],
    )
    .await;
    check(json!({"bio": null}), expect![[r#""金 💡" null"#]]).await;
    check(json!({"display_name": null, "bio": "x"}), expect![[r#"null "x""#]]).await;
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn text_has_limits_and_nothing_else_can_be_changed() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, fields: &str| {
        let answer = kim.patch("/api/v1/me").json(body).await;
        assert_eq!(answer.brief(), format!("422 invalid_request, {fields}"));
    };
    check(json!({"display_name": ""}), "/display_name length, /display_name text").await;
    check(json!({"display_name": " "}), "/display_name text").await;
    check(json!({"display_name": "x".repeat(81)}), "/display_name length").await;
    check(json!({"display_name": "a\u{0}b"}), "/display_name text").await;
    check(json!({"display_name": "Kim\u{202e}nimda"}), "/display_name text").await;
    check(json!({"display_name": "\u{3164}"}), "/display_name text").await;
    check(json!({"display_name": "Kim\nKim"}), "/display_name text").await;
    check(json!({"display_name": 7}), "/display_name wrong_type").await;
    check(json!({"bio": "x".repeat(501)}), "/bio length").await;
    let both = json!({"bio": "\u{7}", "display_name": " "});
    check(both, "/display_name text, /bio text").await;
    check(json!({"plan": "enterprise"}), "/plan unknown_field").await;
    check(json!({"credits": {"available": 1000}}), "/credits unknown_field").await;
    check(json!({"role": "admin"}), "/role unknown_field").await;
    check(json!({"status": "active"}), "/status unknown_field").await;
    let longest = json!({"display_name": "x".repeat(80), "bio": "ü".repeat(500)});
    assert_eq!(kim.patch("/api/v1/me").json(longest).await.status(), 200);
    let visitor = app.visitor().patch("/api/v1/me").json(json!({"bio": "x"})).await;
    expect!["401 unauthenticated"].assert_eq(&visitor.brief());
}

/// Two tabs: the second save fails because the account changed since it was shown.
#[tokio::test]
async fn a_change_of_an_outdated_profile_is_refused() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let tag = kim.get("/api/v1/me").await.header("etag").unwrap().to_owned();
    let save = |name: &str, tag: &str| {
        kim.patch("/api/v1/me").header("If-Match", tag).json(json!({"display_name": name}))
    };
    assert_eq!(save("Kim", &tag).await.status(), 200);
    expect!["412 precondition_failed"].assert_eq(&save("Kimmy", &tag).await.brief());
    let me = kim.get("/api/v1/me").await;
    assert_eq!(me.json()["display_name"], "Kim");
    assert_eq!(save("Kimmy", me.header("etag").unwrap()).await.status(), 200);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn of_concurrent_changes_to_one_version_one_succeeds() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let tag = kim.get("/api/v1/me").await.header("etag").unwrap().to_owned();
    let answers = at_once(16, |number| {
        let body = json!({"display_name": format!("Kim {number}")});
        kim.patch("/api/v1/me").header("If-Match", &tag).json(body)
    });
    let answers: Vec<u16> = answers.iter().map(Answer::status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 412)), "{answers:?}");
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_suspended_member_changes_nothing() {
    let app = account_app();
    let kim = app.sign_in("kim");
    app.suspend(&kim.id, "spam", None).await;
    let answer = kim.patch("/api/v1/me").json(json!({"display_name": "Kim"})).await;
    expect!["403 account_suspended"].assert_eq(&answer.brief());
    assert_eq!(kim.get("/api/v1/me").await.json()["display_name"], Value::Null);
    app.assert_credits_balance(&kim.id).await;
}

/// Writes are rate limited per member: every twelfth call writes to the table, refused ones never.
/// Every sixtieth is counted towards the limit over all routes.
#[tokio::test]
async fn a_member_has_a_limit_of_writes_a_minute() {
    let app = account_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let max = runtime::WRITES.max;
    app.engine.take_usage();
    for _ in 0..max {
        assert_eq!(kim.patch("/api/v1/me").json(json!({})).await.status(), 200);
    }
    assert_eq!(app.engine.take_usage().requests.get("UpdateItem"), Some(&12));
    for _ in 0..3 {
        let refused = kim.patch("/api/v1/me").json(json!({})).await;
        assert_eq!(refused.brief(), "429 rate_limited");
        assert_eq!(refused.header("retry-after"), Some("60"));
    }
    assert_eq!(app.engine.take_usage().requests.get("UpdateItem"), None);
    assert_eq!(kim.get("/api/v1/me").await.status(), 200, "other routes have their own rate");
    assert_eq!(
        ada.patch("/api/v1/me").json(json!({})).await.status(),
        200,
        "other members are not limited"
    );
    // Another process does not know the limit is reached until its first write.
    app.restart();
    let mut statuses = Vec::new();
    for _ in 0..13 {
        statuses.push(kim.patch("/api/v1/me").json(json!({})).await.status());
    }
    assert_eq!(statuses, [[200; 11].as_slice(), &[429; 2]].concat());
    app.ambient.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(kim.patch("/api/v1/me").json(json!({})).await.status(), 200);
}
