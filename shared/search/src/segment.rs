//! Writes documents as one tantivy segment.
//!
//! A word is indexed once per document, whatever its fields, and its "frequency" encodes the best
//! field: it is repeated as often as its best [`Place`] weighs. So one dictionary and one posting
//! list per word serve all fields.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::index::IndexSettings;
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};
use tantivy::store::Compressor;
use tantivy::{Index, TantivyDocument};

use crate::document::Key;
use crate::files::Files;
use crate::words::Splitter;
use crate::{CatalogueError, Document};

/// Tantivy names a segment at random; ours share this name, or no two blobs would be the same.
const SEGMENT: &str = "00000000000000000000000000000000";
const META: &str = "meta.json";
/// The parts of a segment that tantivy may write.
const PARTS: [&str; 6] = ["fast", "fieldnorm", "idx", "pos", "store", "term"];
/// Block size of stored documents: larger blocks compress better, smaller ones read faster.
const STORE_BLOCK_BYTES: usize = 16_384;
/// Initial size of the word table, which grows. A small change must not allocate a large one.
const BUDGET_BYTES_PER_DOCUMENT: usize = 1_000;
const BUDGET_BYTES_MIN: usize = 200_000;
const BUDGET_BYTES_MAX: usize = 50_000_000;

/// The fields of a segment.
pub(crate) struct Fields {
    /// Words of all texts, with their field as frequency.
    pub(crate) words: Field,
    /// Whole tags.
    pub(crate) tags: Field,
    /// Creators' ids.
    pub(crate) creators: Field,
    /// The document as JSON: a text field, because tantivy reads bytes back one by one.
    pub(crate) document: Field,
    numbers: [Field; NUMBERS.len()],
    kind: Field,
    category: Field,
    schema: Schema,
}

/// The number columns, in the order of [`numbers`].
pub(crate) const NUMBERS: [&str; 8] =
    ["key_high", "key_low", "seq", "price", "rating", "ratings", "sales", "published_at"];
/// The name columns.
pub(crate) const KIND: &str = "kind";
pub(crate) const CATEGORY: &str = "category";

impl Fields {
    pub(crate) fn new() -> Fields {
        let mut schema = SchemaBuilder::default();
        let name = TextOptions::default().set_fast("raw");
        Fields {
            words: schema
                .add_text_field("words", indexed("whitespace", IndexRecordOption::WithFreqs)),
            tags: schema.add_text_field("tags", indexed("raw", IndexRecordOption::Basic)),
            creators: schema.add_text_field("creators", indexed("raw", IndexRecordOption::Basic)),
            document: schema.add_text_field("document", STORED),
            numbers: NUMBERS.map(|number| schema.add_u64_field(number, FAST)),
            kind: schema.add_text_field(KIND, name.clone()),
            category: schema.add_text_field(CATEGORY, name),
            schema: schema.build(),
        }
    }
}

fn indexed(tokenizer: &str, record: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_index_option(record)
        .set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing)
}

/// A rating as stored in a column: 0 is none.
fn rating_column(rating: Option<u16>) -> u64 {
    rating.map_or(0, |rating| u64::from(rating) + 1)
}

/// The rating stored in a column.
pub(crate) fn rating_of(column: u64) -> Option<u16> {
    column.checked_sub(1).map(|rating| u16::try_from(rating).unwrap_or(u16::MAX))
}

fn numbers(document: &Document) -> [u64; NUMBERS.len()] {
    let (key_high, key_low) = Key::of(&document.id).halves();
    [
        key_high,
        key_low,
        document.seq,
        document.price,
        rating_column(document.rating),
        u64::from(document.ratings),
        document.sales,
        document.published_at.cast_unsigned(),
    ]
}

/// Writes `documents`, which are sorted by key and not empty, as the files of one segment.
///
/// # Errors
/// [`CatalogueError::Index`] if tantivy fails, which is not expected in memory.
pub(crate) fn write(documents: &[Document]) -> Result<Files, CatalogueError> {
    let fields = Fields::new();
    let settings = IndexSettings {
        docstore_compression: Compressor::Lz4,
        docstore_compress_dedicated_thread: false,
        docstore_blocksize: STORE_BLOCK_BYTES,
        ..IndexSettings::default()
    };
    let directory = RamDirectory::create();
    let budget_bytes =
        (documents.len() * BUDGET_BYTES_PER_DOCUMENT).clamp(BUDGET_BYTES_MIN, BUDGET_BYTES_MAX);
    let mut writer = Index::builder()
        .schema(fields.schema.clone())
        .settings(settings)
        .single_segment_index_writer(directory.clone(), budget_bytes)?;
    let mut splitter = Splitter::new();
    for document in documents {
        writer.add_document(entry(document, &fields, &mut splitter)?)?;
    }
    let index = writer.finalize()?;
    named(&index, &directory)
}

fn entry(
    document: &Document,
    fields: &Fields,
    splitter: &mut Splitter,
) -> Result<TantivyDocument, CatalogueError> {
    let mut entry = TantivyDocument::default();
    entry.add_text(fields.words, repeated(document, splitter));
    for tag in &document.tags {
        entry.add_text(fields.tags, splitter.tag(tag));
    }
    entry.add_text(fields.creators, &document.creator_id);
    entry.add_text(fields.document, serde_json::to_string(document)?);
    for (field, number) in fields.numbers.iter().zip(numbers(document)) {
        entry.add_u64(*field, number);
    }
    entry.add_text(fields.kind, &document.kind);
    entry.add_text(fields.category, &document.category);
    Ok(entry)
}

/// The words of a document, each repeated by its field's weight, separated by spaces. Text instead
/// of tantivy's pre-tokenized tokens, because those are serialized as JSON and parsed again.
fn repeated(document: &Document, splitter: &mut Splitter) -> String {
    let mut text = String::new();
    for (word, place) in splitter.places(document) {
        for _ in 0..place as usize {
            text.push_str(&word);
            text.push(' ');
        }
    }
    text
}

#[derive(Deserialize)]
struct Meta {
    segments: Vec<MetaSegment>,
}

#[derive(Deserialize)]
struct MetaSegment {
    segment_id: String,
}

/// The files of the only segment of `index`, under our fixed name.
fn named(index: &Index, directory: &RamDirectory) -> Result<Files, CatalogueError> {
    let none = || CatalogueError::Damaged("no segment was written");
    let id = index.searchable_segment_ids()?.first().ok_or_else(none)?.uuid_string();
    let mut files = BTreeMap::new();
    for part in PARTS {
        let path = format!("{id}.{part}");
        let path = Path::new(&path);
        if directory.exists(path).map_err(tantivy::TantivyError::from)? {
            let file = directory.open_read(path).map_err(tantivy::TantivyError::from)?;
            files.insert(format!("{SEGMENT}.{part}"), file.read_bytes()?);
        }
    }
    let meta = directory.atomic_read(Path::new(META)).map_err(tantivy::TantivyError::from)?;
    let meta = String::from_utf8(meta).map_err(|_| none())?;
    // The id has hyphens here, but not in the file names.
    let known: Meta = serde_json::from_str(&meta)?;
    let hyphened = &known.segments.first().ok_or_else(none)?.segment_id;
    let meta = meta.replace(hyphened.as_str(), SEGMENT);
    files.insert(META.to_owned(), tantivy::directory::OwnedBytes::new(meta.into_bytes()));
    Ok(Files(Arc::new(files)))
}
