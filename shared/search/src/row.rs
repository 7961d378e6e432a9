//! What a scan reads of a document.

use crate::document::Key;

/// The fields of a document that a scan reads: one cache line, because every search reads them all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) seq: u64,
    pub(crate) price: u64,
    pub(crate) sales: u64,
    pub(crate) published_at: i64,
    /// The sort key of "top rated".
    pub(crate) bayes: u32,
    /// Indexes into the kinds and the categories of its layer.
    pub(crate) kind: u32,
    pub(crate) category: u32,
    /// Hundredths of a star; 0 if there is none.
    pub(crate) rating: u16,
    /// Points for sales.
    pub(crate) popularity: u8,
    /// It is the newest state of the listing in any layer, and it is not unlisted.
    pub(crate) alive: bool,
}
