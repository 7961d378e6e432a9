//! One all-or-nothing write.
//!
//! Each part is conditional on what it was decided on. If a condition fails, DynamoDB writes
//! nothing and the caller learns which parts conflict. All attempts carry one token, so that a lost
//! answer never causes a second effect (`ClientRequestToken`, ten minutes).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use domain::{
    Timestamp,
    account::{Account, AccountStatus},
    audit::{AuditChain, AuditEntry, AuditRecord, Head},
    id::UserId,
    marketplace::moderation::strike::Seller,
    metrics::Counters,
};
use serde::{Deserialize, Serialize};

pub(crate) use crate::item_kind::ItemKind;
use crate::{
    condition::{Condition, conditional, number, string},
    error::StoreError,
    keys::{IndexKey, Item, Key, audit_index_sk, audit_pk, set_index_key},
    rewrite::{Rewrite, newer, set_shape},
    table::{Boxed, Store, backoff, encode, refused},
    versioned::Versioned,
};

/// How often a transaction is sent again because of a conflict or a throttle.
const SENDS_MAX: u32 = 6;
/// Most writes of a transaction in DynamoDB. None of ours comes near: nearly all are ledger
/// entries, and both the expiring lots of an account and the plans of an invoice are limited.
const WRITES_MAX: usize = 100;
/// How often audit heads are read again because one of them changed.
const CHAINED_MAX: u32 = 24;
/// The number of the shape of an audit head: see [`crate::rewrite`].
const HEAD_SHAPE: u32 = 1;

/// The result of sending it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// All of it is written.
    Yes,
    /// None of it is written: these parts conflict.
    Conflict(Vec<ItemKind>),
}

/// What a part of a transaction does.
#[derive(Debug, Clone)]
enum Write {
    Put(Item),
    Delete(Key),
    Check(Key),
    /// With its update expression.
    Update(Key, String),
}

#[derive(Debug, Clone)]
struct Part {
    kind: ItemKind,
    write: Write,
    condition: Condition,
}

/// A transaction being put together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction {
    parts: Vec<Part>,
    audit_entries: Vec<(AuditEntry, Timestamp)>,
}

impl Transaction {
    /// Whether it changes nothing: it is empty, or only checks.
    pub(crate) fn only_checks(&self) -> bool {
        self.audit_entries.is_empty()
            && self.parts.iter().all(|part| matches!(part.write, Write::Check(_)))
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
        self.put_versioned(before, after)
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

    /// Writes `after` in place of `before`, whether or not it differs. What this build does not know
    /// of the item stays: see [`crate::rewrite`].
    pub(crate) fn put_versioned<T: Versioned>(
        self,
        before: Option<&T>,
        after: &T,
    ) -> Result<Self, StoreError> {
        let expected = before.map_or(0, T::version);
        let item = versioned_item(after, expected + 1)?;
        Ok(match before.filter(|before| before.version() > 0) {
            Some(before) => {
                let before = versioned_item(before, expected)?;
                self.rewrite(T::PART, after.key(), Rewrite::of(&before, &item, expected))
            }
            None => self.put(T::PART, item, Condition::absent()),
        })
    }

    /// Writes an item in place of another one with the same key.
    pub(crate) fn rewrite(self, part: ItemKind, key: Key, rewrite: Rewrite) -> Self {
        self.update(part, key, rewrite.update, rewrite.condition)
    }

    /// Deletes an item that still has the version it was read with.
    pub(crate) fn delete_versioned<T: Versioned>(self, item: &T) -> Self {
        let condition = Condition::version(item.version());
        self.add_part(T::PART, Write::Delete(item.key()), condition)
    }

    /// Checks that an item is still the one that a decision was made on; `None` is one that does
    /// not exist.
    pub(crate) fn check_version<T: Versioned>(self, key: Key, read: Option<&T>) -> Self {
        let condition = Condition::version(read.map_or(0, T::version));
        self.add_part(T::PART, Write::Check(key), condition)
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
        Ok(self.put(part, item, Condition::none()))
    }

    /// Writes an item that must not exist.
    pub(crate) fn new_item<T: Serialize>(
        self,
        part: ItemKind,
        key: &Key,
        value: &T,
    ) -> Result<Self, StoreError> {
        Ok(self.put(part, encode(key, value)?, Condition::absent()))
    }

    /// Writes an item, if `condition` holds.
    pub(crate) fn put(self, part: ItemKind, item: Item, condition: Condition) -> Self {
        self.add_part(part, Write::Put(item), condition)
    }

    /// Deletes an item, if `condition` holds.
    pub(crate) fn delete(self, part: ItemKind, key: Key, condition: Condition) -> Self {
        self.add_part(part, Write::Delete(key), condition)
    }

    /// Updates an item, if `condition` holds, which also has the names and values of `update`.
    pub(crate) fn update(
        self,
        part: ItemKind,
        key: Key,
        update: String,
        condition: Condition,
    ) -> Self {
        self.add_part(part, Write::Update(key, update), condition)
    }

    fn add_part(mut self, kind: ItemKind, write: Write, condition: Condition) -> Self {
        self.parts.push(Part { kind, write, condition });
        self
    }

    /// Adds to sums, which need not exist.
    pub(crate) fn add(self, key: Key, sums: &Counters) -> Self {
        if sums.is_empty() {
            return self;
        }
        let (mut terms, mut names) = (Vec::new(), Condition::none());
        for (place, (name, by)) in sums.iter().enumerate() {
            terms.push(format!("#n{place} :n{place}"));
            names =
                names.name(&format!("#n{place}"), name).value(&format!(":n{place}"), number(by));
        }
        self.update(ItemKind::Sums, key, format!("ADD {}", terms.join(", ")), names)
    }

    /// Checks that the status of the acting staff member is unchanged. Staff who never used the
    /// service themselves have no account.
    pub(crate) fn acting(
        self,
        user: &UserId,
        account: Option<&Account>,
    ) -> Result<Self, StoreError> {
        let condition = match account {
            Some(account) => has_status(&account.standing)?,
            None => Condition::absent(),
        };
        Ok(self.check_account(ItemKind::Moderator, user, condition))
    }

    /// Checks that a creator's right to sell is unchanged, whatever else changes in the account.
    pub(crate) fn seller(self, user: &UserId, seller: &Seller) -> Result<Self, StoreError> {
        let status = has_status(&seller.standing)?;
        let (until, values) = match seller.selling_suspended_until {
            Some(until) => {
                ("selling_suspended_until = :until", status.value(":until", string(until)))
            }
            None => ("attribute_not_exists(selling_suspended_until)", status),
        };
        let expression = Some(format!("{HAS_STATUS} AND {until}"));
        let condition = Condition { expression, ..values };
        Ok(self.check_account(ItemKind::Seller, user, condition))
    }

    /// Checks that a member's status is unchanged, whatever else changes in the account.
    pub(crate) fn standing(
        self,
        user: &UserId,
        standing: &AccountStatus,
    ) -> Result<Self, StoreError> {
        Ok(self.check_account(ItemKind::Seller, user, has_status(standing)?))
    }

    fn check_account(self, part: ItemKind, user: &UserId, condition: Condition) -> Self {
        self.add_part(part, Write::Check(Key::account(user)), condition)
    }

    /// Adds an audit entry; it gets its place in its chain when this is sent.
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

    /// The chains of its audit entries.
    fn chains(&self) -> BTreeSet<AuditChain> {
        self.audit_entries.iter().map(|(entry, _)| entry.chain()).collect()
    }

    /// The same with its audit entries behind the heads of their chains.
    fn chained(&self, heads: &BTreeMap<AuditChain, Head>) -> Result<Self, StoreError> {
        let mut this = Transaction { parts: self.parts.clone(), audit_entries: Vec::new() };
        for (chain, head) in heads {
            let mut end = head.clone();
            let own = self.audit_entries.iter().filter(|(entry, _)| entry.chain() == *chain);
            for (entry, at) in own {
                this = this.row(*chain, &end.add(entry.clone(), *at))?;
            }
            end.version += 1;
            let mut item = encode(&Key::audit_head(*chain), &end)?;
            set_shape(&mut item, HEAD_SHAPE);
            // A put, because updates are denied in these partitions: see `FunctionBoundary`.
            this = this.put(ItemKind::Audit, item, Condition::version(head.version));
        }
        Ok(this)
    }

    fn row(self, chain: AuditChain, row: &AuditRecord) -> Result<Self, StoreError> {
        let mut item = encode(&Key::audit(chain, row.seq), row)?;
        let place = (audit_pk(&row.entry.target), audit_index_sk(chain, row.seq));
        set_index_key(&mut item, Some(place));
        Ok(self.put(ItemKind::Audit, item, Condition::absent()))
    }
}

/// A versioned item as it is stored.
fn versioned_item<T: Versioned>(it: &T, version: u64) -> Result<Item, StoreError> {
    let mut item = encode(&it.key(), &it.clone().with_version(version))?;
    set_index_key(&mut item, it.index_key());
    set_shape(&mut item, it.shape());
    Ok(item)
}

const HAS_STATUS: &str = "standing = :standing";

fn has_status(standing: &AccountStatus) -> Result<Condition, StoreError> {
    let standing = serde_dynamo::to_attribute_value(standing).map_err(StoreError::corrupt)?;
    Ok(Condition::that(HAS_STATUS).value(":standing", standing))
}

impl Part {
    fn in_table(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let (item, condition) = (TransactWriteItem::builder(), self.condition);
        let item = match self.write {
            Write::Put(put) => {
                let put = Put::builder().table_name(table).set_item(Some(put));
                item.put(conditional!(put, condition).build().map_err(StoreError::unavailable)?)
            }
            Write::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key.item()));
                let delete = conditional!(delete, condition).build();
                item.delete(delete.map_err(StoreError::unavailable)?)
            }
            Write::Check(key) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key.item()));
                let check = conditional!(check, condition).build();
                item.condition_check(check.map_err(StoreError::unavailable)?)
            }
            Write::Update(key, update) => {
                let write = Update::builder().table_name(table).set_key(Some(key.item()));
                let write =
                    write.update_expression(update).return_values_on_condition_check_failure(
                        ReturnValuesOnConditionCheckFailure::AllOld,
                    );
                let write = conditional!(write, condition).build();
                item.update(write.map_err(StoreError::unavailable)?)
            }
        };
        Ok(item.build())
    }
}

impl Store {
    /// Sends a transaction, and sends the same again after a conflict or a throttle. If only an
    /// audit head changed, the entries are placed behind the new one.
    ///
    /// # Errors
    /// When DynamoDB is unavailable; it may then have been written, and a repeat with the same
    /// business keys finds out.
    pub(crate) fn commit(&self, writes: Transaction) -> Boxed<'_, Committed> {
        Box::pin(self.commit_chained(writes))
    }

    async fn commit_chained(&self, writes: Transaction) -> Result<Committed, StoreError> {
        let chains = writes.chains();
        if chains.is_empty() {
            return self.send(writes).await;
        }
        for round in 0..CHAINED_MAX {
            backoff(round).await;
            let mut heads = BTreeMap::new();
            for chain in &chains {
                heads.insert(*chain, self.audit_head(*chain).await?);
            }
            match self.send(writes.chained(&heads)?).await? {
                Committed::Conflict(parts) if parts.iter().all(|part| *part == ItemKind::Audit) => {
                    tracing::debug!(round, "audit head moved, retrying");
                }
                done @ (Committed::Yes | Committed::Conflict(_)) => return Ok(done),
            }
        }
        Err(StoreError::Busy)
    }

    async fn send(&self, Transaction { parts, .. }: Transaction) -> Result<Committed, StoreError> {
        if parts.len() > WRITES_MAX {
            return Err(StoreError::corrupt(format!("{} writes are too many", parts.len())));
        }
        let kinds: Vec<ItemKind> = parts.iter().map(|part| part.kind).collect();
        let writes = parts.into_iter().map(|part| part.in_table(&self.table));
        let writes = writes.collect::<Result<Vec<TransactWriteItem>, StoreError>>()?;
        let token = format!("{:032x}", rand::random::<u128>());
        for round in 0..SENDS_MAX {
            backoff(round).await;
            let sent = self
                .client
                .transact_write_items()
                .client_request_token(&token)
                .set_transact_items(Some(writes.clone()))
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Committed::Yes),
                Err(error) => match verdict(&kinds, error) {
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
        if let Some(newer) = reasons.iter().find_map(|reason| newer(reason.item()?)) {
            return Verdict::Failed(newer);
        }
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
        if reasons.iter().any(|reason| code(reason) == "ValidationError") {
            return Verdict::Failed(StoreError::corrupt(error));
        }
    }
    if service.is_transaction_in_progress_exception() {
        return Verdict::Again;
    }
    Verdict::Failed(refused(error))
}

fn code(reason: &CancellationReason) -> &str {
    reason.code().unwrap_or_default()
}

fn is_passing(code: &str) -> bool {
    matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
}

/// An item that has nothing but its keys: an entry in a list.
#[derive(Debug, Serialize)]
pub(crate) struct OnlyKeys {}

/// The member that an external id belongs to, as stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OwnerRef {
    pub(crate) user_id: UserId,
}
