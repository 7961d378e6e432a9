//! `background-index-listings`: every five minutes, builds the search index.
//!
//! It reads the last index from the bucket and applies the changes since: listings published and
//! withdrawn, and the totals of sales and reviews. Without a readable index, or with one that is
//! older than the changes that are stored, all listings on sale are read from the table. An index
//! remembers what was unlisted, so that a change that arrives late does not list it again.
//!
//! A listing or a change that cannot be read is logged with its key, counted with an alarm, and
//! passed over. The new index is written beside the old one, and the pointer last, so readers never
//! see a partial index. Concurrent runs write two valid indexes. A search applies the newest changes
//! to either.

use std::{collections::BTreeMap, time::Duration};

use clients::{SearchSnapshots, snapshots::SnapshotError};
use domain::{
    Timestamp,
    id::ListingId,
    marketplace::{
        community::listing_stats::ListingStats,
        listing::card::{Change, Entry},
    },
    time::DAY,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use search::{Catalogue, CatalogueError, Document};
use store::{CHANGES_KEPT, CHANGES_LATE_AT_MOST, CatalogueChange, Store};
use tracing::{info, warn};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-index-listings");

/// The bucket expires objects after a week, the index in use included.
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
    let (now, mut run) = (task.now, Run::default());
    let last = last_index(snapshots).await?;
    let age = last.as_ref().map_or(Duration::ZERO, |last| as_of(last).until(now));
    // Counted first: if the index cannot be built, its growing age is all that shows it.
    Metrics::new().count("SearchIndexAgeHours", age.as_secs() / 3600).emit();
    let next = match last.filter(|last| now < outdated_at(last)) {
        Some(last) => next_index(store, last, now, &mut run).await?,
        None => None,
    };
    let next = match next {
        Some(next) => next,
        None => whole_index(store, now, &mut run).await?,
    };
    if let Next::Changed { blob, listings } = next {
        let bytes = blob.len();
        snapshots.publish(blob.into(), now).await?;
        info!(listings, bytes, "search index written");
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Metrics::new()
            .count("IndexedListings", count(listings))
            .count("IndexBytes", count(bytes))
            .emit();
    }
    run.end()
}

/// The index after a run.
enum Next {
    /// The last one is in use.
    Unchanged,
    /// It is to be published.
    Changed { blob: Vec<u8>, listings: usize },
}

fn as_of(catalogue: &Catalogue) -> Timestamp {
    Timestamp::from_millis(catalogue.as_of())
}

/// When the changes since an index begin to expire.
fn outdated_at(catalogue: &Catalogue) -> Timestamp {
    as_of(catalogue).minus(CHANGES_LATE_AT_MOST).plus(CHANGES_KEPT).minus(MARGIN)
}

/// The last index; `None` if none can be read, and then it is rebuilt.
async fn last_index(snapshots: &SearchSnapshots) -> Result<Option<Catalogue>, TaskError> {
    let current = match snapshots.current().await {
        Ok(Some(current)) => current,
        Ok(None) => return Ok(None),
        Err(later @ SnapshotError::Unavailable(_)) => return Err(later.into()),
        Err(damaged) => {
            warn!(%damaged, "pointer to the search index is damaged, rebuilding it");
            return Ok(None);
        }
    };
    let blob = match snapshots.fetch(&current).await {
        Ok(blob) => blob,
        Err(later @ SnapshotError::Unavailable(_)) => return Err(later.into()),
        Err(damaged) => {
            warn!(key = current.key, %damaged, "search index is damaged, rebuilding it");
            return Ok(None);
        }
    };
    match Catalogue::open(blob) {
        Ok(catalogue) => Ok(Some(catalogue)),
        Err(error) => {
            warn!(key = current.key, %error, "search index cannot be read, rebuilding it");
            Ok(None)
        }
    }
}

/// The last index with the changes since. It is unchanged if there are none, it is younger than a
/// day, and this version of the code built it; `None` if it cannot be read after all.
async fn next_index(
    store: &Store,
    mut catalogue: Catalogue,
    now: Timestamp,
    run: &mut Run,
) -> Result<Option<Next>, TaskError> {
    let since = as_of(&catalogue).minus(CHANGES_LATE_AT_MOST);
    let (changes, stats) =
        tokio::try_join!(store.catalogue_changes(since), store.changed_stats(since))?;
    run.pass_over("change", &changes.unreadable);
    run.pass_over("statistics", &stats.unreadable);
    let mut news = apply(&mut catalogue, &changes.items, run);
    let stats: BTreeMap<&ListingId, &ListingStats> =
        stats.items.iter().map(|stats| (&stats.listing_id, stats)).collect();
    let mut documents = match catalogue.documents().collect::<Result<Vec<Document>, _>>() {
        Ok(documents) => documents,
        Err(error) => {
            warn!(%error, "search index has a document that cannot be read, rebuilding it");
            return Ok(None);
        }
    };
    for document in &mut documents {
        let id = ListingId::parse(&document.id).ok();
        if let Some(stats) = id.and_then(|id| stats.get(&id).copied()) {
            news += usize::from(document.refresh(stats));
        }
    }
    let is_young = now < as_of(&catalogue).plus(REWRITTEN_AFTER);
    if news == 0 && is_young && !catalogue.is_rebuilt() {
        return Ok(Some(Next::Unchanged));
    }
    let listings = documents.len();
    let blob = catalogue.snapshot_of(documents, now.as_millis()).map_err(IndexFault)?;
    Ok(Some(Next::Changed { blob, listings }))
}

/// All listings on sale, read from the table, and what was unlisted of late.
async fn whole_index(store: &Store, now: Timestamp, run: &mut Run) -> Result<Next, TaskError> {
    let entries = store.whole_catalogue().await?;
    run.pass_over("listing", &entries.unreadable);
    let changes = store.catalogue_changes(now.minus(CHANGES_KEPT)).await?;
    run.pass_over("change", &changes.unreadable);
    let mut catalogue = Catalogue::empty(now.as_millis());
    let listed = |entry: Entry| CatalogueChange { at: now, change: Change::Listed(entry.into()) };
    let entries: Vec<CatalogueChange> = entries.items.into_iter().map(listed).collect();
    apply(&mut catalogue, &entries, run);
    apply(&mut catalogue, &changes.items, run);
    let blob = catalogue.snapshot(now.as_millis()).map_err(IndexFault)?;
    Ok(Next::Changed { blob, listings: catalogue.len() })
}

/// Applies changes and returns how many were new. If they cannot be applied together, each is by
/// itself, and one that cannot be is logged, counted and passed over.
fn apply(catalogue: &mut Catalogue, changes: &[CatalogueChange], run: &mut Run) -> usize {
    let change = |change: &CatalogueChange| search::Change::from(&change.change);
    if let Ok(news) = catalogue.apply(changes.iter().map(change)) {
        return news;
    }
    let alone = changes.iter().map(change).map(|change| {
        let id = change.id().to_owned();
        run.take("listing", &id, catalogue.apply([change]).map_err(IndexFault)).unwrap_or(0)
    });
    alone.sum()
}
