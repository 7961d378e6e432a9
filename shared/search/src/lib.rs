//! The marketplace's search: an index of listings that fits into a few objects and one function.
//!
//! Bytes in, bytes out: no network, no clock, no thread, no file. [`Catalogue::build`] packs
//! listings into one blob, the same bytes for the same listings; [`Shard::open`] reads it in memory
//! without a copy; [`Catalogue::of`] is all listings of some shards; [`Catalogue::apply`] applies
//! the changes since then; and [`Catalogue::search`] searches everything as one.
//!
//! How it works, in the order of the code: a [`Document`] is a searchable listing, and a [`Change`]
//! is a newer state of one; `folding` normalizes spelling and `words` splits text into terms;
//! `segment` writes documents as one tantivy segment and `files` lets tantivy read it from the
//! blob; `blob` is the format around the segment, and a [`Shard`] is a blob that was read; a `Part`
//! is an open segment with its columns unpacked into sets of documents (`bits`) and numbers by
//! digit (`planes`), whose words `postings` reads; a `Layer` says which documents of a part are
//! still true; `matching` finds the documents that have the words, and their points; `sets` filters
//! them and counts facets, `order` selects the best; `results` does so in all layers; `cursor`
//! encodes where a page ended.
//!
//! Two design decisions: a document's rank depends on that document and the query alone, never on
//! other documents (so no BM25), or pages would shift while listings are added. So it does not
//! matter either which shard a listing is in, or how many there are. And a change is not written
//! into the segments of the shards: changed documents are in small segments above them, and the
//! documents they replace are marked, so that a change costs as much as what changed.

pub mod bench;
mod bits;
mod blob;
mod catalogue;
mod cursor;
mod document;
mod error;
mod files;
mod folding;
mod layer;
mod listing;
mod matching;
mod order;
mod part;
mod planes;
mod postings;
mod query;
mod rank;
mod results;
mod segment;
mod sets;
mod shard;
#[cfg(test)]
mod tests;
mod words;

pub use blob::FORMAT;
pub use catalogue::{Catalogue, LIMIT_MAX};
pub use document::{Change, Document};
pub use error::{CatalogueError, SearchError};
pub use query::{Cost, Facets, Found, Hit, Matched, Prices, Query, Sort};
pub use shard::Shard;
pub use words::{TEXT_CHARS_MAX, WORDS_MAX};
