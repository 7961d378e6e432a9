//! The filters and the counts: sets of the documents of a layer, which are intersected and counted.

use std::array;

use crate::bits::Bits;
use crate::layer::Layer;
use crate::part::{Part, STARS};
use crate::query::Wanted;
use crate::{Cost, Facets, Prices};

/// The filters with a facet. A facet ignores its own filter and applies all others.
#[derive(Debug, Clone, Copy)]
enum Facet {
    Kind,
    Category,
    Cost,
    Rating,
    Price,
}

const FACETS: usize = 5;

/// The results in a layer, and what each facet counts.
pub(crate) struct Sets {
    /// The results: they pass all filters.
    pub(crate) all: Bits,
    /// By facet, those that pass all filters but its own; `None` without such a filter, because
    /// those are the results.
    but: [Option<Bits>; FACETS],
}

impl Sets {
    /// Of `matched`, those that pass the filters.
    pub(crate) fn of(matched: &Bits, layer: &Layer, wanted: &Wanted) -> Sets {
        let filters = filters(layer, wanted);
        let kept = |but: Option<usize>| {
            let mut kept = matched.clone();
            for (facet, filter) in filters.iter().enumerate() {
                if let Some(filter) = filter.as_ref().filter(|_| but != Some(facet)) {
                    kept.keep(filter);
                }
            }
            kept
        };
        let but = array::from_fn(|facet| filters[facet].is_some().then(|| kept(Some(facet))));
        Sets { all: kept(None), but }
    }

    /// Adds the counts of a layer's documents to `facets`.
    pub(crate) fn count(&self, part: &Part, facets: &mut Facets) {
        let counted = [
            (&part.kinds, &mut facets.kinds, Facet::Kind),
            (&part.categories, &mut facets.categories, Facet::Category),
        ];
        for (names, counts, facet) in counted {
            for (name, documents) in names {
                let count = self.but(facet).count_with(documents);
                if count > 0 {
                    *counts.entry(name.clone()).or_insert(0) += count as u64;
                }
            }
        }
        for (stars, documents) in STARS.iter().zip(&part.stars) {
            let count = self.but(Facet::Rating).count_with(documents);
            *facets.ratings.entry(*stars).or_insert(0) += count as u64;
        }
        facets.free += self.but(Facet::Cost).count_with(&part.free) as u64;
        if let Some((min, max)) = part.price.range(self.but(Facet::Price)) {
            let known = facets.prices.unwrap_or(Prices { min, max });
            facets.prices = Some(Prices { min: known.min.min(min), max: known.max.max(max) });
        }
    }

    /// What a facet counts.
    fn but(&self, facet: Facet) -> &Bits {
        self.but[facet as usize].as_ref().unwrap_or(&self.all)
    }
}

/// By facet, the documents that pass its filter; `None` if there is no filter.
fn filters(layer: &Layer, wanted: &Wanted) -> [Option<Bits>; FACETS] {
    let Layer { part, alive, .. } = layer;
    let cost = wanted.cost.map(|cost| match cost {
        Cost::Free => part.free.clone(),
        Cost::Paid => {
            let mut paid = alive.clone();
            paid.leave_out(&part.free);
            paid
        }
    });
    let least = wanted.rating_min.map(|least| u64::from(least.max(1)));
    let (min, max) = (wanted.price_min, wanted.price_max);
    let priced = || part.price.at_most(part.price.at_least(alive.clone(), min), max);
    [
        named(&part.kinds, &wanted.kinds, alive),
        named(&part.categories, &wanted.categories, alive),
        cost,
        least.map(|least| part.rating.at_least(alive.clone(), least)),
        ((min, max) != (0, u64::MAX)).then(priced),
    ]
}

/// The documents with one of the `wanted` names; `None` if any will do.
fn named(names: &[(String, Bits)], wanted: &[String], alive: &Bits) -> Option<Bits> {
    if wanted.is_empty() {
        return None;
    }
    let mut found = Bits::none_like(alive);
    for (_, documents) in names.iter().filter(|(name, _)| wanted.binary_search(name).is_ok()) {
        found.add(documents);
    }
    Some(found)
}
