//! A member's presets.

use domain::{
    Timestamp,
    account::{Account, EmailClaim},
    id::{PresetId, UserId},
    preset::Preset,
};

use crate::{
    accounts::{begin_active_update, begin_update},
    condition::Condition,
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::{Created, Idempotency, Outcome, outcome},
    keys::{Key, PRESET_PREFIX},
    table::{BatchItems, Store},
    transaction::{ItemKind, Transaction},
    update::Decided,
};

impl Store {
    /// Creates a preset, or returns the one that the same key created before (Q2).
    ///
    /// # Errors
    /// When the member is suspended or has too many, or the key was used for another request.
    pub async fn create_preset(
        &self,
        preset: &Preset,
        email: Option<EmailClaim<'_>>,
        request: Option<&Idempotency>,
    ) -> Result<Preset, StoreError> {
        let (user, now) = (&preset.user_id, preset.created_at);
        let mut keys = vec![Key::account(user)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        let create = |mut found: BatchItems| {
            let account: Option<Account> = found.next()?;
            if let Some(Outcome::Preset(id)) = outcome(found.next()?, request, now)? {
                return Ok((Transaction::default(), Created::Before(id)));
            }
            let mut update = begin_update(account, user, email, now)?;
            update.add_preset().map_err(StoreError::refused)?;
            let writes = Transaction::default()
                .account(&update.finish())?
                .new_item(ItemKind::Preset, &Key::preset(user, &preset.id), preset)?
                .remember(user, request, Outcome::Preset(preset.id.clone()), now)?;
            Ok((writes, Created::New(preset.clone())))
        };
        match self.update_items(&keys, create).await? {
            Created::New(preset) => Ok(preset),
            Created::Before(id) => self.preset(user, &id).await,
        }
    }

    /// One preset of the member's.
    ///
    /// # Errors
    /// [`NotFound::Preset`].
    pub async fn preset(&self, user: &UserId, id: &PresetId) -> Result<Preset, StoreError> {
        let found = self.get(&Key::preset(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Preset))
    }

    /// A page of a member's presets, newest first (Q8).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn presets(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Preset>, StoreError> {
        let start = Cursor::parsed(after, PresetId::parse)?.map(|id| Key::preset(user, &id));
        let presets = self.query_desc(user, PRESET_PREFIX, start, size).await?;
        Ok(Page::cut(presets, size, |preset: &Preset| preset.id.to_string()))
    }

    /// Replaces a preset by what `change` makes of it. The version of the account guards it.
    ///
    /// # Errors
    /// [`NotFound::Preset`], when the member is suspended, or what `change` refuses.
    pub async fn update_preset<D: Decided<Value = Preset>>(
        &self,
        user: &UserId,
        id: &PresetId,
        now: Timestamp,
        change: impl Fn(Preset) -> D,
    ) -> Result<Preset, StoreError> {
        let key = Key::preset(user, id);
        self.update_items(&[Key::account(user), key.clone()], |mut found| {
            let (account, preset): (Option<Account>, Option<Preset>) =
                (found.next()?, found.next()?);
            let preset = preset.ok_or_else(|| StoreError::refused(NotFound::Preset))?;
            let update = begin_active_update(account, user, None, now)?;
            let preset = change(preset).decided()?;
            let writes = Transaction::default().account(&update.finish())?;
            Ok((writes.fenced(ItemKind::Preset, &key, &preset, None)?, preset))
        })
        .await
    }

    /// Deletes a preset. Generations made with it keep the values they took from it.
    ///
    /// # Errors
    /// [`NotFound::Preset`] or when the member is suspended.
    pub async fn delete_preset(
        &self,
        user: &UserId,
        id: &PresetId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keys = [Key::account(user), Key::preset(user, id)];
        self.update_items(&keys, |mut found| {
            let account: Option<Account> = found.next()?;
            if found.next::<Preset>()?.is_none() {
                return Err(StoreError::refused(NotFound::Preset));
            }
            let mut update = begin_update(account, user, None, now)?;
            update.drop_preset().map_err(StoreError::refused)?;
            let writes = Transaction::default().account(&update.finish())?;
            let [_, preset] = keys.clone();
            Ok((writes.delete(ItemKind::Preset, preset, Condition::exists()), ()))
        })
        .await
    }
}
