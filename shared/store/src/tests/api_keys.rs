//! API keys: counted, found by their digest, deleted with what they lead to.

use domain::{
    account::{
        KEYS_MAX,
        api_key::{ApiKey, KeySecret, Scope, USE_RECORDED_EVERY},
    },
    id::ApiKeyId,
};

use super::*;

impl TestApp {
    /// Creates a key, and returns it with the key itself.
    async fn key(&self, user: &UserId, ends_at: Option<Timestamp>) -> (ApiKey, KeySecret) {
        let (key, secret) = self.unsaved_key(user, ends_at);
        self.store.create_api_key(&key, None).await.unwrap();
        (key, secret)
    }

    fn unsaved_key(&self, user: &UserId, ends_at: Option<Timestamp>) -> (ApiKey, KeySecret) {
        let random = u128::from(self.number());
        let secret = KeySecret::new(random);
        let names = (ApiKeyId::new(NOW, random), user.clone(), &secret);
        let scopes = [Scope::Read].into();
        let key = ApiKey::issue(names, "Nightly".to_owned(), scopes, ends_at, NOW).unwrap();
        (key, secret)
    }

    async fn opens(&self, secret: &KeySecret, now: Timestamp) -> Option<Plan> {
        let found = self.store.key_access(&secret.digest(), now).await.unwrap();
        found.map(|(_, plan)| plan)
    }

    async fn last_use(&self, key: &ApiKey) -> Option<Timestamp> {
        self.store.api_key(&key.user_id, &key.id).await.unwrap().last_used_at
    }
}

#[tokio::test]
async fn a_key_leads_to_its_member_until_it_ends_or_is_deleted() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Pro, 10).await;
    let other = app.member("other", Plan::Free, 10).await;
    let (lasting, lasting_secret) = app.key(&user, None).await;
    let (_, ending_secret) = app.key(&user, Some(NOW.plus(SECOND))).await;
    assert_eq!(app.opens(&lasting_secret, NOW).await, Some(Plan::Pro));
    assert_eq!(app.opens(&ending_secret, NOW).await, Some(Plan::Pro));
    assert_eq!(app.opens(&ending_secret, NOW.plus(SECOND)).await, None);
    assert_eq!(app.opens(&KeySecret::new(u128::MAX), NOW).await, None);

    let not_theirs = app.store.delete_api_key(&other, &lasting.id, NOW).await;
    assert_eq!(code(not_theirs), "api_key_not_found");
    app.store.delete_api_key(&user, &lasting.id, NOW).await.unwrap();
    assert_eq!(app.opens(&lasting_secret, NOW).await, None);
    assert_eq!(code(app.store.delete_api_key(&user, &lasting.id, NOW).await), "api_key_not_found");
    assert_eq!(app.account(&user).await.api_keys, 1);
    app.check_books(&user).await;
}

#[tokio::test]
async fn keys_at_once_stay_within_the_limit() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let created = at_once(4, async |_| {
        let mut created = 0;
        for _ in 0..KEYS_MAX {
            let (key, _) = app.unsaved_key(&user, None);
            created += u32::from(app.store.create_api_key(&key, None).await.is_ok());
        }
        created
    });
    assert!(created.iter().sum::<u32>() <= KEYS_MAX);
    loop {
        let (key, _) = app.unsaved_key(&user, None);
        match app.store.create_api_key(&key, None).await {
            Ok(()) => {}
            refused => break assert_eq!(code(refused), "too_many_api_keys"),
        }
    }
    let page = app.store.api_keys(&user, size(100), None).await.unwrap();
    assert_eq!(u32::try_from(page.items.len()), Ok(KEYS_MAX));
    app.check_books(&user).await;
}

/// Of calls at the same time one writes; a deleted key is not created anew by its use.
#[tokio::test]
async fn a_use_is_recorded_once_an_hour() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let (key, secret) = app.key(&user, None).await;
    assert_eq!(app.last_use(&key).await, None);
    let used = async |now| app.store.record_key_use(&secret.digest(), now).await.unwrap();
    used(NOW).await;
    used(NOW.plus(USE_RECORDED_EVERY - SECOND)).await;
    assert_eq!(app.last_use(&key).await, Some(NOW));
    used(NOW.plus(USE_RECORDED_EVERY)).await;
    assert_eq!(app.last_use(&key).await, Some(NOW.plus(USE_RECORDED_EVERY)));
    app.store.delete_api_key(&user, &key.id, NOW).await.unwrap();
    used(NOW.plus(DAY)).await;
    assert_eq!(app.opens(&secret, NOW).await, None);
}

#[tokio::test]
async fn the_keys_of_a_deleted_member_stop_at_once_and_are_erased() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let (_, secret) = app.key(&user, None).await;
    app.key(&user, None).await;
    app.store.request_deletion((&user, None), NOW).await.unwrap();
    assert_eq!(app.opens(&secret, NOW).await, None);
    for _ in 0..2 {
        app.store.erase_member(&user, NOW).await.unwrap();
    }
    let left: Vec<String> = app.engine.dump().iter().map(|item| item["pk"].to_string()).collect();
    assert!(left.iter().all(|pk| !pk.contains("KEY#")), "{left:?}");
    let page = app.store.api_keys(&user, size(100), None).await.unwrap();
    assert!(page.items.is_empty());
    assert_eq!(app.account(&user).await.api_keys, 0);
}
