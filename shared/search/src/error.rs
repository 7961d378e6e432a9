//! What can go wrong: a blob that is not one, a search that is refused.

/// A catalogue that could not be made or read. Always ours, never the searcher's.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The blob is cut short, damaged, or something else.
    #[error("The catalogue is damaged: {0}.")]
    Damaged(&'static str),
    /// The blob was packed in a format that this crate does not read: build it anew.
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

/// A search that is not answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The cursor was not given out for this query: begin again without it.
    #[error("The cursor is not one of this search: begin again without it.")]
    Cursor,
    /// The catalogue in memory failed: ours, and open the blob anew.
    #[error("The search failed.")]
    Catalogue(#[from] CatalogueError),
}

impl SearchError {
    /// The stable code for callers: `invalid_cursor` is theirs, `search_failed` is ours.
    pub fn code(&self) -> &'static str {
        match self {
            SearchError::Cursor => "invalid_cursor",
            SearchError::Catalogue(_) => "search_failed",
        }
    }
}
