//! What a caller asks of a list.

use serde::Deserialize;
use store::{Cursor, PageSize};

/// The query of a list that has nothing to choose but the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRequest {
    /// At most so many items.
    #[serde(default)]
    pub limit: PageSize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}
