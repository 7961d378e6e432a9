//! Scheduled runs: the lease that keeps a function from running beside itself, where a run stopped
//! in its lists, and which day's work is done.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    condition::{Condition, conditional, string},
    error::StoreError,
    keys::Key,
    table::{Store, encode, written},
};

/// Where a run stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPosition {
    /// The list that comes next.
    pub list: String,
    /// Where in it to continue, in the list's own notation; absent at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether all lists come once more after the rest: something before this place may not be done.
    #[serde(default = "unknown_is_not_done")]
    pub again: bool,
}

/// Of a position that an earlier version stored.
fn unknown_is_not_done() -> bool {
    true
}

/// The day that a function works on, and whether it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDay {
    /// When the day began.
    pub midnight: Timestamp,
    /// Whether a run came to the end of its lists.
    pub is_done: bool,
}

/// A run's right to be the only one of its function. It ends with [`Store::release_run`], or by
/// itself.
#[derive(Debug, Serialize)]
pub struct RunLease {
    #[serde(skip)]
    function: &'static str,
    /// Names the run.
    holder: String,
    until: Timestamp,
}

impl Store {
    /// Leases the runs of `function` until `until` (Q81). `None` if another run holds the lease; one
    /// whose time is up is replaced.
    pub async fn lease_run(
        &self,
        function: &'static str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<RunLease>, StoreError> {
        let holder = format!("{:032x}", rand::random::<u128>());
        let lease = RunLease { function, holder, until };
        // A request that is repeated after a lost answer finds its own lease.
        let is_free =
            Condition::that("attribute_not_exists(pk) OR #until <= :now OR #holder = :holder")
                .name("#until", "until")
                .name("#holder", "holder")
                .value(":now", string(now))
                .value(":holder", string(&lease.holder));
        let item = encode(&Key::run_lease(function), &lease)?;
        Ok(self.put_item(item, is_free).await?.then_some(lease))
    }

    /// Ends a lease. If its time was up and another run took over, that one's stays.
    pub async fn release_run(&self, lease: &RunLease) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let is_ours = Condition::that("#holder = :holder")
            .name("#holder", "holder")
            .value(":holder", string(&lease.holder));
        let delete = conditional!(delete, is_ours);
        let key = Key::run_lease(lease.function).item();
        written(delete.set_key(Some(key)).send().await).map(drop)
    }

    /// Where the last run of `function` stopped; `None` if it came to the end of its lists (Q81).
    pub async fn run_position(&self, function: &str) -> Result<Option<RunPosition>, StoreError> {
        self.get(&Key::run_position(function)).await
    }

    /// The last day that `function` worked on (Q81).
    pub async fn run_day(&self, function: &str) -> Result<Option<RunDay>, StoreError> {
        self.get(&Key::run_day(function)).await
    }

    /// Stores the day that `function` works on.
    pub async fn set_run_day(&self, function: &str, day: RunDay) -> Result<(), StoreError> {
        let item = encode(&Key::run_day(function), &day)?;
        self.put_item(item, Condition::none()).await.map(drop)
    }

    /// Stores where a run of `function` is; `None` is the end of its lists.
    pub async fn set_run_position(
        &self,
        function: &str,
        position: Option<&RunPosition>,
    ) -> Result<(), StoreError> {
        self.set_or_delete(&Key::run_position(function), position).await
    }

    /// Puts an item that only one run at a time writes; `None` deletes it.
    pub(crate) async fn set_or_delete<T: Serialize>(
        &self,
        key: &Key,
        value: Option<&T>,
    ) -> Result<(), StoreError> {
        match value {
            Some(value) => self.put_item(encode(key, value)?, Condition::none()).await.map(drop),
            None => {
                let delete = self.client.delete_item().table_name(&self.table);
                let deleted = delete.set_key(Some(key.item())).send().await;
                deleted.map(drop).map_err(StoreError::unavailable)
            }
        }
    }
}
