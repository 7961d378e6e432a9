//! One all-or-nothing write.
//!
//! Each part has a condition that says what it was decided on. DynamoDB takes the whole or nothing;
//! when it takes nothing because a condition did not hold, the caller learns which part moved. A
//! transaction carries one token for all its tries, so that a lost answer never means a second
//! effect (`ClientRequestToken`, ten minutes).

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem},
};
use domain::{
    account::Change,
    credits::LedgerEntry,
    generation::{Input, Job},
    id::UserId,
    preset::Preset,
};

use crate::{
    error::StoreError,
    idempotency::Record,
    keys::{INDEX_PK, INDEX_SK, Item, Key, TTL, job_index},
    table::{Store, encode, pause},
};

/// How often the same transaction is sent again because of a conflict or a throttle.
const SENDS_MAX: u32 = 6;

/// What a part of a transaction is about, so that a failed condition can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Account,
    Ledger,
    Job,
    Input,
    Preset,
    Idempotency,
}

/// What came of sending it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// All of it is written.
    Yes,
    /// None of it: these parts had moved.
    Moved(Vec<Part>),
}

/// A transaction being put together.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    store: &'a Store,
    parts: Vec<Part>,
    writes: Vec<TransactWriteItem>,
}

impl Store {
    pub(crate) fn transaction(&self) -> Transaction<'_> {
        Transaction { store: self, parts: Vec::new(), writes: Vec::new() }
    }
}

impl Transaction<'_> {
    /// Writes an account and the lines its change added, if it still has the version it was read
    /// with. A new account must not exist.
    pub(crate) fn account(self, change: &Change) -> Result<Self, StoreError> {
        let user = &change.account.user_id;
        let item = encode(&Key::account(user), &change.account)?;
        let with_account = self.put(Part::Account, versioned(change.expected_version, item)?);
        change.entries.iter().try_fold(with_account, |this, entry| this.ledger(user, entry))
    }

    /// Writes a job in place of version `expected`; zero is a new one.
    pub(crate) fn job(self, job: &Job, expected: u64) -> Result<Self, StoreError> {
        let mut item = encode(&Key::job(&job.user_id, &job.id), job)?;
        let (index_pk, index_sk) = job_index(job);
        item.insert(INDEX_PK.to_owned(), AttributeValue::S(index_pk));
        item.insert(INDEX_SK.to_owned(), AttributeValue::S(index_sk));
        Ok(self.put(Part::Job, versioned(expected, item)?))
    }

    /// Writes what a new job is made from.
    pub(crate) fn input(self, job: &Job, input: &Input) -> Result<Self, StoreError> {
        let item = encode(&Key::input(&job.user_id, &job.id), input)?;
        Ok(self.put(Part::Input, absent(item)))
    }

    /// Writes a new preset.
    pub(crate) fn preset(self, preset: &Preset) -> Result<Self, StoreError> {
        let item = encode(&Key::preset(&preset.user_id, &preset.id), preset)?;
        Ok(self.put(Part::Preset, absent(item)))
    }

    /// Deletes a preset that must be there.
    pub(crate) fn delete_preset(mut self, preset: &Preset) -> Result<Self, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.store.table)
            .set_key(Some(Key::preset(&preset.user_id, &preset.id).item()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(StoreError::unavailable)?;
        self.parts.push(Part::Preset);
        self.writes.push(TransactWriteItem::builder().delete(delete).build());
        Ok(self)
    }

    /// Writes the record of a key, if there is none or its day is over.
    pub(crate) fn record(self, user: &UserId, record: &Record) -> Result<Self, StoreError> {
        let item = encode(&Key::idempotency(user, &record.key), record)?;
        let put = Put::builder()
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":now", number(record.claimed_at.as_secs()));
        Ok(self.put(Part::Idempotency, put.set_item(Some(item))))
    }

    fn ledger(self, user: &UserId, entry: &LedgerEntry) -> Result<Self, StoreError> {
        let item = encode(&Key::ledger(user, entry.seq), entry)?;
        Ok(self.put(Part::Ledger, absent(item)))
    }

    fn put(mut self, part: Part, put: aws_sdk_dynamodb::types::builders::PutBuilder) -> Self {
        // The builder fails only without a table or an item, and both are set.
        if let Ok(put) = put.table_name(&self.store.table).build() {
            self.parts.push(part);
            self.writes.push(TransactWriteItem::builder().put(put).build());
        }
        self
    }

    /// Sends it, and sends the very same again after a conflict or a throttle.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked; it may then have been written, and a repeat with the same
    /// business keys finds out.
    pub(crate) async fn commit(self) -> Result<Committed, StoreError> {
        let token = format!("{:032x}", rand::random::<u128>());
        for round in 0..SENDS_MAX {
            pause(round).await;
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
                    Verdict::Moved(parts) => return Ok(Committed::Moved(parts)),
                    Verdict::Again => tracing::debug!(round, "transaction conflict"),
                    Verdict::Failed(error) => return Err(error),
                },
            }
        }
        Err(StoreError::Busy)
    }
}

enum Verdict {
    Moved(Vec<Part>),
    Again,
    Failed(StoreError),
}

fn verdict(parts: &[Part], error: SdkError<TransactWriteItemsError>) -> Verdict {
    let Some(service) = error.as_service_error() else {
        return Verdict::Failed(StoreError::unavailable(error));
    };
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = service {
        let reasons = cancelled.cancellation_reasons();
        let moved: Vec<Part> = parts
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

fn versioned(
    expected: u64,
    item: Item,
) -> Result<aws_sdk_dynamodb::types::builders::PutBuilder, StoreError> {
    if expected == 0 {
        return Ok(absent(item));
    }
    let expected = i64::try_from(expected).map_err(StoreError::corrupt)?;
    Ok(Put::builder()
        .condition_expression("#version = :expected")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":expected", number(expected))
        .set_item(Some(item)))
}

fn absent(item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
    Put::builder().condition_expression("attribute_not_exists(pk)").set_item(Some(item))
}

pub(crate) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
