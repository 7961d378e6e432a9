//! The order of the results of a layer: what comes after a page, and the best of the rest.

use crate::Sort;
use crate::bits::Bits;
use crate::part::Part;
use crate::planes::{Compared, Planes};
use crate::query::Wanted;
use crate::rank::{POINT, Rank};

/// So few documents are compared one by one.
const FEW: usize = 128;

/// The order of a layer's documents under one query: that of their [`Rank`], and told by the digits
/// of all of them at once.
pub(crate) struct Order<'a> {
    part: &'a Part,
    wanted: &'a Wanted,
    /// Points for the words.
    points: Option<&'a Planes>,
    /// What is compared, one column after the other.
    columns: Vec<Column<'a>>,
}

#[derive(Clone, Copy)]
struct Column<'a> {
    numbers: &'a Planes,
    first: First,
}

/// Which numbers come first.
#[derive(Debug, Clone, Copy)]
enum First {
    Highest,
    Lowest,
}

impl<'a> Order<'a> {
    pub(crate) fn of(part: &'a Part, wanted: &'a Wanted, points: Option<&'a Planes>) -> Order<'a> {
        let highest = |numbers| Column { numbers, first: First::Highest };
        let mut columns = match wanted.sort {
            Sort::Relevance => points.into_iter().chain([&part.popularity]).map(highest).collect(),
            Sort::Newest => Vec::new(),
            Sort::BestSelling => vec![highest(&part.sales)],
            Sort::TopRated => vec![highest(&part.bayes)],
            Sort::PriceAscending => vec![Column { numbers: &part.price, first: First::Lowest }],
            Sort::PriceDescending => vec![highest(&part.price)],
        };
        columns.push(highest(&part.age));
        Order { part, wanted, points, columns }
    }

    /// The first of `documents` after `after`, at most `most`, in no order.
    pub(crate) fn best(
        &self,
        documents: Bits,
        after: Option<Rank>,
        most: usize,
    ) -> impl Iterator<Item = (Rank, u32)> {
        let rest = match after {
            None => documents,
            Some(after) => self.behind(documents, after),
        };
        let best = self.first(rest, most);
        best.into_iter().map(|document| (self.rank(document), document))
    }

    fn rank(&self, document: u32) -> Rank {
        let part = self.part;
        let value = match self.wanted.sort {
            Sort::Relevance => {
                let points = self.points.map_or(0, |points| points.get(document));
                points * POINT + part.popularity.get(document) + self.wanted.base()
            }
            Sort::Newest => 0,
            Sort::BestSelling => part.sales.get(document),
            Sort::TopRated => part.bayes.get(document),
            Sort::PriceAscending => u64::MAX - part.price.get(document),
            Sort::PriceDescending => part.price.get(document),
        };
        Rank { value, published_at: part.published_at(document), key: part.key(document) }
    }

    /// Those of `documents` that come after a rank, which need not be any document's.
    fn behind(&self, documents: Bits, after: Rank) -> Bits {
        let mut behind = documents.none_of_them();
        let mut equal = documents;
        for (column, number) in self.columns.iter().zip(self.numbers(after)) {
            let Compared { less, equal: rest, greater } = column.numbers.compare(equal, number);
            behind.add(match column.first {
                First::Highest => &less,
                First::Lowest => &greater,
            });
            equal = rest;
        }
        behind
    }

    /// What a document of this rank has in each column. Nothing has less than a rank that has no
    /// numbers.
    fn numbers(&self, rank: Rank) -> Vec<u64> {
        let value = rank.value;
        let mut numbers = match self.wanted.sort {
            Sort::Relevance => match value.checked_sub(self.wanted.base()) {
                Some(value) => vec![value / POINT, value % POINT],
                None => return Vec::new(),
            },
            Sort::Newest => Vec::new(),
            Sort::BestSelling | Sort::TopRated | Sort::PriceDescending => vec![value],
            Sort::PriceAscending => vec![u64::MAX - value],
        };
        numbers.push(self.part.older_than(rank.published_at, rank.key) as u64);
        numbers
    }

    /// The first `most` of `documents`, by one digit after the other: those that have the better one
    /// are certain to be among them if they are too few, and the others are not if they are enough.
    fn first(&self, documents: Bits, most: usize) -> Vec<u32> {
        let (mut certain, mut open) = (documents.none_of_them(), documents);
        let (mut certain_count, mut open_count) = (0, open.count());
        let digits = self
            .columns
            .iter()
            .flat_map(|column| column.numbers.digits().iter().map(|digit| (digit, column.first)));
        for (digit, first) in digits {
            if open_count <= FEW || certain_count + open_count <= most {
                break;
            }
            let ones = open.count_with(digit);
            let better = match first {
                First::Highest => ones,
                First::Lowest => open_count - ones,
            };
            let is_enough = certain_count + better >= most;
            match (first, is_enough) {
                (First::Highest, true) => open.keep(digit),
                (First::Lowest, true) => open.leave_out(digit),
                (First::Highest, false) => open.move_with(digit, &mut certain),
                (First::Lowest, false) => open.move_without(digit, &mut certain),
            }
            if is_enough {
                open_count = better;
            } else {
                certain_count += better;
                open_count -= better;
            }
        }
        let mut first: Vec<u32> = open.iter().collect();
        let rest = most.saturating_sub(certain_count);
        if first.len() > rest {
            first.sort_by_cached_key(|document| std::cmp::Reverse(self.rank(*document)));
            first.truncate(rest);
        }
        first.extend(certain.iter());
        first
    }
}
