//! Splits text into terms, in the same way for the index and for searches.
//!
//! A word is a run of letters, marks and digits, in the folded spelling of [`Folder`]. Nothing else
//! in a text has a meaning, so there is no query syntax to escape.
//!
//! A word of letters is one term. Scripts without spaces between words are cut into pieces instead,
//! one beginning at each letter: two letters long where a letter is a syllable or more (Chinese,
//! Japanese, Korean), three where it is a sound (Thai, Lao, Khmer, Burmese). So a word is found
//! inside a run by its pieces, and one shorter than a piece as a prefix of pieces. This needs no
//! dictionary, so no new word is missing from one.
//!
//! A number next to letters is indexed together and apart, so that "85 mm" and "85mm" find each
//! other.

use std::collections::BTreeMap;

use serde::Serialize;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use crate::Document;
use crate::folding::Folder;

/// Most characters of a searched text that are read; the rest is ignored.
pub const TEXT_CHARS_MAX: usize = 200;
/// Most terms of a searched text that are read; the rest is ignored.
pub const WORDS_MAX: usize = 12;
/// Longer words are cut, in the index and in searches.
const WORD_CHARS_MAX: usize = 40;
/// Longer tags are cut, because tantivy silently drops very long terms.
const TAG_CHARS_MAX: usize = 200;
/// A shorter last word is not matched as a prefix: it would match too many words.
const BEGINNING_CHARS_MIN: usize = 3;
/// Longer words next to a number are neither its unit (mm, kelvin) nor its name (f, ISO).
const BESIDE_A_NUMBER_CHARS_MAX: usize = 6;

/// Stop words: a search skips them unless it has no others, or "portrait of a dog" would not find
/// "Dog portrait". The single letters are what follows an apostrophe.
const SKIPPED: [&str; 20] = [
    "a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or", "s", "t",
    "that", "the", "this", "to", "with",
];

/// The field of a document that contains a word. A higher one weighs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Description = 1,
    Creator = 2,
    Tags = 3,
    Title = 4,
}

/// A term of a searched text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) kind: TermKind,
    /// The number of the word it was cut from: the pieces of a run are found or missing together.
    #[serde(skip)]
    pub(crate) word: usize,
}

/// How a search term matches the terms of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum TermKind {
    /// Itself and, with typos, similar words.
    Word,
    /// The same, and words that begin with it.
    UnfinishedWord,
    /// A piece of a run: only itself.
    Piece,
    /// Shorter than a piece: pieces that begin with it.
    ShortPiece,
}

impl TermKind {
    /// Whether such a term may match with typos.
    pub(crate) fn may_be_misspelt(self) -> bool {
        matches!(self, TermKind::Word | TermKind::UnfinishedWord)
    }

    /// Whether it also matches as a prefix.
    pub(crate) fn is_a_beginning(self) -> bool {
        matches!(self, TermKind::UnfinishedWord | TermKind::ShortPiece)
    }
}

/// How a script is split into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// At spaces.
    AtBlanks,
    /// Into pieces of this many letters.
    Pieces(usize),
}

/// A part of a word that is split in one way.
struct Part<'a> {
    text: &'a str,
    cut: Cut,
}

/// Splits text into terms.
pub(crate) struct Splitter(Folder);

impl Splitter {
    pub(crate) fn new() -> Splitter {
        Splitter(Folder::new())
    }

    /// The words of a document's texts as terms, and the best field of each.
    pub(crate) fn places(&mut self, document: &Document) -> BTreeMap<String, Place> {
        let mut places = BTreeMap::new();
        let mut put = |text: &str, place: Place| {
            let text = self.0.fold(text);
            each_indexed(&text, &mut |term| {
                let best = places.entry(term).or_insert(place);
                *best = place.max(*best);
            });
        };
        put(&document.description, Place::Description);
        put(&document.creator_name, Place::Creator);
        document.tags.iter().for_each(|tag| put(tag, Place::Tags));
        put(&document.title, Place::Title);
        places
    }

    /// A tag in comparable form: its words, or its characters if it has none (an emoji).
    pub(crate) fn tag(&mut self, tag: &str) -> String {
        let folded = self.0.fold(tag);
        let words: Vec<&str> = words(&folded).collect();
        let words = words.join(" ");
        let tag = if words.is_empty() { tag.trim() } else { words.as_str() };
        tag.chars().take(TAG_CHARS_MAX).collect()
    }

    /// The terms of a searched text, each once, within the limits. The last one is the last of the
    /// text, which may be unfinished. Empty if the text has no words.
    pub(crate) fn searched(&mut self, text: &str) -> Vec<Term> {
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        let text = self.0.fold(&text);
        let cut =
            |(word, text)| parts(text).into_iter().flat_map(move |part| searched_in(part, word));
        let mut terms: Vec<Term> = words(&text).enumerate().flat_map(cut).collect();
        if terms.iter().any(|term| !is_skipped(&term.text)) {
            terms.retain(|term| !is_skipped(&term.text));
        }
        terms.truncate(WORDS_MAX);
        let mut once: Vec<Term> = Vec::with_capacity(terms.len());
        for term in terms.into_iter().rev() {
            if !once.iter().any(|it| (&it.text, it.kind) == (&term.text, term.kind)) {
                once.push(term);
            }
        }
        once.reverse();
        if let Some(last) = once.last_mut()
            && last.kind == TermKind::Word
            && last.text.chars().count() >= BEGINNING_CHARS_MIN
        {
            last.kind = TermKind::UnfinishedWord;
        }
        once
    }
}

/// The words of folded text, in order.
fn words(folded: &str) -> impl Iterator<Item = &str> {
    let apart = |c: char| !c.is_alphanumeric() && !is_combining_mark(c);
    folded.split(apart).filter(|word| !word.is_empty())
}

/// Passes every term of folded text to `put`.
fn each_indexed(folded: &str, put: &mut impl FnMut(String)) {
    let mut before: Option<&str> = None;
    for part in words(folded).flat_map(parts) {
        let Cut::Pieces(length) = part.cut else {
            put(cut_short(part.text));
            if let Some((one, other)) = number_and_letters(part.text) {
                put(one.to_owned());
                put(other.to_owned());
            }
            if let Some(before) = before.filter(|before| are_beside(before, part.text)) {
                put(format!("{before}{}", part.text));
            }
            before = Some(part.text);
            continue;
        };
        before = None;
        let letters = letters(part.text);
        for start in 0..letters.len() {
            put(letters[start..(start + length).min(letters.len())].concat());
        }
    }
}

/// The terms that find a part of the searched word with this number.
fn searched_in(part: Part<'_>, word: usize) -> Vec<Term> {
    let Cut::Pieces(length) = part.cut else {
        return vec![Term { text: cut_short(part.text), kind: TermKind::Word, word }];
    };
    let letters = letters(part.text);
    if letters.len() < length {
        return vec![Term { text: letters.concat(), kind: TermKind::ShortPiece, word }];
    }
    let piece = |letters: &[&str]| Term { text: letters.concat(), kind: TermKind::Piece, word };
    letters.windows(length).map(piece).collect()
}

/// A word as parts whose scripts are split alike. A character of any script, such as the stroke
/// that makes a kana long, belongs to the part before it.
fn parts(word: &str) -> Vec<Part<'_>> {
    if word.is_ascii() {
        return vec![Part { text: word, cut: Cut::AtBlanks }];
    }
    let mut parts = Vec::new();
    let (mut start, mut cut) = (0, None);
    for (place, c) in word.char_indices() {
        let own = own_cut(c).or(cut).unwrap_or(Cut::AtBlanks);
        match cut.replace(own) {
            Some(before) if before != own => {
                parts.push(Part { text: &word[start..place], cut: before });
                start = place;
            }
            Some(_) | None => {}
        }
    }
    parts.extend(cut.map(|cut| Part { text: &word[start..], cut }));
    parts
}

/// How the script of a character is split; `None` for one common to all scripts.
fn own_cut(c: char) -> Option<Cut> {
    if c.is_ascii() || c.is_numeric() && c.script() != Script::Han {
        return Some(Cut::AtBlanks);
    }
    let script = c.script();
    if matches!(script, Script::Common | Script::Inherited) {
        None
    } else if OF_SYLLABLES.contains(&script) {
        Some(Cut::Pieces(2))
    } else if OF_SOUNDS.contains(&script) {
        Some(Cut::Pieces(3))
    } else {
        Some(Cut::AtBlanks)
    }
}

const OF_SYLLABLES: [Script; 5] =
    [Script::Han, Script::Hiragana, Script::Katakana, Script::Hangul, Script::Bopomofo];
const OF_SOUNDS: [Script; 4] = [Script::Thai, Script::Lao, Script::Khmer, Script::Myanmar];

/// The letters of a part, each with its marks.
fn letters(part: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = part
        .char_indices()
        .filter(|(place, c)| *place == 0 || !is_combining_mark(*c))
        .map(|(place, _)| place)
        .collect();
    starts.push(part.len());
    starts.windows(2).map(|ends| &part[ends[0]..ends[1]]).collect()
}

fn cut_short(word: &str) -> String {
    word.chars().take(WORD_CHARS_MAX).collect()
}

fn is_skipped(word: &str) -> bool {
    SKIPPED.contains(&word)
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters that may accompany a number: a unit after it, or a name before it.
fn are_letters(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && word.chars().count() <= BESIDE_A_NUMBER_CHARS_MAX
}

/// "85mm" as "85" and "mm", "iso100" as "iso" and "100".
fn number_and_letters(word: &str) -> Option<(&str, &str)> {
    let digit_first = word.bytes().next()?.is_ascii_digit();
    let (one, other) = word.split_at(word.bytes().position(|b| b.is_ascii_digit() != digit_first)?);
    let (number, beside) = if digit_first { (one, other) } else { (other, one) };
    (is_number(number) && are_letters(beside)).then_some((one, other))
}

/// Whether two adjacent words are a number and letters that may be written together.
fn are_beside(before: &str, word: &str) -> bool {
    let fits = |number: &str, beside: &str| {
        number.len() < WORD_CHARS_MAX / 2
            && is_number(number)
            && are_letters(beside)
            && !is_skipped(beside)
    };
    fits(before, word) || fits(word, before)
}
