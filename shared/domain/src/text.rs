//! The one rule of text that people write and other people read.
//!
//! Text is Unicode in normal form C with `\n` at the end of a line ([`normalized`]), and its length
//! is the number of its characters (code points) in that form ([`length`]). A reader sees all of
//! it: nothing in it is a control, has no width without a reason, or turns the direction of what
//! follows ([`is_visible`]). A name is one line of it ([`is_line`]).

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::is_combining_mark, is_nfc_quick,
};

/// The flag that a region's letters, as tags, follow: England, Scotland, Wales.
const BLACK_FLAG: char = '\u{1f3f4}';
/// Ends such a flag.
const CANCEL_TAG: char = '\u{e007f}';
/// How many letters and digits name a region.
const REGION_CHARS: std::ops::RangeInclusive<u8> = 3..=6;

/// Text as it is kept: composed (NFC), with `\n` for `\r\n` and for a lone `\r`.
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

/// How long a text is: its characters in normal form C, so that it does not matter how an accent
/// was typed.
pub fn length(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.nfc().count(),
    }
}

/// Text that has something to see and hides nothing.
pub fn is_visible(text: &str) -> bool {
    let seen =
        |c: char| !c.is_whitespace() && !is_combining_mark(c) && !is_selector(c) && !is_joiner(c);
    hides_nothing(text) && text.chars().any(seen)
}

/// The same on one line.
pub fn is_line(text: &str) -> bool {
    is_visible(text) && !text.contains(['\n', '\t'])
}

/// Letters, marks and digits of any script, and what joins them: the characters of a word.
pub fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || is_joiner(c)
}

/// Whether a character is most of a word by itself: Chinese characters and Korean syllables.
pub fn is_ideograph_or_syllable(c: char) -> bool {
    is_ideograph(c) || ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

/// Whether a character is of a script that is written without blanks between words: Chinese and
/// Japanese characters and kana, Thai, Lao, Khmer, Burmese.
pub fn is_without_blanks(c: char) -> bool {
    is_ideograph(c)
        || matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}')
}

/// Whether every character is seen or has an effect on one beside it that is. The empty text hides
/// nothing.
///
/// What has no width is text only where it does something: a joiner between characters (Persian,
/// Hindi, families of emoji) or behind a mark that it shapes; one selector of a variant behind the
/// character it is for; tags behind the flag whose region they name.
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

/// What a joiner may stand behind: anything that is seen, its variant chosen or not.
fn carries(before: char) -> bool {
    !before.is_whitespace() && !is_joiner(before)
}

/// What a joiner may stand before.
fn is_joined(after: char) -> bool {
    carries(after) && !is_selector(after) && !is_hidden(after)
}

/// Whether a selector may stand behind `before`.
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

/// Selectors of variants: emoji or sign, of a Mongolian letter, of a Chinese character.
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

/// Whether tags are the letters and digits of a region, and then the end.
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
/// nor selectors, and a few that are drawn as a blank.
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
