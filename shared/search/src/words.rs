//! Text as words: the same for what is indexed and for what is searched.
//!
//! A word is a run of letters and digits, folded to ASCII where that is possible (é is e) and in
//! lower case. Nothing else in a text has a meaning, so there is no query syntax to escape.

use std::collections::BTreeMap;

use tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, SimpleTokenizer, TextAnalyzer};

use crate::Document;

/// Characters of a searched text that are read; what is behind them is ignored.
pub const TEXT_CHARS_MAX: usize = 200;
/// Words of a searched text that are read; what is behind them is ignored.
pub const WORDS_MAX: usize = 12;
/// Longer words are cut, when they are indexed and when they are searched.
const WORD_CHARS_MAX: usize = 40;
/// Longer tags are cut, because tantivy drops very long terms without a word.
const TAG_CHARS_MAX: usize = 200;

/// Words that say nothing of a listing: a search skips them unless it has no others, or "portrait
/// of a dog" would not find "Dog portrait". The letters are what is left behind an apostrophe.
const SKIPPED: [&str; 20] = [
    "a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or", "s", "t",
    "that", "the", "this", "to", "with",
];

/// Where in a document a word stands. A higher place is worth more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Description = 1,
    Creator = 2,
    Tags = 3,
    Title = 4,
}

/// Splits text into words.
pub(crate) struct Splitter(TextAnalyzer);

impl Splitter {
    pub(crate) fn new() -> Splitter {
        // Folded before it is lowered, because some small letters are folded to capitals.
        let analyzer = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(AsciiFoldingFilter)
            .filter(LowerCaser)
            .build();
        Splitter(analyzer)
    }

    /// The words of `text` in their order.
    pub(crate) fn words(&mut self, text: &str) -> Vec<String> {
        let text: String = text.chars().filter(|character| !is_invisible(*character)).collect();
        let mut words = Vec::new();
        self.0.token_stream(&text).process(&mut |token| {
            words.push(token.text.chars().take(WORD_CHARS_MAX).collect());
        });
        words
    }

    /// The words of a document and the best place of each.
    pub(crate) fn places(&mut self, document: &Document) -> BTreeMap<String, Place> {
        let mut places = BTreeMap::new();
        let mut put = |text: &str, place: Place| {
            for word in self.words(text) {
                let best = places.entry(word).or_insert(place);
                *best = place.max(*best);
            }
        };
        put(&document.description, Place::Description);
        put(&document.creator_name, Place::Creator);
        document.tags.iter().for_each(|tag| put(tag, Place::Tags));
        put(&document.title, Place::Title);
        places
    }

    /// A tag as it is compared: its words, or its characters if it has none (an emoji).
    pub(crate) fn tag(&mut self, tag: &str) -> String {
        let words = self.words(tag).join(" ");
        let tag = if words.is_empty() { tag.trim() } else { words.as_str() };
        tag.chars().take(TAG_CHARS_MAX).collect()
    }

    /// The words of a searched text, each once, within the limits. The last one is the last of the
    /// text, which may be unfinished. Empty if the text has no words.
    pub(crate) fn searched(&mut self, text: &str) -> Vec<String> {
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        let mut words = self.words(&text);
        if words.iter().any(|word| !is_skipped(word)) {
            words.retain(|word| !is_skipped(word));
        }
        words.truncate(WORDS_MAX);
        let mut once: Vec<String> = Vec::with_capacity(words.len());
        for word in words.into_iter().rev() {
            if !once.contains(&word) {
                once.push(word);
            }
        }
        once.reverse();
        once
    }
}

fn is_skipped(word: &str) -> bool {
    SKIPPED.contains(&word)
}

/// Marks that would tear a word apart or hide in it: combining accents (which leave the letter
/// that folding leaves of an accented one), soft hyphens, joiners and selectors without a width.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}
