//! This process's search index: loaded beside the searches, with the changes since applied.
//!
//! The index comes from a bucket, which is checked every half minute. The shards of a newer one
//! that the old one does not have are downloaded by a task, a few at once, and opened on another
//! thread, while the old one answers. The newer one takes over with all changes since its oldest
//! shard was written. Changes come from the table, strongly consistent and at most every half
//! second. So a listing approved a moment ago is found, and one just withdrawn is not, whichever
//! index answers; in place of a change that cannot be read, its listing is. If the bucket or the
//! table does not answer, or an index cannot be read, the last good index is served, and the next
//! check tries again, with the shards that have arrived.
//!
//! A process without an index answers from the changes alone only if there is none, or if the
//! bucket does not say whether there is. Otherwise the number of results would be wrong, and
//! cursors would lead into another list: a search then fails with [`IndexLoading`], which passes.
//! An index of another format is left to the builder: callers do not wait as long as it takes to
//! rebuild one.
//!
//! Lambda freezes a process between its calls, and the load with it. The load belongs to the
//! process, so it continues with the next call. If calls are too rare for that, its connection is
//! lost: a load that has failed, or is not done at the next check, is waited for by the search that
//! checks ([`LOAD_WAIT`]). So is the first load of a process, by every search. Other searches that
//! check wait long enough to learn that nothing is newer ([`CHECK_WAIT`]), and the rest do not wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{self, Arc, MutexGuard, PoisonError},
    time::Duration,
};

use clients::{
    SearchSnapshots,
    snapshots::{Download, IndexRef, SnapshotError, SnapshotRef},
};
use domain::Timestamp;
use futures_util::{StreamExt, stream};
use runtime::{Aws, Connect, Environment, InitError, Metrics};
use search::{Catalogue, CatalogueError, Change, FORMAT, Found, Query, SearchError, Shard};
use store::{CHANGES_KEPT, CHANGES_LATE_AT_MOST, CHANGES_OVERLAP, Store, StoreError};
use tokio::{
    sync::Mutex,
    task::{JoinError, JoinHandle, spawn_blocking},
    time::timeout,
};
use tracing::{info, warn};

/// How often the bucket is checked for a new index.
const INDEX_EVERY: Duration = Duration::from_secs(30);
/// The longest that a search, or the start of a process, waits for a load that is late or the first.
const LOAD_WAIT: Duration = Duration::from_secs(5);
/// The longest that a search waits for a load that it has started.
const CHECK_WAIT: Duration = Duration::from_millis(100);
/// The longest that the download of a shard, or of the pointer, may take. Opening ends by itself.
const DOWNLOAD_AT_MOST: Duration = Duration::from_secs(60);
/// How many shards are downloaded at once.
const DOWNLOADS_AT_ONCE: usize = 3;
/// When a search that found no index yet is repeated, and a load that has failed with it.
const RETRY_AFTER_S: u32 = 2;
/// How often changes are read from the table.
const CHANGES_EVERY: Duration = Duration::from_millis(500);
/// How often they are read from so early on that those which were stored late are among them.
const LATE_CHANGES_EVERY: Duration = Duration::from_secs(10);
const NEVER: Timestamp = Timestamp::from_millis(0);

/// The index, with its sources.
pub(crate) struct SearchIndex {
    store: Store,
    snapshots: SearchSnapshots,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    /// The index that answers.
    index: Index,
    /// A newer one, open, until the changes since it was built are applied to it.
    next: Option<Index>,
    /// The load under way: there is at most one, and it ends by itself.
    load: Option<Load>,
    progress: Progress,
    /// Whether the last load has failed, or is not known to have ended.
    is_behind: bool,
    index_checked_at: Timestamp,
    changes_read_at: Timestamp,
}

/// A task that loads the newest index, without the changes since; `None` if there is no other.
type Load = JoinHandle<Result<Option<Index>, Stale>>;

/// What the loads of this process have reached. One that fails leaves it to the next one.
#[derive(Clone, Default)]
struct Progress(Arc<sync::Mutex<Reached>>);

#[derive(Default)]
struct Reached {
    /// Whether there was an index at the last look.
    is_published: bool,
    /// Its shards that are open, by the keys of their snapshots. A catalogue shares their memory.
    shards: BTreeMap<String, Shard>,
}

/// An index with the changes applied to it.
struct Index {
    catalogue: Catalogue,
    /// It has all changes up to this time.
    built_at: Timestamp,
    /// The index's ETag; `None` while there is none.
    etag: Option<String>,
    /// When it became current.
    published_at: Timestamp,
    /// `None` before the first read of changes.
    read: Option<ChangesRead>,
}

/// Up to when changes are applied to an index.
#[derive(Clone, Copy)]
struct ChangesRead {
    /// All but those that were stored late.
    at: Timestamp,
    /// All.
    late_at: Timestamp,
}

/// This process is still loading the index of all listings, which takes seconds.
#[derive(Debug, thiserror::Error)]
#[error("The search index is being loaded: try again.")]
pub(crate) struct IndexLoading;

domain::domain_error! {
    IndexLoading => Unavailable, "search_index_loading";
    fn retry_after_s(&self) -> Option<u32> {
        Some(RETRY_AFTER_S)
    }
}

/// Why the index is stale.
#[derive(Debug, thiserror::Error)]
enum Stale {
    #[error("there is no search index")]
    Missing,
    #[error("the search index is older than the changes that are stored")]
    Outdated,
    #[error("the search index that can be read was published before the one that is loaded")]
    Superseded,
    #[error("a shard of the search index was dropped while the others were loaded")]
    Dropped,
    #[error("a newer search index is still being loaded")]
    Loading,
    #[error("the download of a shard of the search index took too long")]
    Slow,
    #[error("the load of the search index was cut off")]
    CutOff(#[from] JoinError),
    #[error(transparent)]
    Bucket(#[from] SnapshotError),
    #[error(transparent)]
    Index(#[from] CatalogueError),
    #[error(transparent)]
    Table(#[from] StoreError),
}

impl SearchIndex {
    /// Searches the listings on sale at `now`. The inner result is that of the search; a damaged
    /// index is reloaded for the next one.
    ///
    /// # Errors
    /// [`IndexLoading`] while there is an index, and this process has none.
    pub(crate) async fn search(
        &self,
        query: &Query,
        (limit, cursor): (usize, Option<&str>),
        now: Timestamp,
    ) -> Result<Result<Found, SearchError>, IndexLoading> {
        let mut loaded = self.loaded.lock().await;
        self.check_index(&mut loaded, now).await;
        if loaded.is_expecting() {
            return Err(IndexLoading);
        }
        self.check_changes(&mut loaded, now).await;
        let found = loaded.index.catalogue.search(query, limit, cursor);
        if let Err(SearchError::Catalogue(_)) = &found {
            loaded.progress.reached().shards.clear();
            (loaded.index.etag, loaded.index_checked_at) = (None, NEVER);
        }
        Ok(found)
    }

    /// Takes what a load has opened and, if it is time, starts another one.
    async fn check_index(&self, loaded: &mut Loaded, now: Timestamp) {
        let every = if loaded.is_expecting() {
            Duration::from_secs(RETRY_AFTER_S.into())
        } else {
            INDEX_EVERY
        };
        let is_due = loaded.index_checked_at.plus(every) <= now;
        if is_due {
            loaded.index_checked_at = now;
        }
        let is_late = loaded.is_empty() || (is_due && loaded.is_behind);
        let check = async {
            let ended = loaded.end_load(now).await;
            if !is_due || loaded.load.is_some() || loaded.next.is_some() {
                return ended;
            }
            if let Err(why) = ended {
                info!(error = %why, "load of the search index failed, starting another one");
            }
            let last = (loaded.index.etag.clone(), loaded.index.published_at);
            let load = load(self.snapshots.clone(), last, loaded.progress.clone());
            loaded.load = Some(tokio::spawn(load));
            loaded.is_behind = true;
            loaded.end_load(now).await
        };
        let wait = match (is_late, is_due) {
            (true, _) => LOAD_WAIT,
            (false, true) => CHECK_WAIT,
            (false, false) => Duration::ZERO,
        };
        match timeout(wait, check).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => log_stale(&why),
            Err(_) if is_late => log_stale(&Stale::Loading),
            // It goes on beside this search.
            Err(_) => {}
        }
    }

    /// Reads and applies changes, if it is time.
    async fn check_changes(&self, loaded: &mut Loaded, now: Timestamp) {
        if loaded.changes_read_at.plus(CHANGES_EVERY) <= now {
            loaded.changes_read_at = now;
            if let Err(why) = self.apply_changes(loaded, now).await {
                log_stale(&why);
            }
        }
    }

    /// Applies the changes since the last read. A newer index takes over when it has them all:
    /// without them it would show withdrawn listings. If there is no other index, it takes over
    /// without them.
    async fn apply_changes(&self, loaded: &mut Loaded, now: Timestamp) -> Result<(), Stale> {
        let index = loaded.next.as_mut().unwrap_or(&mut loaded.index);
        let applied = self.apply_changes_to(index, now).await;
        if (applied.is_ok() || loaded.index.etag.is_none())
            && let Some(next) = loaded.next.take()
        {
            let old = mem::replace(&mut loaded.index, next);
            // It may be half a gigabyte, which takes a while to free: not the thread that answers.
            spawn_blocking(move || drop(old));
        }
        applied
    }

    async fn apply_changes_to(&self, index: &mut Index, now: Timestamp) -> Result<(), Stale> {
        let (since, read) = index.next_read(now);
        // One that cannot be read is reported when the index is built.
        let changes = self.store.catalogue_changes_or_states(since, now).await?;
        index.catalogue.apply(changes.items.iter().map(|it| Change::from(&it.change)))?;
        index.read = Some(read);
        Ok(())
    }
}

impl Loaded {
    fn empty() -> Loaded {
        let catalogue = Catalogue::empty(NEVER.as_millis());
        Loaded {
            index: Index {
                catalogue,
                built_at: NEVER,
                etag: None,
                published_at: NEVER,
                read: None,
            },
            next: None,
            load: None,
            progress: Progress::default(),
            is_behind: false,
            index_checked_at: NEVER,
            changes_read_at: NEVER,
        }
    }

    /// Whether no index was loaded yet.
    fn is_empty(&self) -> bool {
        self.index.etag.is_none() && self.next.is_none()
    }

    /// Whether no index was loaded yet, though there is one.
    fn is_expecting(&self) -> bool {
        self.is_empty() && self.progress.reached().is_published
    }

    /// Waits for the end of the load under way, if there is one. What it opened takes over with the
    /// next read of changes, which is then due.
    async fn end_load(&mut self, now: Timestamp) -> Result<(), Stale> {
        let Some(load) = &mut self.load else { return Ok(()) };
        let ended = load.await;
        self.load = None;
        if let Some(next) = ended?? {
            if next.next_read(now).0.plus(CHANGES_KEPT) <= now {
                log_stale(&Stale::Outdated);
            }
            (self.next, self.changes_read_at) = (Some(next), NEVER);
        }
        self.is_behind = false;
        Ok(())
    }
}

impl Index {
    /// From when on changes are read at `now`, and what has been read then.
    fn next_read(&self, now: Timestamp) -> (Timestamp, ChangesRead) {
        let all = ChangesRead { at: now, late_at: now };
        match self.read {
            Some(last) if now < last.late_at.plus(LATE_CHANGES_EVERY) => {
                (last.at.minus(CHANGES_OVERLAP), ChangesRead { at: now, ..last })
            }
            Some(last) => (last.late_at.minus(CHANGES_LATE_AT_MOST), all),
            None if self.etag.is_some() => (self.built_at.minus(CHANGES_LATE_AT_MOST), all),
            None => (now.minus(CHANGES_KEPT), all),
        }
    }
}

impl Progress {
    fn reached(&self) -> MutexGuard<'_, Reached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the shards that `current` does not have, and returns those of its shards that are not
    /// open. Shards without listings may have the same snapshot.
    fn missing(&self, current: &IndexRef) -> Vec<SnapshotRef> {
        let wanted = current.shards.iter().map(|shard| (shard.key.as_str(), shard));
        let mut wanted: BTreeMap<&str, &SnapshotRef> = wanted.collect();
        let mut reached = self.reached();
        reached.shards.retain(|key, _| wanted.contains_key(key.as_str()));
        wanted.retain(|key, _| !reached.shards.contains_key(*key));
        wanted.into_values().cloned().collect()
    }

    /// The shards of `current`; `None` if one of them is not open.
    fn shards_of(&self, current: &IndexRef) -> Option<Vec<Shard>> {
        let keys: BTreeSet<&str> = current.shards.iter().map(|shard| shard.key.as_str()).collect();
        let reached = self.reached();
        keys.into_iter().map(|key| reached.shards.get(key).cloned()).collect()
    }
}

/// Loads the newest index, without the changes since; `None` if it is the last one, which has this
/// tag and was published then.
async fn load(
    snapshots: SearchSnapshots,
    (etag, published_at): (Option<String>, Timestamp),
    progress: Progress,
) -> Result<Option<Index>, Stale> {
    let current =
        timeout(DOWNLOAD_AT_MOST, snapshots.current()).await.map_err(|_| Stale::Slow)??;
    progress.reached().is_published = current.is_some();
    let current = current.ok_or(Stale::Missing)?;
    if etag.as_ref() == Some(&current.etag) {
        return Ok(None);
    }
    // Its pointer is broken, and that of an earlier build is not: do not go back.
    if current.published_at < published_at {
        return Err(Stale::Superseded);
    }
    // Known before they are downloaded: every process would do so at every check.
    let mut formats = current.shards.iter().filter_map(|shard| shard.format);
    if let Some(other) = formats.find(|format| *format != FORMAT) {
        return Err(CatalogueError::Format(other).into());
    }
    let missing = progress.missing(&current);
    let downloaded = missing.len();
    let arrivals = stream::iter(missing)
        .map(|shard| arrive(snapshots.clone(), shard, progress.clone()))
        .buffer_unordered(DOWNLOADS_AT_ONCE);
    // All of them, though one has failed: the next load has less to do.
    let arrived: Vec<Result<(), Stale>> = arrivals.collect().await;
    arrived.into_iter().collect::<Result<(), Stale>>()?;
    // It takes the processor a while: not the thread that answers.
    let index = spawn_blocking(move || open(current, &progress, downloaded)).await??;
    Ok(Some(index))
}

/// Downloads a shard and opens it, on another thread.
async fn arrive(
    snapshots: SearchSnapshots,
    shard: SnapshotRef,
    progress: Progress,
) -> Result<(), Stale> {
    let download = snapshots.download(&shard);
    let download = timeout(DOWNLOAD_AT_MOST, download).await.map_err(|_| Stale::Slow)??;
    let open = spawn_blocking(move || open_shard(download)).await??;
    progress.reached().shards.insert(shard.key, open);
    Ok(())
}

fn open_shard(download: Download) -> Result<Shard, Stale> {
    Ok(Shard::open_verified(download.verified()?)?)
}

/// The index of the shards that have arrived.
fn open(current: IndexRef, progress: &Progress, downloaded: usize) -> Result<Index, Stale> {
    // A search that finds a shard damaged drops all of them.
    let shards = progress.shards_of(&current).ok_or(Stale::Dropped)?;
    let catalogue = Catalogue::of(shards)?;
    let IndexRef { as_of: built_at, published_at, etag, .. } = current;
    info!(listings = catalogue.len(), downloaded, as_of = %built_at, "search index loaded");
    Ok(Index { catalogue, built_at, etag: Some(etag), published_at, read: None })
}

/// Logs and counts a failed refresh; the loaded index stays in use. One that only takes long is
/// counted by itself: a process that is called rarely is frozen most of the time, with its loads.
fn log_stale(why: &Stale) {
    warn!(error = %why, "search index is not refreshed, serving what is loaded");
    let metric = match why {
        Stale::Loading | Stale::Slow => "SearchIndexLoading",
        Stale::Missing
        | Stale::Outdated
        | Stale::Superseded
        | Stale::Dropped
        | Stale::CutOff(_)
        | Stale::Bucket(_)
        | Stale::Index(_)
        | Stale::Table(_) => "SearchIndexStale",
    };
    Metrics::new().count(metric, 1).emit();
}

/// Connects with the newest index. If it is not loaded in time, or none can be read, the first
/// search waits for it again.
impl Connect for SearchIndex {
    fn variables() -> Vec<&'static str> {
        [Store::variables(), SearchSnapshots::variables()].concat()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<SearchIndex, InitError> {
        let store = Store::connect(env, aws).await?;
        let snapshots = SearchSnapshots::connect(env, aws).await?;
        let index = SearchIndex { store, snapshots, loaded: Mutex::new(Loaded::empty()) };
        let mut loaded = index.loaded.lock().await;
        index.check_index(&mut loaded, aws.now()).await;
        loaded.index_checked_at = NEVER;
        drop(loaded);
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_opened_only_with_each_shard_that_its_pointer_names() {
        let shard = |key: &str| SnapshotRef {
            key: key.to_owned(),
            sha256: String::new(),
            bytes: 0,
            as_of: NEVER,
            listings: 0,
            format: None,
        };
        let current = || IndexRef {
            shards: ["one", "two", "two"].map(shard).into(),
            as_of: NEVER,
            published_at: NEVER,
            etag: "tag".to_owned(),
        };
        let progress = Progress::default();
        let arrive = |key: &str| {
            let blob = Catalogue::build([], 0).unwrap();
            let open = Shard::open_verified(blob).unwrap();
            progress.reached().shards.insert(key.to_owned(), open);
        };
        arrive("one");
        assert!(matches!(open(current(), &progress, 0), Err(Stale::Dropped)));
        arrive("two");
        assert!(open(current(), &progress, 0).is_ok());
        progress.reached().shards.clear();
        assert!(matches!(open(current(), &progress, 0), Err(Stale::Dropped)));
    }
}
