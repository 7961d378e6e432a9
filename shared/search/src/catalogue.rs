//! All listings of the marketplace, searched in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::directory::OwnedBytes;

use crate::blob::{self, Blob};
use crate::document::{Key, newest};
use crate::files::Files;
use crate::layer::Layer;
use crate::matching::Matching;
use crate::query::{Matched, Wanted};
use crate::results::Results;
use crate::segment;
use crate::{CatalogueError, Change, Document, Found, Query, SearchError, Shard, cursor};

/// Most results of a page.
pub const LIMIT_MAX: usize = 100;

/// The file of a blob that is not tantivy's.
const UNLISTED: &str = "unlisted.json";
/// How long a snapshot remembers that a listing was unlisted: much longer than an older change may
/// be late, but not for ever, or the list would only grow.
const UNLISTED_KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// All listings, searched in memory: those of some shards and the changes since then.
///
/// Searching takes `&self` and may happen on several threads at once.
pub struct Catalogue {
    as_of: i64,
    /// Those of the shards first, then the changes, oldest first. At most one row of each listing
    /// is alive.
    layers: Vec<Layer>,
    /// How many are of the shards.
    of_shards: usize,
    unlisted: BTreeMap<Key, Unlisted>,
    is_rebuilt: bool,
}

/// An unlisted listing, remembered so that an older change does not list it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Unlisted {
    id: String,
    seq: u64,
    /// The catalogue's `as_of` when it was unlisted, in milliseconds since 1970.
    since: i64,
}

impl Catalogue {
    /// Packs `documents` into a blob with the state as of `as_of`, in milliseconds since 1970.
    ///
    /// The same documents and the same `as_of` give the same bytes, in any order and with any
    /// repetition: of several states of one listing the highest `seq` is packed.
    ///
    /// # Errors
    /// [`CatalogueError::Index`] or [`CatalogueError::Document`], which no document should cause.
    pub fn build(
        documents: impl IntoIterator<Item = Document>,
        as_of: i64,
    ) -> Result<Vec<u8>, CatalogueError> {
        pack(newest(documents), BTreeMap::new(), as_of)
    }

    /// Packs `documents`, with the `changes` since some of them were read, into a blob as of
    /// `as_of`. Of several states of one listing the highest `seq` is packed, and what is unlisted
    /// is remembered for a week. Returns how many listings there are, too.
    ///
    /// It is what applying the changes to a catalogue of the documents comes to, without indexing
    /// anything twice.
    ///
    /// # Errors
    /// As [`Catalogue::build`].
    pub fn build_with(
        documents: impl IntoIterator<Item = Document>,
        changes: impl IntoIterator<Item = Change>,
        as_of: i64,
    ) -> Result<(Vec<u8>, usize), CatalogueError> {
        let mut states: BTreeMap<Key, Change> = BTreeMap::new();
        for state in documents.into_iter().map(Change::Listed).chain(changes) {
            let key = Key::of(state.id());
            if states.get(&key).is_none_or(|known| known.seq() < state.seq()) {
                states.insert(key, state);
            }
        }
        let (mut listed, mut unlisted) = (Vec::with_capacity(states.len()), BTreeMap::new());
        for (key, state) in states {
            match state {
                Change::Listed(document) => listed.push(document),
                Change::Unlisted { id, seq } => {
                    unlisted.insert(key, Unlisted { id, seq, since: as_of });
                }
            }
        }
        let listings = listed.len();
        Ok((pack(listed, unlisted, as_of)?, listings))
    }

    /// The listings of one blob: see [`Shard::open`] and [`Catalogue::of`].
    ///
    /// # Errors
    /// As both.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Result<Catalogue, CatalogueError> {
        Catalogue::of([Shard::open(bytes)?])
    }

    /// The listings of `shards`, which are searched in their memory. A listing is in one of them at
    /// most, and so is what is remembered of one that was unlisted. It is as of the newest shard: an
    /// older one may lack changes that were made before.
    ///
    /// # Errors
    /// [`CatalogueError::Damaged`] and others if a shard is not what was packed.
    pub fn of(shards: impl IntoIterator<Item = Shard>) -> Result<Catalogue, CatalogueError> {
        let mut catalogue = Catalogue::empty(i64::MIN);
        for Shard { blob, part, is_rebuilt } in shards {
            catalogue.as_of = catalogue.as_of.max(blob.as_of);
            catalogue.is_rebuilt |= is_rebuilt;
            if let Some(list) = blob.files.0.get(UNLISTED) {
                let unlisted: Vec<Unlisted> = serde_json::from_slice(list)?;
                let unlisted = unlisted.into_iter().map(|gone| (Key::of(&gone.id), gone));
                catalogue.unlisted.extend(unlisted);
            }
            catalogue.layers.extend(part.map(Layer::new));
        }
        catalogue.of_shards = catalogue.layers.len();
        Ok(catalogue)
    }

    /// Whether a shard was rebuilt from a blob of an earlier version, which should be replaced.
    pub fn is_rebuilt(&self) -> bool {
        self.is_rebuilt
    }

    /// A catalogue without listings, as of `as_of` in milliseconds since 1970: before the first
    /// blob.
    pub fn empty(as_of: i64) -> Catalogue {
        let (layers, unlisted) = (Vec::new(), BTreeMap::new());
        Catalogue { as_of, layers, of_shards: 0, unlisted, is_rebuilt: false }
    }

    /// Packs the current state into a blob as of `as_of`, in milliseconds since 1970.
    ///
    /// It equals what [`Catalogue::build`] makes of [`Catalogue::documents`], and also remembers
    /// unlisted listings for a week: use it for the next snapshot.
    ///
    /// # Errors
    /// As [`Catalogue::build`].
    pub fn snapshot(&self, as_of: i64) -> Result<Vec<u8>, CatalogueError> {
        let documents = self.documents().collect::<Result<Vec<Document>, CatalogueError>>()?;
        self.snapshot_of(documents, as_of)
    }

    /// The same of `documents`: its own, with newer totals.
    ///
    /// # Errors
    /// As [`Catalogue::build`].
    pub fn snapshot_of(
        &self,
        documents: Vec<Document>,
        as_of: i64,
    ) -> Result<Vec<u8>, CatalogueError> {
        let oldest = as_of.saturating_sub(UNLISTED_KEPT_MS);
        let kept = self.unlisted.iter().filter(|(_, gone)| gone.since >= oldest);
        let kept = kept.map(|(key, gone)| (*key, gone.clone())).collect();
        pack(newest(documents), kept, as_of)
    }

    /// The time of the newest shard, in milliseconds since 1970. Changes do not move it. To bring a
    /// catalogue of several shards up to date, read the changes since the oldest.
    pub fn as_of(&self) -> i64 {
        self.as_of
    }

    /// Number of published listings.
    pub fn len(&self) -> usize {
        self.layers.iter().map(Layer::living).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All published listings in their latest state, in no particular order.
    ///
    /// # Errors
    /// Per item: [`CatalogueError::Index`] or [`CatalogueError::Document`] if it cannot be read,
    /// which does not happen with a blob that opened.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document, CatalogueError>> {
        self.layers.iter().flat_map(Layer::documents)
    }

    /// Applies `changes`; the next search sees them. Returns how many were new.
    ///
    /// Changes may arrive twice and in any order: one is ignored unless its `seq` is above the
    /// known one of its listing. The time depends on the changes since the shards were packed, not
    /// on the size of the catalogue.
    ///
    /// # Errors
    /// As [`Catalogue::build`]; then nothing is changed.
    pub fn apply(
        &mut self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<usize, CatalogueError> {
        let news = self.news(changes);
        let mut listed: Vec<Document> = news
            .values()
            .filter_map(|change| match change {
                Change::Listed(document) => Some(document.clone()),
                Change::Unlisted { .. } => None,
            })
            .collect();
        let kept = self.layers_kept(listed.len());
        for layer in self.layers.iter().skip(kept) {
            for document in layer.documents() {
                let document = document?;
                if !news.contains_key(&Key::of(&document.id)) {
                    listed.push(document);
                }
            }
        }
        let layer = match listed.is_empty() {
            true => None,
            false => Some(Layer::of(&newest(listed))?),
        };
        self.layers.truncate(kept);
        news.iter().for_each(|(key, change)| self.replace(*key, change));
        self.layers.extend(layer);
        Ok(news.len())
    }

    /// Number of segments that a search reads.
    #[cfg(test)]
    pub(crate) fn layers(&self) -> usize {
        self.layers.len()
    }

    /// The newest change of each listing, without those already known.
    fn news(&self, changes: impl IntoIterator<Item = Change>) -> BTreeMap<Key, Change> {
        let mut news: BTreeMap<Key, Change> = BTreeMap::new();
        for change in changes {
            let key = Key::of(change.id());
            let known = news.get(&key).map(Change::seq).or_else(|| self.known(key));
            if known.is_none_or(|known| change.seq() > known) {
                news.insert(key, change);
            }
        }
        news
    }

    fn known(&self, key: Key) -> Option<u64> {
        let listed = self.layers.iter().find_map(|layer| layer.seq(key));
        listed.or_else(|| self.unlisted.get(&key).map(|gone| gone.seq))
    }

    /// How many layers are unchanged when `listed` documents are added: the new layer absorbs those
    /// above the shards that are not larger than itself. So each is at least twice as large as
    /// the next, there are few, and a document is rarely moved.
    fn layers_kept(&self, listed: usize) -> usize {
        if listed == 0 {
            return self.layers.len();
        }
        let (mut kept, mut size) = (self.layers.len(), listed);
        while let Some(below) = kept.checked_sub(1).filter(|below| *below >= self.of_shards)
            && let Some(layer) = self.layers.get(below)
            && layer.part.len() <= size
        {
            size += layer.part.len();
            kept = below;
        }
        kept
    }

    fn replace(&mut self, key: Key, change: &Change) {
        self.layers.iter_mut().for_each(|layer| layer.retire(key));
        match change {
            Change::Listed(_) => self.unlisted.remove(&key),
            Change::Unlisted { id, seq } => {
                let gone = Unlisted { id: id.clone(), seq: *seq, since: self.as_of };
                self.unlisted.insert(key, gone)
            }
        };
    }

    /// The results of `query` after `cursor`, at most `limit` (clamped to 1..=[`LIMIT_MAX`]).
    ///
    /// The order is total and depends on each document alone, so pages stay consistent while
    /// listings are added or removed; a listing that changes its position may be missed or seen
    /// twice, as in any list that is not frozen.
    ///
    /// # Errors
    /// [`SearchError::Cursor`] if the cursor was not issued for this query.
    pub fn search(
        &self,
        query: &Query,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Found, SearchError> {
        let limit = limit.clamp(1, LIMIT_MAX);
        let wanted = Wanted::of(query);
        let after = cursor.map(|cursor| cursor::read(cursor, &wanted)).transpose()?;
        let (after, matched) = after.unzip();
        let layers = if wanted.is_nothing() { &[] } else { self.layers.as_slice() };
        let mut matching = Matching::of(&wanted, layers).map_err(CatalogueError::from)?;
        // One more than asked for, to know whether there is a next page.
        let mut results = |matched| Results::of(layers, &mut matching, matched, after, limit + 1);
        let mut matched = matched.unwrap_or_default();
        let mut done = results(matched)?;
        if done.total == 0 && cursor.is_none() && wanted.may_lack_a_word() {
            let lacking = results(Matched::AllButOne)?;
            if lacking.total > 0 {
                (done, matched) = (lacking, Matched::AllButOne);
            }
        }
        let Results { mut places, total, facets } = done;
        let more = places.len() > limit;
        places.truncate(limit);
        let last = places.last().filter(|_| more);
        let next_cursor =
            last.map(|last| cursor::behind(last.rank, &wanted, matched)).transpose()?;
        let hits = places.iter().filter_map(|place| {
            self.layers.get(place.layer).map(|layer| layer.part.hit(place.document))
        });
        let items = hits.collect::<Result<Vec<_>, CatalogueError>>()?;
        Ok(Found { items, next_cursor, total, facets, matched })
    }
}

fn pack(
    documents: Vec<Document>,
    unlisted: BTreeMap<Key, Unlisted>,
    as_of: i64,
) -> Result<Vec<u8>, CatalogueError> {
    let mut files = match documents.is_empty() {
        true => BTreeMap::new(),
        false => segment::write(&documents)?.0.as_ref().clone(),
    };
    if !unlisted.is_empty() {
        let list = serde_json::to_vec(&unlisted.values().collect::<Vec<_>>())?;
        files.insert(UNLISTED.to_owned(), OwnedBytes::new(list));
    }
    let documents = documents.len() as u64;
    let files = Files(Arc::new(files));
    Ok(blob::pack(&Blob { as_of, documents, files, is_current: true }))
}

impl Shard {
    /// Reads a blob that [`Catalogue::build`] or [`Catalogue::snapshot`] packed, without a copy. A
    /// blob of an earlier version with other word rules is rebuilt from its documents, which takes
    /// as long as [`Catalogue::build`].
    ///
    /// # Errors
    /// [`CatalogueError::Format`] if an incompatible version packed it, [`CatalogueError::Damaged`]
    /// and others if any bit has changed or it is not what was packed.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Result<Shard, CatalogueError> {
        let shard = Shard::read(blob::unpack(bytes.into())?)?;
        if shard.blob.is_current {
            return Ok(shard);
        }
        let as_of = shard.blob.as_of;
        let outdated = Catalogue::of([shard])?;
        let rebuilt = Shard::read(blob::unpack(outdated.snapshot(as_of)?)?)?;
        Ok(Shard { is_rebuilt: true, ..rebuilt })
    }
}
