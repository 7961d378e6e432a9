//! Matching: which documents contain the searched words, and how well.
//!
//! Every word must occur in the document. A word's points are the weight of its field times the
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
use crate::query::Wanted;
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
        Ok(Word { text, misspelt, kind })
    }
}

/// Points of each document of a layer; 0 for those that do not match. `None` if all match, because
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
    /// Restricts to the documents with exactly this label.
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
        // One point for every remaining document, which does not change their order.
        self.add();
        Ok(())
    }

    /// Restricts to the documents with one of these words, and adds the points of the best.
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

    /// Adds the points of one condition; a document without any does not match.
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
