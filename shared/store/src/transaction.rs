//! One all-or-nothing write.
//!
//! Each part is conditional on what it was decided on. If a condition fails, DynamoDB writes
//! nothing and the caller learns which parts conflict. All attempts carry one token, so that a lost
//! answer never causes a second effect (`ClientRequestToken`, ten minutes).

use std::fmt::Display;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
        builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder},
    },
};
use domain::{
    Timestamp,
    account::{Account, AccountChange, AccountStatus, AccountUpdate},
    audit::{AuditEntry, AuditRecord, Head},
    billing::{Billing, external::CustomerId, invoice::Invoice, order::PackOrder},
    credits::LedgerEntry,
    generation::{Input, Job},
    id::UserId,
    marketplace::strike::Seller,
    metrics::Counters,
    preset::Preset,
};
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    events::{AppliedEvent, NOT_APPLIED, PARKED, STATE, applied_item},
    idempotency::Record,
    keys::{
        IndexKey, Item, Key, TTL, account_index, audit_pk, billing_index, job_index, order_index,
        set_index_key,
    },
    table::{Attempt, Store, at_version, backoff, encode},
};

/// How often a transaction is sent again because of a conflict or a throttle.
const SENDS_MAX: u32 = 6;
/// Most writes of a transaction in DynamoDB. None of ours comes near: nearly all are ledger
/// entries, and both the expiring lots of an account and the plans of an invoice are limited.
const WRITES_MAX: usize = 100;
/// How often the audit head is read again because it changed.
const CHAINED_MAX: u32 = 24;

/// What a part of a transaction is about, to tell which condition failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Account,
    Ledger,
    Job,
    Input,
    Preset,
    Idempotency,
    Billing,
    Customer,
    FollowUp,
    Order,
    Invoice,
    Event,
    Listing,
    Revision,
    Model,
    Upload,
    Stats,
    Review,
    Flags,
    Purchase,
    Entitlement,
    Card,
    Sale,
    Book,
    Reward,
    Payout,
    Payee,
    Journal,
    Share,
    Change,
    Seller,
    Strikes,
    Moderator,
    Fact,
    Sums,
    Rank,
    Audit,
    Rate,
    Visitors,
    Erasure,
}

/// An item with its own version, the optimistic lock of every change.
pub(crate) trait Versioned: Serialize + Clone + PartialEq {
    /// Its kind in a transaction.
    const PART: ItemKind;
    /// Its key.
    fn key(&self) -> Key;
    /// Its index key.
    fn index_key(&self) -> Option<IndexKey> {
        None
    }
    /// The version it was read with; zero before the first write.
    fn version(&self) -> u64;
    /// The same at another version.
    fn with_version(self, version: u64) -> Self;
}

/// The result of sending it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// All of it is written.
    Yes,
    /// None of it is written: these parts conflict.
    Conflict(Vec<ItemKind>),
}

impl Committed {
    /// The result of an attempt that retries on any conflict.
    pub(crate) fn done<T>(self, value: T) -> Attempt<T> {
        match self {
            Committed::Yes => Attempt::Done(value),
            Committed::Conflict(_) => Attempt::Conflict,
        }
    }
}

/// A transaction being put together.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    store: &'a Store,
    parts: Vec<ItemKind>,
    writes: Vec<TransactWriteItem>,
    audit_entries: Vec<(AuditEntry, Timestamp)>,
}

impl Store {
    pub(crate) fn transaction(&self) -> Transaction<'_> {
        Transaction {
            store: self,
            parts: Vec::new(),
            writes: Vec::new(),
            audit_entries: Vec::new(),
        }
    }
}

impl Transaction<'_> {
    /// Writes an account and its new ledger entries, if it still has the version it was read with.
    /// A new account must not exist.
    pub(crate) fn account(self, change: &AccountChange) -> Result<Self, StoreError> {
        let user = &change.account.user_id;
        let mut item = encode(&Key::account(user), &change.account)?;
        set_index_key(&mut item, account_index(&change.account));
        let with_account = self
            .put(ItemKind::Account, versioned(change.expected_version, item))
            .person(&change.before, &change.account)?;
        let with_ledger =
            change.entries.iter().try_fold(with_account, |this, entry| this.ledger(user, entry))?;
        change.follow_ups.iter().try_fold(with_ledger, Transaction::follow_up)
    }

    /// Writes an account update. If it changes nothing, only checks that the account still has the
    /// version it was read with: the decision holds, and a ban takes effect.
    pub(crate) fn draft(self, draft: AccountUpdate) -> Result<Self, StoreError> {
        if draft.is_changed() {
            return self.account(&draft.finish());
        }
        let account = draft.account();
        self.check_version(ItemKind::Account, &Key::account(&account.user_id), account.version)
    }

    /// Writes a job in place of version `expected`; zero is a new one.
    pub(crate) fn job(self, job: &Job, expected: u64) -> Result<Self, StoreError> {
        Ok(self.put(ItemKind::Job, versioned(expected, job_item(job)?)))
    }

    /// Writes a member's billing in place of `read`, and the owner of a new customer.
    pub(crate) fn billing(self, read: &Billing, after: &Billing) -> Result<Self, StoreError> {
        let user = &after.user_id;
        let mut item = encode(&Key::billing(user), after)?;
        set_index_key(&mut item, billing_index(after));
        let this = self.put(ItemKind::Billing, versioned(read.version, item));
        match after.customer.as_ref().filter(|customer| read.customer.as_ref() != Some(customer)) {
            Some(customer) => this.customer(customer, user),
            None => Ok(this),
        }
    }

    fn customer(self, customer: &CustomerId, user: &UserId) -> Result<Self, StoreError> {
        let item = encode(&Key::customer(customer), &OwnerRef { user_id: user.clone() })?;
        let put = Put::builder()
            .condition_expression("attribute_not_exists(pk) OR user_id = :user")
            .expression_attribute_values(":user", AttributeValue::S(user.to_string()));
        Ok(self.put(ItemKind::Customer, put.set_item(Some(item))))
    }

    /// Writes an order in place of version `expected`; zero is a new one.
    pub(crate) fn order(self, order: &PackOrder, expected: u64) -> Result<Self, StoreError> {
        let mut item = encode(&Key::order(&order.user_id, &order.id), order)?;
        set_index_key(&mut item, order_index(order));
        Ok(self.put(ItemKind::Order, versioned(expected, item)))
    }

    /// Writes an invoice. It has no version of its own: the billing is always written with it.
    pub(crate) fn invoice(self, invoice: &Invoice) -> Result<Self, StoreError> {
        let item = encode(&Key::invoice(&invoice.user_id, &invoice.id), invoice)?;
        Ok(self.put(ItemKind::Invoice, Put::builder().set_item(Some(item))))
    }

    /// Marks an event as applied, unless it is; a parked one is no longer parked.
    pub(crate) fn event(self, event: &AppliedEvent, now: Timestamp) -> Result<Self, StoreError> {
        let put = Put::builder()
            .condition_expression(NOT_APPLIED)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":parked", AttributeValue::S(PARKED.to_owned()))
            .set_item(Some(applied_item(event, now)?));
        Ok(self.put(ItemKind::Event, put))
    }

    /// Writes the input of a new job.
    pub(crate) fn input(self, job: &Job, input: &Input) -> Result<Self, StoreError> {
        let item = encode(&Key::input(&job.user_id, &job.id), input)?;
        Ok(self.put(ItemKind::Input, if_not_exists(item)))
    }

    /// Writes a new preset.
    pub(crate) fn preset(self, preset: &Preset) -> Result<Self, StoreError> {
        let item = encode(&Key::preset(&preset.user_id, &preset.id), preset)?;
        Ok(self.put(ItemKind::Preset, if_not_exists(item)))
    }

    /// Deletes a preset, which must exist.
    pub(crate) fn delete_preset(self, preset: &Preset) -> Result<Self, StoreError> {
        self.delete_there(ItemKind::Preset, &Key::preset(&preset.user_id, &preset.id))
    }

    /// Deletes an item, which must exist.
    pub(crate) fn delete_there(self, part: ItemKind, key: &Key) -> Result<Self, StoreError> {
        self.push_delete(part, key, Delete::builder().condition_expression("attribute_exists(pk)"))
    }

    /// Writes an idempotency record, if there is none or it has expired.
    pub(crate) fn record(self, user: &UserId, record: &Record) -> Result<Self, StoreError> {
        let item = encode(&Key::idempotency(user, &record.key), record)?;
        let put = Put::builder()
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":now", number(record.claimed_at.as_secs()));
        Ok(self.put(ItemKind::Idempotency, put.set_item(Some(item))))
    }

    fn ledger(self, user: &UserId, entry: &LedgerEntry) -> Result<Self, StoreError> {
        let item = encode(&Key::ledger(user, entry.seq), entry)?;
        Ok(self.put(ItemKind::Ledger, if_not_exists(item)))
    }

    /// Writes `after` in place of `before`, if they differ and `before` is still stored.
    pub(crate) fn replace<T: Versioned>(
        self,
        before: Option<&T>,
        after: &T,
    ) -> Result<Self, StoreError> {
        if before == Some(after) {
            return Ok(self);
        }
        self.put_versioned(before.map_or(0, T::version), after)
    }

    /// The same for several, in the same order before and after.
    pub(crate) fn replace_each<T: Versioned>(
        self,
        before: &[T],
        after: &[T],
    ) -> Result<Self, StoreError> {
        let mut pairs = before.iter().zip(after);
        pairs.try_fold(self, |this, (was, is)| this.replace(Some(was), is))
    }

    /// Writes `after` in place of version `expected`, whether or not it differs.
    pub(crate) fn put_versioned<T: Versioned>(
        self,
        expected: u64,
        after: &T,
    ) -> Result<Self, StoreError> {
        let mut item = encode(&after.key(), &after.clone().with_version(expected + 1))?;
        set_index_key(&mut item, after.index_key());
        Ok(self.put(T::PART, versioned(expected, item)))
    }

    /// Writes an item that is guarded by another part of this transaction.
    pub(crate) fn fenced<T: Serialize>(
        self,
        part: ItemKind,
        key: &Key,
        value: &T,
        place: Option<IndexKey>,
    ) -> Result<Self, StoreError> {
        let mut item = encode(key, value)?;
        set_index_key(&mut item, place);
        Ok(self.put(part, Put::builder().set_item(Some(item))))
    }

    /// Writes an item that must not exist.
    pub(crate) fn new_item<T: Serialize>(
        self,
        part: ItemKind,
        key: &Key,
        value: &T,
    ) -> Result<Self, StoreError> {
        Ok(self.put(part, if_not_exists(encode(key, value)?)))
    }

    /// Deletes an item, if it exists.
    pub(crate) fn delete(self, part: ItemKind, key: &Key) -> Result<Self, StoreError> {
        self.push_delete(part, key, Delete::builder())
    }

    /// Deletes an item that still has the version it was read with.
    pub(crate) fn delete_versioned<T: Versioned>(self, item: &T) -> Result<Self, StoreError> {
        let delete = at_version!(Delete::builder(), item.version());
        self.push_delete(T::PART, &item.key(), delete)
    }

    fn push_delete(
        mut self,
        part: ItemKind,
        key: &Key,
        delete: DeleteBuilder,
    ) -> Result<Self, StoreError> {
        let delete = delete.table_name(&self.store.table).set_key(Some(key.item()));
        let delete = delete.build().map_err(StoreError::unavailable)?;
        self.parts.push(part);
        self.writes.push(TransactWriteItem::builder().delete(delete).build());
        Ok(self)
    }

    /// Checks that an item still has the version it was decided on; zero is one that does not
    /// exist.
    pub(crate) fn check_version(
        self,
        part: ItemKind,
        key: &Key,
        version: u64,
    ) -> Result<Self, StoreError> {
        let check = ConditionCheck::builder();
        let check = match version {
            0 => check.condition_expression("attribute_not_exists(pk)"),
            _ => at_version!(check, version),
        };
        self.check(part, key, check)
    }

    /// Checks that the status of the acting staff member is unchanged. Staff who never used the
    /// service themselves have no account.
    pub(crate) fn acting(
        self,
        user: &UserId,
        account: Option<&Account>,
    ) -> Result<Self, StoreError> {
        match account {
            Some(account) => self.stands(ItemKind::Moderator, user, &account.standing),
            None => self.check_version(ItemKind::Moderator, &Key::account(user), 0),
        }
    }

    /// Checks that a creator's right to sell is unchanged, whatever else changes in the account.
    pub(crate) fn seller(self, user: &UserId, seller: &Seller) -> Result<Self, StoreError> {
        let standing = serde_dynamo::to_attribute_value(&seller.standing);
        let check = ConditionCheck::builder()
            .expression_attribute_values(":standing", standing.map_err(StoreError::corrupt)?);
        let check = match seller.selling_suspended_until {
            Some(until) => check
                .condition_expression("standing = :standing AND selling_suspended_until = :until")
                .expression_attribute_values(":until", AttributeValue::S(until.to_string())),
            None => check.condition_expression(
                "standing = :standing AND attribute_not_exists(selling_suspended_until)",
            ),
        };
        self.check(ItemKind::Seller, &Key::account(user), check)
    }

    /// Checks that a member's status is unchanged, whatever else changes in the account.
    pub(crate) fn standing(
        self,
        user: &UserId,
        standing: &AccountStatus,
    ) -> Result<Self, StoreError> {
        self.stands(ItemKind::Seller, user, standing)
    }

    fn stands(
        self,
        part: ItemKind,
        user: &UserId,
        standing: &AccountStatus,
    ) -> Result<Self, StoreError> {
        let standing = serde_dynamo::to_attribute_value(standing).map_err(StoreError::corrupt)?;
        let check = ConditionCheck::builder()
            .condition_expression("standing = :standing")
            .expression_attribute_values(":standing", standing);
        self.check(part, &Key::account(user), check)
    }

    /// Adds to sums, which need not exist.
    pub(crate) fn add(self, key: &Key, sums: &Counters) -> Result<Self, StoreError> {
        if sums.is_empty() {
            return Ok(self);
        }
        let mut update = Update::builder();
        let mut terms = Vec::new();
        for (place, (name, by)) in sums.iter().enumerate() {
            terms.push(format!("#n{place} :n{place}"));
            update = update
                .expression_attribute_names(format!("#n{place}"), name)
                .expression_attribute_values(format!(":n{place}"), number(by));
        }
        let update = update.update_expression(format!("ADD {}", terms.join(", ")));
        self.update(ItemKind::Sums, key, update)
    }

    pub(crate) fn update(
        mut self,
        part: ItemKind,
        key: &Key,
        update: UpdateBuilder,
    ) -> Result<Self, StoreError> {
        let update = update.table_name(&self.store.table).set_key(Some(key.item()));
        let update = update.build().map_err(StoreError::unavailable)?;
        self.parts.push(part);
        self.writes.push(TransactWriteItem::builder().update(update).build());
        Ok(self)
    }

    fn check(
        mut self,
        part: ItemKind,
        key: &Key,
        check: ConditionCheckBuilder,
    ) -> Result<Self, StoreError> {
        let check = check.table_name(&self.store.table).set_key(Some(key.item()));
        let check = check.build().map_err(StoreError::unavailable)?;
        self.parts.push(part);
        self.writes.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(self)
    }

    pub(crate) fn put(mut self, part: ItemKind, put: PutBuilder) -> Self {
        // The builder fails only without a table or an item, and both are set.
        if let Ok(put) = put.table_name(&self.store.table).build() {
            self.parts.push(part);
            self.writes.push(TransactWriteItem::builder().put(put).build());
        }
        self
    }

    /// Adds an audit entry; it gets its place in the chain when this is sent.
    pub(crate) fn audit(mut self, entry: AuditEntry, at: Timestamp) -> Self {
        self.audit_entries.push((entry, at));
        self
    }

    /// Adds several audit entries.
    pub(crate) fn audit_all(
        self,
        audit_entries: impl IntoIterator<Item = AuditEntry>,
        at: Timestamp,
    ) -> Self {
        audit_entries.into_iter().fold(self, |this, entry| this.audit(entry, at))
    }

    /// Sends it, and sends the same again after a conflict or a throttle. If only the audit head
    /// changed, the entries are placed behind the new one.
    ///
    /// # Errors
    /// When DynamoDB is unavailable; it may then have been written, and a repeat with the same
    /// business keys finds out.
    pub(crate) async fn commit(self) -> Result<Committed, StoreError> {
        if self.audit_entries.is_empty() {
            return self.send().await;
        }
        for round in 0..CHAINED_MAX {
            backoff(round).await;
            let head = self.store.audit_head().await?;
            match self.chained(&head)?.send().await? {
                Committed::Conflict(parts) if parts.iter().all(|part| *part == ItemKind::Audit) => {
                    tracing::debug!(round, "audit head moved, retrying");
                }
                done @ (Committed::Yes | Committed::Conflict(_)) => return Ok(done),
            }
        }
        Err(StoreError::Busy)
    }

    /// The same with its audit entries behind `head`.
    fn chained(&self, head: &Head) -> Result<Self, StoreError> {
        let (store, parts, writes) = (self.store, self.parts.clone(), self.writes.clone());
        let mut this = Transaction { store, parts, writes, audit_entries: Vec::new() };
        let mut end = head.clone();
        for (entry, at) in &self.audit_entries {
            this = this.row(&end.add(entry.clone(), *at))?;
        }
        this.replace(Some(head), &end)
    }

    fn row(self, row: &AuditRecord) -> Result<Self, StoreError> {
        let mut item = encode(&Key::audit(row.seq), row)?;
        let place = (audit_pk(&row.deed.target), format!("{:012}", row.seq));
        set_index_key(&mut item, Some(place));
        Ok(self.put(ItemKind::Audit, if_not_exists(item)))
    }

    async fn send(self) -> Result<Committed, StoreError> {
        if self.writes.len() > WRITES_MAX {
            return Err(StoreError::corrupt(format!("{} writes are too many", self.writes.len())));
        }
        let token = format!("{:032x}", rand::random::<u128>());
        for round in 0..SENDS_MAX {
            backoff(round).await;
            let sent = self
                .store
                .client
                .transact_write_items()
                .client_request_token(&token)
                .set_transact_items(Some(self.writes.clone()))
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Committed::Yes),
                Err(error) => match verdict(&self.parts, error) {
                    Verdict::Moved(parts) => return Ok(Committed::Conflict(parts)),
                    Verdict::Again => tracing::debug!(round, "transaction conflict, retrying"),
                    Verdict::Failed(error) => return Err(error),
                },
            }
        }
        Err(StoreError::Busy)
    }
}

enum Verdict {
    Moved(Vec<ItemKind>),
    Again,
    Failed(StoreError),
}

fn verdict(parts: &[ItemKind], error: SdkError<TransactWriteItemsError>) -> Verdict {
    let Some(service) = error.as_service_error() else {
        return Verdict::Failed(StoreError::unavailable(error));
    };
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = service {
        let reasons = cancelled.cancellation_reasons();
        let moved: Vec<ItemKind> = parts
            .iter()
            .zip(reasons)
            .filter(|(_, reason)| code(reason) == "ConditionalCheckFailed")
            .map(|(part, _)| *part)
            .collect();
        if !moved.is_empty() {
            return Verdict::Moved(moved);
        }
        if reasons.iter().any(|reason| is_passing(code(reason))) {
            return Verdict::Again;
        }
    }
    if service.is_transaction_in_progress_exception() {
        return Verdict::Again;
    }
    Verdict::Failed(StoreError::unavailable(error))
}

fn code(reason: &CancellationReason) -> &str {
    reason.code().unwrap_or_default()
}

fn is_passing(code: &str) -> bool {
    matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
}

/// A job as an item, with its index key.
pub(crate) fn job_item(job: &Job) -> Result<Item, StoreError> {
    let mut item = encode(&Key::job(&job.user_id, &job.id), job)?;
    set_index_key(&mut item, Some(job_index(job)));
    Ok(item)
}

fn versioned(expected: u64, item: Item) -> PutBuilder {
    if expected == 0 {
        return if_not_exists(item);
    }
    at_version!(Put::builder(), expected).set_item(Some(item))
}

fn if_not_exists(item: Item) -> PutBuilder {
    Put::builder().condition_expression("attribute_not_exists(pk)").set_item(Some(item))
}

/// The member that an external id belongs to, as stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OwnerRef {
    pub(crate) user_id: UserId,
}

/// A number as an attribute.
pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
