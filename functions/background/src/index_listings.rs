//! `background-index-listings`: every five minutes, the search index anew.
//!
//! It takes the last index from the bucket and lays over it what changed since: what was listed and
//! unlisted, and the sums of what was sold or reviewed. Where there is no index that can be read,
//! everything on sale is read from the table. The same listings at the same time pack to the same
//! bytes, whichever way they were read.
//!
//! Nothing is half done: the new index is put beside the old one, and the pointer to it last. Two
//! runs at once put two good indexes. Whoever searches lays the newest changes over either.

use std::{collections::BTreeMap, process::ExitCode};

use clients::{SearchSnapshots, snapshots::SnapshotError};
use domain::{
    DomainError, ErrorKind, Timestamp,
    id::ListingId,
    marketplace::{card::Entry, listing_stats::ListingStats},
    time::DAY,
};
use runtime::{Metrics, Task, TaskError, Worker};
use search::{Catalogue, CatalogueError, Document};
use store::{CHANGES_OVERLAP, Store};
use tracing::{info, warn};

pub const WORKER: Worker = Worker::new("background-index-listings");

/// An index that cannot be made of good documents: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the search index could not be made")]
struct IndexFault(#[source] CatalogueError);

impl DomainError for IndexFault {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }
    fn code(&self) -> &'static str {
        "search_index_fault"
    }
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(
    (store, snapshots): &(Store, SearchSnapshots),
    task: Task,
) -> Result<(), TaskError> {
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
    info!(listings, bytes, "indexed");
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Metrics::at(now)
        .count("IndexedListings", count(listings))
        .count("IndexBytes", count(bytes))
        .emit();
    Ok(())
}

/// The last index; `None` if there is none that can be read, and then it is made anew.
async fn last_index(snapshots: &SearchSnapshots) -> Result<Option<Catalogue>, TaskError> {
    let current = match snapshots.current().await {
        Ok(Some(current)) => current,
        Ok(None) => return Ok(None),
        Err(later @ SnapshotError::Unavailable(_)) => return Err(later.into()),
        Err(damaged) => {
            warn!(%damaged, "the pointer to the index is damaged; the index is made anew");
            return Ok(None);
        }
    };
    let blob = match snapshots.fetch(&current).await {
        Ok(blob) => blob,
        Err(later @ SnapshotError::Unavailable(_)) => return Err(later.into()),
        Err(damaged) => {
            warn!(key = current.key, %damaged, "the index is damaged and is made anew");
            return Ok(None);
        }
    };
    match Catalogue::open(blob) {
        Ok(catalogue) => Ok(Some(catalogue)),
        Err(error) => {
            warn!(key = current.key, %error, "the index cannot be read and is made anew");
            Ok(None)
        }
    }
}

/// The last index with what changed since; `None` if nothing did, it is young, and this version of
/// the code made it.
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
    // The bucket forgets what is a week old, and cannot tell the index in use from the others.
    let is_young = now < Timestamp::from_millis(catalogue.as_of()).plus(DAY);
    if news == 0 && is_young && !catalogue.is_rebuilt() {
        return Ok(None);
    }
    let listings = documents.len();
    let blob = Catalogue::build(documents, now.as_millis()).map_err(IndexFault)?;
    Ok(Some((blob, listings)))
}

/// Everything on sale, read from the table.
async fn whole_index(store: &Store, now: Timestamp) -> Result<(Vec<u8>, usize), TaskError> {
    let entries = store.whole_catalogue().await?;
    let listings = entries.len();
    let documents: Vec<Document> = entries.iter().map(|entry: &Entry| entry.into()).collect();
    let blob = Catalogue::build(documents, now.as_millis()).map_err(IndexFault)?;
    Ok((blob, listings))
}
