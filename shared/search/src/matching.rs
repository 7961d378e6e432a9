//! Matching: which documents contain the searched words, and how well.
//!
//! Every word must occur in the document, or every word but one: both are computed at once, because
//! finding the similar words is the expensive part. A word's points are the weight of its field times the
//! quality of its match, a document's points the sum over the words. Nothing depends on other
//! documents, and the number of similar words in the dictionary is not limited.

use std::collections::BTreeMap;
use std::io;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::termdict::TermDictionary;
use tantivy::{TantivyError, Term};

use crate::layer::Layer;
use crate::query::{Matched, Wanted};
use crate::words::{Term as Searchable, TermKind};

/// The unit of points, and the minimum difference between two sums of them.
const UNIT: u16 = 32;
/// The weight of a field per eighth of a match, by its number: description, creator, tags, title.
/// Twelve words in a title are 7,680 points, so a sum fits.
const WORTH: [u16; 5] = [0, UNIT / 2, UNIT, UNIT * 3 / 2, UNIT * 5 / 2];

/// Match quality, in eighths.
const EXACT: u16 = 8;
const PREFIX: u16 = 6;
/// Maximum edits (insertion, deletion, substitution, swap), minimum word length, because a shorter
/// word would become another one, and the match quality.
const TYPOS: [(u8, usize, u16); 2] = [(2, 8, 2), (1, 4, 4)];

/// The searched words and their automata, built once for all layers.
pub(crate) struct Searched<'a>(Vec<Word<'a>>);

struct Word<'a> {
    text: &'a str,
    /// The number of the word that it is a part of.
    number: usize,
    /// Automata for typos, from the worst match to the best.
    misspelt: Vec<(DfaWrapper, u16)>,
    kind: TermKind,
}

impl<'a> Searched<'a> {
    pub(crate) fn of(wanted: &'a Wanted) -> Result<Searched<'a>, TantivyError> {
        let words = wanted.words.as_deref().unwrap_or_default();
        Ok(Searched(words.iter().map(Word::of).collect::<Result<_, TantivyError>>()?))
    }
}

impl<'a> Word<'a> {
    fn of(term: &'a Searchable) -> Result<Word<'a>, TantivyError> {
        let (text, kind) = (term.text.as_str(), term.kind);
        let letters = text.chars().count();
        let mut misspelt = Vec::new();
        // Words with digits are not matched with typos: 35mm is not 85mm.
        if kind.may_be_misspelt() && !text.chars().any(char::is_numeric) {
            for (typos, letters_min, eighths) in TYPOS {
                if letters >= letters_min {
                    // The field does not matter: the automaton is of the text alone.
                    let term = Term::from_field_text(Field::from_field_id(0), text);
                    misspelt.push((FuzzyTermQuery::new(term, typos, true).automaton()?, eighths));
                }
            }
        }
        Ok(Word { text, number: term.word, misspelt, kind })
    }
}

/// The points of the documents of a layer.
pub(crate) enum Points {
    /// All match, because the query has neither words nor tags nor a creator.
    OfAll,
    /// Of each document; 0 for those that do not match.
    Of {
        /// For having all words.
        all: Vec<u16>,
        /// For having all words or all but one, the best of both.
        all_but_one: Vec<u16>,
    },
}

impl Points {
    /// The points of each document that is matched in this way; `None` if all are.
    pub(crate) fn of(&self, matched: Matched) -> Option<&[u16]> {
        match (self, matched) {
            (Points::OfAll, _) => None,
            (Points::Of { all, .. }, Matched::AllWords) => Some(all),
            (Points::Of { all_but_one, .. }, Matched::AllButOne) => Some(all_but_one),
        }
    }
}

/// The points of the documents of a layer.
pub(crate) fn points(
    layer: &Layer,
    wanted: &Wanted,
    searched: &Searched<'_>,
) -> Result<Points, TantivyError> {
    let mut matches = Matches::new(layer.rows.len());
    if let Some(creator) = &wanted.creator {
        matches.narrow_to(&layer.creators, creator)?;
    }
    for tag in &wanted.tags {
        matches.narrow_to(&layer.tags, tag)?;
    }
    for word in searched.0.chunk_by(|one, other| one.number == other.number) {
        matches.narrow_by(&layer.words, word)?;
    }
    Ok(match matches.sums {
        None => Points::OfAll,
        Some(Sums { all, all_but_one }) => Points::Of { all, all_but_one },
    })
}

/// The sums of each document over the conditions so far, and one; 0 once it does not match.
struct Sums {
    all: Vec<u16>,
    all_but_one: Vec<u16>,
}

impl Sums {
    fn new(documents: usize) -> Sums {
        Sums { all: vec![1; documents], all_but_one: vec![1; documents] }
    }
}

struct Matches {
    sums: Option<Sums>,
    /// The points of one word, and of one of its terms.
    of_word: Vec<u16>,
    of_term: Vec<u16>,
}

impl Matches {
    fn new(documents: usize) -> Matches {
        Matches { sums: None, of_word: vec![0; documents], of_term: vec![0; documents] }
    }

    /// Restricts to the documents with exactly this label.
    fn narrow_to(&mut self, labels: &InvertedIndexReader, label: &str) -> io::Result<()> {
        self.of_word.fill(0);
        if let Some(info) = labels.terms().get(label)? {
            let mut list =
                labels.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            while !list.docs().is_empty() {
                for document in list.docs() {
                    self.of_word[*document as usize] = 1;
                }
                list.advance();
            }
        }
        // One point for every remaining document, which does not change their order.
        let Matches { sums, of_word, .. } = self;
        let Sums { all, all_but_one } = sums.get_or_insert_with(|| Sums::new(of_word.len()));
        both(all, of_word);
        both(all_but_one, of_word);
        Ok(())
    }

    /// Restricts to the documents with this word, of which every term must occur, and adds its
    /// points.
    fn narrow_by(&mut self, words: &InvertedIndexReader, terms: &[Word<'_>]) -> io::Result<()> {
        for (nth, term) in terms.iter().enumerate() {
            self.of_term.fill(0);
            for alike in alike(words.terms(), term)? {
                self.add_term(words, &alike)?;
            }
            match nth {
                0 => std::mem::swap(&mut self.of_word, &mut self.of_term),
                _ => both(&mut self.of_word, &self.of_term),
            }
        }
        let Matches { sums, of_word, .. } = self;
        let Sums { all, all_but_one } = sums.get_or_insert_with(|| Sums::new(of_word.len()));
        for ((all, but_one), points) in all.iter_mut().zip(all_but_one).zip(&*of_word) {
            // It lacks an earlier word, or this one.
            *but_one = sum_of_both(*but_one, *points).max(*all);
            *all = sum_of_both(*all, *points);
        }
        Ok(())
    }

    /// Adds one of the similar words of a term, of which the best counts.
    fn add_term(&mut self, words: &InvertedIndexReader, term: &Alike) -> io::Result<()> {
        let worth = WORTH.map(|worth| worth * term.eighths);
        let mut list =
            words.read_block_postings_from_terminfo(&term.info, IndexRecordOption::WithFreqs)?;
        while !list.docs().is_empty() {
            for (document, place) in list.docs().iter().zip(list.freqs()) {
                let points = worth.get(*place as usize).copied().unwrap_or(0);
                let best = &mut self.of_term[*document as usize];
                *best = points.max(*best);
            }
            list.advance();
        }
        Ok(())
    }
}

/// Adds the points of one condition; a document without any does not match.
fn both(sums: &mut [u16], points: &[u16]) {
    for (sum, points) in sums.iter_mut().zip(points) {
        *sum = sum_of_both(*sum, *points);
    }
}

/// The sum, or 0 if either is.
fn sum_of_both(one: u16, other: u16) -> u16 {
    if one == 0 || other == 0 { 0 } else { one.saturating_add(other) }
}

/// A dictionary word similar to a searched one.
struct Alike {
    info: TermInfo,
    eighths: u16,
}

/// The similar words, keyed by where their posting list begins, which is unique.
#[derive(Default)]
struct Found(BTreeMap<usize, Alike>);

impl Found {
    /// Adds a word, replacing the same word with a worse match.
    fn put(&mut self, info: &TermInfo, eighths: u16) {
        self.0.insert(info.postings_range.start, Alike { info: info.clone(), eighths });
    }
}

/// All words of a dictionary similar to one. The first letter must match: people rarely mistype it,
/// and it leaves a small part of the dictionary to scan.
fn alike(dictionary: &TermDictionary, word: &Word<'_>) -> io::Result<Vec<Alike>> {
    let mut found = Found::default();
    let first: String = word.text.chars().take(1).collect();
    // From the worst match to the best, which replaces it.
    for (automaton, eighths) in &word.misspelt {
        let like = dictionary.search(automaton);
        let mut like = like.ge(&first).lt(behind(&first)).into_stream()?;
        while like.advance() {
            found.put(like.value(), *eighths);
        }
    }
    if word.kind.is_a_beginning() {
        let mut begun = dictionary.range().ge(word.text).lt(behind(word.text)).into_stream()?;
        while begun.advance() {
            found.put(begun.value(), PREFIX);
        }
    }
    if let Some(info) = dictionary.get(word.text)? {
        found.put(&info, EXACT);
    }
    Ok(found.0.into_values().collect())
}

/// The least bytes after all that begin with `text`. The last byte of UTF-8 is never 255.
fn behind(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = last.saturating_add(1);
    }
    bytes
}
