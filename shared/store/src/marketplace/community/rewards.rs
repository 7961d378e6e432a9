//! Rewards of sharers: granted when their hold ends.

use domain::{
    Timestamp,
    account::AccountUpdate,
    id::{PurchaseId, UserId},
    marketplace::{
        community::reward::{Reward, RewardState, SameCard},
        creator::balance::CreatorBalance,
    },
    money::Currency,
};
use serde::de::IgnoredAny;
use tracing::warn;

use crate::{
    accounts::begin_update,
    cursor::{Cursor, Page, PageSize},
    error::StoreError,
    keys::{HELD_REWARDS, Key, REWARD_PREFIX, due_bound, reward_of, user_pk},
    table::{IndexPage, IndexPosition, Store, decode},
    transaction::Transaction,
};

/// Most megabytes of rewards that are read at once.
const TRIPS_MAX: u32 = 20;

/// A reward before and after it is granted, with what that changes.
struct Grantable {
    before: Reward,
    after: Reward,
    update: AccountUpdate,
    book: Option<CreatorBalance>,
}

impl Store {
    /// Due rewards, oldest first (Q29).
    pub async fn due_rewards(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PurchaseId)>, StoreError> {
        self.walked(HELD_REWARDS, Some(due_bound(now)), (after, most), reward_of).await
    }

    /// A page of a member's rewards, newest first (Q69).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn rewards(
        &self,
        sharer: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Reward>, StoreError> {
        let start = Cursor::parsed(after, PurchaseId::parse)?.map(|id| Key::reward(sharer, &id));
        let rewards = self.query_desc(sharer, REWARD_PREFIX, start, size).await?;
        Ok(Page::cut(rewards, size, |it: &Reward| it.purchase_id.to_string()))
    }

    /// All rewards of a member (Q69), newest first: at most some fifty thousand.
    pub async fn all_rewards(&self, sharer: &UserId) -> Result<Vec<Reward>, StoreError> {
        let (mut rewards, mut start) = (Vec::new(), None);
        for _ in 0..TRIPS_MAX {
            let query = self.newest_first(user_pk(sharer), REWARD_PREFIX);
            let answer = query.set_exclusive_start_key(start.take()).send().await;
            let answer = answer.map_err(StoreError::unavailable)?;
            for item in answer.items.unwrap_or_default() {
                rewards.push(decode(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(rewards);
            }
        }
        warn!(actor = %sharer, counted = rewards.len(), "more rewards than are read at once");
        Ok(rewards)
    }

    /// Grants a reward, or cancels it if the sharer's own card paid for the sale: reward, account
    /// and ledger in one transaction. A granted or cancelled one stays as it is; `None` if there is
    /// none.
    pub async fn grant_reward(
        &self,
        sharer: &UserId,
        purchase: &PurchaseId,
        now: Timestamp,
    ) -> Result<Option<Reward>, StoreError> {
        let read = async || self.grantable(sharer, purchase, now).await;
        let grant = |read: Option<Grantable>| {
            let Some(Grantable { before, after, update, book }) = read else {
                return Ok((Transaction::default(), None));
            };
            if after == before {
                return Ok((Transaction::default(), Some(before)));
            }
            let mut writes = Transaction::default()
                .account_update(update)?
                .replace(Some(&before), &after)?
                .audit_all(after.audit_entry_since(&before), now);
            if let Some(read) = book {
                let mut book = read.clone();
                let what = (before.cause(), Currency::USD);
                let journal = book.post(purchase.to_string(), what, after.cost_of_grant(), now);
                let journal = journal.map_err(StoreError::corrupt)?;
                writes = writes.replace(Some(&read), &book)?.journals(journal.as_slice())?;
            }
            Ok((writes, Some(after)))
        };
        self.update_loaded(read, grant).await
    }

    /// Reads a reward and its sharer, and the creator's balance if the reward is granted.
    async fn grantable(
        &self,
        sharer: &UserId,
        purchase: &PurchaseId,
        now: Timestamp,
    ) -> Result<Option<Grantable>, StoreError> {
        let mut found =
            self.get_all(&[Key::reward(sharer, purchase), Key::account(sharer)]).await?;
        let Some(before) = found.next::<Reward>()? else { return Ok(None) };
        let mut update = begin_update(found.next()?, sharer, None, now)?;
        let same_card = self.has_paid_with(sharer, before.fingerprint.as_deref()).await?;
        let mut after = before.clone();
        after.grant(&mut update, same_card).map_err(StoreError::refused)?;
        let is_granted = after != before && matches!(after.state, RewardState::Granted { .. });
        let book = match is_granted {
            true => Some(self.creator_book(&after.creator_id).await?),
            false => None,
        };
        Ok(Some(Grantable { before, after, update, book }))
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
