//! A member's API keys, and what a key leads to.
//!
//! A key is two items, written and deleted together: the member's, which never changes, and the one
//! under the key's digest, which a call finds.

use domain::{
    Timestamp,
    account::{
        Account, EmailClaim,
        api_key::{ApiKey, KeyAccess, KeyDigest, USE_RECORDED_EVERY},
    },
    id::{ApiKeyId, UserId},
    plan::Plan,
};

use crate::{
    accounts::begin_update,
    condition::{Condition, conditional, string},
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{API_KEY_PREFIX, Item, Key},
    table::{Store, written},
    transaction::{ItemKind, Transaction},
};

/// A key that was deleted meanwhile is not created anew.
const USE_IS_DUE: &str = "attribute_exists(pk) AND \
                          (attribute_not_exists(last_used_at) OR last_used_at <= :before)";

/// A key with its last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: ApiKey,
    /// When it was last used, to an hour; `None` if never.
    pub last_used_at: Option<Timestamp>,
}

impl Store {
    /// Creates a key.
    ///
    /// # Errors
    /// When the member is suspended or has too many.
    pub async fn create_api_key(
        &self,
        key: &ApiKey,
        email: Option<EmailClaim<'_>>,
    ) -> Result<(), StoreError> {
        let (user, now) = (&key.user_id, key.created_at);
        self.update_items(&[Key::account(user)], |mut found| {
            let mut update = begin_update(found.next()?, user, email, now)?;
            update.add_api_key().map_err(StoreError::refused)?;
            let writes = Transaction::default()
                .account(&update.finish())?
                .new_item(ItemKind::ApiKey, &Key::api_key(user, &key.id), key)?
                .new_item(ItemKind::ApiKey, &Key::key_access(&key.secret_digest), &key.access())?;
            Ok((writes, ()))
        })
        .await
    }

    /// One key of the member's.
    ///
    /// # Errors
    /// [`NotFound::ApiKey`].
    pub async fn api_key(&self, user: &UserId, id: &ApiKeyId) -> Result<StoredKey, StoreError> {
        let key: Option<ApiKey> = self.get(&Key::api_key(user, id)).await?;
        let key = key.ok_or_else(|| StoreError::refused(NotFound::ApiKey))?;
        let mut stored = self.with_last_use(vec![key]).await?;
        stored.pop().ok_or_else(|| StoreError::refused(NotFound::ApiKey))
    }

    /// A page of a member's keys, newest first (Q65).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn api_keys(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<StoredKey>, StoreError> {
        let start = Cursor::parsed(after, ApiKeyId::parse)?.map(|id| Key::api_key(user, &id));
        let keys = self.query_desc(user, API_KEY_PREFIX, start, size).await?;
        let Page { items, next_cursor } = Page::cut(keys, size, |key: &ApiKey| key.id.to_string());
        Ok(Page { items: self.with_last_use(items).await?, next_cursor })
    }

    async fn with_last_use(&self, keys: Vec<ApiKey>) -> Result<Vec<StoredKey>, StoreError> {
        let places: Vec<Key> = keys.iter().map(|key| Key::key_access(&key.secret_digest)).collect();
        let mut found = self.get_all(&places).await?;
        let stored = keys.into_iter().map(|key| {
            let access: Option<KeyAccess> = found.next()?;
            Ok(StoredKey { key, last_used_at: access.and_then(|access| access.last_used_at) })
        });
        stored.collect()
    }

    /// Deletes a key. A suspended member may, too.
    ///
    /// # Errors
    /// [`NotFound::ApiKey`].
    pub async fn delete_api_key(
        &self,
        user: &UserId,
        id: &ApiKeyId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let place = Key::api_key(user, id);
        self.update_items(&[Key::account(user), place.clone()], |mut found| {
            let account: Option<Account> = found.next()?;
            let Some(key) = found.next::<ApiKey>()? else {
                return Err(StoreError::refused(NotFound::ApiKey));
            };
            let mut update = begin_update(account, user, None, now)?;
            update.drop_api_key();
            let access = Key::key_access(&key.secret_digest);
            let writes = Transaction::default()
                .account(&update.finish())?
                .delete(ItemKind::ApiKey, place.clone(), Condition::exists())
                .delete(ItemKind::ApiKey, access, Condition::none());
            Ok((writes, ()))
        })
        .await
    }

    /// What a key leads to and its member's plan (Q66); `None` if there is no such key, if it has
    /// ended, or while its member is suspended or deleted.
    pub async fn key_access(
        &self,
        digest: &KeyDigest,
        now: Timestamp,
    ) -> Result<Option<(KeyAccess, Plan)>, StoreError> {
        let access: Option<KeyAccess> = self.get(&Key::key_access(digest)).await?;
        let Some(access) = access.filter(|access| access.works(now)) else { return Ok(None) };
        let account: Option<Account> = self.get(&Key::account(&access.user_id)).await?;
        let active = account.filter(|account| account.require_active(now).is_ok());
        Ok(active.map(|account| (access, account.plan)))
    }

    /// Records that a key was used, unless another call did within the last hour.
    pub async fn record_key_use(
        &self,
        digest: &KeyDigest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let before = string(now.minus(USE_RECORDED_EVERY));
        let is_due = Condition::that(USE_IS_DUE).value(":before", before);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::key_access(digest).item()))
            .update_expression("SET last_used_at = :now");
        let update = conditional!(update, is_due.value(":now", string(now)));
        written(update.send().await).map(drop)
    }

    /// A member's plan (Q1); Free before their first call.
    pub async fn plan_of(&self, user: &UserId) -> Result<Plan, StoreError> {
        let account: Option<Account> = self.get(&Key::account(user)).await?;
        Ok(account.map_or(Plan::Free, |account| account.plan))
    }

    /// The items under the digests of a member's keys, to be deleted.
    pub(crate) async fn key_accesses_of(&self, user: &UserId) -> Result<Vec<Item>, StoreError> {
        let keys: Vec<ApiKey> =
            self.query_desc(user, API_KEY_PREFIX, None, PageSize::WHOLE).await?;
        Ok(keys.iter().map(|key| Key::key_access(&key.secret_digest).item()).collect())
    }
}
