//! An open segment: its columns are unpacked into rows, words and documents stay in the blob.

use std::io;
use std::sync::Arc;

use serde::Deserialize;
use tantivy::columnar::Column;
use tantivy::fastfield::FastFieldReaders;
use tantivy::index::InvertedIndexReader;
use tantivy::schema::Value;
use tantivy::store::StoreReader;
use tantivy::{Index, SegmentReader, TantivyDocument};

use crate::document::Key;
use crate::files::Files;
use crate::rank::{bayes, popularity};
use crate::row::Row;
use crate::segment::{self, CATEGORY, Fields, KIND, NUMBERS};
use crate::{CatalogueError, Document, Hit};

/// Cached unpacked blocks of documents, of 16 KiB each: a megabyte for the layers of eight shards.
const STORE_BLOCKS_KEPT: usize = 8;

/// A column has no value for a document, which should not happen: it then has no kind.
const NO_NAME: u32 = u32::MAX;

/// An open segment.
pub(crate) struct Layer {
    /// Sorted by key.
    pub(crate) rows: Vec<Row>,
    pub(crate) kinds: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) words: Arc<InvertedIndexReader>,
    pub(crate) tags: Arc<InvertedIndexReader>,
    pub(crate) creators: Arc<InvertedIndexReader>,
    fields: Fields,
    store: StoreReader,
}

impl Layer {
    /// A layer of `documents`, which are sorted by key and not empty.
    pub(crate) fn of(documents: &[Document]) -> Result<Layer, CatalogueError> {
        Layer::open(segment::write(documents)?)
    }

    /// Opens a segment's files.
    pub(crate) fn open(files: Files) -> Result<Layer, CatalogueError> {
        let index = Index::open(files)?;
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(CatalogueError::Damaged("it has not exactly one segment"));
        };
        let reader = SegmentReader::open(segment)?;
        let fields = Fields::new();
        let kinds = names(reader.fast_fields(), KIND, reader.max_doc())?;
        let categories = names(reader.fast_fields(), CATEGORY, reader.max_doc())?;
        let rows = rows(&reader, &kinds.of_documents, &categories.of_documents)?;
        if !rows.is_sorted_by(|one, other| one.key < other.key) {
            return Err(CatalogueError::Damaged("its documents are not in order"));
        }
        Ok(Layer {
            rows,
            kinds: kinds.names,
            categories: categories.names,
            words: reader.inverted_index(fields.words)?,
            tags: reader.inverted_index(fields.tags)?,
            creators: reader.inverted_index(fields.creators)?,
            store: reader.get_store_reader(STORE_BLOCKS_KEPT)?,
            fields,
        })
    }

    /// The living row of a listing in this layer.
    pub(crate) fn alive(&self, key: Key) -> Option<usize> {
        let row = self.rows.binary_search_by_key(&key, |row| row.key).ok()?;
        self.rows.get(row).filter(|row| row.alive).map(|_| row)
    }

    /// The document of a row.
    pub(crate) fn document(&self, row: usize) -> Result<Document, CatalogueError> {
        Ok(serde_json::from_str(&self.stored(row)?)?)
    }

    /// The living documents, ordered by key.
    pub(crate) fn documents(
        &self,
    ) -> impl Iterator<Item = Result<Document, CatalogueError>> + use<'_> {
        let alive = self.rows.iter().enumerate().filter(|(_, row)| row.alive);
        alive.map(|(row, _)| self.document(row))
    }

    /// The result for a row.
    pub(crate) fn hit(&self, row: usize) -> Result<Hit, CatalogueError> {
        #[derive(Deserialize)]
        struct Shown {
            id: String,
            card: String,
        }
        let Shown { id, card } = serde_json::from_str(&self.stored(row)?)?;
        Ok(Hit { id, card })
    }

    fn stored(&self, row: usize) -> Result<String, CatalogueError> {
        let row = u32::try_from(row).map_err(|_| MISSING)?;
        let entry: TantivyDocument = self.store.get(row)?;
        let stored = entry.get_first(self.fields.document).ok_or(MISSING)?;
        Ok(stored.as_str().ok_or(MISSING)?.to_owned())
    }
}

const MISSING: CatalogueError = CatalogueError::Damaged("a document is missing");

struct Names {
    names: Vec<String>,
    of_documents: Vec<u32>,
}

fn names(columns: &FastFieldReaders, name: &str, count: u32) -> Result<Names, CatalogueError> {
    let column = columns.str(name)?.ok_or(CatalogueError::Damaged("a column is missing"))?;
    let mut names = Vec::with_capacity(column.num_terms());
    for ordinal in 0..column.num_terms() as u64 {
        let mut text = String::new();
        if !column.ord_to_str(ordinal, &mut text)? {
            return Err(CatalogueError::Damaged("a name is missing"));
        }
        names.push(text);
    }
    let ordinals = column.ords();
    let of_documents = (0..count).map(|document| {
        ordinals.first(document).and_then(|ordinal| u32::try_from(ordinal).ok()).unwrap_or(NO_NAME)
    });
    Ok(Names { of_documents: of_documents.collect(), names })
}

fn rows(
    reader: &SegmentReader,
    kinds: &[u32],
    categories: &[u32],
) -> Result<Vec<Row>, CatalogueError> {
    let mut numbers: [Vec<u64>; NUMBERS.len()] = Default::default();
    for (values, name) in numbers.iter_mut().zip(NUMBERS) {
        *values = values_of(&reader.fast_fields().u64(name)?, reader.max_doc())?;
    }
    let [key_high, key_low, seq, price, rating, ratings, sales, published_at] = &numbers;
    let row = |place: usize| {
        let known = segment::rating_of(rating[place]);
        Row {
            key: Key::from_halves(key_high[place], key_low[place]),
            seq: seq[place],
            price: price[place],
            sales: sales[place],
            published_at: published_at[place].cast_signed(),
            bayes: bayes(known, ratings[place]),
            kind: kinds[place],
            category: categories[place],
            rating: known.unwrap_or(0),
            popularity: popularity(sales[place]),
            alive: true,
        }
    };
    Ok((0..reader.max_doc() as usize).map(row).collect())
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
