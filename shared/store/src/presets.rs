//! A member's presets.

use domain::{
    Timestamp,
    account::{Account, EmailClaim},
    id::{PresetId, UserId},
    preset::Preset,
};

use crate::{
    accounts::draft_of,
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::{Key, PRESET_PREFIX},
    table::{Attempt, Store},
};

impl Store {
    /// Creates a preset, or returns the one that the same key created before (Q2).
    ///
    /// # Errors
    /// When the member is suspended or has too many, the key was used for another request, or
    /// DynamoDB is unavailable.
    pub async fn create_preset(
        &self,
        preset: &Preset,
        email: Option<EmailClaim<'_>>,
        request: Option<&Idempotency>,
    ) -> Result<Preset, StoreError> {
        let (user, now) = (&preset.user_id, preset.created_at);
        let mut keys = vec![Key::account(user)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            if let Some(Outcome::Preset(id)) = outcome(found.next()?, request, now)? {
                return self.preset(user, &id).await.map(Attempt::Done);
            }
            let mut draft = draft_of(account, user, email, now)?;
            draft.add_preset().map_err(StoreError::refused)?;
            let mut writes = self.transaction().account(&draft.finish())?.preset(preset)?;
            if let Some(request) = request {
                let outcome = Outcome::Preset(preset.id.clone());
                writes = writes.record(user, &Record::new(request, outcome, now))?;
            }
            Ok(writes.commit().await?.done(preset.clone()))
        })
        .await
    }

    /// One preset of the member's.
    ///
    /// # Errors
    /// [`NotFound::Preset`], or when DynamoDB is unavailable.
    pub async fn preset(&self, user: &UserId, id: &PresetId) -> Result<Preset, StoreError> {
        let found = self.get(&Key::preset(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Preset))
    }

    /// A page of a member's presets, newest first (Q8).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn presets(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Preset>, StoreError> {
        let start = match after {
            Some(Cursor(id)) => {
                let id =
                    PresetId::parse(&id).map_err(|_| StoreError::refused(InvalidCursor::new()))?;
                Some(Key::preset(user, &id))
            }
            None => None,
        };
        let presets = self.query_desc(user, PRESET_PREFIX, start, size).await?;
        Ok(Page::cut(presets, size, |preset: &Preset| preset.id.to_string()))
    }

    /// Deletes a preset. Generations made with it keep the values they took from it.
    ///
    /// # Errors
    /// [`NotFound::Preset`], when the member is suspended, or when DynamoDB is unavailable.
    pub async fn delete_preset(
        &self,
        user: &UserId,
        id: &PresetId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keys = [Key::account(user), Key::preset(user, id)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            let Some(preset) = found.next::<Preset>()? else {
                return Err(StoreError::refused(NotFound::Preset));
            };
            let mut draft = draft_of(account, user, None, now)?;
            draft.drop_preset().map_err(StoreError::refused)?;
            let writes = self.transaction().account(&draft.finish())?.delete_preset(&preset)?;
            Ok(writes.commit().await?.done(()))
        })
        .await
    }
}
