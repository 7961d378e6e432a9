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

/// The filters with a facet, as bits: a row that fails only one is counted in that facet.
const NONE: u8 = 0;
const KIND: u8 = 1;
const CATEGORY: u8 = 1 << 1;
const COST: u8 = 1 << 2;
const RATING: u8 = 1 << 3;
const PRICE: u8 = 1 << 4;

fn failing(passes: bool, filter: u8) -> u8 {
    if passes { NONE } else { filter }
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
        if !row.alive {
            return;
        }
        let failed = self.failed(row) | tally.failed(row);
        tally.count(row, failed);
        if failed != NONE {
            return;
        }
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

    /// The filters of numbers that a row does not pass.
    fn failed(&self, row: &Row) -> u8 {
        let wanted = self.wanted;
        let cost = match wanted.cost {
            None => true,
            Some(Cost::Free) => row.price == 0,
            Some(Cost::Paid) => row.price > 0,
        };
        let rated = wanted.rating_min.is_none_or(|least| row.rating >= least.max(1));
        let priced = (wanted.price_min..=wanted.price_max).contains(&row.price);
        failing(cost, COST) | failing(rated, RATING) | failing(priced, PRICE)
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
    prices: Option<Prices>,
}

impl Tally {
    fn new(kinds: Named, categories: Named) -> Tally {
        Tally { kinds, categories, total: 0, free: 0, stars: [0; 6], prices: None }
    }

    /// The filters of names that a row does not pass.
    fn failed(&self, row: &Row) -> u8 {
        failing(self.kinds.passes(row.kind), KIND)
            | failing(self.categories.passes(row.category), CATEGORY)
    }

    /// Counts a row in every facet whose own filter is the only one that it may fail.
    fn count(&mut self, row: &Row, failed: u8) {
        let counts_in = |facet: u8| failed & !facet == NONE;
        if counts_in(KIND) {
            self.kinds.count(row.kind);
        }
        if counts_in(CATEGORY) {
            self.categories.count(row.category);
        }
        self.free += u64::from(counts_in(COST) && row.price == 0);
        self.stars[usize::from(row.rating / 100).min(5)] += u64::from(counts_in(RATING));
        if counts_in(PRICE) {
            self.prices = widened(self.prices, row.price, row.price);
        }
        self.total += u64::from(failed == NONE);
    }

    fn add_to(self, facets: &mut Facets, layer: &Layer) {
        self.kinds.add_to(&mut facets.kinds, &layer.kinds);
        self.categories.add_to(&mut facets.categories, &layer.categories);
        facets.free += self.free;
        for (least, count) in &mut facets.ratings {
            *count += self.stars.iter().skip(usize::from(*least)).sum::<u64>();
        }
        if let Some(Prices { min, max }) = self.prices {
            facets.prices = widened(facets.prices, min, max);
        }
    }
}

/// The range that also contains these prices.
fn widened(known: Option<Prices>, min: u64, max: u64) -> Option<Prices> {
    let known = known.unwrap_or(Prices { min, max });
    Some(Prices { min: known.min.min(min), max: known.max.max(max) })
}
