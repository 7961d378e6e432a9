//! One pass over the rows: filters, counts and selects the best.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::layer::Layer;
use crate::query::Wanted;
use crate::rank::Rank;
use crate::row::Row;
use crate::{Cost, Facets, Prices};

/// A result before its document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) rank: Rank,
    pub(crate) layer: usize,
    pub(crate) row: usize,
}

/// The state of a scan over all layers.
pub(crate) struct Scan<'a> {
    wanted: &'a Wanted,
    after: Option<Rank>,
    most: usize,
    next: BinaryHeap<Reverse<Place>>,
    pub(crate) total: u64,
    pub(crate) facets: Facets,
}

impl<'a> Scan<'a> {
    /// Selects the first `most` results after `after`.
    pub(crate) fn new(wanted: &'a Wanted, after: Option<Rank>, most: usize) -> Scan<'a> {
        let ratings = BTreeMap::from([(4, 0), (3, 0), (2, 0), (1, 0)]);
        let facets = Facets { ratings, ..Facets::default() };
        Scan { wanted, after, most, next: BinaryHeap::new(), total: 0, facets }
    }

    /// Scans one layer, whose documents have these `points`; without them all match.
    pub(crate) fn layer(&mut self, place: usize, layer: &Layer, points: Option<&[u16]>) {
        let kinds = Named::of(&layer.kinds, &self.wanted.kinds);
        let categories = Named::of(&layer.categories, &self.wanted.categories);
        let mut tally = Tally::new(kinds, categories);
        // From last to first, which is mostly newest to oldest: with the newest first, results are
        // then nearly always met in order.
        match points {
            None => {
                for row in (0..layer.rows.len()).rev() {
                    self.row(&mut tally, &layer.rows[row], 0, (place, row));
                }
            }
            Some(points) => {
                for (row, points) in points.iter().enumerate().rev() {
                    if *points > 0 {
                        self.row(&mut tally, &layer.rows[row], *points, (place, row));
                    }
                }
            }
        }
        self.total += tally.total;
        tally.add_to(&mut self.facets, layer);
    }

    fn row(&mut self, tally: &mut Tally, row: &Row, points: u16, (layer, at): (usize, usize)) {
        if !row.alive || !self.passes(row) || !tally.passes(row) {
            return;
        }
        tally.count(row);
        let place = Place { rank: Rank::of(row, self.wanted.sort, points), layer, row: at };
        if self.after.is_some_and(|after| place.rank >= after) {
            return;
        }
        if self.next.len() < self.most {
            self.next.push(Reverse(place));
        } else if self.next.peek().is_some_and(|last| last.0 < place) {
            self.next.pop();
            self.next.push(Reverse(place));
        }
    }

    fn passes(&self, row: &Row) -> bool {
        let wanted = self.wanted;
        let cost = match wanted.cost {
            None => true,
            Some(Cost::Free) => row.price == 0,
            Some(Cost::Paid) => row.price > 0,
        };
        let rated = wanted.rating_min.is_none_or(|least| row.rating >= least.max(1));
        cost && rated && (wanted.price_min..=wanted.price_max).contains(&row.price)
    }

    /// The results in order.
    pub(crate) fn places(&mut self) -> Vec<Place> {
        let sorted = std::mem::take(&mut self.next).into_sorted_vec();
        sorted.into_iter().map(|Reverse(place)| place).collect()
    }
}

/// The names of a column in one layer: which are wanted, and their counts.
struct Named {
    wanted: Option<Vec<bool>>,
    counts: Vec<u64>,
}

impl Named {
    fn of(names: &[String], wanted: &[String]) -> Named {
        let allowed = || names.iter().map(|name| wanted.binary_search(name).is_ok()).collect();
        let allowed = (!wanted.is_empty()).then(allowed);
        Named { wanted: allowed, counts: vec![0; names.len()] }
    }

    fn passes(&self, name: u32) -> bool {
        let among = |wanted: &Vec<bool>| wanted.get(name as usize).copied().unwrap_or(false);
        self.wanted.as_ref().is_none_or(among)
    }

    fn count(&mut self, name: u32) {
        if let Some(count) = self.counts.get_mut(name as usize) {
            *count += 1;
        }
    }

    fn add_to(self, facets: &mut BTreeMap<String, u64>, names: &[String]) {
        for (name, count) in names.iter().zip(self.counts).filter(|(_, count)| *count > 0) {
            *facets.entry(name.clone()).or_insert(0) += count;
        }
    }
}

/// Counts of one layer by column index, resolved to names at the end.
struct Tally {
    kinds: Named,
    categories: Named,
    total: u64,
    free: u64,
    /// By whole stars.
    stars: [u64; 6],
    min: u64,
    max: u64,
}

impl Tally {
    fn new(kinds: Named, categories: Named) -> Tally {
        Tally { kinds, categories, total: 0, free: 0, stars: [0; 6], min: u64::MAX, max: 0 }
    }

    fn passes(&self, row: &Row) -> bool {
        self.kinds.passes(row.kind) && self.categories.passes(row.category)
    }

    fn count(&mut self, row: &Row) {
        self.kinds.count(row.kind);
        self.categories.count(row.category);
        self.total += 1;
        self.free += u64::from(row.price == 0);
        self.stars[usize::from(row.rating / 100).min(5)] += 1;
        self.min = self.min.min(row.price);
        self.max = self.max.max(row.price);
    }

    fn add_to(self, facets: &mut Facets, layer: &Layer) {
        self.kinds.add_to(&mut facets.kinds, &layer.kinds);
        self.categories.add_to(&mut facets.categories, &layer.categories);
        facets.free += self.free;
        for (least, count) in &mut facets.ratings {
            *count += self.stars.iter().skip(usize::from(*least)).sum::<u64>();
        }
        if self.total > 0 {
            let known = facets.prices.unwrap_or(Prices { min: self.min, max: self.max });
            let (min, max) = (known.min.min(self.min), known.max.max(self.max));
            facets.prices = Some(Prices { min, max });
        }
    }
}
