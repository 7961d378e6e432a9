//! Pagination parameters of a list.

use serde::Deserialize;
use store::{Cursor, PageSize};

/// The query of a list without filters.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PageRequest {
    /// Most items of a page.
    #[serde(default)]
    pub limit: PageSize,
    /// The cursor that the previous page returned.
    pub cursor: Option<Cursor>,
}
