//! Folds equivalent spellings into one, for the index and for searches.
//!
//! Compatibility forms become the usual ones (NFKD: half-width kana, full-width letters, ligatures,
//! jamo), upper and lower case become the same (full case folding: ß is ss), and optional marks are
//! removed: accents, the vowel points of Hebrew, the vowel signs of Arabic. The result is composed
//! again (NFC), so that a Korean syllable is one character and a voiced kana differs from its
//! voiceless one. Marks that make another letter of their script stay.

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, RawTokenizer, TextAnalyzer};
use unicode_normalization::UnicodeNormalization;

/// Folds text.
pub(crate) struct Folder {
    cases: CaseMapperBorrowed<'static>,
    /// What no normal form and no case folding does: ø is o, æ is ae. Applied before case folding,
    /// because it folds some small letters to capitals.
    latin: TextAnalyzer,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        let latin = TextAnalyzer::builder(RawTokenizer::default())
            .filter(AsciiFoldingFilter)
            .filter(LowerCaser)
            .build();
        Folder { cases: CaseMapper::new(), latin }
    }

    pub(crate) fn fold(&mut self, text: &str) -> String {
        if text.is_ascii() {
            return text.to_ascii_lowercase();
        }
        let plain: String = text.nfkd().filter(|c| !is_left_out(*c)).collect();
        let folded = self.cases.fold_string(&plain);
        let composed: String = folded.nfkd().filter(|c| !is_left_out(*c)).nfc().collect();
        let mut whole = String::with_capacity(composed.len());
        self.latin.token_stream(&composed).process(&mut |token| whole.push_str(&token.text));
        whole
    }
}

/// Optional marks, and zero-width characters that would split a word or hide in it: soft hyphens,
/// joiners, selectors, direction marks.
fn is_left_out(c: char) -> bool {
    matches!(c,
        // Accents of Latin, Greek and Cyrillic letters.
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20f0}' | '\u{fe20}'..='\u{fe2f}'
        // Hebrew points.
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}'
        | '\u{5c7}'
        // Arabic vowel signs, and the stroke that only stretches a word.
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}'
        | '\u{6ea}'..='\u{6ed}' | '\u{8d3}'..='\u{8e1}' | '\u{8e3}'..='\u{8ff}'
        // Syriac points.
        | '\u{711}' | '\u{730}'..='\u{74a}'
        // Zero-width.
        | '\u{ad}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}
