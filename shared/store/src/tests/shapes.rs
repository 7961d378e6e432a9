//! An older build and a newer one side by side: during a deployment, and after it is rolled back.

use serde_json::{Value, json};

use super::*;
use crate::{ItemChange, missing_shape, rewrite::NEWEST_SHAPE};

/// The number of a shape that this build does not know.
const NEWER: u32 = NEWEST_SHAPE + 1;

impl TestApp {
    /// The stored item.
    fn item(&self, key: &Key) -> Value {
        let of_key = |it: &Value| it["pk"]["S"] == json!(key.pk) && it["sk"]["S"] == json!(key.sk);
        self.engine.dump().into_iter().find(of_key).unwrap()
    }

    /// Writes attributes of a newer build into an item.
    fn extend(&self, key: &Key, attributes: Value) {
        let mut item = self.item(key);
        let more = attributes.as_object().unwrap().clone();
        item.as_object_mut().unwrap().extend(more);
        let put = json!({ "TableName": TABLE, "Item": item });
        self.engine.run("PutItem", &put.to_string()).unwrap();
    }
}

#[tokio::test]
async fn what_an_older_build_does_not_know_survives_its_write() {
    let app = TestApp::new();
    let user = app.member("kim", Plan::Pro, 10).await;
    let job = app.posted(&user, NOW).await;
    let (account, stored) = (Key::account(&user), Key::job(&user, &job.id));
    for key in [&account, &stored] {
        app.extend(key, json!({ "motto": { "S": "light first" }, "shape": { "N": "1" } }));
    }
    // A put of the whole item, and one of each way of an update.
    let claimed = job.clone().claim_submit(NOW);
    assert!(app.store.advance(&job, &claimed).await.unwrap());
    let failure = Failure::new(FailureCode::ProviderRejected, "no");
    let ended = app.store.settle(&claimed, NOW, |job, update| job.fail(update, failure.clone()));
    ended.await.unwrap();
    for key in [&account, &stored] {
        assert_eq!(app.item(key)["motto"]["S"], "light first", "{key:?}");
    }
    let now = app.item(&stored);
    assert_eq!(now["status"]["S"], "failed");
    // What this build knows and the new state does not have is removed.
    assert!(app.item(&stored).get("lease_until").is_none(), "{now:#}");
    app.check_books(&user).await;
}

#[tokio::test]
async fn an_older_build_does_not_overwrite_a_newer_shape() {
    let app = TestApp::new();
    let user = app.member("kim", Plan::Pro, 10).await;
    let job = app.posted(&user, NOW).await;
    let (account, stored) = (Key::account(&user), Key::job(&user, &job.id));
    app.extend(&stored, json!({ "shape": { "N": NEWER.to_string() } }));
    let before = app.item(&stored);
    let advanced = app.store.advance(&job, &job.clone().claim_submit(NOW)).await;
    assert!(matches!(advanced, Err(StoreError::NewerShape(NEWER))), "{advanced:?}");
    assert_eq!(app.item(&stored), before);

    app.extend(&account, json!({ "shape": { "N": NEWER.to_string() } }));
    let before = app.item(&account);
    let changed = app.store.update_account(&user, None, NOW, |update| update.add_preset()).await;
    let refused = changed.unwrap_err();
    assert!(matches!(refused, StoreError::NewerShape(NEWER)), "{refused:?}");
    assert_eq!(refused.code(), "temporarily_unavailable", "a caller's retry finds a newer build");
    assert_eq!(refused.retry_after_s(), Some(1));
    assert_eq!(app.item(&account), before);

    // A value that this build cannot read is not a corrupt item.
    app.extend(&account, json!({ "plan": { "S": "galactic" } }));
    let read = app.store.account(&user).await;
    assert!(matches!(read, Err(StoreError::NewerShape(NEWER))), "{read:?}");
    app.extend(&account, json!({ "shape": { "N": "1" } }));
    assert!(matches!(app.store.account(&user).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn an_item_from_before_shapes_gets_one_with_its_next_change() {
    let app = TestApp::new();
    let user = app.member("kim", Plan::Free, 5).await;
    let key = Key::account(&user);
    let mut old = app.item(&key);
    old.as_object_mut().unwrap().remove("shape");
    let put = json!({ "TableName": TABLE, "Item": old });
    app.engine.run("PutItem", &put.to_string()).unwrap();
    app.store.update_account(&user, None, NOW, |update| update.add_preset()).await.unwrap();
    assert_eq!(app.item(&key)["shape"]["N"], "1");
}

#[test]
fn a_migration_gives_a_shape_to_what_has_a_version_and_no_shape() {
    let item = |json: Value| -> crate::keys::Item {
        let item: serde_dynamo::Item = serde_json::from_value(json).unwrap();
        item.into()
    };
    let check = |json: Value, changes: bool| {
        let change: Option<ItemChange> = missing_shape(&item(json.clone()));
        assert_eq!(change.is_some(), changes, "{json}");
    };
    let key = json!({ "pk": { "S": "USER#kim" }, "sk": { "S": "ACCOUNT" } });
    let with = |more: Value| {
        let mut it = key.clone();
        it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        it
    };
    check(with(json!({ "version": { "N": "3" } })), true);
    check(with(json!({ "version": { "N": "3" }, "shape": { "N": "1" } })), false);
    check(with(json!({ "seq": { "N": "3" } })), false);
}
