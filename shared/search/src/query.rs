//! Queries and results.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::words::{Splitter, Term};

/// A search. All conditions must hold; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Plain words, without syntax: every one must occur in the title, a tag, the creator's name or
    /// the description, or all but one if nothing has all ([`Found::matched`]); the last one, if it has three letters or more, as a prefix; words of four
    /// letters with one typo, of eight with two. Scripts without spaces match inside a run. Case,
    /// accents and optional marks are ignored. Read up to [`TEXT_CHARS_MAX`](crate::TEXT_CHARS_MAX)
    /// characters and [`WORDS_MAX`](crate::WORDS_MAX) words. Blank text counts as absent; text of
    /// punctuation only finds nothing.
    pub text: Option<String>,
    /// One of these; any if empty.
    pub kinds: Vec<String>,
    /// One of these; any if empty.
    pub categories: Vec<String>,
    /// All of these, ignoring case and accents.
    pub tags: Vec<String>,
    /// Minimum price, in cents.
    pub price_min: Option<u64>,
    /// Maximum price, in cents.
    pub price_max: Option<u64>,
    /// Minimum rating, in hundredths of a star. Excludes listings without ratings, even for 0.
    pub rating_min: Option<u16>,
    /// The creator's public id.
    pub creator: Option<String>,
    /// Only free listings, or only paid ones.
    pub cost: Option<Cost>,
    /// Defaults to relevance with a text, else to date.
    pub sort: Option<Sort>,
}

/// Free or paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Its price is 0.
    Free,
    /// Its price is above 0.
    Paid,
}

/// The sort order. Ties are sorted by date, newest first, and then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The best match; without a text, newest first.
    Relevance,
    /// Latest publication first.
    Newest,
    /// Most sales first.
    BestSelling,
    /// Best rating first, where few ratings weigh less: the mean with
    /// [`PRIOR_RATINGS`](domain::marketplace::community::listing_stats::PRIOR_RATINGS) prior ratings added.
    TopRated,
    /// Lowest price first.
    PriceAscending,
    /// Highest price first.
    PriceDescending,
}

impl Sort {
    /// All orders.
    pub(crate) const ALL: [Sort; 6] = [
        Sort::Relevance,
        Sort::Newest,
        Sort::BestSelling,
        Sort::TopRated,
        Sort::PriceAscending,
        Sort::PriceDescending,
    ];
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The results, best first.
    pub items: Vec<Hit>,
    /// The cursor of the next page; `None` at the end.
    pub next_cursor: Option<String>,
    /// Number of results on all pages.
    pub total: u64,
    /// Counts over all results.
    pub facets: Facets,
    /// How many of the words each result has.
    pub matched: Matched,
}

/// How many of the searched words each result has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    /// All of them.
    #[default]
    AllWords,
    /// All but one, because nothing has all.
    AllButOne,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The listing's id.
    pub id: String,
    /// The document's card, as it was given.
    pub card: String,
}

/// Counts over the results on all pages. Each facet ignores the query's own filter of it and applies
/// all others, so it counts what choosing another value would show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Results by kind, whatever kinds are wanted, omitting those without one.
    pub kinds: BTreeMap<String, u64>,
    /// Results by category, whatever categories are wanted, omitting those without one.
    pub categories: BTreeMap<String, u64>,
    /// Results rated with at least 4, 3, 2 and 1 stars, whatever rating is wanted. Each count
    /// includes the ones above.
    pub ratings: BTreeMap<u8, u64>,
    /// Results with a price of 0, whatever cost is wanted.
    pub free: u64,
    /// The lowest and the highest price, whatever prices are wanted; `None` without results.
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

/// A query in canonical form: words split, lists sorted, the sort resolved.
#[derive(Debug, Serialize)]
pub(crate) struct Wanted {
    /// `None` without a text. Empty if the text has no words: then nothing is found.
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

impl Wanted {
    /// Whether nothing can be found: the text has no words.
    pub(crate) fn is_nothing(&self) -> bool {
        self.words.as_ref().is_some_and(Vec::is_empty)
    }

    /// What each result's rank by relevance has besides its own points: one, and one for each tag
    /// and creator that it must have. It is a part of the cursors that were issued.
    pub(crate) fn base(&self) -> u64 {
        1 + self.tags.len() as u64 + u64::from(self.creator.is_some())
    }

    /// Whether results may lack one of the words: there are several.
    pub(crate) fn may_lack_a_word(&self) -> bool {
        let mut words = self.words.iter().flatten().map(|term| term.word);
        words.next().is_some_and(|first| words.any(|word| word != first))
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}
