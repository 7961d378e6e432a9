//! Errors: a blob that cannot be opened, a search that is refused.

/// The catalogue could not be built or read. Never the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The blob is truncated, damaged, or not a blob.
    #[error("The catalogue is damaged: {0}.")]
    Damaged(&'static str),
    /// The blob has a format that this crate does not read: rebuild it.
    #[error("The catalogue has format {0}, which this version does not read.")]
    Format(u32),
    /// Tantivy could not write or read its segment.
    #[error("The catalogue's index failed.")]
    Index(#[from] tantivy::TantivyError),
    /// A part of the index could not be read.
    #[error("The catalogue's index failed.")]
    Read(#[from] std::io::Error),
    /// A stored document could not be written or read.
    #[error("The catalogue's document failed.")]
    Document(#[from] serde_json::Error),
}

/// A failed search.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The cursor was not issued for this query: start again without it.
    #[error("The cursor does not belong to this search: start again without it.")]
    Cursor,
    /// The catalogue in memory failed: our fault; reopen the blob.
    #[error("The search failed.")]
    Catalogue(#[from] CatalogueError),
}

impl SearchError {
    /// The stable code for callers: `invalid_cursor` is the caller's fault, `search_failed` is
    /// ours.
    pub fn code(&self) -> &'static str {
        match self {
            SearchError::Cursor => "invalid_cursor",
            SearchError::Catalogue(_) => "search_failed",
        }
    }
}
