//! An open segment: its columns are unpacked into sets, words and documents stay in the blob.

use std::io;
use std::sync::Arc;

use serde::Deserialize;
use tantivy::columnar::Column;
use tantivy::fastfield::FastFieldReaders;
use tantivy::index::InvertedIndexReader;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::store::StoreReader;
use tantivy::{Index, SegmentReader, TantivyDocument};

use crate::bits::Bits;
use crate::document::Key;
use crate::files::Files;
use crate::planes::Planes;
use crate::postings::Postings;
use crate::rank::{bayes, popularity};
use crate::segment::{self, CATEGORY, Fields, KIND, NUMBERS};
use crate::{CatalogueError, Document, Hit};

/// Cached unpacked blocks of documents, of 16 KiB each: a megabyte for the parts of eight shards.
const STORE_BLOCKS_KEPT: usize = 8;
/// The ratings that a facet counts, in whole stars.
pub(crate) const STARS: [u8; 4] = [1, 2, 3, 4];

/// An open segment, which never changes. Documents are numbered in the order of their keys.
pub(crate) struct Part {
    keys: Vec<Key>,
    seqs: Vec<u64>,
    published_at: Vec<i64>,
    /// The documents in the order of publication and key, and the place of each there.
    by_age: Vec<u32>,
    pub(crate) age: Planes,
    /// In cents.
    pub(crate) price: Planes,
    pub(crate) sales: Planes,
    /// The sort key of "top rated".
    pub(crate) bayes: Planes,
    /// Hundredths of a star; 0 if there is none.
    pub(crate) rating: Planes,
    /// For sales, below [`crate::rank::POINT`].
    pub(crate) popularity: Planes,
    /// The documents of each kind and of each category, which are few and sorted.
    pub(crate) kinds: Vec<(String, Bits)>,
    pub(crate) categories: Vec<(String, Bits)>,
    /// Those with a price of 0.
    pub(crate) free: Bits,
    /// Those with at least as many stars as [`STARS`].
    pub(crate) stars: [Bits; STARS.len()],
    pub(crate) words: Postings,
    tags: Arc<InvertedIndexReader>,
    creators: Arc<InvertedIndexReader>,
    fields: Fields,
    store: StoreReader,
}

impl Part {
    /// Opens a segment's files.
    pub(crate) fn open(files: Files) -> Result<Part, CatalogueError> {
        let index = Index::open(files)?;
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(CatalogueError::Damaged("it has not exactly one segment"));
        };
        let reader = SegmentReader::open(segment)?;
        let fields = Fields::new();
        let [key_high, key_low, seqs, price, rating, ratings, sales, published_at] =
            numbers(&reader)?;
        let halves = key_high.iter().zip(&key_low);
        let keys: Vec<Key> = halves.map(|(high, low)| Key::from_halves(*high, *low)).collect();
        if !keys.is_sorted_by(|one, other| one < other) {
            return Err(CatalogueError::Damaged("its documents are not in order"));
        }
        let known: Vec<Option<u16>> = rating.iter().map(|it| segment::rating_of(*it)).collect();
        let bayes = known.iter().zip(&ratings).map(|(rating, count)| bayes(*rating, *count));
        let rating: Vec<u64> = known.iter().map(|it| u64::from(it.unwrap_or(0))).collect();
        let popularity = sales.iter().map(|sales| u64::from(popularity(*sales)));
        let published_at: Vec<i64> = published_at.iter().map(|at| at.cast_signed()).collect();
        let by_age = by_age(&published_at);
        let columns = reader.fast_fields();
        Ok(Part {
            age: Planes::of(&places(&by_age)),
            price: Planes::of(&price),
            sales: Planes::of(&sales),
            bayes: Planes::of(&bayes.map(u64::from).collect::<Vec<_>>()),
            popularity: Planes::of(&popularity.collect::<Vec<_>>()),
            kinds: names(columns, KIND, reader.max_doc())?,
            categories: names(columns, CATEGORY, reader.max_doc())?,
            free: Bits::of(&price, |price| *price == 0),
            stars: STARS.map(|stars| Bits::of(&rating, |it| *it >= u64::from(stars) * 100)),
            rating: Planes::of(&rating),
            words: Postings::open(reader.inverted_index(fields.words)?, keys.len())?,
            tags: reader.inverted_index(fields.tags)?,
            creators: reader.inverted_index(fields.creators)?,
            store: reader.get_store_reader(STORE_BLOCKS_KEPT)?,
            fields,
            keys,
            seqs,
            published_at,
            by_age,
        })
    }

    /// How many documents it has.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The document of a listing.
    pub(crate) fn find(&self, key: Key) -> Option<u32> {
        self.keys.binary_search(&key).ok().and_then(|place| u32::try_from(place).ok())
    }

    pub(crate) fn key(&self, document: u32) -> Key {
        self.keys[document as usize]
    }

    pub(crate) fn seq(&self, document: u32) -> u64 {
        self.seqs[document as usize]
    }

    pub(crate) fn published_at(&self, document: u32) -> i64 {
        self.published_at[document as usize]
    }

    /// How many documents are older than a listing of this time and key, which need not be here.
    pub(crate) fn older_than(&self, published_at: i64, key: Key) -> usize {
        self.by_age.partition_point(|document| {
            (self.published_at(*document), self.key(*document)) < (published_at, key)
        })
    }

    /// The documents with exactly this tag.
    pub(crate) fn tagged(&self, tag: &str) -> io::Result<Bits> {
        labelled(&self.tags, tag, self.len())
    }

    /// The documents of this creator.
    pub(crate) fn created_by(&self, creator: &str) -> io::Result<Bits> {
        labelled(&self.creators, creator, self.len())
    }

    /// A document as it was written.
    pub(crate) fn document(&self, document: u32) -> Result<Document, CatalogueError> {
        Ok(serde_json::from_str(&self.stored(document)?)?)
    }

    /// The result for a document.
    pub(crate) fn hit(&self, document: u32) -> Result<Hit, CatalogueError> {
        #[derive(Deserialize)]
        struct Shown {
            id: String,
            card: String,
        }
        let Shown { id, card } = serde_json::from_str(&self.stored(document)?)?;
        Ok(Hit { id, card })
    }

    fn stored(&self, document: u32) -> Result<String, CatalogueError> {
        let entry: TantivyDocument = self.store.get(document)?;
        let stored = entry.get_first(self.fields.document).ok_or(MISSING)?;
        Ok(stored.as_str().ok_or(MISSING)?.to_owned())
    }
}

const MISSING: CatalogueError = CatalogueError::Damaged("a document is missing");

/// The documents in the order of their times; those of the same time stay in the order of their
/// keys, which is that of their numbers.
fn by_age(published_at: &[i64]) -> Vec<u32> {
    let mut documents: Vec<u32> = (0..).take(published_at.len()).collect();
    documents.sort_by_key(|document| published_at[*document as usize]);
    documents
}

/// The place of each document among `documents`.
fn places(documents: &[u32]) -> Vec<u64> {
    let mut places = vec![0; documents.len()];
    for (document, place) in documents.iter().zip(0..) {
        places[*document as usize] = place;
    }
    places
}

/// The documents of each name. One without any is in none of them, which should not happen.
fn names(
    columns: &FastFieldReaders,
    name: &str,
    count: u32,
) -> Result<Vec<(String, Bits)>, CatalogueError> {
    let column = columns.str(name)?.ok_or(CatalogueError::Damaged("a column is missing"))?;
    let mut names = Vec::with_capacity(column.num_terms());
    for ordinal in 0..column.num_terms() as u64 {
        let mut text = String::new();
        if !column.ord_to_str(ordinal, &mut text)? {
            return Err(CatalogueError::Damaged("a name is missing"));
        }
        names.push((text, Bits::none(count as usize)));
    }
    let ordinals = column.ords();
    for document in 0..count {
        if let Some(ordinal) = ordinals.first(document)
            && let Some((_, documents)) = names.get_mut(ordinal as usize)
        {
            documents.set(document);
        }
    }
    Ok(names)
}

fn numbers(reader: &SegmentReader) -> Result<[Vec<u64>; NUMBERS.len()], CatalogueError> {
    let mut numbers: [Vec<u64>; NUMBERS.len()] = Default::default();
    for (values, name) in numbers.iter_mut().zip(NUMBERS) {
        *values = values_of(&reader.fast_fields().u64(name)?, reader.max_doc())?;
    }
    Ok(numbers)
}

fn values_of(column: &Column<u64>, count: u32) -> Result<Vec<u64>, CatalogueError> {
    if column.values.num_vals() != count {
        let what = "a column is shorter than the others";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what).into());
    }
    let mut values = vec![0; count as usize];
    column.values.get_range(0, &mut values);
    Ok(values)
}

/// Of `documents`, those with exactly this label.
fn labelled(labels: &InvertedIndexReader, label: &str, documents: usize) -> io::Result<Bits> {
    let mut labelled = Bits::none(documents);
    if let Some(info) = labels.terms().get(label)? {
        let mut list = labels.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        while !list.docs().is_empty() {
            list.docs().iter().for_each(|document| labelled.set(*document));
            list.advance();
        }
    }
    Ok(labelled)
}
