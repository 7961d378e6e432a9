//! From text to positioned glyphs: fonts, directions, widths and line breaks.
//!
//! DejaVu Sans Condensed sets Latin, Greek, Cyrillic, Hebrew, Armenian and most symbols; DejaVu
//! Sans sets what it lacks, such as Arabic. What neither has (Chinese, Japanese, Korean, Indic
//! scripts, emoji) is drawn as one box per character, but keeps its own text, so that searching and
//! copying still work.

use harfrust::{Direction, Feature, FontRef, ShapeOptions, ShaperData, Tag, UnicodeBuffer};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::MetadataProvider;
use unicode_bidi::BidiInfo;
use unicode_linebreak::linebreaks;
use unicode_segmentation::UnicodeSegmentation;

use crate::PdfError;

/// Most characters of a text that are set.
const CHARS_MAX: usize = 1000;
/// Drawn for a character that no font has.
const BOX: &str = "□";
/// Digits of equal width, so that columns align.
const TABULAR: Feature = Feature { tag: Tag::new(b"tnum"), value: 1, start: 0, end: u32::MAX };

/// Font weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Strong,
}

/// Digit width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digits {
    Proportional,
    /// For columns.
    Tabular,
}

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    /// In points.
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) digits: Digits,
}

/// The fonts of a document.
pub struct Fonts {
    regular: Typeface,
    strong: Typeface,
    /// For what the others lack, in either weight.
    fallback: Typeface,
    /// The glyph of [`BOX`] in `fallback`.
    missing: KrillaGlyph,
}

/// One set line. Its runs follow each other from left to right.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) runs: Vec<Run>,
    /// In points.
    pub(crate) size: f32,
    /// In points.
    pub(crate) width: f32,
}

/// Glyphs of one font in one direction.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) font: Font,
    /// The text of the glyphs; their ranges are ranges of this.
    pub(crate) text: String,
    pub(crate) glyphs: Vec<KrillaGlyph>,
    /// In ems.
    width: f32,
}

struct Typeface {
    font: Font,
    face: FontRef<'static>,
    shaping: ShaperData,
}

impl Style {
    pub(crate) const fn regular(size: f32) -> Style {
        Style { size, weight: Weight::Regular, digits: Digits::Proportional }
    }

    pub(crate) const fn strong(size: f32) -> Style {
        Style { size, weight: Weight::Strong, digits: Digits::Proportional }
    }

    /// The same with digits for columns.
    pub(crate) const fn tabular(self) -> Style {
        Style { digits: Digits::Tabular, ..self }
    }

    /// From one baseline to the next, in points.
    pub(crate) fn leading(self) -> f32 {
        leading(self.size)
    }
}

impl Line {
    /// From its baseline to the next, in points.
    pub(crate) fn leading(&self) -> f32 {
        leading(self.size)
    }
}

fn leading(size: f32) -> f32 {
    size * 1.42
}

impl Run {
    /// In points at `size`.
    pub(crate) fn width(&self, size: f32) -> f32 {
        self.width * size
    }

    fn new(font: &Font, text: &str, glyphs: Vec<KrillaGlyph>) -> Run {
        let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
        Run { font: font.clone(), text: text.to_owned(), glyphs, width }
    }
}

impl Fonts {
    /// The embedded fonts.
    ///
    /// # Errors
    /// When one of them cannot be read, which a test rules out.
    pub fn embedded() -> Result<Fonts, PdfError> {
        let fallback = Typeface::read(dejavu::sans::regular())?;
        let boxed = fallback.shape(BOX, Direction::LeftToRight, Digits::Proportional);
        let missing = boxed.and_then(|run| run.glyphs.into_iter().next());
        Ok(Fonts {
            regular: Typeface::read(dejavu::sans_condensed::regular())?,
            strong: Typeface::read(dejavu::sans_condensed::bold())?,
            fallback,
            missing: missing.ok_or(PdfError::Font)?,
        })
    }

    /// `text` on one line, however long.
    pub(crate) fn line(&self, text: &str, style: Style) -> Line {
        self.set(&clean(text), style)
    }

    /// `text` on one line of at most `width` points, cut with an ellipsis if needed.
    pub(crate) fn line_within(&self, text: &str, style: Style, width: f32) -> Line {
        self.cut(&clean(text), style, width)
    }

    /// `text` on at most `lines_max` lines of at most `width` points. Lines break where Unicode
    /// allows it, inside a word only if the word alone is too wide; what does not fit on the last
    /// one is cut with an ellipsis.
    pub(crate) fn wrap(&self, text: &str, style: Style, width: f32, lines_max: usize) -> Vec<Line> {
        let text = clean(text);
        let mut lines = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() && lines.len() < lines_max {
            if lines.len() + 1 == lines_max {
                lines.push(self.cut(rest, style, width));
                break;
            }
            let (line, after) = rest.split_at(self.end_of_line(rest, style, width));
            lines.push(self.set(line.trim_end(), style));
            rest = after.trim_start();
        }
        lines
    }

    fn end_of_line(&self, text: &str, style: Style, width: f32) -> usize {
        let fits = |end: &usize| self.set(text[..*end].trim_end(), style).width <= width;
        let words = linebreaks(text).map(|(end, _)| end).take_while(fits).last();
        words.unwrap_or_else(|| {
            let first = text.graphemes(true).next().map_or(text.len(), str::len);
            let ends = text.grapheme_indices(true).map(|(start, part)| start + part.len());
            ends.take_while(fits).last().unwrap_or(first)
        })
    }

    fn cut(&self, text: &str, style: Style, width: f32) -> Line {
        let whole = self.set(text, style);
        if whole.width <= width {
            return whole;
        }
        let ends = text.grapheme_indices(true).map(|(start, _)| start);
        let lines = ends.map(|end| self.set(&format!("{}…", text[..end].trim_end()), style));
        lines.take_while(|line| line.width <= width).last().unwrap_or_else(|| self.set("…", style))
    }

    /// Orders runs of either direction as they are displayed:
    /// <https://www.unicode.org/reports/tr9/>.
    fn set(&self, text: &str, style: Style) -> Line {
        let bidi = BidiInfo::new(text, None);
        let mut runs = Vec::new();
        for paragraph in &bidi.paragraphs {
            let (levels, parts) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for part in parts {
                let leftward = levels.get(part.start).is_some_and(|level| level.is_rtl());
                let direction =
                    if leftward { Direction::RightToLeft } else { Direction::LeftToRight };
                let mut pieces = self.pieces(&text[part], style.weight);
                if leftward {
                    pieces.reverse();
                }
                runs.extend(pieces.iter().map(|piece| self.run(piece, direction, style.digits)));
            }
        }
        let width = runs.iter().map(|run: &Run| run.width(style.size)).sum();
        Line { runs, size: style.size, width }
    }

    /// Splits where the font changes. A base and its marks stay together.
    fn pieces<'a>(&'a self, text: &'a str, weight: Weight) -> Vec<(Option<&'a Typeface>, &'a str)> {
        let preferred = match weight {
            Weight::Regular => &self.regular,
            Weight::Strong => &self.strong,
        };
        let choose = |part: &str| {
            [preferred, &self.fallback].into_iter().position(|typeface| typeface.has(part))
        };
        let mut pieces: Vec<(Option<usize>, usize, usize)> = Vec::new();
        for (start, part) in text.grapheme_indices(true) {
            let (end, choice) = (start + part.len(), choose(part));
            match pieces.last_mut() {
                Some((same, _, until)) if *same == choice => *until = end,
                Some(_) | None => pieces.push((choice, start, end)),
            }
        }
        let typefaces = [preferred, &self.fallback];
        let piece = |(choice, start, end): (Option<usize>, usize, usize)| {
            (choice.and_then(|index| typefaces.get(index).copied()), &text[start..end])
        };
        pieces.into_iter().map(piece).collect()
    }

    fn run(
        &self,
        (typeface, text): &(Option<&Typeface>, &str),
        direction: Direction,
        digits: Digits,
    ) -> Run {
        let shaped = typeface.and_then(|typeface| typeface.shape(text, direction, digits));
        shaped.unwrap_or_else(|| {
            let boxed = |(start, part): (usize, &str)| KrillaGlyph {
                text_range: start..start + part.len(),
                ..self.missing.clone()
            };
            let mut glyphs: Vec<KrillaGlyph> = text.grapheme_indices(true).map(boxed).collect();
            if direction == Direction::RightToLeft {
                glyphs.reverse();
            }
            Run::new(&self.fallback.font, text, glyphs)
        })
    }
}

impl Typeface {
    fn read(bytes: &'static [u8]) -> Result<Typeface, PdfError> {
        let font = Font::new(bytes.into(), 0).ok_or(PdfError::Font)?;
        let face = FontRef::new(bytes).map_err(|_| PdfError::Font)?;
        Ok(Typeface { font, shaping: ShaperData::new(&face), face })
    }

    fn has(&self, text: &str) -> bool {
        let letters = self.face.charmap();
        text.chars().all(|letter| letters.map(letter).is_some())
    }

    /// `None` if a glyph is missing.
    fn shape(&self, text: &str, direction: Direction, digits: Digits) -> Option<Run> {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(direction);
        let features: &[Feature] = match digits {
            Digits::Proportional => &[],
            Digits::Tabular => &[TABULAR],
        };
        let shaper = self.shaping.shaper(&self.face).build();
        let shaped = shaper.shape(buffer, ShapeOptions::new().features(features));
        let (infos, positions) = (shaped.glyph_infos(), shaped.glyph_positions());
        if infos.iter().any(|info| info.glyph_id == 0) {
            return None;
        }
        let mut starts: Vec<u32> = infos.iter().map(|info| info.cluster).collect();
        starts.sort_unstable();
        let end_of = |start: u32| {
            let after = starts.partition_point(|other| *other <= start);
            starts.get(after).map_or(text.len(), |next| *next as usize)
        };
        let ems = |units: i32| units as f32 / self.font.units_per_em();
        let glyph = |(info, at): (&harfrust::GlyphInfo, &harfrust::GlyphPosition)| KrillaGlyph {
            glyph_id: GlyphId::new(info.glyph_id),
            text_range: info.cluster as usize..end_of(info.cluster),
            x_advance: ems(at.x_advance),
            x_offset: ems(at.x_offset),
            y_offset: ems(at.y_offset),
            y_advance: ems(at.y_advance),
            location: None,
        };
        let glyphs = infos.iter().zip(positions).map(glyph).collect();
        Some(Run::new(&self.font, text, glyphs))
    }
}

/// One line of printable text: white space becomes single spaces; invisible characters are removed,
/// as are characters that PDF/A forbids (controls, directions, private use).
fn clean(text: &str) -> String {
    let seen = text
        .chars()
        .take(CHARS_MAX)
        .filter(|document| document.is_whitespace() || printable(*document));
    let seen: String = seen.collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn printable(document: char) -> bool {
    let hidden = matches!(document,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}');
    let noncharacter =
        u32::from(document) & 0xFFFE == 0xFFFE || matches!(document, '\u{FDD0}'..='\u{FDEF}');
    !(document.is_control() || hidden || noncharacter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: Style = Style::regular(10.0);

    fn said(line: &Line) -> String {
        line.runs.iter().map(|run| run.text.as_str()).collect()
    }

    #[test]
    fn digits_for_columns_are_aligned() {
        let fonts = Fonts::embedded().unwrap();
        let width = |text: &str, style: Style| fonts.line(text, style).width;
        let tabular = BODY.tabular();
        assert!((width("111.11", tabular) - width("888.88", tabular)).abs() < 1e-3);
        // Widths grow with the size, and heavier letters are wider.
        let double = Style::regular(20.0);
        assert!((width("Receipt", double) - 2.0 * width("Receipt", BODY)).abs() < 1e-3);
        assert!(width("Receipt", Style::strong(10.0)) > width("Receipt", BODY));
    }

    #[test]
    fn lines_end_between_words_and_fit() {
        let fonts = Fonts::embedded().unwrap();
        let check = |text: &str, width: f32, lines_max: usize, expected: &[&str]| {
            let lines = fonts.wrap(text, BODY, width, lines_max);
            assert!(lines.iter().all(|line| line.width <= width), "{text} in {width}");
            assert_eq!(lines.iter().map(said).collect::<Vec<_>>(), expected);
        };
        check("", 100.0, 3, &[]);
        check("  Pack \n of\t200  ", 100.0, 3, &["Pack of 200"]);
        check("Remaining time on Enterprise", 90.0, 3, &["Remaining time on", "Enterprise"]);
        check("Remaining time on Enterprise", 90.0, 1, &["Remaining time o…"]);
        check("Unbrokenaddress", 40.0, 3, &["Unbroke", "naddres", "s"]);
        // Chinese has no spaces and may be broken nearly anywhere, but not before a full stop.
        check("写真館写真館。", 31.0, 4, &["写真館", "写真", "館。"]);
    }

    #[test]
    fn a_mark_stays_with_its_letter_even_where_nothing_fits() {
        let fonts = Fonts::embedded().unwrap();
        let lines = fonts.wrap("e\u{301}e\u{301}", BODY, 0.1, 3);
        assert_eq!(lines.iter().map(said).collect::<Vec<_>>(), ["e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn fonts_follow_the_script_and_runs_the_reading_direction() {
        let fonts = Fonts::embedded().unwrap();
        let runs = |text: &str| -> Vec<(String, usize)> {
            let line = fonts.line(text, BODY);
            line.runs.iter().map(|run| (run.text.clone(), run.glyphs.len())).collect()
        };
        let owned = |runs: &[(&str, usize)]| -> Vec<(String, usize)> {
            runs.iter().map(|(text, glyphs)| ((*text).to_owned(), *glyphs)).collect()
        };
        // The document's own font has all of it.
        assert_eq!(runs("Zoë Łódź Ελένη Ирина"), owned(&[("Zoë Łódź Ελένη Ирина", 20)]));
        // A box for each character that no font has.
        assert_eq!(runs("A 写真"), owned(&[("A ", 2), ("写真", 2)]));
        // Right-to-left runs are in display order.
        assert_eq!(runs("אב 12"), owned(&[("12", 2), ("אב ", 3)]));
        assert!(runs("\u{202E}\u{0}\u{E000}").is_empty());
    }
}
