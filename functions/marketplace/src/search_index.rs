//! The search index in this process: loaded once, looked after before a search.
//!
//! The index itself comes from a bucket and is looked for anew every half minute; what changed since
//! it was made comes from the table, strongly consistent and at most every half second. So a listing
//! that was approved a moment ago is found, and one that was unlisted is not. If the bucket or the
//! table cannot be asked, or what is there cannot be read, the last good index goes on.

use std::time::Duration;

use clients::{SearchSnapshots, snapshots::SnapshotError};
use domain::Timestamp;
use runtime::{Aws, Clock, Connect, Environment, InitError, Metrics};
use search::{Catalogue, CatalogueError, Change, Found, Query, SearchError};
use store::{CHANGES_KEPT, CHANGES_OVERLAP, Store, StoreError};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// How often the index is looked for.
const INDEX_EVERY: Duration = Duration::from_secs(30);
/// How often changes are asked for.
const CHANGES_EVERY: Duration = Duration::from_millis(500);
const NEVER: Timestamp = Timestamp::from_millis(0);

/// The index, and where it comes from.
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

/// An index with the changes that were laid over it.
struct Index {
    catalogue: Catalogue,
    /// Which one it is; `None` while there is none.
    etag: Option<String>,
    /// All changes up to then are in it; `None` before any were asked for.
    followed_to: Option<Timestamp>,
}

/// Why what is searched is not as new as it could be.
#[derive(Debug, thiserror::Error)]
enum Stale {
    #[error("there is no index")]
    Missing,
    #[error(transparent)]
    Bucket(#[from] SnapshotError),
    #[error(transparent)]
    Index(#[from] CatalogueError),
    #[error(transparent)]
    Table(#[from] StoreError),
}

impl SearchIndex {
    /// Without an index so far: the first search looks for it.
    pub fn open(store: Store, snapshots: SearchSnapshots) -> SearchIndex {
        let loaded = Loaded { index: Index::none(), looked_at: NEVER, asked_at: NEVER };
        SearchIndex { store, snapshots, loaded: Mutex::new(loaded) }
    }

    /// Searches what is on sale at `now`.
    ///
    /// # Errors
    /// See [`SearchError`]. An index that fails is loaded anew for the next search.
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

    /// Takes the newest index with all changes since: without them it would show what was unlisted
    /// since it was made. Where there is no other, it is better than none.
    async fn look_for_index(&self, loaded: &mut Loaded, now: Timestamp) -> Result<(), Stale> {
        let current = self.snapshots.current().await?.ok_or(Stale::Missing)?;
        if loaded.index.etag.as_deref() == Some(current.etag.as_str()) {
            return Ok(());
        }
        let catalogue = Catalogue::open(self.snapshots.fetch(&current).await?)?;
        info!(key = current.key, listings = catalogue.len(), "loaded the index");
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

    /// From when on there may be changes that are not in it.
    fn since(&self, now: Timestamp) -> Timestamp {
        let made_at = self.etag.as_ref().map(|_| Timestamp::from_millis(self.catalogue.as_of()));
        match self.followed_to.or(made_at) {
            Some(known_to) => known_to.minus(CHANGES_OVERLAP),
            None => now.minus(CHANGES_KEPT),
        }
    }
}

/// What is loaded goes on, and somebody is told.
fn goes_on(why: &Stale, now: Timestamp) {
    warn!(error = %why, "the index in memory goes on");
    Metrics::at(now).count("SearchIndexStale", 1).emit();
}

/// With the index as it is now; without one if there is none that can be read.
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
