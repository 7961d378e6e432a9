//! The results of a query over all layers.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::layer::Layer;
use crate::matching::{Matches, Matching};
use crate::order::Order;
use crate::part::STARS;
use crate::query::Matched;
use crate::rank::Rank;
use crate::sets::Sets;
use crate::{CatalogueError, Facets};

/// The results of a query.
pub(crate) struct Results {
    /// Those of a page, best first.
    pub(crate) places: Vec<Place>,
    /// How many there are on all pages.
    pub(crate) total: u64,
    pub(crate) facets: Facets,
}

/// A result before its document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) rank: Rank,
    pub(crate) layer: usize,
    pub(crate) document: u32,
}

impl Results {
    /// The first `most` results after `after` among the documents that match in this way.
    pub(crate) fn of(
        layers: &[Layer],
        matching: &mut Matching<'_>,
        matched: Matched,
        after: Option<Rank>,
        most: usize,
    ) -> Result<Results, CatalogueError> {
        let wanted = matching.wanted();
        let ratings = BTreeMap::from(STARS.map(|stars| (stars, 0)));
        let facets = Facets { ratings, ..Facets::default() };
        let mut results = Results { places: Vec::new(), total: 0, facets };
        for (layer, it) in layers.iter().enumerate() {
            let Matches { documents, points } = matching.documents((layer, it), matched)?;
            let sets = Sets::of(&documents, it, wanted);
            sets.count(&it.part, &mut results.facets);
            results.total += sets.all.count() as u64;
            let order = Order::of(&it.part, wanted, points.as_ref());
            let best = order.best(sets.all, after, most).into_iter();
            results.places.extend(best.map(|(rank, document)| Place { rank, layer, document }));
        }
        results.places.sort_unstable_by_key(|place| Reverse(*place));
        results.places.truncate(most);
        Ok(results)
    }
}
