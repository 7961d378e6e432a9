//! Which documents have the searched words, and how well.
//!
//! Every word must be somewhere in the document. A word's points are the worth of its place times
//! the share of its match, a document's points the sum over the words. Nothing of it depends on
//! other documents, and nothing is cut off by how many words of the dictionary are like one.

use std::collections::BTreeMap;
use std::io;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::termdict::TermDictionary;
use tantivy::{TantivyError, Term};

use crate::layer::Layer;
use crate::query::Wanted;
use crate::words::{Term as Searchable, TermKind};

/// The unit of points, and the least difference between two sums of them.
const UNIT: u16 = 32;
/// What a place is worth for each eighth of a match, by its number: description, creator, tags,
/// title. Twelve words in a title are 7,680 points, so a sum fits.
const WORTH: [u16; 5] = [0, UNIT / 2, UNIT, UNIT * 3 / 2, UNIT * 5 / 2];

/// How a word of the document is like a searched one, in eighths.
const EXACT: u16 = 8;
const PREFIX: u16 = 6;
/// How many letters are added, left out, exchanged or swapped; how long a word must be at least,
/// because a shorter one would be another word; and the share.
const TYPOS: [(u8, usize, u16); 2] = [(2, 8, 2), (1, 4, 4)];

/// The searched words with what only depends on them, so that it is made once for all layers.
pub(crate) struct Searched<'a>(Vec<Word<'a>>);

struct Word<'a> {
    text: &'a str,
    /// With so many typos, from the worst match to the best.
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
        // Words with digits are no words that people misspell: 35mm is not 85mm.
        if kind.may_be_misspelt() && !text.chars().any(char::is_numeric) {
            for (typos, letters_min, eighths) in TYPOS {
                if letters >= letters_min {
                    // The field does not matter: the automaton is of the text alone.
                    let term = Term::from_field_text(Field::from_field_id(0), text);
                    misspelt.push((FuzzyTermQuery::new(term, typos, true).automaton()?, eighths));
                }
            }
        }
        Ok(Word { text, misspelt, kind })
    }
}

/// Points of each document of a layer; 0 for those that do not match. `None` if all do, because
/// the query has neither words nor tags nor a creator.
pub(crate) fn points(
    layer: &Layer,
    wanted: &Wanted,
    searched: &Searched<'_>,
) -> Result<Option<Vec<u16>>, TantivyError> {
    let mut matches = Matches { sum: None, of_one: vec![0; layer.rows.len()] };
    if let Some(creator) = &wanted.creator {
        matches.narrow_to(&layer.creators, creator)?;
    }
    for tag in &wanted.tags {
        matches.narrow_to(&layer.tags, tag)?;
    }
    for word in &searched.0 {
        matches.narrow_by(&layer.words, alike(layer.words.terms(), word)?)?;
    }
    Ok(matches.sum)
}

struct Matches {
    sum: Option<Vec<u16>>,
    of_one: Vec<u16>,
}

impl Matches {
    /// Keeps the documents that have exactly this label.
    fn narrow_to(&mut self, labels: &InvertedIndexReader, label: &str) -> io::Result<()> {
        if let Some(info) = labels.terms().get(label)? {
            let mut list =
                labels.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            while !list.docs().is_empty() {
                for document in list.docs() {
                    self.of_one[*document as usize] = 1;
                }
                list.advance();
            }
        }
        // One point for every document that is left, which changes nothing about their order.
        self.add();
        Ok(())
    }

    /// Keeps the documents that have one of these words, and adds the points of the best.
    fn narrow_by(&mut self, words: &InvertedIndexReader, terms: Vec<Alike>) -> io::Result<()> {
        for term in terms {
            let worth = WORTH.map(|worth| worth * term.eighths);
            let mut list = words
                .read_block_postings_from_terminfo(&term.info, IndexRecordOption::WithFreqs)?;
            while !list.docs().is_empty() {
                for (document, place) in list.docs().iter().zip(list.freqs()) {
                    let points = worth.get(*place as usize).copied().unwrap_or(0);
                    let best = &mut self.of_one[*document as usize];
                    *best = points.max(*best);
                }
                list.advance();
            }
        }
        self.add();
        Ok(())
    }

    /// Adds the points of one condition, which a document without any of them does not meet.
    fn add(&mut self) {
        match &mut self.sum {
            None => self.sum = Some(self.of_one.clone()),
            Some(sum) => {
                for (sum, points) in sum.iter_mut().zip(&self.of_one) {
                    *sum = if *sum == 0 || *points == 0 { 0 } else { sum.saturating_add(*points) };
                }
            }
        }
        self.of_one.fill(0);
    }
}

/// A word of the dictionary that is like a searched one.
struct Alike {
    info: TermInfo,
    eighths: u16,
}

/// The words that are like one, by where their list of documents begins, which is a place that no
/// two share.
#[derive(Default)]
struct Found(BTreeMap<usize, Alike>);

impl Found {
    /// Puts a word, instead of the same word found as a worse match.
    fn put(&mut self, info: &TermInfo, eighths: u16) {
        self.0.insert(info.postings_range.start, Alike { info: info.clone(), eighths });
    }
}

/// All words of a dictionary that are like one. The first letter is right: people rarely miss it,
/// and it leaves a small part of the dictionary to go over.
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

/// The least bytes behind all that begin with `text`. The last byte of UTF-8 is never 255.
fn behind(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = last.saturating_add(1);
    }
    bytes
}
