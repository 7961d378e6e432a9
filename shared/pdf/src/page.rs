//! Page layout: the position of the next item, and its role for screen readers.

use crate::{
    shapes::Part,
    typeset::{Line, Style},
};

/// A4 in points.
pub(crate) const PAGE: (f32, f32) = (595.28, 841.89);
/// The left edge of everything, in points from the left of the page.
pub const LEFT: f32 = 56.0;
/// The right edge of everything, in points from the left of the page.
pub const RIGHT: f32 = PAGE.0 - LEFT;
/// The top of the first line.
const TOP: f32 = 62.0;
/// The lower edge of the content; only the footer is below.
const BOTTOM: f32 = PAGE.1 - 72.0;

/// Colours by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaletteColor {
    Text,
    /// Labels and asides.
    Muted,
    /// Lines between rows.
    Hairline,
    /// The brand colour.
    Accent,
    /// Good news, and its background.
    Good,
    GoodGround,
    /// Something that needs action.
    Alert,
    AlertGround,
    /// Something final.
    Quiet,
    QuietGround,
}

impl PaletteColor {
    /// Red, green and blue.
    pub(crate) const fn rgb(self) -> (u8, u8, u8) {
        match self {
            PaletteColor::Text => (0x11, 0x18, 0x27),
            PaletteColor::Muted => (0x5B, 0x64, 0x72),
            PaletteColor::Hairline => (0xDD, 0xE1, 0xE7),
            PaletteColor::Accent => (0xB4, 0x53, 0x09),
            PaletteColor::Good => (0x04, 0x6C, 0x4E),
            PaletteColor::GoodGround => (0xE6, 0xF6, 0xEF),
            PaletteColor::Alert => (0x9A, 0x34, 0x12),
            PaletteColor::AlertGround => (0xFD, 0xEF, 0xE3),
            PaletteColor::Quiet => (0x47, 0x50, 0x5F),
            PaletteColor::QuietGround => (0xEC, 0xEE, 0xF2),
        }
    }
}

/// The role of a text in the document structure. Adjacent texts with the same role are one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Outside the structure: decoration, repeated headings, footers.
    Artifact,
    Title,
    /// With its element number.
    Paragraph(usize),
    /// With its element number.
    Figure(usize),
    /// A cell of a table.
    Cell(Cell),
}

/// The position of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) table: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) kind: CellKind,
}

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// Names its column.
    ColumnHead,
    /// Names its row.
    RowHead,
    Data,
}

/// An item on a page, in points from the upper left corner.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Text {
        x: f32,
        baseline: f32,
        line: Line,
        color: PaletteColor,
        role: Role,
        link: Option<String>,
    },
    Area {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        radius: f32,
        color: PaletteColor,
    },
    /// A graphic with an alternative text.
    Figure {
        number: usize,
        alt: String,
        parts: Vec<Part>,
    },
}

/// Pages being filled from the top.
#[derive(Debug)]
pub(crate) struct PageLayout {
    pub(crate) pages: Vec<Vec<Item>>,
    /// The top of the next item, in points.
    pub(crate) y: f32,
    elements: usize,
}

impl PageLayout {
    pub(crate) fn new() -> PageLayout {
        PageLayout { pages: vec![Vec::new()], y: TOP, elements: 0 }
    }

    /// A number for the next paragraph or table.
    pub(crate) fn element(&mut self) -> usize {
        self.elements += 1;
        self.elements
    }

    /// The role of a new paragraph.
    pub(crate) fn paragraph(&mut self) -> Role {
        Role::Paragraph(self.element())
    }

    /// Whether `height` points fit on this page.
    pub(crate) fn has_room(&self, height: f32) -> bool {
        self.y + height <= BOTTOM
    }

    pub(crate) fn next_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    /// Puts `item` on the page being filled.
    pub(crate) fn put(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    /// Puts `line` at `x` with its top at [`PageLayout::y`], which does not move.
    pub(crate) fn text(&mut self, x: f32, line: Line, color: PaletteColor, role: Role) {
        let baseline = self.y + ascent(line.size);
        self.put(Item::Text { x, baseline, line, color, role, link: None });
    }

    /// The same with its right end at `x`.
    pub(crate) fn text_right(&mut self, x: f32, line: Line, color: PaletteColor, role: Role) {
        self.text(x - line.width, line, color, role);
    }

    /// Puts `lines` below each other from `x` and moves below them.
    pub(crate) fn lines(
        &mut self,
        x: f32,
        lines: Vec<Line>,
        style: Style,
        color: PaletteColor,
        role: Role,
    ) {
        for line in lines {
            self.text(x, line, color, role);
            self.y += style.leading();
        }
    }

    /// A line from `x` to the right edge, at [`PageLayout::y`].
    pub(crate) fn rule(&mut self, x: f32, thickness: f32, color: PaletteColor) {
        let (y, width) = (self.y, RIGHT - x);
        self.put(Item::Area { x, y, width, height: thickness, radius: 0.0, color });
    }
}

/// From the top of a line to its baseline, in points.
pub(crate) fn ascent(size: f32) -> f32 {
    size * 1.05
}
