//! The order of the results of a layer: what comes after a page, and the best of the rest.

use crate::Sort;
use crate::bits::Bits;
use crate::part::Part;
use crate::planes::{Compared, Planes};
use crate::query::Wanted;
use crate::rank::{POINT, Rank};

/// The order of a layer's documents under one query: that of their [`Rank`], and told by the digits
/// of all of them at once.
pub(crate) struct Order<'a> {
    part: &'a Part,
    wanted: &'a Wanted,
    /// Points for the words, if that is the order.
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
    ) -> Vec<(Rank, u32)> {
        let rest = match after {
            None => documents,
            Some(after) => self.behind(documents, after),
        };
        self.first(rest, most).iter().map(|document| (self.rank(document), document)).collect()
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
        let mut behind = Bits::none_like(&documents);
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

    /// The first `most` of `documents`, by one digit after the other: those with the better digit
    /// are certain to be among them if they are too few; if they are enough, the others are not.
    /// No two documents have the same age, so in the end none is left that is too many.
    fn first(&self, documents: Bits, most: usize) -> Bits {
        let (mut certain, mut open) = (Bits::none_like(&documents), documents);
        let (mut certain_count, mut open_count) = (0, open.count());
        let digits = self
            .columns
            .iter()
            .flat_map(|column| column.numbers.digits().iter().map(|digit| (digit, column.first)));
        for (digit, first) in digits {
            if certain_count + open_count <= most {
                break;
            }
            let ones = open.count_with(digit);
            let better = match first {
                First::Highest => ones,
                First::Lowest => open_count - ones,
            };
            if certain_count + better >= most {
                open_count = better;
                match first {
                    First::Highest => open.keep(digit),
                    First::Lowest => open.leave_out(digit),
                }
            } else {
                certain_count += better;
                open_count -= better;
                match first {
                    First::Highest => open.move_with(digit, &mut certain),
                    First::Lowest => open.move_without(digit, &mut certain),
                }
            }
        }
        certain.add(&open);
        certain
    }
}
