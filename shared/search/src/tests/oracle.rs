//! The rules of a search, told once more and without an index: every listing is looked at, one by
//! one. Whatever the catalogue does to be fast, its answers are these.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{AS_OF, document};
use crate::document::Key;
use crate::query::Wanted;
use crate::rank::{Rank, bayes, popularity};
use crate::words::{Place, Splitter, Term, TermKind};
use crate::{
    Catalogue, Change, Cost, Document, Facets, Found, Hit, Matched, Prices, Query, Shard, Sort,
    cursor,
};

/// A listing and the best field of each of its words.
struct Listing {
    document: Document,
    words: BTreeMap<String, Place>,
}

/// All listings of a catalogue.
struct Oracle(Vec<Listing>);

impl Oracle {
    fn of(catalogue: &Catalogue) -> Oracle {
        let mut splitter = Splitter::new();
        let mut listing = |document: Document| {
            let words = splitter.places(&document);
            Listing { document, words }
        };
        Oracle(catalogue.documents().map(|document| listing(document.unwrap())).collect())
    }

    fn search(&self, query: &Query, limit: usize, cursor: Option<&str>) -> Found {
        let wanted = Wanted::of(query);
        let issued = cursor.map(|cursor| cursor::read(cursor, &wanted).unwrap());
        let (after, matched) = issued.unzip();
        let all = |matched| found(&self.matched(&wanted, matched), &wanted);
        let mut matched = matched.unwrap_or_default();
        let (mut results, mut facets) = all(matched);
        if results.is_empty() && cursor.is_none() && wanted.may_lack_a_word() {
            let lacking = all(Matched::AllButOne);
            if !lacking.0.is_empty() {
                matched = Matched::AllButOne;
                (results, facets) = lacking;
            }
        }
        let total = results.len() as u64;
        results.retain(|(rank, _)| after.is_none_or(|after| *rank < after));
        results.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        let more = results.len() > limit;
        results.truncate(limit);
        let last = results.last().filter(|_| more);
        let next_cursor = last.map(|(rank, _)| cursor::behind(*rank, &wanted, matched).unwrap());
        let hit = |it: &Document| Hit { id: it.id.clone(), card: it.card.clone() };
        let items = results.iter().map(|(_, document)| hit(document)).collect();
        Found { items, next_cursor, total, facets, matched }
    }

    /// The listings with the words, the tags and the creator, and their points.
    fn matched(&self, wanted: &Wanted, matched: Matched) -> Vec<(&Document, u64)> {
        let mut splitter = Splitter::new();
        let matched = self.0.iter().filter_map(|Listing { document, words }| {
            let tags: Vec<String> = document.tags.iter().map(|tag| splitter.tag(tag)).collect();
            let labelled = wanted.tags.iter().all(|tag| tags.contains(tag))
                && wanted.creator.as_ref().is_none_or(|creator| *creator == document.creator_id);
            let points = points(words, wanted, matched).filter(|_| labelled)?;
            Some((document, points))
        });
        matched.collect()
    }
}

/// The points of a listing with these words; `None` if it does not match.
fn points(words: &BTreeMap<String, Place>, wanted: &Wanted, matched: Matched) -> Option<u64> {
    let Some(terms) = &wanted.words else {
        return Some(0);
    };
    let of_words: Vec<Option<u64>> = terms
        .chunk_by(|one, other| one.word == other.word)
        .map(|word| word.iter().map(|term| of_term(words, term)).sum())
        .collect();
    let missing = of_words.iter().filter(|points| points.is_none()).count();
    let may_miss = match matched {
        Matched::AllWords => 0,
        Matched::AllButOne => 1,
    };
    (!terms.is_empty() && missing <= may_miss).then(|| of_words.iter().flatten().sum())
}

/// The best that a listing has for a term.
fn of_term(words: &BTreeMap<String, Place>, term: &Term) -> Option<u64> {
    let field = |place| match place {
        Place::Description => 1,
        Place::Creator => 2,
        Place::Tags => 3,
        Place::Title => 5,
    };
    words.iter().filter_map(|(word, place)| Some(quality(word, term)? * field(*place))).max()
}

/// How well a listing's word matches, in quarters.
fn quality(word: &str, term: &Term) -> Option<u64> {
    let text = term.text.as_str();
    let is_begun = matches!(term.kind, TermKind::UnfinishedWord | TermKind::ShortPiece);
    let is_word = matches!(term.kind, TermKind::Word | TermKind::UnfinishedWord);
    let letters = text.chars().count();
    let is_like = is_word
        && !text.chars().any(char::is_numeric)
        && word.chars().next() == text.chars().next();
    match edits(word, text) {
        0 => Some(4),
        _ if is_begun && word.starts_with(text) => Some(3),
        1 if is_like && letters >= 4 => Some(2),
        2 if is_like && letters >= 8 => Some(1),
        _ => None,
    }
}

/// The number of letters to insert, delete, substitute or swap with the next.
fn edits(one: &str, other: &str) -> usize {
    let [one, other] = [one, other].map(|word| word.chars().collect::<Vec<char>>());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 0..one.len() {
        let mut row = vec![i + 1];
        for j in 0..other.len() {
            let substituted = rows[i][j] + usize::from(one[i] != other[j]);
            let mut least = substituted.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i] == other[j - 1] && one[i - 1] == other[j] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// Those that pass the filters, and the counts over those that pass all filters but one.
fn found<'a>(
    matched: &[(&'a Document, u64)],
    wanted: &Wanted,
) -> (Vec<(Rank, &'a Document)>, Facets) {
    let mut results = Vec::new();
    let mut facets =
        Facets { ratings: (1..=4).map(|stars| (stars, 0)).collect(), ..Facets::default() };
    for (document, points) in matched {
        let passed = passed(document, wanted);
        let but = |own: usize| (0..passed.len()).all(|filter| filter == own || passed[filter]);
        if but(0) {
            *facets.kinds.entry(document.kind.clone()).or_insert(0) += 1;
        }
        if but(1) {
            *facets.categories.entry(document.category.clone()).or_insert(0) += 1;
        }
        facets.free += u64::from(but(2) && document.price == 0);
        for (stars, count) in &mut facets.ratings {
            let is_rated = document.rating.is_some_and(|it| it >= u16::from(*stars) * 100);
            *count += u64::from(but(3) && is_rated);
        }
        if but(4) {
            let price = document.price;
            let known = facets.prices.unwrap_or(Prices { min: price, max: price });
            facets.prices = Some(Prices { min: known.min.min(price), max: known.max.max(price) });
        }
        if passed == [true; 5] {
            results.push((rank(document, *points, wanted), *document));
        }
    }
    (results, facets)
}

/// Whether a listing passes the filters of kind, category, cost, rating and price.
fn passed(document: &Document, wanted: &Wanted) -> [bool; 5] {
    [
        wanted.kinds.is_empty() || wanted.kinds.contains(&document.kind),
        wanted.categories.is_empty() || wanted.categories.contains(&document.category),
        wanted.cost.is_none_or(|cost| (cost == Cost::Free) == (document.price == 0)),
        wanted.rating_min.is_none_or(|least| {
            document.rating.is_some_and(|rating| rating > 0 && rating >= least)
        }),
        (wanted.price_min..=wanted.price_max).contains(&document.price),
    ]
}

fn rank(document: &Document, points: u64, wanted: &Wanted) -> Rank {
    let value = match wanted.sort {
        Sort::Relevance => {
            let labels = wanted.tags.len() as u64 + u64::from(wanted.creator.is_some());
            points * 32 + u64::from(popularity(document.sales)) + labels + 1
        }
        Sort::Newest => 0,
        Sort::BestSelling => document.sales,
        Sort::TopRated => u64::from(bayes(document.rating, u64::from(document.ratings))),
        Sort::PriceAscending => u64::MAX - document.price,
        Sort::PriceDescending => document.price,
    };
    Rank { value, published_at: document.published_at, key: Key::of(&document.id) }
}

/// What is written and searched: words of a few fields, some similar, some longer ones with two
/// typos, runs and numbers.
const WORDS: [&str; 24] = [
    "light",
    "lights",
    "lihgt",
    "lighting",
    "right",
    "softbox",
    "softbx",
    "softboxes",
    "soft",
    "reflector",
    "relfectro",
    "reflectors",
    "portrait",
    "portriat",
    "key",
    "keys",
    "85mm",
    "85",
    "mm",
    "the",
    "灯光",
    "灯光预设",
    "预设",
    "caf\u{e9}",
];

fn some_words(most: usize) -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..=most);
    words.prop_map(|words| words.join(" "))
}

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let names = prop::sample::subsequence(names, 0..=2);
    names.prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

const TAGS: [&str; 3] = ["soft", "low key", "caf\u{e9}"];
const KINDS: [&str; 3] = ["preset", "rig", "pack"];
const CATEGORIES: [&str; 3] = ["portrait", "food", "film"];
const CREATORS: [&str; 3] = ["usr_ana", "usr_bo", "usr_cy"];

fn one_of(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(names).prop_map(str::to_owned)
}

/// A number with few digits, or with all.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0_u64..5, 3 => 0_u64..3_000, 1 => (u64::MAX - 3)..=u64::MAX]
}

/// A listing with this many possible numbers.
fn any_document(numbers: u32) -> impl Strategy<Value = Document> {
    let texts = (some_words(3), some_words(6), some_of(&TAGS));
    let names = (one_of(&KINDS), one_of(&CATEGORIES), one_of(&CREATORS));
    let rating = prop_oneof![Just(None), (0_u16..=500).prop_map(Some), Just(Some(u16::MAX))];
    let published_at = prop_oneof![4 => 0_i64..4, 1 => any::<i64>()];
    let values = (number(), rating, 0_u32..50, number(), published_at);
    let all = (0..numbers, texts, names, values);
    all.prop_map(|(number, (title, description, tags), (kind, category, creator_id), values)| {
        let (price, rating, ratings, sales, published_at) = values;
        Document {
            title,
            description,
            tags,
            kind,
            category,
            creator_id,
            price,
            rating,
            ratings,
            sales,
            published_at,
            ..document(number)
        }
    })
}

fn any_query() -> impl Strategy<Value = Query> {
    let now_and_then = |numbers: BoxedStrategy<u64>| prop::option::weighted(0.2, numbers);
    let names = |names| prop_oneof![3 => Just(Vec::new()), 1 => some_of(names)];
    let filters = (
        names(&KINDS[..]),
        names(&CATEGORIES[..]),
        names(&TAGS[..]),
        now_and_then(number().boxed()),
        now_and_then(number().boxed()),
        prop::option::weighted(0.2, 0_u16..=510),
        prop::option::weighted(0.1, one_of(&CREATORS)),
        prop::option::weighted(0.1, prop::sample::select(vec![Cost::Free, Cost::Paid])),
    );
    let text = prop::option::weighted(0.8, some_words(4));
    let sort = prop::option::of(prop::sample::select(Sort::ALL.to_vec()));
    (text, sort, filters).prop_map(|(text, sort, filters)| {
        let (kinds, categories, tags, price_min, price_max, rating_min, creator, cost) = filters;
        Query {
            text,
            kinds,
            categories,
            tags,
            price_min,
            price_max,
            rating_min,
            creator,
            cost,
            sort,
        }
    })
}

/// Compares every page of a query.
fn compare(catalogue: &Catalogue, oracle: &Oracle, query: &Query, limit: usize) {
    let mut cursor = None;
    loop {
        let found = catalogue.search(query, limit, cursor.as_deref()).unwrap();
        assert_eq!(found, oracle.search(query, limit, cursor.as_deref()), "{query:?}");
        cursor = found.next_cursor;
        if cursor.is_none() {
            return;
        }
    }
}

/// `documents` in two shards, with `changes`, applied in two steps.
fn changed(documents: &[Document], changes: &[Change]) -> Catalogue {
    let shards = [0, 1].map(|shard| {
        let here = |it: &&Document| Key::of(&it.id).0 % 2 == shard;
        let blob = Catalogue::build(documents.iter().filter(here).cloned(), AS_OF).unwrap();
        Shard::open(blob).unwrap()
    });
    let mut catalogue = Catalogue::of(shards).unwrap();
    let (first, then) = changes.split_at(changes.len() / 2);
    catalogue.apply(first.iter().cloned()).unwrap();
    catalogue.apply(then.iter().cloned()).unwrap();
    catalogue
}

/// A newer state of a listing, or its end.
fn any_change(numbers: u32) -> impl Strategy<Value = Change> {
    let change = (any_document(numbers), 2_u64..4, prop::bool::weighted(0.3));
    change.prop_map(|(document, seq, is_end)| match is_end {
        true => Change::Unlisted { id: document.id, seq },
        false => Change::Listed(Document { seq, ..document }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_page_of_every_search_follows_the_rules(
        documents in prop::collection::vec(any_document(900), 0..400),
        changes in prop::collection::vec(any_change(900), 0..40),
        queries in prop::collection::vec((any_query(), 1_usize..40), 12),
    ) {
        let catalogue = changed(&documents, &changes);
        let oracle = Oracle::of(&catalogue);
        for (query, limit) in &queries {
            compare(&catalogue, &oracle, query, *limit);
        }
    }
}
