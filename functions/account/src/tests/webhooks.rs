//! A member's webhooks: what they may be, and who sees them.

use domain::webhook::{delivery::retry_table, endpoint::WEBHOOKS_MAX, event::EventType};
use expect_test::expect;
use serde_json::{Value, json};
use testing::Client;

use super::account_app;

const PATH: &str = "/api/v1/me/webhooks";

async fn added(member: &Client<'_>) -> Value {
    let body = json!({"url": "https://example.com/hook", "events": ["sale.created"]});
    let answer = member.post(PATH).json(body).await;
    assert_eq!(answer.status(), 201, "{}", answer.pretty());
    answer.json()
}

fn path_of(webhook: &Value) -> String {
    format!("{PATH}/{}", webhook["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_webhook_is_read_changed_and_deleted() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let mut webhook = added(&kim).await;
    let path = path_of(&webhook);
    let secret = webhook.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    let read = kim.get(&path).await;
    assert_eq!(read.json(), webhook, "the secret is shown once");
    assert_eq!(kim.get(PATH).await.json(), json!({"items": [webhook], "next_cursor": null}));

    let tag = read.header("etag").unwrap().to_owned();
    let change = json!({"description": "Ours", "events": ["payout.paid"], "status": "disabled"});
    let changed = kim.patch(&path).header("If-Match", &tag).json(change).await.json();
    expect![[r#""Ours" ["payout.paid"] "disabled" "by_member""#]].assert_eq(&format!(
        "{} {} {} {}",
        changed["description"], changed["events"], changed["status"], changed["disabled_reason"]
    ));
    let late = kim.patch(&path).header("If-Match", &tag).json(json!({"description": null})).await;
    expect!["412 precondition_failed"].assert_eq(&late.brief());
    let cleared = kim.patch(&path).json(json!({"description": null, "status": "enabled"})).await;
    assert_eq!(cleared.json()["description"], Value::Null);
    assert_eq!(cleared.json()["disabled_at"], Value::Null);

    let ada = app.sign_in("ada");
    for refused in [
        ada.get(&path).await,
        ada.patch(&path).json(json!({})).await,
        ada.delete(&path).await,
        ada.post(format!("{path}/test")).await,
        ada.post(format!("{path}/secret")).key("k").await,
        ada.get(format!("{path}/deliveries")).await,
    ] {
        expect!["404 webhook_not_found"].assert_eq(&refused.brief());
    }
    assert_eq!(kim.delete(&path).await.status(), 204);
    expect!["404 webhook_not_found"].assert_eq(&kim.delete(&path).await.brief());
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_webhook_has_limits() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let check = async |body: Value, expected: &str| {
        assert_eq!(
            kim.post(PATH).json(body).await.brief(),
            format!("422 invalid_request, {expected}")
        );
    };
    let with = |url: &str| json!({"url": url, "events": ["sale.created"]});
    for url in [
        "",
        "example.com",
        "http://example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "https://localhost/",
        "https://u:p@example.com/",
    ] {
        check(with(url), "/url not_allowed").await;
    }
    let url = "https://example.com/";
    check(json!({"url": url, "events": []}), "/events length").await;
    check(json!({"url": url, "events": ["webhook.test"]}), "/events not_allowed").await;
    check(json!({"url": url, "events": ["sale.created"], "description": " "}), "/description text")
        .await;
    let unknown = kim.post(PATH).json(json!({"url": url, "events": ["sale.made"]})).await;
    assert_eq!(unknown.status(), 422, "{}", unknown.pretty());
    let many = added(&kim).await;
    for _ in 1..WEBHOOKS_MAX {
        added(&kim).await;
    }
    let one_more = kim.post(PATH).json(with(url)).await;
    expect!["409 too_many_webhooks"].assert_eq(&one_more.brief());
    let elsewhere = kim.patch(path_of(&many)).json(json!({"url": "http://example.com/"})).await;
    expect!["422 invalid_request, /url not_allowed"].assert_eq(&elsewhere.brief());
    app.suspend(&kim.id, "spam", None).await;
    let suspended = kim.patch(path_of(&many)).json(json!({"status": "disabled"})).await;
    expect!["403 account_suspended"].assert_eq(&suspended.brief());
    assert_eq!(kim.get(path_of(&many)).await.status(), 200);
}

#[tokio::test]
async fn the_same_key_adds_one_webhook_and_makes_one_secret() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let body = json!({"url": "https://example.com/", "events": ["sale.created"]});
    let add = || kim.post(PATH).key("add").json(body.clone());
    let webhook = add().await.json();
    assert_eq!(add().await.json(), webhook);
    let secret = format!("{}/secret", path_of(&webhook));
    expect!["400 idempotency_key_required"].assert_eq(&kim.post(&secret).await.brief());
    let first = kim.post(&secret).key("rotate").await.json();
    assert_ne!(first["secret"], webhook["secret"]);
    assert_eq!(kim.post(&secret).key("rotate").await.json(), first);
    assert!(first["previous_secret_expires_at"].is_string());
}

/// The key is remembered for longer than the webhook.
#[tokio::test]
async fn the_key_of_a_deleted_webhook_adds_no_other() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let body = json!({"url": "https://example.com/", "events": ["sale.created"]});
    let add = || kim.post(PATH).key("add").json(body.clone());
    let webhook = add().await.json();
    assert_eq!(kim.delete(path_of(&webhook)).await.status(), 204);
    expect!["404 webhook_not_found"].assert_eq(&add().await.brief());
    assert_eq!(kim.get(PATH).await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_export_has_webhooks_without_secrets() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let webhook = added(&kim).await;
    kim.post(format!("{}/secret", path_of(&webhook))).key("rotate").await;
    let export = kim.get("/api/v1/me/export").await.json().to_string();
    assert!(export.contains("https://example.com/hook") && !export.contains("whsec_"));
}

/// The documents say what the code does.
#[test]
fn the_readme_has_every_event_and_the_schedule() {
    let readme = include_str!("../../../README.md");
    for event in EventType::ALL {
        assert!(readme.contains(&format!("`{}`", event.as_str())), "{}", event.as_str());
    }
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(readme.contains(&retry_table()), "{}", retry_table());
}

/// Who has asked to be deleted changes nothing more.
#[tokio::test]
async fn a_deleted_member_changes_no_webhook() {
    let app = account_app();
    let kim = app.sign_in("kim");
    let path = path_of(&added(&kim).await);
    let unknown = format!("{path}/deliveries/dlv_01M817QNM00000000000000001/redeliver");
    expect!["404 delivery_not_found"].assert_eq(&kim.post(&unknown).await.brief());
    let sent = kim.post(format!("{path}/test")).await.json();
    let delivery = sent["id"].as_str().unwrap();
    assert_eq!(kim.delete("/api/v1/me").await.status(), 200);
    let body = json!({"url": "https://example.com/hook", "events": ["sale.created"]});
    for refused in [
        kim.post(PATH).json(body).await,
        kim.patch(&path).json(json!({"description": "x"})).await,
        kim.delete(&path).await,
        kim.post(format!("{path}/test")).await,
        kim.post(format!("{path}/secret")).key("k").await,
        kim.post(format!("{path}/deliveries/{delivery}/redeliver")).await,
    ] {
        assert_eq!(refused.code(), "account_deleted", "{}", refused.pretty());
    }
}
