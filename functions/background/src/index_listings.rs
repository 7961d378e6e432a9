//! `background-index-listings`: every five minutes, builds the search index.
//!
//! The index is in shards, those of the listings on sale in the table. A run reads the last
//! snapshots from the bucket and applies the changes since: listings published and withdrawn, and
//! the totals of sales and reviews. It does not write every shard again, because each process that
//! searches loads what is written. The oldest shard with changes has its turn, and others follow
//! only if many of their listings have changed, if they are a day old, or if an earlier version of
//! the code wrote them. So a shard is as of its own time, and a search applies what changed since.
//!
//! A shard without a readable snapshot, or with one that is older than the changes that are stored,
//! is built whole, from the listings on sale in the table. A snapshot remembers what was unlisted,
//! so that a change that arrives late does not list it again.
//!
//! A run holds one shard at a time and stores each that it has written: if it is cut off, the next
//! run continues. A shard that fails is logged and counted with an alarm. It keeps its last
//! snapshot, with its time, while the others are published, and the next run tries again. One whose
//! run did not end, perhaps because of it, comes last in the next, after the others are published,
//! and is published by the one after. What cannot be read is logged with its key, counted likewise,
//! and passed over: a listing, or a change, in place of which its listing is read.
//!
//! The new snapshots are written beside the old ones, and the pointer last, so readers never see a
//! partial index. Concurrent runs write two valid indexes. A search applies the newest changes to
//! either.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use clients::{
    SearchSnapshots,
    snapshots::{Begun, IndexRef, SnapshotError, SnapshotRef},
};
use domain::{
    Timestamp,
    marketplace::{
        community::listing_stats::ListingStats,
        listing::card::{Entry, SHARDS, shard_of},
    },
    time::DAY,
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use search::{Catalogue, CatalogueError, Change, Document, FORMAT};
use store::{CHANGES_KEPT, CHANGES_LATE_AT_MOST, CatalogueChange, Store, StoreError};
use tracing::{info, warn};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-index-listings");

/// The bucket expires objects after a week, the snapshots in use included.
const REWRITTEN_AFTER: Duration = DAY;
/// A shard is written again before its turn if more than one in so many listings has changed.
const MANY_OF: u64 = 100;
/// How much time a run has before a change that it needs may expire.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// Why a shard was not written.
#[derive(Debug, thiserror::Error)]
enum ShardError {
    #[error(transparent)]
    Bucket(#[from] SnapshotError),
    #[error(transparent)]
    Table(#[from] StoreError),
    /// It could not be built from valid documents: a fault of ours.
    #[error("the shard could not be built: {0}")]
    Index(#[from] CatalogueError),
}

domain::domain_error! {
    ShardError wraps [Bucket, Table] {
        Index => Internal, "search_index_fault";
    }
}

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
    // Counted first: if the index cannot be built, its growing age is all that shows it. Nothing is
    // counted without an index, which raises the same alarm.
    if let Some(last) = &last {
        let age = last.as_of.until(now).as_secs() / 3600;
        Metrics::new().count("SearchIndexAgeHours", age).emit();
    }
    let mut build = Build::new(store, snapshots, last, now);
    build.write().await?;
    build.run.end()
}

/// When the changes since `as_of` begin to expire.
fn outdated_at(as_of: Timestamp) -> Timestamp {
    as_of.minus(CHANGES_LATE_AT_MOST).plus(CHANGES_KEPT).minus(MARGIN)
}

/// The last index; `None` before the first, or if its pointer cannot be read.
async fn last_index(snapshots: &SearchSnapshots) -> Result<Option<IndexRef>, TaskError> {
    match snapshots.published().await {
        Ok(last) => Ok(last),
        Err(later @ SnapshotError::Unavailable(_)) => Err(later.into()),
        Err(damaged) => {
            warn!(%damaged, "pointer to the search index is damaged, building the index anew");
            Ok(None)
        }
    }
}

/// A run that builds an index as of now.
struct Build<'a> {
    store: &'a Store,
    snapshots: &'a SearchSnapshots,
    last: Option<IndexRef>,
    now: Timestamp,
    run: Run,
    /// The shards that were written and are not published yet, and the one being written.
    begun: Begun,
    /// Whether a shard was written, so that it has had its turn.
    had_turn: bool,
    /// The changes of each shard that are stored, once a shard is built whole.
    stored: Option<Vec<Vec<CatalogueChange>>>,
}

/// What may have changed in a shard.
#[derive(Default)]
struct News {
    changes: Vec<CatalogueChange>,
    stats: BTreeMap<String, ListingStats>,
}

impl News {
    /// How many listings have changed since `since`, at most: their totals may have changed before.
    fn listings(&self, since: Timestamp) -> usize {
        let changes = self.changes.iter().filter(|change| change.at >= since);
        let mut ids: BTreeSet<&str> =
            changes.map(|change| change.change.listing_id().as_str()).collect();
        ids.extend(self.stats.keys().map(String::as_str));
        ids.len()
    }
}

impl<'a> Build<'a> {
    fn new(
        store: &'a Store,
        snapshots: &'a SearchSnapshots,
        last: Option<IndexRef>,
        now: Timestamp,
    ) -> Build<'a> {
        let (run, begun, stored) = (Run::default(), Begun::default(), None);
        Build { store, snapshots, last, now, run, begun, had_turn: false, stored }
    }

    /// Writes the shards that are due, and publishes the index.
    async fn write(&mut self) -> Result<(), TaskError> {
        let mut shards = self.latest().await?;
        let suspect = self.begun.under_way;
        let mut usable = shards.clone();
        usable.retain(|_, shard| self.now < outdated_at(shard.as_of));
        let news = self.news(usable.values().map(|shard| shard.as_of).min()).await?;
        // The oldest first: it is its turn. To build one whole takes longer, so these are the last.
        let mut in_turn: Vec<u8> = (0..SHARDS).collect();
        in_turn.sort_by_key(|number| {
            let as_of = usable.get(number).map(|shard| shard.as_of);
            (suspect == Some(*number), as_of.is_none(), as_of)
        });
        let mut is_published = false;
        for number in in_turn {
            if suspect == Some(number) {
                is_published = self.publish(&shards).await?;
            }
            let next = self.next_shard(number, usable.get(&number), &news).await;
            match self.run.take("shard of the search index", &number, next) {
                Some(next) => {
                    shards.insert(number, next);
                }
                None => self.renew(shards.get(&number)).await,
            }
        }
        if !is_published {
            self.publish(&shards).await?;
        }
        Ok(())
    }

    /// The shards of the last index, in their order.
    fn known(&self) -> &[SnapshotRef] {
        self.last.as_ref().map(|last| last.shards.as_slice()).unwrap_or_default()
    }

    /// Makes `shards` the current index, if they are all of them and of one format: readers refuse
    /// an index of two. Returns whether it is another than the last.
    async fn publish(&self, shards: &BTreeMap<u8, SnapshotRef>) -> Result<bool, TaskError> {
        let is_whole = shards.len() == usize::from(SHARDS)
            && shards.values().all(|shard| shard.format == Some(FORMAT));
        if !is_whole {
            return Ok(false);
        }
        let known = self.known();
        let next: Vec<SnapshotRef> = shards.values().cloned().collect();
        // After a rollback, readers use the index of the earlier build until this one is the newer.
        if next == known && self.snapshots.current().await? == self.last {
            return Ok(false);
        }
        let written = next.iter().filter(|shard| !known.contains(shard)).count();
        let bytes: u64 = next.iter().map(|shard| shard.bytes).sum();
        let listings: u64 = next.iter().map(|shard| shard.listings).sum();
        self.snapshots.publish(next, self.now).await?;
        info!(listings, bytes, written, "search index written");
        Metrics::new().count("IndexedListings", listings).count("IndexBytes", bytes).emit();
        Ok(true)
    }

    /// Puts the snapshot of a shard that failed once more, if it is a day old: the bucket expires
    /// it, and a process that starts needs it.
    async fn renew(&mut self, last: Option<&SnapshotRef>) {
        let Some(last) = last.filter(|last| last.as_of.plus(REWRITTEN_AFTER) <= self.now) else {
            return;
        };
        let renewed = async {
            let blob = self.snapshots.fetch(last).await?;
            self.snapshots.put(blob, last.as_of).await
        };
        self.run.take("snapshot of a failed shard", &last.key, renewed.await);
    }

    /// The newest snapshot of each shard that has one, by number: that of the last index, or one
    /// kept by a run that was cut off.
    async fn latest(&mut self) -> Result<BTreeMap<u8, SnapshotRef>, SnapshotError> {
        let mut latest: BTreeMap<u8, SnapshotRef> = BTreeMap::new();
        let last = self.known();
        match last.len() == usize::from(SHARDS) {
            true => latest.extend((0..SHARDS).zip(last.iter().cloned())),
            false => {
                info!(shards = last.len(), "there is no search index with the shards of the table")
            }
        }
        self.begun = match self.snapshots.begun(SHARDS).await {
            Ok(begun) => begun,
            Err(later @ SnapshotError::Unavailable(_)) => return Err(later),
            Err(damaged) => {
                warn!(%damaged, "the unfinished search index cannot be read, beginning anew");
                Begun::default()
            }
        };
        self.begun.shards.retain(|number, begun| {
            latest.get(number).is_none_or(|published| published.as_of < begun.as_of)
        });
        latest.extend(self.begun.shards.clone());
        Ok(latest)
    }

    /// What has changed since snapshots of which the oldest is as of `oldest`, by shard.
    async fn news(&mut self, oldest: Option<Timestamp>) -> Result<Vec<News>, StoreError> {
        let Some(oldest) = oldest else { return Ok(Vec::new()) };
        let since = oldest.minus(CHANGES_LATE_AT_MOST);
        let changes = self.changes(since).await?;
        let news = changes.into_iter().map(|changes| News { changes, ..News::default() });
        let mut news: Vec<News> = news.collect();
        let stats = self.store.changed_stats(since).await?;
        self.run.pass_over("statistics", &stats.unreadable);
        for stats in stats.items {
            let shard = usize::from(shard_of(&stats.listing_id));
            news[shard].stats.insert(stats.listing_id.to_string(), stats);
        }
        Ok(news)
    }

    /// The changes of each shard from `since` on.
    async fn changes(&mut self, since: Timestamp) -> Result<Vec<Vec<CatalogueChange>>, StoreError> {
        let changes = self.store.catalogue_changes_or_states(since, self.now).await?;
        self.run.pass_over("change", &changes.unreadable);
        let mut shards = vec![Vec::new(); usize::from(SHARDS)];
        for change in changes.items {
            shards[usize::from(shard_of(change.change.listing_id()))].push(change);
        }
        Ok(shards)
    }

    /// Whether a shard is written again if at most so many of its listings have changed.
    fn is_due(&self, last: &SnapshotRef, changed: usize) -> bool {
        let is_outdated =
            last.format != Some(FORMAT) || last.as_of.plus(REWRITTEN_AFTER) <= self.now;
        let are_many = (changed as u64).saturating_mul(MANY_OF) > last.listings;
        is_outdated || (changed > 0 && (!self.had_turn || are_many))
    }

    /// The next snapshot of a shard: after `last`, or whole if that is missing or cannot be read.
    async fn next_shard(
        &mut self,
        number: u8,
        last: Option<&SnapshotRef>,
        news: &[News],
    ) -> Result<SnapshotRef, ShardError> {
        if let Some(last) = last
            && let Some(next) =
                self.updated_shard(last, (number, &news[usize::from(number)])).await?
        {
            return Ok(next);
        }
        self.whole_shard(number).await
    }

    /// The snapshot of a shard after `last`, which stays unless the shard is due; `None` if `last`
    /// cannot be read. While too few listings may have changed, it is only looked for.
    async fn updated_shard(
        &mut self,
        last: &SnapshotRef,
        (number, news): (u8, &News),
    ) -> Result<Option<SnapshotRef>, ShardError> {
        if !self.is_due(last, news.listings(last.as_of.minus(CHANGES_LATE_AT_MOST))) {
            let is_stored = self.snapshots.has(last).await?;
            if !is_stored {
                warn!(
                    key = &last.key,
                    "a snapshot of the search index is gone, rebuilding its shard"
                );
            }
            return Ok(is_stored.then(|| last.clone()));
        }
        self.begin(number).await?;
        let Some(mut catalogue) = self.open(last).await? else { return Ok(None) };
        let mut changed = self.apply(&mut catalogue, &news.changes);
        let mut documents = match catalogue.documents().collect::<Result<Vec<Document>, _>>() {
            Ok(documents) => documents,
            Err(error) => {
                let key = &last.key;
                warn!(key, %error, "search index has an unreadable document, rebuilding its shard");
                return Ok(None);
            }
        };
        for document in &mut documents {
            let newer = news.stats.get(&document.id);
            changed += usize::from(newer.is_some_and(|newer| document.refresh(newer)));
        }
        if !self.is_due(last, changed) {
            return Ok(Some(last.clone()));
        }
        let listings = documents.len();
        let blob = catalogue.snapshot_of(documents, self.now.as_millis())?;
        self.put(number, blob, listings).await.map(Some)
    }

    /// All listings on sale of a shard, read from the table, and what was unlisted of late.
    async fn whole_shard(&mut self, number: u8) -> Result<SnapshotRef, ShardError> {
        self.begin(number).await?;
        let stored = match self.stored.take() {
            Some(stored) => stored,
            None => self.changes(self.now.minus(CHANGES_KEPT)).await?,
        };
        let entries = self.store.on_sale(number).await?;
        self.run.pass_over("listing", &entries.unreadable);
        // Its changes are in the other shard, and it would be found twice.
        let (entries, astray): (Vec<Entry>, Vec<Entry>) =
            entries.items.into_iter().partition(|entry| shard_of(&entry.card.id) == number);
        let astray: Vec<String> = astray.iter().map(|entry| entry.card.id.to_string()).collect();
        self.run.pass_over("listing in the partition of another shard", &astray);
        let documents = entries.into_iter().map(Document::from);
        let changes = stored[usize::from(number)].iter().map(|it| Change::from(&it.change));
        let built = Catalogue::build_with(documents, changes, self.now.as_millis());
        self.stored = Some(stored);
        let (blob, listings) = built?;
        self.put(number, blob, listings).await
    }

    /// Says that a shard is being written, in case the run does not end because of it.
    async fn begin(&mut self, number: u8) -> Result<(), SnapshotError> {
        if self.begun.under_way == Some(number) {
            return Ok(());
        }
        self.begun.under_way = Some(number);
        self.snapshots.keep_begun(SHARDS, &self.begun).await
    }

    /// Puts the snapshot of a shard with so many listings, and stores that it was.
    async fn put(
        &mut self,
        number: u8,
        blob: Vec<u8>,
        listings: usize,
    ) -> Result<SnapshotRef, ShardError> {
        let put = self.snapshots.put(blob.into(), self.now).await?;
        let listings = u64::try_from(listings).unwrap_or(u64::MAX);
        let put = SnapshotRef { listings, format: Some(FORMAT), ..put };
        self.begun.shards.insert(number, put.clone());
        self.begun.under_way = None;
        self.snapshots.keep_begun(SHARDS, &self.begun).await?;
        self.had_turn = true;
        Ok(put)
    }

    /// The shard of a snapshot; `None` if it cannot be read.
    async fn open(&self, snapshot: &SnapshotRef) -> Result<Option<Catalogue>, SnapshotError> {
        let key = &snapshot.key;
        let blob = match self.snapshots.fetch(snapshot).await {
            Ok(blob) => blob,
            Err(later @ SnapshotError::Unavailable(_)) => return Err(later),
            Err(damaged) => {
                warn!(key, %damaged, "search index is damaged, rebuilding its shard");
                return Ok(None);
            }
        };
        match Catalogue::open(blob) {
            Ok(catalogue) => Ok(Some(catalogue)),
            Err(error) => {
                warn!(key, %error, "search index cannot be read, rebuilding its shard");
                Ok(None)
            }
        }
    }

    /// Applies changes and returns how many were new. If they cannot be applied together, each is
    /// by itself, and one that cannot be is logged, counted and passed over.
    fn apply(&mut self, catalogue: &mut Catalogue, changes: &[CatalogueChange]) -> usize {
        let change = |change: &CatalogueChange| Change::from(&change.change);
        if let Ok(news) = catalogue.apply(changes.iter().map(change)) {
            return news;
        }
        let alone = changes.iter().map(change).map(|change| {
            let id = change.id().to_owned();
            let applied = catalogue.apply([change]).map_err(ShardError::Index);
            self.run.take("listing", &id, applied).unwrap_or(0)
        });
        alone.sum()
    }
}
