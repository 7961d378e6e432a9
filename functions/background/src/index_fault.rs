//! An index that cannot be made of good documents: a fault of ours.

use domain::{Refusal, RefusalKind};
use search::CatalogueError;

/// The index could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the search index could not be made")]
pub(crate) struct IndexFault(#[source] pub(crate) CatalogueError);

impl Refusal for IndexFault {
    fn kind(&self) -> RefusalKind {
        RefusalKind::Internal
    }
    fn code(&self) -> &'static str {
        "search_index_fault"
    }
}
