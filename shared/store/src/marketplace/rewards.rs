//! Rewards of sharers: granted when their hold ends.

use domain::{
    Timestamp,
    id::{PurchaseId, UserId},
    marketplace::share::{Reward, RewardState, SameCard},
    money::Currency,
};
use serde::de::IgnoredAny;

use crate::{
    accounts::draft_of,
    error::StoreError,
    keys::{HELD_REWARDS, Key, due_bound, reward_of},
    table::{Attempt, Store},
};

impl Store {
    /// Due rewards, oldest first (Q29).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn due_rewards(
        &self,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<(UserId, PurchaseId)>, StoreError> {
        let due = self.query_index(HELD_REWARDS, Some(due_bound(now)), most).await?;
        Ok(due.iter().filter_map(reward_of).collect())
    }

    /// Grants a reward, or cancels it if the sharer's own card paid for the sale: reward, account
    /// and ledger in one transaction. A granted or cancelled one stays as it is; `None` if there is
    /// none.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn grant_reward(
        &self,
        sharer: &UserId,
        purchase: &PurchaseId,
        now: Timestamp,
    ) -> Result<Option<Reward>, StoreError> {
        let keys = [Key::reward(sharer, purchase), Key::account(sharer)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let Some(before) = found.next::<Reward>()? else {
                return Ok(Attempt::Done(None));
            };
            let mut draft = draft_of(found.next()?, sharer, None, now)?;
            let same_card = self.has_paid_with(sharer, before.fingerprint.as_deref()).await?;
            let mut after = before.clone();
            after.grant(&mut draft, same_card).map_err(StoreError::refused)?;
            if after == before {
                return Ok(Attempt::Done(Some(before)));
            }
            let mut writes = self.transaction().draft(draft)?.replace(Some(&before), &after)?;
            writes = writes.audit_all(after.deed_since(&before), now);
            if matches!(after.state, RewardState::Granted { .. }) {
                let read = self.creator_book(&after.creator_id).await?;
                let mut book = read.clone();
                let what = (before.cause(), Currency::USD);
                let journal = book.post(purchase.to_string(), what, after.cost_of_grant(), now);
                let journal = journal.map_err(StoreError::corrupt)?;
                writes = writes.replace(Some(&read), &book)?.journals(journal.as_slice())?;
            }
            Ok(writes.commit().await?.done(Some(after)))
        })
        .await
    }

    async fn has_paid_with(
        &self,
        user: &UserId,
        fingerprint: Option<&str>,
    ) -> Result<SameCard, StoreError> {
        let Some(fingerprint) = fingerprint else { return Ok(SameCard::No) };
        let found: Option<IgnoredAny> = self.get(&Key::card(user, fingerprint)).await?;
        Ok(if found.is_some() { SameCard::Yes } else { SameCard::No })
    }
}
