//! Matching: which documents contain the searched words, and how well.
//!
//! Every word must occur in the document, or every word but one. A word's points are the weight of
//! its field times the quality of its match, a document's points the sum over the words. Nothing
//! depends on other documents, and the number of similar words in the dictionary is not limited.

use std::collections::BTreeMap;
use std::io;
use std::mem::swap;

use tantivy::postings::TermInfo;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;
use tantivy::termdict::TermDictionary;
use tantivy::{TantivyError, Term};

use crate::Sort;
use crate::bits::Bits;
use crate::layer::Layer;
use crate::part::Part;
use crate::planes::Planes;
use crate::postings::padded;
use crate::query::{Matched, Wanted};
use crate::words::{Term as Searchable, TermKind};

/// Match quality, in quarters. Twelve exact words in a title are 240 points, so a sum fits into a
/// byte.
const EXACT: u8 = 4;
const PREFIX: u8 = 3;
/// Maximum edits (insertion, deletion, substitution, swap), minimum word length, because a shorter
/// word would become another one, and the match quality.
const TYPOS: [(u8, usize, u8); 2] = [(2, 8, 1), (1, 4, 2)];

/// A searched term and its automata.
struct Searched<'a> {
    text: &'a str,
    /// The number of the word that it is a part of.
    word: usize,
    /// Automata for typos, from the worst match to the best.
    misspelt: Vec<(DfaWrapper, u8)>,
    kind: TermKind,
}

impl<'a> Searched<'a> {
    fn of(term: &'a Searchable) -> Result<Searched<'a>, TantivyError> {
        let (text, kind) = (term.text.as_str(), term.kind);
        let letters = text.chars().count();
        let mut misspelt = Vec::new();
        // Words with digits are not matched with typos: 35mm is not 85mm.
        if kind.may_be_misspelt() && !text.chars().any(char::is_numeric) {
            for (typos, letters_min, quarters) in TYPOS {
                if letters >= letters_min {
                    // The field does not matter: the automaton is of the text alone.
                    let term = Term::from_field_text(Field::from_field_id(0), text);
                    misspelt.push((FuzzyTermQuery::new(term, typos, true).automaton()?, quarters));
                }
            }
        }
        Ok(Searched { text, word: term.word, misspelt, kind })
    }
}

/// The documents that a query matches, before its filters.
pub(crate) struct Matching<'a> {
    wanted: &'a Wanted,
    /// The words of each layer, which are found once, because that is expensive.
    words: Vec<Vec<Word>>,
    scratch: Scratch,
}

/// A searched word in a layer: for each of its terms, the similar ones in the dictionary.
struct Word(Vec<Vec<Alike>>);

/// Matching documents of a layer.
pub(crate) struct Matches {
    pub(crate) documents: Bits,
    /// Their points for words, if they are sorted by them and there are any.
    pub(crate) points: Option<Planes>,
}

impl<'a> Matching<'a> {
    pub(crate) fn of(wanted: &'a Wanted, layers: &[Layer]) -> Result<Matching<'a>, TantivyError> {
        let terms = wanted.words.iter().flatten().map(Searched::of);
        let terms = terms.collect::<Result<Vec<_>, TantivyError>>()?;
        let words = layers.iter().map(|layer| words(&layer.part, &terms));
        let words = words.collect::<io::Result<_>>()?;
        Ok(Matching { wanted, words, scratch: Scratch::default() })
    }

    pub(crate) fn wanted(&self) -> &'a Wanted {
        self.wanted
    }

    /// The living documents of a layer, which has this place among all, that match in this way.
    pub(crate) fn documents(
        &mut self,
        (place, layer): (usize, &Layer),
        matched: Matched,
    ) -> io::Result<Matches> {
        let mut documents = layer.alive.clone();
        if let Some(creator) = &self.wanted.creator {
            documents.keep(&layer.part.created_by(creator)?);
        }
        for tag in &self.wanted.tags {
            documents.keep(&layer.part.tagged(tag)?);
        }
        let words = self.words.get(place).map(Vec::as_slice).unwrap_or_default();
        if words.is_empty() || documents.is_empty() {
            return Ok(Matches { documents, points: None });
        }
        let points = match matched {
            Matched::AllWords => self.scratch.all_words(&layer.part, words)?,
            Matched::AllButOne => self.scratch.all_but_one(&layer.part, words)?,
        };
        documents.keep(&Bits::of_bytes(points));
        let is_order = self.wanted.sort == Sort::Relevance;
        let points = is_order.then(|| Planes::of_bytes(points));
        Ok(Matches { documents, points })
    }
}

/// The searched words in a part, the rarest first: if nothing has it, nothing has all.
fn words(part: &Part, terms: &[Searched<'_>]) -> io::Result<Vec<Word>> {
    let alike = |term| alike(part.words.dictionary(), term);
    let words = terms.chunk_by(|one, other| one.word == other.word);
    let words = words.map(|terms| terms.iter().map(alike).collect::<io::Result<_>>().map(Word));
    let mut words = words.collect::<io::Result<Vec<_>>>()?;
    words.sort_by_key(Word::frequency);
    Ok(words)
}

impl Word {
    /// At most so many documents have it: those of its rarest term, in every spelling.
    fn frequency(&self) -> u64 {
        let of_term = |alike: &Vec<Alike>| alike.iter().map(|it| u64::from(it.info.doc_freq)).sum();
        self.0.iter().map(of_term).min().unwrap_or(0)
    }
}

/// The points of each document of a layer, padded; 0 is no match. The memory is used for one layer
/// after the other.
#[derive(Default)]
struct Scratch {
    /// For one term of a word.
    of_term: Vec<u8>,
    /// For one word.
    of_word: Vec<u8>,
    /// For having all words so far.
    all: Vec<u8>,
    /// For having all words so far or all but one, the best of both.
    all_but_one: Vec<u8>,
}

impl Scratch {
    /// The points of the documents that have all `words`.
    fn all_words(&mut self, part: &Part, words: &[Word]) -> io::Result<&[u8]> {
        for (nth, word) in words.iter().enumerate() {
            self.word(part, word)?;
            match nth {
                0 => swap(&mut self.all, &mut self.of_word),
                _ => both(&mut self.all, &self.of_word),
            }
            if self.all.iter().fold(0, |any, points| any | points) == 0 {
                break;
            }
        }
        Ok(&self.all)
    }

    /// The points of the documents that have all `words` or all but one.
    fn all_but_one(&mut self, part: &Part, words: &[Word]) -> io::Result<&[u8]> {
        cleared(&mut self.all_but_one, part);
        for (nth, word) in words.iter().enumerate() {
            self.word(part, word)?;
            match nth {
                0 => swap(&mut self.all, &mut self.of_word),
                // One of the first two may be missing.
                1 => {
                    self.all_but_one.clone_from(&self.all);
                    either(&mut self.all_but_one, &self.of_word);
                    both(&mut self.all, &self.of_word);
                }
                // It lacks an earlier word, or this one.
                _ => {
                    both(&mut self.all_but_one, &self.of_word);
                    best(&mut self.all_but_one, &self.all);
                    both(&mut self.all, &self.of_word);
                }
            }
        }
        Ok(&self.all_but_one)
    }

    /// Sets the points of a word, of which every term must occur.
    fn word(&mut self, part: &Part, word: &Word) -> io::Result<()> {
        for (nth, alike) in word.0.iter().enumerate() {
            cleared(&mut self.of_term, part);
            for Alike { info, quarters } in alike {
                part.words.add(info, *quarters, &mut self.of_term)?;
            }
            match nth {
                0 => swap(&mut self.of_word, &mut self.of_term),
                _ => both(&mut self.of_word, &self.of_term),
            }
        }
        Ok(())
    }
}

/// No points for any document of a part.
fn cleared(points: &mut Vec<u8>, part: &Part) {
    points.clear();
    points.resize(padded(part.len()), 0);
}

/// Adds `points`; a document without any in one of both has none.
fn both(sums: &mut [u8], points: &[u8]) {
    for (sum, points) in sums.iter_mut().zip(points) {
        // Without a branch, so that many are added at once.
        *sum = if (*sum == 0) | (*points == 0) { 0 } else { sum.saturating_add(*points) };
    }
}

/// Adds `points`.
fn either(sums: &mut [u8], points: &[u8]) {
    sums.iter_mut().zip(points).for_each(|(sum, points)| *sum = sum.saturating_add(*points));
}

/// The greater of both.
fn best(sums: &mut [u8], others: &[u8]) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum = (*sum).max(*other));
}

/// A dictionary word similar to a searched one.
struct Alike {
    info: TermInfo,
    quarters: u8,
}

/// The similar words, keyed by where their posting list begins, which is unique.
#[derive(Default)]
struct Found(BTreeMap<usize, Alike>);

impl Found {
    /// Adds a word, replacing the same word with a worse match.
    fn put(&mut self, info: &TermInfo, quarters: u8) {
        self.0.insert(info.postings_range.start, Alike { info: info.clone(), quarters });
    }
}

/// All words of a dictionary similar to one. The first letter must match: people rarely mistype it,
/// and it leaves a small part of the dictionary to scan.
fn alike(dictionary: &TermDictionary, word: &Searched<'_>) -> io::Result<Vec<Alike>> {
    let mut found = Found::default();
    let first: String = word.text.chars().take(1).collect();
    // From the worst match to the best, which replaces it.
    for (automaton, quarters) in &word.misspelt {
        let like = dictionary.search(automaton);
        let mut like = like.ge(&first).lt(behind(&first)).into_stream()?;
        while like.advance() {
            found.put(like.value(), *quarters);
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
