//! This process's search index: loaded once, refreshed before a search.
//!
//! The index comes from a bucket, which is checked every half minute; later changes come from the
//! table, strongly consistent and at most every half second. So a listing approved a moment ago is
//! found, and one just withdrawn is not. If the bucket or the table does not answer, or the index
//! cannot be read, the last good index is served.

use std::time::Duration;

use clients::{SearchSnapshots, snapshots::SnapshotError};
use domain::Timestamp;
use runtime::{Aws, Clock, Connect, Environment, InitError, Metrics};
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
pub struct SearchIndex {
    store: Store,
    snapshots: SearchSnapshots,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    index: Index,
    looked_at: Timestamp,
    asked_at: Timestamp,
}

/// An index with the changes applied to it.
struct Index {
    catalogue: Catalogue,
    /// The index's ETag; `None` while there is none.
    etag: Option<String>,
    /// All changes up to then are applied; `None` before the first read.
    followed_to: Option<Timestamp>,
}

/// Why the index is stale.
#[derive(Debug, thiserror::Error)]
enum Stale {
    #[error("there is no search index")]
    Missing,
    #[error(transparent)]
    Bucket(#[from] SnapshotError),
    #[error(transparent)]
    Index(#[from] CatalogueError),
    #[error(transparent)]
    Table(#[from] StoreError),
}

impl SearchIndex {
    /// Starts without an index: the first search loads it.
    pub fn open(store: Store, snapshots: SearchSnapshots) -> SearchIndex {
        let loaded = Loaded { index: Index::none(), looked_at: NEVER, asked_at: NEVER };
        SearchIndex { store, snapshots, loaded: Mutex::new(loaded) }
    }

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
        self.look_after(&mut loaded, now).await;
        let found = loaded.index.catalogue.search(query, limit, cursor);
        if let Err(SearchError::Catalogue(_)) = &found {
            (loaded.index.etag, loaded.looked_at) = (None, NEVER);
        }
        found
    }

    async fn look_after(&self, loaded: &mut Loaded, now: Timestamp) {
        if loaded.looked_at.plus(INDEX_EVERY) <= now {
            loaded.looked_at = now;
            if let Err(why) = self.look_for_index(loaded, now).await {
                goes_on(&why, now);
            }
        }
        if loaded.asked_at.plus(CHANGES_EVERY) <= now {
            loaded.asked_at = now;
            if let Err(why) = self.follow(&mut loaded.index, now).await {
                goes_on(&why, now);
            }
        }
    }

    /// Loads the newest index with all changes since: without them it would show withdrawn
    /// listings. If there is no other index, it is used without them.
    async fn look_for_index(&self, loaded: &mut Loaded, now: Timestamp) -> Result<(), Stale> {
        let current = self.snapshots.current().await?.ok_or(Stale::Missing)?;
        if loaded.index.etag.as_deref() == Some(current.etag.as_str()) {
            return Ok(());
        }
        let catalogue = Catalogue::open(self.snapshots.fetch(&current).await?)?;
        info!(key = current.key, listings = catalogue.len(), "search index loaded");
        let mut next = Index { catalogue, etag: Some(current.etag), followed_to: None };
        let followed = self.follow(&mut next, now).await;
        if followed.is_ok() || loaded.index.etag.is_none() {
            (loaded.index, loaded.asked_at) = (next, now);
        }
        followed
    }

    async fn follow(&self, index: &mut Index, now: Timestamp) -> Result<(), Stale> {
        let changes = self.store.catalogue_changes(index.since(now)).await?;
        index.catalogue.apply(changes.iter().map(|change| Change::from(&change.change)))?;
        index.followed_to = Some(now);
        Ok(())
    }
}

impl Index {
    fn none() -> Index {
        let catalogue = Catalogue::empty(NEVER.as_millis());
        Index { catalogue, etag: None, followed_to: None }
    }

    /// The time from which changes may be missing in it.
    fn since(&self, now: Timestamp) -> Timestamp {
        let made_at = self.etag.as_ref().map(|_| Timestamp::from_millis(self.catalogue.as_of()));
        match self.followed_to.or(made_at) {
            Some(known_to) => known_to.minus(CHANGES_OVERLAP),
            None => now.minus(CHANGES_KEPT),
        }
    }
}

/// Logs and counts a failed refresh; the loaded index stays in use.
fn goes_on(why: &Stale, now: Timestamp) {
    warn!(error = %why, "search index refresh failed, serving the stale index");
    Metrics::at(now).count("SearchIndexStale", 1).emit();
}

/// Connects with the current index, or with none if none can be read.
impl Connect for SearchIndex {
    fn variables() -> Vec<&'static str> {
        [Store::variables(), SearchSnapshots::variables()].concat()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<SearchIndex, InitError> {
        let store = Store::connect(env, aws).await?;
        let finder = SearchIndex::open(store, SearchSnapshots::connect(env, aws).await?);
        let mut loaded = finder.loaded.lock().await;
        finder.look_after(&mut loaded, Clock::System.now()).await;
        drop(loaded);
        Ok(finder)
    }
}
