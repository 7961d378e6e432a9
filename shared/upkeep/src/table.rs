//! The table of an environment, a page at a time.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use connect::{Aws, Connect, Environment};
use domain::Timestamp;
use store::{Store, StoreError};

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// Why a program cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// A read or a write of an item.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The environment does not name a table, or it cannot be connected.
    #[error("the table cannot be connected")]
    Connect(#[from] connect::InitError),
    /// A request of the program itself.
    #[error("the table does not answer")]
    Table(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The place where an interrupted program continues cannot be read or written.
    #[error("{0}")]
    Place(String),
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    /// The same table, item by item.
    pub store: Store,
}

/// A page of a scan.
#[derive(Debug)]
pub struct ScanPage {
    /// The items.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Item>,
}

impl Table {
    /// The table `name`.
    pub fn new(client: Client, name: &str) -> Table {
        let store = Store::new(client.clone(), name.to_owned());
        Table { client, name: name.to_owned(), store }
    }

    /// The table that the variables of this process name, as a function's do, and the time.
    ///
    /// # Errors
    /// When a variable is missing.
    pub async fn of_process() -> Result<(Table, Timestamp), UpkeepError> {
        let env = Environment::of_process();
        let aws = Aws::from_environment(&env)?;
        let store = Store::connect(&env, &aws).await?;
        let name = env.text("TABLE_NAME")?.to_owned();
        Ok((Table { client: Client::new(aws.config()), name, store }, aws.now()))
    }

    /// Another table of the same account.
    pub fn beside(&self, name: &str) -> Table {
        Table::new(self.client.clone(), name)
    }

    /// About how many items it has: DynamoDB counts them every six hours. `None` if that cannot be
    /// read, which stops no program: a local engine describes a table with values of wrong types.
    pub async fn about_items(&self) -> Option<u64> {
        let described = self.client.describe_table().table_name(&self.name).send().await.ok()?;
        u64::try_from(described.table?.item_count?).ok()
    }

    /// A page of all its items, of the attributes `only` if any are named.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn scan(
        &self,
        only: Option<&str>,
        after: Option<Item>,
    ) -> Result<ScanPage, UpkeepError> {
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let scan = scan.set_projection_expression(only.map(str::to_owned));
        let page = scan.set_exclusive_start_key(after).send().await.map_err(failed)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok(ScanPage { items: page.items.unwrap_or_default(), next })
    }
}

pub(crate) fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

pub(crate) fn failed(error: impl std::error::Error + Send + Sync + 'static) -> UpkeepError {
    UpkeepError::Table(Box::new(error))
}
