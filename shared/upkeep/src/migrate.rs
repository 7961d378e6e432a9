//! Changes every item that needs it, once.
//!
//! A migration says of one item what has to change, and under which condition, so it is safe beside
//! running functions: an item that was changed or deleted since it was read is left alone. It is
//! idempotent, because an item that has been changed needs no change.
//!
//! After each page the place is stored in a file. An interrupted migration continues there; a dry
//! run changes nothing and stores no place.

use std::{fs, io, path::PathBuf};

use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::AttributeValue};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};
use store::{ItemChange, facts_of, missing_shape};

use crate::{
    progress::Progress,
    table::{Item, Table, UpkeepError, count, failed},
};

/// Items changed at once.
const AT_ONCE: usize = 16;

/// A migration.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// How it changes what it reads.
    pub work: Work,
}

/// How a migration changes what it reads.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// What an item needs; `None` if nothing.
    Change(fn(&Item) -> Option<ItemChange>),
    /// Facts that the items state and the metrics lack are counted.
    Facts,
}

/// Every migration. One that has run in every environment is removed, with the code that reads what
/// it replaces; `facts` stays.
pub const MIGRATIONS: [Migration; 2] = [
    Migration {
        name: "shapes",
        about: "gives the number of its shape to every item with a version that was written \
                before shapes were",
        work: Work::Change(missing_shape),
    },
    Migration {
        name: "facts",
        about: "counts the facts of jobs, members and postings that the metrics lack: after the \
                stream was not read for more than a day. Run it as often as needed",
        work: Work::Facts,
    },
];

/// Whether a migration writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It counts what it would change.
    DryRun,
    /// It changes it.
    Write,
}

/// What a migration did, since it last began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Items read.
    pub items: u64,
    /// Items changed, or that a dry run would change.
    pub changed: u64,
    /// Items that were changed or deleted by others since they were read.
    pub overtaken: u64,
}

/// The file that says where an interrupted migration continues.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

impl Place {
    /// In this file.
    pub fn in_file(path: impl Into<PathBuf>) -> Place {
        Place(path.into())
    }

    fn read(&self) -> Result<Option<Item>, UpkeepError> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(error)),
        };
        let key: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| self.unusable(error))?;
        let attribute = |(name, value): (String, Value)| {
            let value = value.as_str().map(str::to_owned);
            let value = value.ok_or_else(|| self.unusable(format!("{name} is no text")))?;
            Ok((name, AttributeValue::S(value)))
        };
        key.into_iter().map(attribute).collect::<Result<Item, UpkeepError>>().map(Some)
    }

    fn write(&self, key: &Item) -> Result<(), UpkeepError> {
        let text = |value: &AttributeValue| value.as_s().cloned().unwrap_or_default();
        let key: Map<String, Value> =
            key.iter().map(|(name, value)| (name.clone(), text(value).into())).collect();
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder).map_err(|error| self.unusable(error))?;
        }
        // A file that is half written would be worse than none.
        let next = self.0.with_extension("next");
        fs::write(&next, Value::Object(key).to_string()).map_err(|error| self.unusable(error))?;
        fs::rename(&next, &self.0).map_err(|error| self.unusable(error))
    }

    fn remove(&self) -> Result<(), UpkeepError> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unusable(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn unusable(&self, error: impl std::fmt::Display) -> UpkeepError {
        UpkeepError::Place(format!("{}: {error}", self.0.display()))
    }
}

/// Migrates the table, from the beginning or from where an interrupted run ended.
///
/// # Errors
/// When the table does not answer, or the place cannot be stored. Run it again.
pub async fn migrate(
    table: &Table,
    migration: &Migration,
    (mode, place): (Mode, &Place),
    progress: &mut Progress,
) -> Result<Migrated, UpkeepError> {
    let total = table.about_items().await;
    let mut migrated = Migrated::default();
    let mut after = if mode == Mode::Write { place.read()? } else { None };
    loop {
        let page = table.scan(None, after).await?;
        migrated.items += count(page.items.len());
        match migration.work {
            Work::Change(change) => {
                let changes = page.items.iter().filter_map(change).collect();
                table.change(changes, mode, &mut migrated).await?;
            }
            Work::Facts => table.count_facts(page.items, mode, &mut migrated).await?,
        }
        progress.say(migrated.items, total, &format!("{} changed", migrated.changed));
        after = page.next;
        match (&after, mode) {
            (Some(next), Mode::Write) => place.write(next)?,
            (None, Mode::Write) => place.remove()?,
            (_, Mode::DryRun) => {}
        }
        if after.is_none() {
            break;
        }
    }
    progress.end();
    Ok(migrated)
}

impl Table {
    async fn change(
        &self,
        changes: Vec<ItemChange>,
        mode: Mode,
        migrated: &mut Migrated,
    ) -> Result<(), UpkeepError> {
        if mode == Mode::DryRun {
            migrated.changed += count(changes.len());
            return Ok(());
        }
        let writes = changes.into_iter().map(|change| self.apply(change));
        let mut done = stream::iter(writes).buffer_unordered(AT_ONCE);
        while let Some(changed) = done.try_next().await? {
            migrated.changed += u64::from(changed);
            migrated.overtaken += u64::from(!changed);
        }
        Ok(())
    }

    async fn count_facts(
        &self,
        items: Vec<Item>,
        mode: Mode,
        migrated: &mut Migrated,
    ) -> Result<(), UpkeepError> {
        let mut facts = Vec::new();
        for item in items {
            facts.extend(facts_of(item)?);
        }
        let missing = self.store.uncounted(facts).await?;
        migrated.changed += match mode {
            Mode::DryRun => count(missing.len()),
            Mode::Write => count(self.store.count(&missing).await?.now),
        };
        Ok(())
    }

    /// Changes an item; `false` if its condition does not hold any more.
    async fn apply(&self, change: ItemChange) -> Result<bool, UpkeepError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(change.key))
            .update_expression(change.update)
            .condition_expression(change.condition)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests;
