//! API keys: shown once, listed, deleted; and what a call with one may do.

use std::time::Duration;

use domain::account::api_key::{KeySecret, Scope};
use expect_test::expect;
use serde_json::{Value, json};
use testing::{Actor, Client};

use super::account_app;

const KEYS: &str = "/api/v1/me/keys";

async fn created(member: &Client<'_>, body: Value) -> Value {
    let answer = member.post(KEYS).json(body).await;
    assert_eq!(answer.status(), 201, "{}", answer.pretty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let answer = kim.post(KEYS).json(json!({
        "name": "Nightly", "scopes": ["read", "generate", "read"],
        "expires_at": "2027-01-01T00:00:00Z",
    }));
    let answer = answer.await;
    expect![[r#"
        {
          "created_at": "2026-11-22T09:00:00.000Z",
          "expires_at": "2027-01-01T00:00:00.000Z",
          "id": "key_01M817QNM00000000000000001",
          "last_used_at": null,
          "name": "Nightly",
          "scopes": [
            "generate",
            "read"
          ],
          "secret": "plk_000000000000000000000223OZ8e"
        }"#]]
    .assert_eq(&answer.pretty());
    let mut key = answer.json();
    let secret = key.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(KeySecret::parse(secret.as_str().unwrap()).is_some());
    let location = answer.header("location").unwrap();
    let path = location.strip_prefix("https://api.prolight.test/test").unwrap();
    assert_eq!(kim.get(path).await.json(), key);
    assert_eq!(kim.get(KEYS).await.json(), json!({"items": [key], "next_cursor": null}));
    let stored = json!(app.engine.dump()).to_string();
    assert!(!stored.contains(secret.as_str().unwrap()), "only a digest is stored");
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn what_a_key_needs() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, expected: &str| {
        assert_eq!(kim.post(KEYS).json(body).await.brief(), expected);
    };
    let name = "422 invalid_request, /name name";
    check(json!({"name": "", "scopes": ["read"]}), name).await;
    check(json!({"name": "x", "scopes": []}), "422 invalid_request, /scopes empty").await;
    let past = json!({"name": "x", "scopes": ["read"], "expires_at": app.now()});
    check(past, "422 invalid_request, /expires_at past").await;
    let unknown = kim.post(KEYS).json(json!({"name": "x", "scopes": ["admin"]})).await;
    assert_eq!(unknown.status(), 422);
    let visitor = app.visitor().post(KEYS).json(json!({})).await;
    assert_eq!(visitor.brief(), "401 unauthenticated");
    app.suspend(&kim.id, "spam", None).await;
    check(json!({"name": "x", "scopes": ["read"]}), "403 account_suspended").await;
}

/// A suspended member may still withdraw a key that leaked.
#[tokio::test]
async fn a_key_is_its_members_to_delete() {
    let app = account_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let key = created(&kim, json!({"name": "Nightly", "scopes": ["read"]})).await;
    let path = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.brief(), "404 api_key_not_found");
    assert_eq!(ada.delete(&path).await.brief(), "404 api_key_not_found");
    assert_eq!(kim.get(format!("{KEYS}/nonsense")).await.brief(), "404 api_key_not_found");
    app.suspend(&kim.id, "spam", None).await;
    assert_eq!(kim.delete(&path).await.status(), 204);
    assert_eq!(kim.delete(&path).await.brief(), "404 api_key_not_found");
    assert_eq!(kim.get(KEYS).await.json()["items"], json!([]));
    app.assert_credits_balance(&kim.id).await;
}

/// The first change of a month brings the account up to date, whatever it is.
#[tokio::test]
async fn a_key_that_is_deleted_in_a_later_month_is_deleted_with_that_months_credits() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let key = created(&kim, json!({"name": "Nightly", "scopes": ["read"]})).await;
    let path = format!("{KEYS}/{}", key["id"].as_str().unwrap());
    let entries = async || app.store.whole_ledger(&kim.id).await.unwrap().len();
    let before = entries().await;
    app.ambient.clock.advance(Duration::from_secs(40 * 24 * 60 * 60));
    assert_eq!(kim.delete(&path).await.status(), 204);
    assert!(entries().await > before);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_key_that_ended_is_listed_until_it_is_deleted() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let ends = app.now().plus(Duration::from_secs(60));
    let body = json!({"name": "Short", "scopes": ["read"], "expires_at": ends});
    created(&kim, body).await;
    app.ambient.clock.advance(Duration::from_secs(120));
    assert_eq!(kim.get(KEYS).await.json()["items"][0]["expires_at"], json!(ends));
}

#[tokio::test]
async fn the_twenty_first_key_is_refused() {
    let app = account_app();
    let kim = app.sign_in("kim");
    for number in 0..20 {
        created(&kim, json!({"name": format!("Key {number}"), "scopes": ["sell"]})).await;
    }
    let refused = kim.post(KEYS).json(json!({"name": "One more", "scopes": ["sell"]})).await;
    assert_eq!(refused.brief(), "409 too_many_api_keys");
    let page = kim.get(format!("{KEYS}?limit=15")).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = kim.get(format!("{KEYS}?cursor={cursor}")).await.json();
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((count(&page), count(&rest)), (15, 5));
}

/// A key reads with `read`, and neither changes the account nor manages keys nor acts as staff.
#[tokio::test]
async fn a_key_does_what_its_scopes_say() {
    let app = account_app();
    let kim = Actor::member("kim");
    app.client(&kim).get("/api/v1/me").await;
    let reader = app.client(&kim.by_key(&[Scope::Read]));
    let seller = app.client(&kim.by_key(&[Scope::Generate, Scope::Sell]));
    assert_eq!(reader.get("/api/v1/me").await.status(), 200);
    let refused = seller.get("/api/v1/me").await;
    assert_eq!(
        (refused.brief().as_str(), &refused.json()["scope"]),
        ("403 scope_missing", &json!("read"),)
    );
    for key in [&reader, &seller] {
        let name = json!({"display_name": "Kim"});
        for refused in [
            key.patch("/api/v1/me").json(name.clone()),
            key.delete("/api/v1/me"),
            key.get(KEYS),
            key.post(KEYS).json(json!({"name": "More", "scopes": ["sell"]})),
            key.delete(format!("{KEYS}/key_01JD0000000000000000000000")),
        ] {
            let refused = refused.await;
            assert_eq!(refused.brief(), "403 scope_missing");
            assert_eq!(refused.json()["scope"], Value::Null);
        }
    }
}

/// What the last token said of the member's address and role stays, whatever a key reads.
#[tokio::test]
async fn a_call_with_a_key_says_nothing_about_the_member() {
    let app = account_app();
    let admin = Actor::admin();
    let before = app.client(&admin).get("/api/v1/me").await.json();
    let stored = app.account(&admin.id).await;
    let by_key = app.client(&admin.by_key(&[Scope::Read])).get("/api/v1/me").await.json();
    assert_eq!(by_key["email"], before["email"]);
    assert_eq!(by_key["email_verified"], true);
    assert_eq!((&before["role"], &by_key["role"]), (&json!("admin"), &Value::Null));
    assert_eq!(app.account(&admin.id).await, stored);
}

#[tokio::test]
async fn an_export_has_the_keys_without_their_digests() {
    let app = account_app();
    let kim = app.sign_in("kim");
    created(&kim, json!({"name": "Nightly", "scopes": ["read"]})).await;
    let page = kim.get("/api/v1/me/export").await.json();
    let items = page["items"].as_array().unwrap();
    let key = items.iter().find(|item| item["kind"] == "key").unwrap();
    assert_eq!(key["data"]["name"], "Nightly");
    assert_eq!(key["data"].get("secret_digest"), None);
}
