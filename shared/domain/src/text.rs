//! The rules for text that people write and other people read.
//!
//! Text is Unicode in normal form C with `\n` line endings ([`normalized`]), and its length is the
//! number of its code points in that form ([`length`]). All of it is visible: it has no control
//! characters, no zero-width characters without a function, and nothing that changes the direction
//! of what follows ([`is_visible`]). A name is one line of it ([`is_line`]).

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::is_combining_mark, is_nfc_quick,
};

/// The base of flags of regions, followed by tag letters: England, Scotland, Wales.
const BLACK_FLAG: char = '\u{1f3f4}';
/// Ends such a flag.
const CANCEL_TAG: char = '\u{e007f}';
/// Number of letters and digits that name a region.
const REGION_CHARS: std::ops::RangeInclusive<u8> = 3..=6;

/// Text in its stored form: composed (NFC), with `\n` for `\r\n` and for a lone `\r`.
pub fn normalized(text: &str) -> String {
    let text = match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text.to_owned(),
    };
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        IsNormalized::Maybe | IsNormalized::No => text.nfc().collect(),
    }
}

/// The length of a text: its code points in normal form C, so that it does not matter how an accent
/// was typed.
pub fn length(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.nfc().count(),
    }
}

/// Whether a text has visible characters and hides nothing.
pub fn is_visible(text: &str) -> bool {
    let seen =
        |c: char| !c.is_whitespace() && !is_combining_mark(c) && !is_selector(c) && !is_joiner(c);
    hides_nothing(text) && text.chars().any(seen)
}

/// Whether a text is visible and has a single line.
pub fn is_line(text: &str) -> bool {
    is_visible(text) && !text.contains(['\n', '\t'])
}

/// Letters, marks and digits of any script, and joiners: the characters of a word.
pub fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || is_joiner(c)
}

/// Whether one character is most of a word: Chinese characters and Korean syllables.
pub fn is_ideograph_or_syllable(c: char) -> bool {
    is_ideograph(c) || ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

/// Whether a character belongs to a script written without spaces between words: Chinese and
/// Japanese characters and kana, Thai, Lao, Khmer, Burmese.
pub fn is_without_blanks(c: char) -> bool {
    is_ideograph(c)
        || matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}')
}

/// Whether every character is visible or affects a visible neighbor. True for the empty text.
///
/// Zero-width characters are allowed only where they have an effect: a joiner between characters
/// (Persian, Hindi, families of emoji) or after a mark that it shapes; one variation selector after
/// its character; tags after the flag whose region they name.
pub fn hides_nothing(text: &str) -> bool {
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let holds = match c {
            '\n' | '\t' => true,
            BLACK_FLAG if rest.peek().copied().is_some_and(is_tag) => {
                let tags = std::iter::from_fn(|| rest.next_if(|next| is_tag(*next)));
                is_region(tags)
            }
            _ if is_joiner(c) => before.is_some_and(|before| {
                let shapes = is_combining_mark(before);
                carries(before) && (shapes || rest.peek().copied().is_some_and(is_joined))
            }),
            _ if is_selector(c) => before.is_some_and(|before| selects(c, before)),
            _ => !is_hidden(c),
        };
        if !holds {
            return false;
        }
        before = Some(c);
    }
    true
}

/// Whether a joiner may follow `before`: any visible character, with or without a selector.
fn carries(before: char) -> bool {
    !before.is_whitespace() && !is_joiner(before)
}

/// Whether a joiner may precede `after`.
fn is_joined(after: char) -> bool {
    carries(after) && !is_selector(after) && !is_hidden(after)
}

/// Whether a selector may follow `before`.
fn selects(selector: char, before: char) -> bool {
    match selector {
        '\u{fe0e}' | '\u{fe0f}' => carries(before) && !is_selector(before),
        '\u{180b}'..='\u{180f}' => ('\u{1820}'..='\u{18aa}').contains(&before),
        _ => is_ideograph(before),
    }
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Variation selectors: of emoji, Mongolian letters, and Chinese characters.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}'
        | '\u{e0100}'..='\u{e01ef}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

fn is_tag(c: char) -> bool {
    ('\u{e0020}'..=CANCEL_TAG).contains(&c)
}

/// Whether tags are the letters and digits of a region followed by the end tag.
fn is_region(tags: impl Iterator<Item = char>) -> bool {
    let (mut named, mut ended) = (0_u8, false);
    for tag in tags {
        match tag {
            _ if ended => return false,
            CANCEL_TAG => ended = true,
            '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}' => {
                named = named.saturating_add(1);
            }
            _ => return false,
        }
    }
    ended && REGION_CHARS.contains(&named)
}

/// Controls, the characters of Unicode's `Default_Ignorable_Code_Point` that are neither joiners
/// nor selectors, and a few that are rendered as a blank.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
            | '\u{17b5}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests;
