//! The marketplace's search: an index of listings that fits into one object and one function.
//!
//! Bytes in, bytes out: no network, no clock, no thread, no file. [`Catalogue::build`] packs
//! listings into one blob, the same bytes for the same listings; [`Catalogue::open`] reads it
//! where it lies in memory; [`Catalogue::apply`] lays the changes since then over it; and
//! [`Catalogue::search`] answers from both as if they were one.
//!
//! How it works, in the order of the code: a [`Document`] is a listing as it is searched, and a
//! [`Change`] is a newer state of one; `folding` gives it one spelling and
//! `words` turns it into terms; `segment` writes documents
//! as one tantivy segment and `files` lets tantivy read it back out of the blob; `blob` is what is
//! around the segment; a `Layer` is an open segment with its columns unpacked into rows;
//! `matching` gives every document of a layer points for the words; `scan` goes over the rows
//! once, which filters, counts facets and keeps the best; `cursor` says where a page ended.
//!
//! Two decisions carry the rest. A document's place depends on that document and the query alone,
//! never on the other documents (so no BM25), or pages would shift while listings are added. And
//! a change is not written into the big segment: changed documents are in small segments over it,
//! and the rows they replace are marked, so that a change costs as much as what changed.

pub mod bench;
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
mod query;
mod rank;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod words;

pub use catalogue::{Catalogue, LIMIT_MAX};
pub use document::{Change, Document};
pub use error::{CatalogueError, SearchError};
pub use query::{Cost, Facets, Found, Hit, Prices, Query, Sort};
pub use words::{TEXT_CHARS_MAX, WORDS_MAX};
