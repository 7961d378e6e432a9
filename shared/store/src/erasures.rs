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
    marketplace::listing::DelistedBy,
};

use crate::{
    accounts::draft_of,
    error::{StoreError, optional},
    keys::{
        ERASURES, INPUT_PREFIX, IndexKey, Item, JOB_PREFIX, Key, PK, PRESET_PREFIX, SK, due_bound,
        erasure_of, text, user_pk,
    },
    table::{Attempt, Store, backoff},
    transaction::{Committed, ItemKind, Transaction, Versioned},
};

/// Actor name in the audit of the job that erases members.
const ERASED_BY: &str = "background-erase-data";
/// Sort key prefixes of what a member created and accounting does not need.
const MADE_BY_MEMBER: [&str; 3] = [JOB_PREFIX, INPUT_PREFIX, PRESET_PREFIX];
/// Most deletes of one BatchWriteItem.
const DELETES_MAX: usize = 25;
/// How often items that DynamoDB left unprocessed are sent again.
const UNPROCESSED_ROUNDS_MAX: u32 = 8;

impl Versioned for Erasure {
    const PART: ItemKind = ItemKind::Erasure;
    fn key(&self) -> Key {
        Key::erasure(&self.subject.name())
    }
    fn index_key(&self) -> Option<IndexKey> {
        Some((ERASURES.to_owned(), format!("{}#{}", self.due_at, self.subject.name())))
    }
    fn version(&self) -> u64 {
        self.version
    }
    fn with_version(self, version: u64) -> Self {
        Erasure { version, ..self }
    }
}

impl Transaction<'_> {
    /// Requests an erasure, in place of an open one of the same subject.
    pub(crate) fn erasure(self, erasure: &Erasure) -> Result<Self, StoreError> {
        self.fenced(ItemKind::Erasure, &erasure.key(), erasure, erasure.index_key())
    }
}

impl Store {
    /// Records that a member requested their deletion, and requests the erasure, in one transaction
    /// with the audit. A repeat returns the account as it is.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn request_deletion(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        let entry =
            AuditEntry::of_job("account-delete-me", Action::RequestDeletion, Target::user(user));
        self.retry_on_conflict(async || {
            let mut draft = draft_of(self.get(&Key::account(user)).await?, user, email, now)?;
            if draft.account().deletion.is_some() {
                return Ok(Attempt::Done(draft.account().clone()));
            }
            draft.request_deletion();
            let change = draft.finish();
            let subject = ErasureSubject::Member { user_id: user.clone() };
            let writes = self
                .transaction()
                .account(&change)?
                .erasure(&Erasure::request(subject, now))?
                .audit(entry.clone(), now);
            Ok(writes.commit().await?.done(change.account))
        })
        .await
    }

    /// Erasures that are due, oldest first (Q59).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn due_erasures(
        &self,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<Erasure>, StoreError> {
        let due = self.query_index(ERASURES, Some(due_bound(now)), most).await?;
        let keys: Vec<Key> = due.iter().filter_map(erasure_of).map(Key::erasure).collect();
        self.get_all(&keys).await?.rest()
    }

    /// Writes the rest of an erasure, or ends it. If it was requested again meanwhile, that request
    /// stays.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn follow_erasure(
        &self,
        before: &Erasure,
        after: Option<&Erasure>,
    ) -> Result<(), StoreError> {
        let writes = match after {
            Some(after) => self.transaction().put_versioned(before.version, after)?,
            None => self.transaction().delete_versioned(before)?,
        };
        let (Committed::Yes | Committed::Conflict(_)) = writes.commit().await?;
        Ok(())
    }

    /// Takes a member's listings off sale, deletes their drafts and cancels their queued
    /// generations. Returns how many generations are still with a worker or a provider: they end
    /// normally, and the member is erased after that.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn wind_up(&self, user: &UserId, now: Timestamp) -> Result<u32, StoreError> {
        for job in self.waiting_jobs(user, now).await? {
            self.call_off_if_waiting(&job, now).await?;
        }
        for listing in self.whole_shelf(user).await? {
            optional(self.wind_up_listing(user, &listing.id, now).await)?;
        }
        Ok(optional(self.account(user).await)?.map_or(0, |account| account.open_jobs))
    }

    async fn wind_up_listing(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.retry_on_conflict(async || {
            let (before, writes) = self.shelf_of_creator(creator, id).await?;
            if !before.listing.was_on_sale() {
                return self.discard(writes, &before.listing, now).await;
            }
            let mut after = before.clone();
            let retired = after.listing.delist(DelistedBy::Creator, None, now);
            retired.map_err(StoreError::refused)?;
            after.remove_pictures();
            // If it has no sales, its files are not needed either.
            let writes = match before.has_pictures() && before.stats.sales == 0 {
                true => {
                    let subject = ErasureSubject::Listing { listing_id: id.clone() };
                    writes.erasure(&Erasure::request(subject, now))?
                }
                false => writes,
            };
            Ok(self.write_shelf(writes, before, after, now).await?.map(drop))
        })
        .await
    }

    /// Deletes what a member created and their personal data. Grants, payments and debts stay.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn erase_member(&self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        for prefix in MADE_BY_MEMBER {
            self.delete_all(user, prefix).await?;
        }
        let entry = AuditEntry::of_job(ERASED_BY, Action::EraseMember, Target::user(user));
        self.retry_on_conflict(async || {
            let account: Account = match self.get(&Key::account(user)).await? {
                Some(account) => account,
                None => return Ok(Attempt::Done(())),
            };
            let erased = account.deletion.is_none_or(|it| it.erased_at.is_some());
            let mut draft = draft_of(Some(account), user, None, now)?;
            if erased {
                return Ok(Attempt::Done(()));
            }
            draft.erase();
            let writes = self.transaction().account(&draft.finish())?.audit(entry.clone(), now);
            Ok(writes.commit().await?.done(()))
        })
        .await
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
            let items = answer.items.unwrap_or_default();
            for some in items.chunks(DELETES_MAX) {
                self.delete_some(some).await?;
            }
            if answer.last_evaluated_key.is_none() {
                return Ok(());
            }
        }
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
