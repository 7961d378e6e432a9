//! `background-index-listings`: every five minutes, builds the search index.
//!
//! It reads the last index from the bucket and applies the changes since: listings published and
//! withdrawn, and the totals of sales and reviews. Without a readable index, or with one that is
//! older than the changes that are stored, all listings on sale are read from the table. An index
//! remembers what was unlisted, so that a change that arrives late does not list it again.
//!
//! The index is in shards, those of the listings on sale in the table. They are built one after the
//! other, so a run holds one at a time, and a shard without changes keeps its snapshot.
//!
//! A listing or a change that cannot be read is logged with its key, counted with an alarm, and
//! passed over. The new snapshots are written beside the old ones, and the pointer last, so readers
//! never see a partial index. Concurrent runs write two valid indexes. A search applies the newest
//! changes to either.

use std::{collections::BTreeMap, time::Duration};

use clients::{
    SearchSnapshots,
    snapshots::{IndexRef, SnapshotError, SnapshotRef},
};
use domain::{
    Timestamp,
    marketplace::{
        community::listing_stats::ListingStats,
        listing::card::{Change, Entry, SHARDS, shard_of},
    },
    time::DAY,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use search::{Catalogue, CatalogueError, Document};
use store::{CHANGES_KEPT, CHANGES_LATE_AT_MOST, CatalogueChange, Store};
use tracing::{info, warn};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-index-listings");

/// The bucket expires objects after a week, the snapshots in use included.
const REWRITTEN_AFTER: Duration = DAY;
/// How much time a run has before a change that it needs may expire.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// An index could not be built from valid documents: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the search index could not be built")]
struct IndexFault(#[source] CatalogueError);

domain::domain_error!(IndexFault => Internal, "search_index_fault");

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    snapshots: SearchSnapshots,
}

async fn handle(Deps { store, snapshots }: &Deps, task: Task) -> Result<(), TaskError> {
    let now = task.now;
    let last = last_index(snapshots).await?;
    let age = last.as_ref().map_or(Duration::ZERO, |last| last.as_of.until(now));
    // Counted first: if the index cannot be built, its growing age is all that shows it.
    Metrics::new().count("SearchIndexAgeHours", age.as_secs() / 3600).emit();
    let mut build = Build { store, snapshots, now, run: Run::default() };
    let next = match last.filter(|last| now < outdated_at(last)) {
        Some(last) => build.next_index(&last).await?,
        None => None,
    };
    let next = match next {
        Some(next) => next,
        None => build.whole_index().await?,
    };
    if next.written > 0 {
        let Next { shards, listings, written } = next;
        let bytes: u64 = shards.iter().map(|shard| shard.bytes).sum();
        snapshots.publish(shards, now).await?;
        info!(listings, bytes, written, "search index written");
        let listings = u64::try_from(listings).unwrap_or(u64::MAX);
        Metrics::new().count("IndexedListings", listings).count("IndexBytes", bytes).emit();
    }
    build.run.end()
}

/// When the changes since an index begin to expire.
fn outdated_at(last: &IndexRef) -> Timestamp {
    last.as_of.minus(CHANGES_LATE_AT_MOST).plus(CHANGES_KEPT).minus(MARGIN)
}

/// The last index; `None` if its pointer cannot be read or its shards are not those of the table,
/// and then it is rebuilt.
async fn last_index(snapshots: &SearchSnapshots) -> Result<Option<IndexRef>, TaskError> {
    match snapshots.current().await {
        Ok(Some(last)) if last.shards.len() != usize::from(SHARDS) => {
            info!(shards = last.shards.len(), "search index has other shards, rebuilding it");
            Ok(None)
        }
        Ok(last) => Ok(last),
        Err(later @ SnapshotError::Unavailable(_)) => Err(later.into()),
        Err(damaged) => {
            warn!(%damaged, "pointer to the search index is damaged, rebuilding it");
            Ok(None)
        }
    }
}

/// The index after a run.
#[derive(Default)]
struct Next {
    shards: Vec<SnapshotRef>,
    listings: usize,
    /// How many shards are not those of the last index.
    written: usize,
}

/// A run that builds an index as of now.
struct Build<'a> {
    store: &'a Store,
    snapshots: &'a SearchSnapshots,
    now: Timestamp,
    run: Run,
}

impl Build<'_> {
    /// The last index with the changes since. A shard is unchanged if there are none in it, it is
    /// younger than a day, and this version of the code built it. `None` if one cannot be read.
    async fn next_index(&mut self, last: &IndexRef) -> Result<Option<Next>, TaskError> {
        let since = last.as_of.minus(CHANGES_LATE_AT_MOST);
        let stats = self.store.changed_stats(since).await?;
        self.run.pass_over("statistics", &stats.unreadable);
        let stats = stats.items.into_iter().map(|stats| (stats.listing_id.to_string(), stats));
        let stats: BTreeMap<String, ListingStats> = stats.collect();
        let changes = self.changes(since).await?;
        let mut next = Next::default();
        for (snapshot, changes) in last.shards.iter().zip(&changes) {
            let Some(mut catalogue) = self.open(snapshot).await? else { return Ok(None) };
            let mut news = self.apply(&mut catalogue, changes);
            let mut documents = match catalogue.documents().collect::<Result<Vec<Document>, _>>() {
                Ok(documents) => documents,
                Err(error) => {
                    let key = &snapshot.key;
                    warn!(key, %error, "search index has an unreadable document, rebuilding it");
                    return Ok(None);
                }
            };
            for document in &mut documents {
                let newer = stats.get(&document.id);
                news += usize::from(newer.is_some_and(|newer| document.refresh(newer)));
            }
            next.listings += documents.len();
            let is_young = self.now < as_of(&catalogue).plus(REWRITTEN_AFTER);
            if news == 0 && is_young && !catalogue.is_rebuilt() {
                next.shards.push(snapshot.clone());
            } else {
                let blob = catalogue.snapshot_of(documents, self.now.as_millis());
                next.put(self.snapshots, blob).await?;
            }
        }
        Ok(Some(next))
    }

    /// All listings on sale, read from the table, and what was unlisted of late.
    async fn whole_index(&mut self) -> Result<Next, TaskError> {
        let changes = self.changes(self.now.minus(CHANGES_KEPT)).await?;
        let mut next = Next::default();
        for (shard, changes) in (0..SHARDS).zip(&changes) {
            let entries = self.store.on_sale(shard).await?;
            self.run.pass_over("listing", &entries.unreadable);
            let at = self.now;
            let listed =
                |entry: Entry| CatalogueChange { at, change: Change::Listed(entry.into()) };
            let entries: Vec<CatalogueChange> = entries.items.into_iter().map(listed).collect();
            let mut catalogue = Catalogue::empty(at.as_millis());
            self.apply(&mut catalogue, &entries);
            self.apply(&mut catalogue, changes);
            next.listings += catalogue.len();
            next.put(self.snapshots, catalogue.snapshot(at.as_millis())).await?;
        }
        Ok(next)
    }

    /// The changes of each shard from `since` on.
    async fn changes(&mut self, since: Timestamp) -> Result<Vec<Vec<CatalogueChange>>, TaskError> {
        let changes = self.store.catalogue_changes(since).await?;
        self.run.pass_over("change", &changes.unreadable);
        let mut shards = vec![Vec::new(); usize::from(SHARDS)];
        for change in changes.items {
            shards[usize::from(shard_of(change.change.listing_id()))].push(change);
        }
        Ok(shards)
    }

    /// A shard of the last index; `None` if it cannot be read.
    async fn open(&self, snapshot: &SnapshotRef) -> Result<Option<Catalogue>, TaskError> {
        let key = &snapshot.key;
        let blob = match self.snapshots.fetch(snapshot).await {
            Ok(blob) => blob,
            Err(later @ SnapshotError::Unavailable(_)) => return Err(later.into()),
            Err(damaged) => {
                warn!(key, %damaged, "search index is damaged, rebuilding it");
                return Ok(None);
            }
        };
        match Catalogue::open(blob) {
            Ok(catalogue) => Ok(Some(catalogue)),
            Err(error) => {
                warn!(key, %error, "search index cannot be read, rebuilding it");
                Ok(None)
            }
        }
    }

    /// Applies changes and returns how many were new. If they cannot be applied together, each is
    /// by itself, and one that cannot be is logged, counted and passed over.
    fn apply(&mut self, catalogue: &mut Catalogue, changes: &[CatalogueChange]) -> usize {
        let change = |change: &CatalogueChange| search::Change::from(&change.change);
        if let Ok(news) = catalogue.apply(changes.iter().map(change)) {
            return news;
        }
        let alone = changes.iter().map(change).map(|change| {
            let id = change.id().to_owned();
            let applied = catalogue.apply([change]).map_err(IndexFault);
            self.run.take("listing", &id, applied).unwrap_or(0)
        });
        alone.sum()
    }
}

impl Next {
    /// Puts the snapshot of the next shard, and takes it up.
    async fn put(
        &mut self,
        snapshots: &SearchSnapshots,
        blob: Result<Vec<u8>, CatalogueError>,
    ) -> Result<(), TaskError> {
        let blob = blob.map_err(IndexFault)?;
        self.shards.push(snapshots.put(blob.into()).await?);
        self.written += 1;
        Ok(())
    }
}

fn as_of(catalogue: &Catalogue) -> Timestamp {
    Timestamp::from_millis(catalogue.as_of())
}
