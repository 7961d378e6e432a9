//! A part of the listings, and which of its documents are still true.

use std::sync::Arc;

use crate::bits::Bits;
use crate::document::Key;
use crate::part::Part;
use crate::{CatalogueError, Document, segment};

/// A part of the listings. The part is shared by all catalogues that have it; which of its
/// documents live is each catalogue's own.
pub(crate) struct Layer {
    pub(crate) part: Arc<Part>,
    /// The documents that are the newest state of their listing in any layer, and not unlisted.
    pub(crate) alive: Bits,
    living: usize,
}

impl Layer {
    /// A layer of `documents`, which are sorted by key and not empty.
    pub(crate) fn of(documents: &[Document]) -> Result<Layer, CatalogueError> {
        Ok(Layer::new(Arc::new(Part::open(segment::write(documents)?)?)))
    }

    /// All documents of a part.
    pub(crate) fn new(part: Arc<Part>) -> Layer {
        let documents = part.len();
        Layer { part, alive: Bits::all(documents), living: documents }
    }

    /// How many of its documents live.
    pub(crate) fn living(&self) -> usize {
        self.living
    }

    /// The `seq` of a listing that lives here.
    pub(crate) fn seq(&self, key: Key) -> Option<u64> {
        self.find(key).map(|document| self.part.seq(document))
    }

    /// The listing no longer lives here, if it did.
    pub(crate) fn retire(&mut self, key: Key) {
        if let Some(document) = self.find(key) {
            self.alive.clear(document);
            self.living -= 1;
        }
    }

    /// The living documents, ordered by key.
    pub(crate) fn documents(
        &self,
    ) -> impl Iterator<Item = Result<Document, CatalogueError>> + use<'_> {
        self.alive.iter().map(|document| self.part.document(document))
    }

    fn find(&self, key: Key) -> Option<u32> {
        self.part.find(key).filter(|document| self.alive.has(*document))
    }
}
