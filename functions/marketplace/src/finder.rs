//! The search index in this process: loaded once, looked after before a search.
//!
//! The index itself comes from a bucket and is looked for anew every half minute; what changed since
//! it was made comes from the table, strongly consistent and at most every half second. So a listing
//! that was approved a moment ago is found, and one that was unlisted is not. If the bucket or the
//! table cannot be asked, or what is there cannot be read, the last good index goes on.

use std::time::Duration;

use clients::SearchSnapshots;
use domain::Timestamp;
use runtime::{Aws, Clock, Connect, Environment, InitError, Metrics};
use search::{Catalogue, Change, Found, Query, SearchRefused};
use store::Store;
use tokio::sync::Mutex;
use tracing::{info, warn};

/// How often the index is looked for.
const INDEX_EVERY: Duration = Duration::from_secs(30);
/// How often changes are asked for.
const CHANGES_EVERY: Duration = Duration::from_millis(500);
/// Clocks of those who decide may differ by this much, and a write may take as long.
const OVERLAP: Duration = Duration::from_secs(2 * 60);
/// Where there is no index, changes are asked for from so far back.
const WITHOUT_INDEX: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The index, and where it comes from.
pub struct Finder {
    store: Store,
    snapshots: SearchSnapshots,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    catalogue: Catalogue,
    /// Which index it is; `None` while there is none.
    etag: Option<String>,
    looked_at: Timestamp,
    changes_at: Timestamp,
}

impl Finder {
    /// With the index as it is now; without one if there is none that can be read.
    pub async fn open(store: Store, snapshots: SearchSnapshots) -> Finder {
        let never = Timestamp::from_millis(0);
        let catalogue = Catalogue::empty(never.as_millis());
        let loaded =
            Loaded { catalogue, etag: None, looked_at: never, changes_at: never };
        Finder { store, snapshots, loaded: Mutex::new(loaded) }
    }

    /// Searches what is on sale at `now`.
    ///
    /// # Errors
    /// See [`SearchRefused`].
    pub(crate) async fn search(
        &self,
        query: &Query,
        (limit, cursor): (usize, Option<&str>),
        now: Timestamp,
    ) -> Result<Found, SearchRefused> {
        let mut loaded = self.loaded.lock().await;
        if loaded.looked_at.plus(INDEX_EVERY) <= now {
            self.look_for_index(&mut loaded, now).await;
        }
        if loaded.changes_at.plus(CHANGES_EVERY) <= now {
            self.follow_changes(&mut loaded, now).await;
        }
        loaded.catalogue.search(query, limit, cursor)
    }

    async fn look_for_index(&self, loaded: &mut Loaded, now: Timestamp) {
        loaded.looked_at = now;
        let current = match self.snapshots.current().await {
            Ok(Some(current)) => current,
            Ok(None) => return,
            Err(error) => return stale(&error.to_string(), now),
        };
        if loaded.etag.as_deref() == Some(current.etag.as_str()) {
            return;
        }
        let blob = match self.snapshots.fetch(&current).await {
            Ok(blob) => blob,
            Err(error) => return stale(&error.to_string(), now),
        };
        match Catalogue::open(blob) {
            Ok(catalogue) => {
                info!(key = current.key, listings = catalogue.len(), "loaded the index");
                *loaded = Loaded {
                    catalogue,
                    etag: Some(current.etag),
                    looked_at: now,
                    changes_at: Timestamp::from_millis(0),
                };
            }
            Err(error) => stale(&error.to_string(), now),
        }
    }

    async fn follow_changes(&self, loaded: &mut Loaded, now: Timestamp) {
        loaded.changes_at = now;
        let since = match loaded.etag {
            Some(_) => Timestamp::from_millis(loaded.catalogue.as_of()).minus(OVERLAP),
            None => now.minus(WITHOUT_INDEX),
        };
        let changes = match self.store.catalogue_changes(since).await {
            Ok(changes) => changes,
            Err(error) => return stale(&error.to_string(), now),
        };
        let changes = changes.iter().map(|change| Change::from(&change.change));
        if let Err(error) = loaded.catalogue.apply(changes) {
            stale(&error.to_string(), now);
        }
    }
}

/// What is loaded goes on, and somebody is told.
fn stale(why: &str, now: Timestamp) {
    warn!(why, "the index in memory goes on");
    Metrics::at(now).count("SearchIndexStale", 1).emit();
}

impl Connect for Finder {
    fn variables() -> Vec<&'static str> {
        [Store::variables(), SearchSnapshots::variables()].concat()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Finder, InitError> {
        let store = Store::connect(env, aws).await?;
        let finder = Finder::open(store, SearchSnapshots::connect(env, aws).await?).await;
        let now = Clock::System.now();
        let mut loaded = finder.loaded.lock().await;
        finder.look_for_index(&mut loaded, now).await;
        finder.follow_changes(&mut loaded, now).await;
        drop(loaded);
        Ok(finder)
    }
}
