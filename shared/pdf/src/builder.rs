//! Lays out a document from its title to its footers.

use crate::{
    PdfError,
    chart::{Chart, drawn},
    page::{Cell, CellKind, Item, LEFT, PAGE, PageLayout, PaletteColor, RIGHT, Role, ascent},
    paint::{DocumentInfo, paint},
    shapes::{Part, Tint},
    typeset::{Fonts, Line, Style},
};

const TITLE: Style = Style::strong(25.0);
const HEADLINE: Style = Style::strong(15.0);
const NAME: Style = Style::strong(12.0);
const STRONG: Style = Style::strong(9.0);
const BODY: Style = Style::regular(9.0);
const SMALL: Style = Style::regular(8.0);
const LABEL: Style = Style::strong(7.5);

/// Most lines of one description, name or address line.
const LINES_OF_TEXT_MAX: usize = 6;
/// Most lines of an address.
const ADDRESS_LINES_MAX: usize = 12;
/// Left edge of the second of two columns.
const HALF: f32 = LEFT + 250.0;
/// Width of one of two columns, in points.
const COLUMN: f32 = 220.0;
/// Width of the sums, in points.
const SUMS: f32 = RIGHT - HALF;
/// Gap between the texts of the footer, in points.
const FOOTER_GAP: f32 = 18.0;
/// Padding above and below the text of a row, in points.
const PADDING: f32 = 4.6;
/// Height of a sum, in points.
const SUM_HEIGHT: f32 = 19.4;
const SPACE_ABOVE_SUMS: f32 = 10.0;
/// Height of a KPI card, in points.
const KPI_CARD_HEIGHT: f32 = 58.0;
/// Height of a chart with its title, in points.
const CHART_HEIGHT: f32 = 142.0;
const SPACE_ABOVE_NOTES: f32 = 22.0;

/// The meaning of a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badge {
    /// Good: nothing to do.
    Good,
    /// Action is needed.
    Alert,
    /// Final: nothing more will happen.
    Quiet,
}

/// The emphasis of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emphasis {
    /// One of several.
    Plain,
    /// The total.
    Strong,
}

/// A row under the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Its label.
    pub label: String,
    /// The formatted amount.
    pub amount: String,
    /// Its emphasis.
    pub emphasis: Emphasis,
}

/// A note below the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Small text.
    Aside(String),
    /// A link.
    Link {
        /// The visible text.
        text: String,
        /// The target.
        url: String,
    },
}

/// One key figure with a short comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KpiCard {
    /// Its label.
    pub label: String,
    /// The formatted value.
    pub value: String,
    /// A comment, such as the change to the previous period.
    pub aside: String,
    /// Whether the comment is good news.
    pub badge: Badge,
}

/// A column of a table, by the edge its texts align to, in points from the left of the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Left-aligned text from `x`, `width` points wide.
    Words {
        /// Its heading.
        head: String,
        /// Its left edge.
        x: f32,
        /// Its width.
        width: f32,
    },
    /// Right-aligned figures that end at `x`.
    Figures {
        /// Its heading.
        head: String,
        /// Its right edge.
        x: f32,
    },
}

/// A text in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// On as many lines as needed, up to a limit.
    Whole(String),
    /// On one line, cut with an ellipsis if needed.
    Short(String),
    /// The same in small text.
    Aside(String),
    /// An id to copy or look up: in small text, on as many lines as needed, and never cut.
    Id(String),
    /// On one line, however long.
    Figure(String),
}

/// The texts of each column, one below the other.
pub type Row = Vec<Vec<Text>>;

/// A table; it breaks over pages and repeats its headings on each.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// From left to right.
    pub columns: Vec<Column>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// What follows a table, on one page with its last row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableFooter {
    /// The sums of the table.
    pub sums: Vec<Sum>,
    /// Notes for the reader.
    pub notes: Vec<Note>,
}

/// A document being laid out, from the top.
pub struct DocumentBuilder<'a> {
    fonts: &'a Fonts,
    layout: PageLayout,
}

/// A note with its text set.
struct SetNote<'a> {
    lines: Vec<Line>,
    style: Style,
    url: Option<&'a str>,
}

impl<'a> DocumentBuilder<'a> {
    /// A document with a title and its issuer.
    pub fn new(fonts: &'a Fonts, title: &str, from: &str) -> DocumentBuilder<'a> {
        let mut layout = PageLayout::new();
        let (top, x, color) = (layout.y, LEFT, PaletteColor::Accent);
        let (width, height, radius) = (34.0, 3.0, 0.0);
        layout.put(Item::Area { x, y: top - 22.0, width, height, radius, color });
        layout.text(LEFT, fonts.line(title, TITLE), PaletteColor::Text, Role::Title);
        let role = layout.paragraph();
        layout.y += 9.0;
        layout.text_right(RIGHT, fonts.line_within(from, NAME, COLUMN), PaletteColor::Text, role);
        layout.y = top + 46.0;
        DocumentBuilder { fonts, layout }
    }

    /// A badge on the right.
    pub fn badge(&mut self, word: &str, badge: Badge) {
        let (color, ground) = match badge {
            Badge::Good => (PaletteColor::Good, PaletteColor::GoodGround),
            Badge::Alert => (PaletteColor::Alert, PaletteColor::AlertGround),
            Badge::Quiet => (PaletteColor::Quiet, PaletteColor::QuietGround),
        };
        let line = self.fonts.line(word, Style::strong(8.5));
        let (height, inset) = (18.0, 9.0);
        let (x, y) = (RIGHT - line.width - 2.0 * inset, self.layout.y - 2.0);
        let width = line.width + 2.0 * inset;
        self.layout.put(Item::Area { x, y, width, height, radius: height / 2.0, color: ground });
        let role = self.layout.paragraph();
        let top = std::mem::replace(&mut self.layout.y, y + 3.1);
        self.layout.text(x + inset, line, color, role);
        self.layout.y = top;
    }

    /// A line such as `Issued  22 November 2026`; a long value continues below.
    pub fn fact(&mut self, label: &str, value: &str) {
        let role = self.layout.paragraph();
        let label = self.fonts.line(label, BODY);
        self.layout.text(LEFT, label, PaletteColor::Muted, role);
        for value in self.fonts.wrap(value, STRONG, 260.0, usize::MAX) {
            self.layout.text(LEFT + 56.0, value, PaletteColor::Text, role);
            self.layout.y += 14.5;
        }
    }

    /// Issuer and recipient, each with a label, side by side.
    pub fn parties(&mut self, from: (&str, &[&str]), to: (&str, &[&str])) {
        self.layout.y += 20.0;
        let top = self.layout.y;
        let below = self.party(LEFT, from);
        self.layout.y = top;
        self.layout.y = self.party(HALF, to).max(below);
    }

    /// Returns its lower end.
    fn party(&mut self, x: f32, (label, lines): (&str, &[&str])) -> f32 {
        let role = self.layout.paragraph();
        let label = self.fonts.line(label, LABEL);
        self.layout.text(x, label, PaletteColor::Muted, role);
        self.layout.y += 14.0;
        let role = self.layout.paragraph();
        for (index, text) in lines.iter().take(ADDRESS_LINES_MAX).enumerate() {
            let style = if index == 0 { STRONG } else { BODY };
            let set = self.fonts.wrap(text, style, COLUMN, LINES_OF_TEXT_MAX);
            self.layout.lines(x, set, style, PaletteColor::Text, role);
        }
        self.layout.y
    }

    /// The main statement of the document, in one sentence.
    pub fn headline(&mut self, text: &str) {
        self.layout.y += 26.0;
        let role = self.layout.paragraph();
        let lines = self.fonts.wrap(text, HEADLINE, RIGHT - LEFT, LINES_OF_TEXT_MAX);
        self.layout.lines(LEFT, lines, HEADLINE, PaletteColor::Text, role);
        self.layout.y += 16.0;
    }

    /// Leaves this many points free.
    pub fn skip(&mut self, points: f32) {
        self.layout.y += points;
    }

    /// A heading inside the document.
    pub fn section(&mut self, text: &str) {
        self.layout.y += 15.0;
        let role = self.layout.paragraph();
        let line = self.fonts.line_within(text, STRONG, RIGHT - LEFT);
        self.layout.text(LEFT, line, PaletteColor::Text, role);
        self.layout.y += 16.0;
    }

    /// Key figures, side by side.
    pub fn kpi_cards(&mut self, kpi_cards: &[KpiCard]) {
        let gap = 9.0;
        let width = across(kpi_cards.len(), gap);
        let top = self.layout.y;
        for (index, card) in kpi_cards.iter().enumerate() {
            let x = LEFT + index as f32 * (width + gap);
            let (color, height, radius) = (PaletteColor::QuietGround, KPI_CARD_HEIGHT, 5.0);
            self.layout.put(Item::Area { x, y: top, width, height, radius, color });
            let (x, room) = (x + 10.0, width - 20.0);
            let role = self.layout.paragraph();
            let aside = match card.badge {
                Badge::Good => PaletteColor::Good,
                Badge::Alert => PaletteColor::Alert,
                Badge::Quiet => PaletteColor::Muted,
            };
            for (text, style, color, below) in [
                (&card.label, SMALL, PaletteColor::Muted, 9.0),
                (&card.value, HEADLINE, PaletteColor::Text, 21.0),
                (&card.aside, SMALL, aside, 42.0),
            ] {
                self.layout.y = top + below;
                self.layout.text(x, self.fonts.line_within(text, style, room), color, role);
            }
        }
        self.layout.y = top + KPI_CARD_HEIGHT;
    }

    /// Charts, side by side.
    ///
    /// # Errors
    /// When there are too many to fit.
    pub fn charts(&mut self, charts: &[Chart<'_>]) -> Result<(), PdfError> {
        let gap = 18.0;
        let width = across(charts.len(), gap);
        self.layout.y += 16.0;
        let top = self.layout.y;
        for (index, chart) in charts.iter().enumerate() {
            let x = LEFT + index as f32 * (width + gap);
            self.layout.y = top;
            let role = self.layout.paragraph();
            let title = self.fonts.line_within(&chart.title, STRONG, width);
            self.layout.text(x, title, PaletteColor::Text, role);
            let mut parts = self.legend(chart, (x, top + 15.0));
            let size = (width, CHART_HEIGHT - 28.0);
            parts.extend(drawn(self.fonts, chart, (x, top + 28.0), size)?);
            let number = self.layout.element();
            self.layout.put(Item::Figure { number, alt: chart.alt.clone(), parts });
        }
        self.layout.y = top + CHART_HEIGHT;
        Ok(())
    }

    /// The colours of the series, on one line.
    fn legend(&self, chart: &Chart<'_>, (x, top): (f32, f32)) -> Vec<Part> {
        let (mut x, side, size) = (x, 5.0, 7.0);
        let mut parts = Vec::new();
        for series in &chart.series {
            let tint = Tint::solid(series.hue.rgb());
            let (y, right) = (top + 2.0, x + side);
            let points = vec![(x, y), (right, y), (right, y + side), (x, y + side)];
            parts.push(Part::Path { points, stroke: None, tint });
            let line = self.fonts.line(&series.name, Style::regular(size));
            let (start, baseline) = (right + 3.0, top + ascent(size));
            x = start + line.width + 10.0;
            let tint = Tint::solid(PaletteColor::Muted.rgb());
            parts.push(Part::Text { x: start, baseline, line, tint });
        }
        parts
    }

    /// A table, and what follows it.
    pub fn table(&mut self, table: &Table, footer: &TableFooter) {
        let notes: Vec<SetNote<'_>> = footer.notes.iter().map(|it| self.set_note(it)).collect();
        let below = height_of(&footer.sums, &notes);
        let element = self.layout.element();
        let (row, kind) = (0, CellKind::ColumnHead);
        self.heads(&table.columns, |column| Role::Cell(Cell { table: element, row, column, kind }));
        for (index, row) in table.rows.iter().enumerate() {
            let cells: Vec<Vec<(Line, PaletteColor)>> =
                table.columns.iter().zip(row).map(|(it, texts)| self.set_cell(it, texts)).collect();
            let tall = |cell: &Vec<(Line, PaletteColor)>| {
                cell.iter().map(|(line, _)| line.leading()).sum()
            };
            let height = cells.iter().map(tall).fold(BODY.leading(), f32::max) + 2.0 * PADDING;
            let tail = if index + 1 == table.rows.len() { below } else { 0.0 };
            if !self.layout.has_room(height + tail) {
                self.layout.next_page();
                self.heads(&table.columns, |_| Role::Artifact);
            }
            self.row(&table.columns, cells, height, (element, index + 1));
        }
        if table.rows.is_empty() && !self.layout.has_room(below) {
            self.layout.next_page();
        }
        self.sums(&footer.sums);
        self.notes(notes);
    }

    fn heads(&mut self, columns: &[Column], role: impl Fn(usize) -> Role) {
        for (index, column) in columns.iter().enumerate() {
            let line = self.fonts.line(column.head(), LABEL);
            column.put(&mut self.layout, line, PaletteColor::Muted, role(index));
        }
        self.layout.y += LABEL.leading() + 4.0;
        self.layout.rule(LEFT, 1.0, PaletteColor::Text);
        self.layout.y += 1.0;
    }

    fn set_cell(&self, column: &Column, texts: &[Text]) -> Vec<(Line, PaletteColor)> {
        let width = match column {
            Column::Words { width, .. } => *width,
            Column::Figures { .. } => RIGHT - LEFT,
        };
        let mut set = Vec::new();
        for text in texts {
            match text {
                Text::Whole(text) => {
                    let lines = self.fonts.wrap(text, BODY, width, LINES_OF_TEXT_MAX);
                    set.extend(lines.into_iter().map(|line| (line, PaletteColor::Text)));
                }
                Text::Short(text) => {
                    set.push((self.fonts.line_within(text, BODY, width), PaletteColor::Text));
                }
                Text::Aside(text) => {
                    set.push((self.fonts.line_within(text, SMALL, width), PaletteColor::Muted));
                }
                Text::Id(text) => {
                    let lines = self.fonts.wrap(text, SMALL, width, usize::MAX);
                    set.extend(lines.into_iter().map(|line| (line, PaletteColor::Muted)));
                }
                Text::Figure(text) => {
                    set.push((self.fonts.line(text, BODY.tabular()), PaletteColor::Text));
                }
            }
        }
        set
    }

    fn row(
        &mut self,
        columns: &[Column],
        cells: Vec<Vec<(Line, PaletteColor)>>,
        height: f32,
        (table, row): (usize, usize),
    ) {
        let top = self.layout.y;
        for (index, (column, lines)) in columns.iter().zip(cells).enumerate() {
            let kind = if index == 0 { CellKind::RowHead } else { CellKind::Data };
            let role = Role::Cell(Cell { table, row, column: index, kind });
            self.layout.y = top + PADDING;
            for (line, color) in lines {
                let leading = line.leading();
                column.put(&mut self.layout, line, color, role);
                self.layout.y += leading;
            }
        }
        self.layout.y = top + height;
        self.layout.rule(LEFT, 0.6, PaletteColor::Hairline);
    }

    fn sums(&mut self, sums: &[Sum]) {
        if sums.is_empty() {
            return;
        }
        let table = self.layout.element();
        self.layout.y += SPACE_ABOVE_SUMS;
        for (row, sum) in sums.iter().enumerate() {
            let (style, color) = match sum.emphasis {
                Emphasis::Plain => (BODY, PaletteColor::Muted),
                Emphasis::Strong => (Style::strong(9.5), PaletteColor::Text),
            };
            if row > 0 && sum.emphasis == Emphasis::Strong {
                self.layout.rule(HALF, 0.6, PaletteColor::Hairline);
            }
            let top = self.layout.y;
            self.layout.y += (SUM_HEIGHT - style.size) / 2.0 - 1.0;
            let cell = |column, kind| Role::Cell(Cell { table, row, column, kind });
            let amount = self.fonts.line(&sum.amount, style.tabular());
            let room = SUMS - amount.width - 12.0;
            let label = self.fonts.line_within(&sum.label, style, room);
            self.layout.text(HALF, label, color, cell(0, CellKind::RowHead));
            self.layout.text_right(RIGHT, amount, PaletteColor::Text, cell(1, CellKind::Data));
            self.layout.y = top + SUM_HEIGHT;
        }
    }

    fn set_note<'n>(&self, note: &'n Note) -> SetNote<'n> {
        let (text, style, url) = match note {
            Note::Aside(text) => (text, SMALL, None),
            Note::Link { text, url } => (text, STRONG, Some(url.as_str())),
        };
        let lines = self.fonts.wrap(text, style, RIGHT - LEFT, LINES_OF_TEXT_MAX);
        SetNote { lines, style, url }
    }

    fn notes(&mut self, notes: Vec<SetNote<'_>>) {
        if notes.is_empty() {
            return;
        }
        self.layout.y += SPACE_ABOVE_NOTES;
        for SetNote { lines, style, url } in notes {
            let role = self.layout.paragraph();
            let color = if url.is_some() { PaletteColor::Accent } else { PaletteColor::Muted };
            for line in lines {
                let (baseline, link) = (self.layout.y + ascent(style.size), url.map(str::to_owned));
                self.layout.put(Item::Text { x: LEFT, baseline, line, color, role, link });
                self.layout.y += style.leading();
            }
        }
    }

    /// Finishes the document as the bytes of a PDF. Every page gets a footer: `what` with the page
    /// number on the right, and `from` on the left in the remaining room.
    ///
    /// # Errors
    /// When it does not conform to its declared standard.
    pub fn print(
        mut self,
        (from, what): (&str, &str),
        info: &DocumentInfo,
    ) -> Result<Vec<u8>, PdfError> {
        let count = self.layout.pages.len();
        for (index, page) in self.layout.pages.iter_mut().enumerate() {
            let (y, color, role, link) = (PAGE.1 - 58.0, PaletteColor::Muted, Role::Artifact, None);
            let (width, height, radius) = (RIGHT - LEFT, 0.6, 0.0);
            page.push(Item::Area {
                x: LEFT,
                y,
                width,
                height,
                radius,
                color: PaletteColor::Hairline,
            });
            let baseline = y + 17.0;
            let what = format!("{what} · Page {} of {count}", index + 1);
            let what = self.fonts.line_within(&what, SMALL, RIGHT - LEFT);
            let room = (RIGHT - LEFT - what.width - FOOTER_GAP).max(0.0);
            if room > 0.0 {
                let line = self.fonts.line_within(from, SMALL, room);
                page.push(Item::Text { x: LEFT, baseline, line, color, role, link: link.clone() });
            }
            let x = RIGHT - what.width;
            page.push(Item::Text { x, baseline, line: what, color, role, link });
        }
        paint(&self.layout.pages, info)
    }
}

impl Column {
    fn head(&self) -> &str {
        match self {
            Column::Words { head, .. } | Column::Figures { head, .. } => head,
        }
    }

    /// Puts a line at this column's alignment.
    fn put(&self, layout: &mut PageLayout, line: Line, color: PaletteColor, role: Role) {
        match self {
            Column::Words { x, .. } => layout.text(*x, line, color, role),
            Column::Figures { x, .. } => layout.text_right(*x, line, color, role),
        }
    }
}

/// The width of one of `count` items side by side, `gap` points between them.
fn across(count: usize, gap: f32) -> f32 {
    let count = count.max(1) as f32;
    (RIGHT - LEFT - gap * (count - 1.0)) / count
}

/// Height of everything below a table, in points.
fn height_of(sums: &[Sum], notes: &[SetNote<'_>]) -> f32 {
    let lines = |note: &SetNote<'_>| note.lines.len() as f32 * note.style.leading();
    let above_sums = if sums.is_empty() { 0.0 } else { SPACE_ABOVE_SUMS };
    let above_notes = if notes.is_empty() { 0.0 } else { SPACE_ABOVE_NOTES };
    above_sums + SUM_HEIGHT * sums.len() as f32 + above_notes + notes.iter().map(lines).sum::<f32>()
}
