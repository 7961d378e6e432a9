//! Erasures: pending deletions, and what is deleted of a member.
//!
//! A deletion is retried until it is done, so every step is idempotent, and may be interrupted
//! after any item.

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use domain::{
    Timestamp,
    account::{Account, EmailClaim},
    audit::{Action, AuditEntry, Target},
    erasure::{Erasure, ErasureSubject},
    id::{ListingId, UserId},
};

use crate::{
    ListingUpdate,
    accounts::{begin_update, change_of},
    error::{StoreError, optional},
    keys::{
        API_KEY_PREFIX, DELIVERY_PREFIX, ERASURES, INPUT_PREFIX, Item, JOB_PREFIX, Key, PK,
        PRESET_PREFIX, SK, WEBHOOKS, due_bound, erasure_of, text, user_pk,
    },
    table::{IndexPage, IndexPosition, Store, backoff},
    transaction::{Committed, ItemKind, Transaction},
    versioned::Versioned,
};

/// Actor name in the audit of the job that erases members.
const ERASED_BY: &str = "background-erase-data";
/// Sort key prefixes of what a member created and accounting does not need.
const MADE_BY_MEMBER: [&str; 6] =
    [JOB_PREFIX, INPUT_PREFIX, PRESET_PREFIX, API_KEY_PREFIX, WEBHOOKS, DELIVERY_PREFIX];
/// Most deletes of one BatchWriteItem.
const DELETES_MAX: usize = 25;
/// How often items that DynamoDB left unprocessed are sent again: a partition takes a second for a
/// batch of large ones.
const UNPROCESSED_ROUNDS_MAX: u32 = 24;

impl Transaction {
    /// Requests an erasure, in place of an open one of the same subject.
    pub(crate) fn erasure(self, erasure: &Erasure) -> Result<Self, StoreError> {
        self.fenced(ItemKind::Erasure, &erasure.key(), erasure, erasure.index_key())
    }
}

impl Store {
    /// Records that a member requested their deletion, and requests the erasure, in one transaction
    /// with the audit. A repeat returns the account as it is.
    pub async fn request_deletion(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        let entry =
            AuditEntry::of_job("account-delete-me", Action::RequestDeletion, Target::user(user));
        let request = |found: Option<Account>| {
            let mut update = begin_update(found, user, email, now)?;
            if update.account().deletion.is_some() {
                return Ok((Transaction::default(), update.account().clone()));
            }
            update.request_deletion();
            let (writes, account) = change_of(update)?;
            let subject = ErasureSubject::Member { user_id: user.clone() };
            let writes = writes.erasure(&Erasure::request(subject, now))?;
            Ok((writes.audit(entry.clone(), now), account))
        };
        self.update_loaded(async || self.get(&Key::account(user)).await, request).await
    }

    /// Erasures that are due, oldest first (Q59).
    pub async fn due_erasures(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<Erasure>, StoreError> {
        let key = |item: &Item| erasure_of(item).map(Key::erasure);
        self.loaded(self.walked(ERASURES, Some(due_bound(now)), (after, most), key).await?).await
    }

    /// Writes the rest of an erasure, or ends it. If it was requested again meanwhile, that request
    /// stays.
    pub async fn follow_erasure(
        &self,
        before: &Erasure,
        after: Option<&Erasure>,
    ) -> Result<(), StoreError> {
        let writes = match after {
            Some(after) => Transaction::default().put_versioned(Some(before), after)?,
            None => Transaction::default().delete_versioned(before),
        };
        let (Committed::Yes | Committed::Conflict(_)) = self.commit(writes).await?;
        Ok(())
    }

    /// Takes a member's listings off sale, deletes their drafts and cancels their queued
    /// generations. Returns how many generations are still with a worker or a provider: they end
    /// normally, and the member is erased after that.
    pub async fn close_down(&self, user: &UserId, now: Timestamp) -> Result<u32, StoreError> {
        // One that fails is tried again with the next run, and does not keep the others.
        let mut done = self.call_off_waiting(user, now).await;
        for listing in self.whole_shelf(user).await? {
            done = done.and(optional(self.wind_up_listing(user, &listing.id, now).await).map(drop));
        }
        done?;
        Ok(optional(self.account(user).await)?.map_or(0, |account| account.open_jobs))
    }

    async fn wind_up_listing(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let wind_up = |update: &mut ListingUpdate| {
            // If it has no sales, its files are not needed either.
            let is_unused = update.has_pictures() && update.stats.sales == 0;
            update.remove_pictures();
            is_unused.then(|| ErasureSubject::Listing { listing_id: id.clone() })
        };
        self.end_listing((creator, id), now, |_| Ok(()), wind_up).await
    }

    /// Deletes what a member created and their personal data. Grants, payments and debts stay.
    pub async fn erase_member(&self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        // First what the keys lead to: an interrupted erasure finds the rest by the keys.
        self.delete_items(&self.key_accesses_of(user).await?).await?;
        for prefix in MADE_BY_MEMBER {
            self.delete_all(user, prefix).await?;
        }
        let entry = AuditEntry::of_job(ERASED_BY, Action::EraseMember, Target::user(user));
        let erase = |account: Option<Account>| {
            let Some(account) = account else { return Ok((Transaction::default(), ())) };
            let erased = account.deletion.is_none_or(|it| it.erased_at.is_some());
            let mut update = begin_update(Some(account), user, None, now)?;
            if erased {
                return Ok((Transaction::default(), ()));
            }
            update.erase();
            let writes = Transaction::default().account(&update.finish())?;
            Ok((writes.audit(entry.clone(), now), ()))
        };
        self.update_loaded(async || self.get(&Key::account(user)).await, erase).await
    }

    /// Deletes a member's items under `prefix`, a page at a time (Q60).
    async fn delete_all(&self, user: &UserId, prefix: &str) -> Result<(), StoreError> {
        loop {
            let answer = self
                .newest_first(user_pk(user), prefix)
                .projection_expression("pk, sk")
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            self.delete_items(&answer.items.unwrap_or_default()).await?;
            if answer.last_evaluated_key.is_none() {
                return Ok(());
            }
        }
    }

    /// Deletes items, whose keys are all that they need to have.
    pub(crate) async fn delete_items(&self, items: &[Item]) -> Result<(), StoreError> {
        for some in items.chunks(DELETES_MAX) {
            self.delete_some(some).await?;
        }
        Ok(())
    }

    async fn delete_some(&self, items: &[Item]) -> Result<(), StoreError> {
        let mut left = items.iter().map(deletion).collect::<Result<Vec<_>, _>>()?;
        for round in 0..UNPROCESSED_ROUNDS_MAX {
            backoff(round).await;
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, left)
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            let unprocessed =
                answer.unprocessed_items.and_then(|mut tables| tables.remove(&self.table));
            left = unprocessed.unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Busy)
    }
}

fn deletion(item: &Item) -> Result<WriteRequest, StoreError> {
    let key = |name: &str| AttributeValue::S(text(item, name).unwrap_or_default().to_owned());
    let delete = DeleteRequest::builder().key(PK, key(PK)).key(SK, key(SK)).build();
    let delete = delete.map_err(StoreError::unavailable)?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}
