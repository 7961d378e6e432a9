//! Makes a table equal to another one: to the one that was restored beside it.
//!
//! So the present table keeps its name, stream, time to live, recovery and policies, none of which a
//! restored table has. Only items that differ are written, and those that the restored table lacks
//! are deleted. No function may write meanwhile. An interrupted run is repeated: what is equal is
//! only read.
//!
//! Each change goes through the stream, as any other does: jobs that wait again are queued, facts
//! that are counted stay counted once, and an event that a webhook had is the same event.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest,
};
use store::Partition;

use crate::{
    migrate::Mode,
    progress::Progress,
    table::{Item, Table, UpkeepError, count, failed},
};

/// Most items of one read and of one write.
const READ_AT_ONCE: usize = 100;
const WRITTEN_AT_ONCE: usize = 25;
/// How often what DynamoDB left unprocessed is sent again, each time after a longer wait.
const ROUNDS_MAX: u32 = 12;
const WAIT: Duration = Duration::from_millis(20);

/// What was put back, or what a dry run would put back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PutBack {
    /// Items of the restored table.
    pub items: u64,
    /// Items written, because they differed or were missing.
    pub written: u64,
    /// Items deleted, because the restored table lacks them.
    pub deleted: u64,
}

/// Makes `present` equal to `restored`.
///
/// # Errors
/// When a table does not answer. Run it again.
pub async fn put_back(
    (restored, present): (&Table, &Table),
    mode: Mode,
    progress: &mut Progress,
) -> Result<PutBack, UpkeepError> {
    let counts = restored.about_items().await.zip(present.about_items().await);
    let total = counts.map(|(restored, present)| restored + present);
    let (mut done, mut read, mut after) = (PutBack::default(), 0, None);
    loop {
        let page = restored.scan(None, after).await?;
        done.items += count(page.items.len());
        read += count(page.items.len());
        for some in page.items.chunks(READ_AT_ONCE) {
            let stored = present.get(some).await?;
            let differ = some.iter().filter(|item| stored.get(&key_of(item)) != Some(*item));
            let puts = differ.map(put).collect::<Result<Vec<_>, _>>()?;
            done.written += count(puts.len());
            present.write(puts, mode).await?;
        }
        progress.say(read, total, &format!("{} written", done.written));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = present.scan(Some(Partition::KEYS), after).await?;
        read += count(page.items.len());
        for some in page.items.chunks(READ_AT_ONCE) {
            let kept = restored.get(some).await?;
            let lost = some.iter().filter(|item| !kept.contains_key(&key_of(item)));
            let deletes = lost.map(delete).collect::<Result<Vec<_>, _>>()?;
            done.deleted += count(deletes.len());
            present.write(deletes, mode).await?;
        }
        progress.say(read, total, &format!("{} deleted", done.deleted));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    progress.end();
    Ok(done)
}

impl Table {
    /// The items at the keys of these, by key.
    async fn get(&self, items: &[Item]) -> Result<HashMap<Vec<String>, Item>, UpkeepError> {
        let mut found = HashMap::new();
        let mut keys: Vec<Item> = items.iter().map(key).collect();
        for round in 0..ROUNDS_MAX {
            if keys.is_empty() {
                return Ok(found);
            }
            wait(round).await;
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            let wanted = wanted.build().map_err(failed)?;
            let request = self.client.batch_get_item().request_items(&self.name, wanted);
            let mut answer = request.send().await.map_err(failed)?;
            let page = answer.responses.as_mut().and_then(|tables| tables.remove(&self.name));
            found.extend(page.unwrap_or_default().into_iter().map(|item| (key_of(&item), item)));
            let left = answer.unprocessed_keys.and_then(|mut it| it.remove(&self.name));
            keys = left.map(|left| left.keys).unwrap_or_default();
        }
        Err(UpkeepError::Place("the table is throttled".to_owned()))
    }

    async fn write(&self, writes: Vec<WriteRequest>, mode: Mode) -> Result<(), UpkeepError> {
        if mode == Mode::DryRun {
            return Ok(());
        }
        for some in writes.chunks(WRITTEN_AT_ONCE) {
            let mut left = some.to_vec();
            for round in 0..ROUNDS_MAX {
                wait(round).await;
                let request = self.client.batch_write_item().request_items(&self.name, left);
                let answer = request.send().await.map_err(failed)?;
                let unprocessed = answer.unprocessed_items.and_then(|mut it| it.remove(&self.name));
                left = unprocessed.unwrap_or_default();
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(UpkeepError::Place("the table is throttled".to_owned()));
            }
        }
        Ok(())
    }
}

async fn wait(round: u32) {
    if round > 0 {
        tokio::time::sleep(WAIT * 2_u32.pow(round.min(8))).await;
    }
}

fn put(item: &Item) -> Result<WriteRequest, UpkeepError> {
    let put = PutRequest::builder().set_item(Some(item.clone())).build().map_err(failed)?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn delete(item: &Item) -> Result<WriteRequest, UpkeepError> {
    let delete = DeleteRequest::builder().set_key(Some(key(item))).build().map_err(failed)?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

/// The key of an item.
fn key(item: &Item) -> Item {
    let is_key = |name: &str| Partition::KEYS.split(", ").any(|key| key == name);
    let parts = item.iter().filter(|(name, _)| is_key(name));
    parts.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The same, to compare.
fn key_of(item: &Item) -> Vec<String> {
    let text = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned();
    Partition::KEYS.split(", ").map(|name| text(name).unwrap_or_default()).collect()
}
