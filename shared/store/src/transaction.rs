//! One all-or-nothing write.
//!
//! Each part has a condition that says what it was decided on. DynamoDB takes the whole or nothing;
//! when it takes nothing because a condition did not hold, the caller learns which part moved. A
//! transaction carries one token for all its tries, so that a lost answer never means a second
//! effect (`ClientRequestToken`, ten minutes).

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

/// How often the same transaction is sent again because of a conflict or a throttle.
const SENDS_MAX: u32 = 6;
/// Most writes that DynamoDB takes at once. None of ours comes near: nearly all of them are lines
/// of the ledger, and an account is limited in the lots that can lapse, and an invoice in the plans
/// it pays for.
const WRITES_MAX: usize = 100;
/// How often the end of the audit is read again because it has moved.
const CHAINED_MAX: u32 = 24;

/// What a part of a transaction is about, so that a failed condition can be told.
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

/// An item with a version of its own, which fences every change of it.
pub(crate) trait Versioned: Serialize + Clone + PartialEq {
    /// What it is in a transaction.
    const PART: ItemKind;
    /// Where it stands.
    fn key(&self) -> Key;
    /// Where it stands in the index.
    fn index_key(&self) -> Option<IndexKey> {
        None
    }
    /// The version it was read with; zero before the first write.
    fn version(&self) -> u64;
    /// The same at another version.
    fn with_version(self, version: u64) -> Self;
}

/// What came of sending it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// All of it is written.
    Yes,
    /// None of it: these parts had moved.
    Conflict(Vec<ItemKind>),
}

impl Committed {
    /// The end of an attempt that only has to be made anew, whatever moved.
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
    deeds: Vec<(AuditEntry, Timestamp)>,
}

impl Store {
    pub(crate) fn transaction(&self) -> Transaction<'_> {
        Transaction { store: self, parts: Vec::new(), writes: Vec::new(), deeds: Vec::new() }
    }
}

impl Transaction<'_> {
    /// Writes an account and the lines its change added, if it still has the version it was read
    /// with. A new account must not exist.
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

    /// Writes what a draft came to. Where it came to nothing, the account must only still have the
    /// version it was read with: what was decided on it holds, and a ban bites.
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

    /// Writes what Stripe says of a member in place of `read`, and whose their customer is, if that
    /// is news.
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

    /// Writes an invoice. It has no version of its own: whoever writes one writes the billing too.
    pub(crate) fn invoice(self, invoice: &Invoice) -> Result<Self, StoreError> {
        let item = encode(&Key::invoice(&invoice.user_id, &invoice.id), invoice)?;
        Ok(self.put(ItemKind::Invoice, Put::builder().set_item(Some(item))))
    }

    /// Notes that an event was applied, if it was not; a parked one is no longer parked.
    pub(crate) fn event(self, event: &AppliedEvent, now: Timestamp) -> Result<Self, StoreError> {
        let put = Put::builder()
            .condition_expression(NOT_APPLIED)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":parked", AttributeValue::S(PARKED.to_owned()))
            .set_item(Some(applied_item(event, now)?));
        Ok(self.put(ItemKind::Event, put))
    }

    /// Writes what a new job is made from.
    pub(crate) fn input(self, job: &Job, input: &Input) -> Result<Self, StoreError> {
        let item = encode(&Key::input(&job.user_id, &job.id), input)?;
        Ok(self.put(ItemKind::Input, if_not_exists(item)))
    }

    /// Writes a new preset.
    pub(crate) fn preset(self, preset: &Preset) -> Result<Self, StoreError> {
        let item = encode(&Key::preset(&preset.user_id, &preset.id), preset)?;
        Ok(self.put(ItemKind::Preset, if_not_exists(item)))
    }

    /// Deletes a preset that must be there.
    pub(crate) fn delete_preset(self, preset: &Preset) -> Result<Self, StoreError> {
        self.delete_there(ItemKind::Preset, &Key::preset(&preset.user_id, &preset.id))
    }

    /// Deletes an item that must be there.
    pub(crate) fn delete_there(self, part: ItemKind, key: &Key) -> Result<Self, StoreError> {
        self.push_delete(part, key, Delete::builder().condition_expression("attribute_exists(pk)"))
    }

    /// Writes the record of a key, if there is none or its day is over.
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

    /// Writes `after` in place of `before`, if they differ and `before` is what is still there.
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

    /// The same for several, which stand in the same order before and after.
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

    /// Writes an item that something else in this transaction fences.
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

    /// Writes an item that must not be there.
    pub(crate) fn new_item<T: Serialize>(
        self,
        part: ItemKind,
        key: &Key,
        value: &T,
    ) -> Result<Self, StoreError> {
        Ok(self.put(part, if_not_exists(encode(key, value)?)))
    }

    /// Deletes an item, if it is there.
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

    /// Holds for an item that still has the version it was decided on; zero is one that is not
    /// there.
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

    /// Holds while whoever acts as staff still may: their standing is what it was decided on. Who
    /// never used the service themselves has no account, and no standing to lose.
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

    /// Holds while a creator may sell, or may not, for the reasons it was decided on, however else
    /// the account moves.
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

    /// Holds while a member's standing is what it was decided on, however else the account moves.
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

    /// Adds to sums, which need not be there.
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

    /// Adds a row to the audit, in its place when this is sent.
    pub(crate) fn audit(mut self, deed: AuditEntry, at: Timestamp) -> Self {
        self.deeds.push((deed, at));
        self
    }

    /// Adds several.
    pub(crate) fn audit_all(
        self,
        deeds: impl IntoIterator<Item = AuditEntry>,
        at: Timestamp,
    ) -> Self {
        deeds.into_iter().fold(self, |this, deed| this.audit(deed, at))
    }

    /// Sends it, and sends the very same again after a conflict or a throttle. Where the end of the
    /// audit has moved, and nothing else, it is sent with the next places.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked; it may then have been written, and a repeat with the same
    /// business keys finds out.
    pub(crate) async fn commit(self) -> Result<Committed, StoreError> {
        if self.deeds.is_empty() {
            return self.send().await;
        }
        for round in 0..CHAINED_MAX {
            backoff(round).await;
            let head = self.store.audit_head().await?;
            match self.chained(&head)?.send().await? {
                Committed::Conflict(parts) if parts.iter().all(|part| *part == ItemKind::Audit) => {
                    tracing::debug!(round, "others were faster at the end of the audit");
                }
                done @ (Committed::Yes | Committed::Conflict(_)) => return Ok(done),
            }
        }
        Err(StoreError::Busy)
    }

    /// The same with its deeds behind `head`.
    fn chained(&self, head: &Head) -> Result<Self, StoreError> {
        let (store, parts, writes) = (self.store, self.parts.clone(), self.writes.clone());
        let mut this = Transaction { store, parts, writes, deeds: Vec::new() };
        let mut end = head.clone();
        for (deed, at) in &self.deeds {
            this = this.row(&end.add(deed.clone(), *at))?;
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
            return Err(StoreError::corrupt(format!("{} writes at once", self.writes.len())));
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
                    Verdict::Again => tracing::debug!(round, "transaction conflict"),
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

/// A job as an item, with its place in the index.
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

/// OwnerRef a customer is, as the table has it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OwnerRef {
    pub(crate) user_id: UserId,
}

/// A number as an attribute.
pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
