//! What is asked and what is answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::words::{Splitter, Term};

/// A search. All conditions must hold; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Plain words, never a syntax: every one must stand in the title, a tag, the creator's name
    /// or the description, the last one of three letters or more as the beginning of a word, and
    /// words of four letters with one typo, of eight with two. Scripts without blanks are found
    /// inside a run. Case, accents and marks that may be left out make no difference. Read up to
    /// [`TEXT_CHARS_MAX`](crate::TEXT_CHARS_MAX) characters and [`WORDS_MAX`](crate::WORDS_MAX)
    /// words. Blank is as if it were absent; signs alone find nothing.
    pub text: Option<String>,
    /// One of these; any if empty.
    pub kinds: Vec<String>,
    /// One of these; any if empty.
    pub categories: Vec<String>,
    /// All of these, in any case and with or without accents.
    pub tags: Vec<String>,
    /// At least, in cents.
    pub price_min: Option<u64>,
    /// At most, in cents.
    pub price_max: Option<u64>,
    /// At least, in hundredths of a star. Listings without ratings are left out, even for 0.
    pub rating_min: Option<u16>,
    /// The creator's public id.
    pub creator: Option<String>,
    /// Only what is free, or only what is not.
    pub cost: Option<Cost>,
    /// By relevance if there is a text and else by date, if it is not said.
    pub sort: Option<Sort>,
}

/// Whether it costs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Its price is 0.
    Free,
    /// Its price is more.
    Paid,
}

/// What comes first. Equals are sorted by date, the newest first, and then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The best match; without a text as [`Sort::Newest`].
    Relevance,
    /// The last published.
    Newest,
    /// The most sold.
    BestSelling,
    /// The best rated, where few ratings weigh less: the mean with
    /// [`PRIOR_RATINGS`](domain::marketplace::tally::PRIOR_RATINGS) more that everybody begins with.
    TopRated,
    /// The cheapest.
    PriceAscending,
    /// The dearest.
    PriceDescending,
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The results, the first first.
    pub items: Vec<Hit>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
    /// How many there are on all pages.
    pub total: u64,
    /// What they are.
    pub facets: Facets,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The listing's id.
    pub id: String,
    /// The document's card, as it was given.
    pub card: String,
}

/// Counts over all results of the query on all pages, with every one of its filters applied: the
/// counts of a filtered field are those of the values that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Results by kind; without those that have none.
    pub kinds: BTreeMap<String, u64>,
    /// Results by category; without those that have none.
    pub categories: BTreeMap<String, u64>,
    /// Results rated with at least 4, 3, 2 and 1 stars. Each count includes the ones above.
    pub ratings: BTreeMap<u8, u64>,
    /// Results with a price of 0.
    pub free: u64,
    /// The lowest and the highest price; `None` without results.
    pub prices: Option<Prices>,
}

/// A range of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// The lowest, in cents.
    pub min: u64,
    /// The highest, in cents.
    pub max: u64,
}

/// A query in the one form in which it is answered and recognized again: words split, lists
/// sorted, the sort decided.
#[derive(Debug, Serialize)]
pub(crate) struct Wanted {
    /// `None` without a text. Empty if there is nothing to search for in it: nothing is found.
    pub(crate) words: Option<Vec<Term>>,
    pub(crate) kinds: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) price_min: u64,
    pub(crate) price_max: u64,
    pub(crate) rating_min: Option<u16>,
    pub(crate) creator: Option<String>,
    pub(crate) cost: Option<Cost>,
    pub(crate) sort: Sort,
}

impl Wanted {
    pub(crate) fn of(query: &Query) -> Wanted {
        let mut splitter = Splitter::new();
        let text = query.text.as_deref().filter(|text| !text.trim().is_empty());
        let sort = match (query.sort, text) {
            (None, Some(_)) => Sort::Relevance,
            (None | Some(Sort::Relevance), None) => Sort::Newest,
            (Some(sort), _) => sort,
        };
        Wanted {
            words: text.map(|text| splitter.searched(text)),
            kinds: sorted(query.kinds.clone()),
            categories: sorted(query.categories.clone()),
            tags: sorted(query.tags.iter().map(|tag| splitter.tag(tag)).collect()),
            price_min: query.price_min.unwrap_or(0),
            price_max: query.price_max.unwrap_or(u64::MAX),
            rating_min: query.rating_min,
            creator: query.creator.clone(),
            cost: query.cost,
            sort,
        }
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}
