//! `background-index-listings`: every five minutes, builds the search index.
//!
//! It reads the last index from the bucket and applies the changes since: listings published and
//! withdrawn, and the totals of sales and reviews. Without a readable index, all listings on sale
//! are read from the table. The same listings at the same time pack to the same bytes either way.
//!
//! The new index is written beside the old one, and the pointer last, so readers never see a
//! partial index. Concurrent runs write two valid indexes. A search applies the newest changes to
//! either.

use std::collections::BTreeMap;

use clients::{SearchSnapshots, snapshots::SnapshotError};
use domain::{
    Timestamp,
    id::ListingId,
    marketplace::{community::listing_stats::ListingStats, listing::card::Entry},
    time::DAY,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use search::{Catalogue, CatalogueError, Document};
use store::{CHANGES_OVERLAP, Store};
use tracing::{info, warn};

pub const WORKER: Worker = Worker::new("background-index-listings");

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
    let (blob, listings) = match last {
        Some(last) => match next_index(store, last, now).await? {
            Some(next) => next,
            None => return Ok(()),
        },
        None => whole_index(store, now).await?,
    };
    let bytes = blob.len();
    snapshots.publish(blob.into(), now).await?;
    info!(listings, bytes, "search index written");
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Metrics::new()
        .count("IndexedListings", count(listings))
        .count("IndexBytes", count(bytes))
        .emit();
    Ok(())
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

/// The last index with the changes since; `None` if there are none, it is younger than a day, and
/// this version of the code built it.
async fn next_index(
    store: &Store,
    mut catalogue: Catalogue,
    now: Timestamp,
) -> Result<Option<(Vec<u8>, usize)>, TaskError> {
    let since = Timestamp::from_millis(catalogue.as_of()).minus(CHANGES_OVERLAP);
    let (changes, stats) =
        tokio::try_join!(store.catalogue_changes(since), store.changed_stats(since))?;
    let changes = changes.iter().map(|change| search::Change::from(&change.change));
    let mut news = catalogue.apply(changes).map_err(IndexFault)?;
    let stats: BTreeMap<&ListingId, &ListingStats> =
        stats.iter().map(|stats| (&stats.listing_id, stats)).collect();
    let mut documents =
        catalogue.documents().collect::<Result<Vec<Document>, _>>().map_err(IndexFault)?;
    for document in &mut documents {
        let id = ListingId::parse(&document.id).ok();
        if let Some(stats) = id.and_then(|id| stats.get(&id).copied()) {
            news += usize::from(document.refresh(stats));
        }
    }
    // The bucket expires objects after a week, the index in use included.
    let is_young = now < Timestamp::from_millis(catalogue.as_of()).plus(DAY);
    if news == 0 && is_young && !catalogue.is_rebuilt() {
        return Ok(None);
    }
    let listings = documents.len();
    let blob = Catalogue::build(documents, now.as_millis()).map_err(IndexFault)?;
    Ok(Some((blob, listings)))
}

/// All listings on sale, read from the table.
async fn whole_index(store: &Store, now: Timestamp) -> Result<(Vec<u8>, usize), TaskError> {
    let entries = store.whole_catalogue().await?;
    let listings = entries.len();
    let documents: Vec<Document> = entries.iter().map(|entry: &Entry| entry.into()).collect();
    let blob = Catalogue::build(documents, now.as_millis()).map_err(IndexFault)?;
    Ok((blob, listings))
}
