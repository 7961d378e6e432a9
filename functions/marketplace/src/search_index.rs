//! This process's search index: loaded once, refreshed before a search.
//!
//! The index comes from a bucket, which is checked every half minute; later changes come from the
//! table, strongly consistent and at most every half second. So a listing approved a moment ago is
//! found, and one just withdrawn is not. If the bucket or the table does not answer, or the index
//! cannot be read, the last good index is served.

use std::time::Duration;

use clients::{SearchSnapshots, snapshots::SnapshotError};
use domain::Timestamp;
use runtime::{Aws, Connect, Environment, InitError, Metrics};
use search::{Catalogue, CatalogueError, Change, Found, Query, SearchError};
use store::{CHANGES_KEPT, CHANGES_OVERLAP, Store, StoreError};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// How often the bucket is checked for a new index.
const INDEX_EVERY: Duration = Duration::from_secs(30);
/// How often changes are read from the table.
const CHANGES_EVERY: Duration = Duration::from_millis(500);
const NEVER: Timestamp = Timestamp::from_millis(0);

/// The index, with its sources.
pub(crate) struct SearchIndex {
    store: Store,
    snapshots: SearchSnapshots,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    index: Index,
    index_checked_at: Timestamp,
    changes_read_at: Timestamp,
}

/// An index with the changes applied to it.
struct Index {
    catalogue: Catalogue,
    /// The index's ETag; `None` while there is none.
    etag: Option<String>,
    /// All changes up to then are applied; `None` before the first read.
    applied_to: Option<Timestamp>,
}

/// Why the index is stale.
#[derive(Debug, thiserror::Error)]
enum Stale {
    #[error("there is no search index")]
    Missing,
    #[error("the search index is older than the changes that are stored")]
    Outdated,
    #[error(transparent)]
    Bucket(#[from] SnapshotError),
    #[error(transparent)]
    Index(#[from] CatalogueError),
    #[error(transparent)]
    Table(#[from] StoreError),
}

impl SearchIndex {
    /// Searches the listings on sale at `now`.
    ///
    /// # Errors
    /// See [`SearchError`]. A damaged index is reloaded for the next search.
    pub(crate) async fn search(
        &self,
        query: &Query,
        (limit, cursor): (usize, Option<&str>),
        now: Timestamp,
    ) -> Result<Found, SearchError> {
        let mut loaded = self.loaded.lock().await;
        self.refresh(&mut loaded, now).await;
        let found = loaded.index.catalogue.search(query, limit, cursor);
        if let Err(SearchError::Catalogue(_)) = &found {
            (loaded.index.etag, loaded.index_checked_at) = (None, NEVER);
        }
        found
    }

    async fn refresh(&self, loaded: &mut Loaded, now: Timestamp) {
        if loaded.index_checked_at.plus(INDEX_EVERY) <= now {
            loaded.index_checked_at = now;
            if let Err(why) = self.load_newest(loaded, now).await {
                log_stale(&why);
            }
        }
        if loaded.changes_read_at.plus(CHANGES_EVERY) <= now {
            loaded.changes_read_at = now;
            if let Err(why) = self.apply_changes(&mut loaded.index, now).await {
                log_stale(&why);
            }
        }
    }

    /// Loads the newest index with all changes since: without them it would show withdrawn
    /// listings. If there is no other index, it is used without them.
    async fn load_newest(&self, loaded: &mut Loaded, now: Timestamp) -> Result<(), Stale> {
        let etag = loaded.index.etag.as_deref();
        let Some(mut next) = newest(&self.snapshots, etag).await? else { return Ok(()) };
        if next.since(now).plus(CHANGES_KEPT) <= now {
            log_stale(&Stale::Outdated);
        }
        let applied = self.apply_changes(&mut next, now).await;
        if applied.is_ok() || loaded.index.etag.is_none() {
            (loaded.index, loaded.changes_read_at) = (next, now);
        }
        applied
    }

    async fn apply_changes(&self, index: &mut Index, now: Timestamp) -> Result<(), Stale> {
        let changes = self.store.catalogue_changes(index.since(now)).await?;
        // One that cannot be read is reported when the index is built.
        index.catalogue.apply(changes.items.iter().map(|it| Change::from(&it.change)))?;
        index.applied_to = Some(now);
        Ok(())
    }
}

impl Index {
    fn empty() -> Index {
        let catalogue = Catalogue::empty(NEVER.as_millis());
        Index { catalogue, etag: None, applied_to: None }
    }

    /// The time from which changes may be missing in it.
    fn since(&self, now: Timestamp) -> Timestamp {
        let built_at = self.etag.as_ref().map(|_| Timestamp::from_millis(self.catalogue.as_of()));
        match self.applied_to.or(built_at) {
            Some(applied_to) => applied_to.minus(CHANGES_OVERLAP),
            None => now.minus(CHANGES_KEPT),
        }
    }
}

/// The newest index, without the changes since; `None` if it is the one with this tag.
async fn newest(snapshots: &SearchSnapshots, etag: Option<&str>) -> Result<Option<Index>, Stale> {
    let current = snapshots.current().await?.ok_or(Stale::Missing)?;
    if etag == Some(current.etag.as_str()) {
        return Ok(None);
    }
    let catalogue = Catalogue::open(snapshots.fetch(&current).await?)?;
    info!(key = current.key, listings = catalogue.len(), "search index loaded");
    Ok(Some(Index { catalogue, etag: Some(current.etag), applied_to: None }))
}

/// Logs and counts a failed refresh; the loaded index stays in use.
fn log_stale(why: &Stale) {
    warn!(error = %why, "search index refresh failed, serving the stale index");
    Metrics::new().count("SearchIndexStale", 1).emit();
}

/// Connects with the newest index, or with none if none can be read: the first search checks for a
/// newer one, reads the changes since, and reports what fails.
impl Connect for SearchIndex {
    fn variables() -> Vec<&'static str> {
        [Store::variables(), SearchSnapshots::variables()].concat()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<SearchIndex, InitError> {
        let store = Store::connect(env, aws).await?;
        let snapshots = SearchSnapshots::connect(env, aws).await?;
        let index = newest(&snapshots, None).await.ok().flatten().unwrap_or_else(Index::empty);
        let loaded = Loaded { index, index_checked_at: NEVER, changes_read_at: NEVER };
        Ok(SearchIndex { store, snapshots, loaded: Mutex::new(loaded) })
    }
}
