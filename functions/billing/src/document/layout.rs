//! The page: what stands where.

use clients::documents::Company;
use domain::billing::invoice::Invoice;

use super::{
    figures::{self, Entry, Mark, Sum, Tone},
    sheet::{Cell, CellKind, Ink, Item, LEFT, PAGE, RIGHT, Role, Sheet, ascent},
    typeset::{Fonts, Line, Style},
};

const TITLE: Style = Style::strong(25.0);
const HEADLINE: Style = Style::strong(15.0);
const NAME: Style = Style::strong(12.0);
const STRONG: Style = Style::strong(9.0);
const BODY: Style = Style::regular(9.0);
const SMALL: Style = Style::regular(8.0);
const LABEL: Style = Style::strong(7.5);

/// Most lines of one description, one name, one address line.
const LINES_OF_TEXT_MAX: usize = 6;
/// Most lines of an address.
const ADDRESS_LINES_MAX: usize = 12;
/// Where the second of two columns begins.
const HALF: f32 = LEFT + 250.0;
/// Width of one of two columns, in points.
const COLUMN: f32 = 220.0;
/// Right ends of the columns of figures.
const QUANTITY: f32 = RIGHT - 168.0;
const UNIT: f32 = RIGHT - 84.0;
/// Widths of the description and of the sums, in points.
const DESCRIPTION: f32 = QUANTITY - 48.0 - LEFT;
const SUMS: f32 = RIGHT - HALF;
/// Width of either text of the footer, in points.
const FOOTER_HALF: f32 = 234.0;
/// Above and below the text of a row, in points.
const PADDING: f32 = 4.6;
/// Height of a sum, in points.
const SUM_HEIGHT: f32 = 19.4;
const SPACE_ABOVE_SUMS: f32 = 10.0;
const SPACE_ABOVE_NOTES: f32 = 22.0;

/// What a document is laid out from.
pub(super) struct Content<'a> {
    pub(super) invoice: &'a Invoice,
    pub(super) company: &'a Company,
    pub(super) mark: Mark,
    pub(super) entries: Vec<Entry>,
    pub(super) sums: Vec<Sum>,
}

/// The pages of a document, footers and all.
pub(super) fn lay_out(content: &Content<'_>, fonts: &Fonts) -> Vec<Vec<Item>> {
    let mut page = Layout { content, fonts, sheet: Sheet::new() };
    page.head();
    page.parties();
    page.headline();
    let notes = page.said_below();
    page.table(page.height_below(&notes));
    page.sums();
    page.notes(notes);
    page.footers();
    page.sheet.pages
}

struct Layout<'a> {
    content: &'a Content<'a>,
    fonts: &'a Fonts,
    sheet: Sheet,
}

/// A remark below the sums.
struct Note {
    lines: Vec<Line>,
    style: Style,
    link: Option<String>,
}

impl Layout<'_> {
    fn head(&mut self) {
        let Content { invoice, company, mark, .. } = *self.content;
        let (top, bar) = (self.sheet.y, 3.0);
        self.sheet.put(Item::Area {
            x: LEFT,
            y: top - 22.0,
            width: 34.0,
            height: bar,
            radius: 0.0,
            ink: Ink::Accent,
        });
        let title = self.fonts.line(figures::kind(invoice), TITLE);
        self.sheet.text(LEFT, title, Ink::Text, Role::Title);
        let role = self.sheet.paragraph();
        let name = self.fonts.line_within(&company.name, NAME, COLUMN);
        self.sheet.y += 9.0;
        self.sheet.text_ending(RIGHT, name, Ink::Text, role);
        self.sheet.y = top + 46.0;
        self.mark(mark);

        self.fact("Number", figures::number(invoice));
        self.fact("Issued", &figures::date(invoice.created_at));
        if let Some(at) = invoice.paid_at {
            self.fact("Paid", &figures::date(at));
        }
        if let Some(period) = invoice.period {
            self.fact("Period", &figures::span(period));
        }
        self.sheet.y += 20.0;
    }

    fn mark(&mut self, mark: Mark) {
        let (ink, ground) = match mark {
            Mark::Paid => (Ink::Good, Ink::GoodGround),
            Mark::Open | Mark::Unpaid => (Ink::Alert, Ink::AlertGround),
            Mark::PartlyRefunded | Mark::Refunded | Mark::Void => (Ink::Quiet, Ink::QuietGround),
        };
        let line = self.fonts.line(mark.word(), Style::strong(8.5));
        let (height, inset) = (18.0, 9.0);
        let (x, y) = (RIGHT - line.width - 2.0 * inset, self.sheet.y - 2.0);
        let width = line.width + 2.0 * inset;
        self.sheet.put(Item::Area { x, y, width, height, radius: height / 2.0, ink: ground });
        let role = self.sheet.paragraph();
        let top = std::mem::replace(&mut self.sheet.y, y + 3.1);
        self.sheet.text(x + inset, line, ink, role);
        self.sheet.y = top;
    }

    fn fact(&mut self, label: &str, value: &str) {
        let role = self.sheet.paragraph();
        let label = self.fonts.line(label, BODY);
        self.sheet.text(LEFT, label, Ink::Muted, role);
        let value = self.fonts.line_within(value, STRONG, 260.0);
        self.sheet.text(LEFT + 56.0, value, Ink::Text, role);
        self.sheet.y += 14.5;
    }

    fn parties(&mut self) {
        let company = self.content.company;
        let top = self.sheet.y;
        let mut from: Vec<&str> = vec![&company.name];
        from.extend(company.address_lines.iter().map(String::as_str));
        from.push(&company.email);
        let tax_id = company.tax_id.as_ref().map(|id| format!("Tax ID {id}"));
        from.extend(tax_id.as_deref());
        let below = self.party(LEFT, "FROM", &from);
        self.sheet.y = top;
        let bill_to = self.content.invoice.bill_to.as_deref().unwrap_or_default();
        let bill_to: Vec<&str> = match bill_to.trim() {
            "" => vec![self.content.invoice.user_id.as_str()],
            text => text.lines().collect(),
        };
        self.sheet.y = self.party(HALF, "BILL TO", &bill_to).max(below);
    }

    /// Returns where it ends.
    fn party(&mut self, x: f32, label: &str, lines: &[&str]) -> f32 {
        let role = self.sheet.paragraph();
        let label = self.fonts.line(label, LABEL);
        self.sheet.text(x, label, Ink::Muted, role);
        self.sheet.y += 14.0;
        let role = self.sheet.paragraph();
        for (index, text) in lines.iter().take(ADDRESS_LINES_MAX).enumerate() {
            let style = if index == 0 { STRONG } else { BODY };
            let set = self.fonts.wrap(text, style, COLUMN, LINES_OF_TEXT_MAX);
            self.sheet.lines(x, set, style, Ink::Text, role);
        }
        self.sheet.y
    }

    fn headline(&mut self) {
        let Content { invoice, mark, .. } = *self.content;
        self.sheet.y += 26.0;
        let role = self.sheet.paragraph();
        let text = figures::headline(invoice, mark);
        let lines = self.fonts.wrap(&text, HEADLINE, RIGHT - LEFT, LINES_OF_TEXT_MAX);
        self.sheet.lines(LEFT, lines, HEADLINE, Ink::Text, role);
        self.sheet.y += 16.0;
    }

    /// `below` is the height of what follows; the last row stays on one page with it.
    fn table(&mut self, below: f32) {
        let content = self.content;
        let table = self.sheet.element();
        let head = |column| Role::Cell(Cell { table, row: 0, column, kind: CellKind::ColumnHead });
        self.table_head([head(0), head(1), head(2), head(3)]);
        for (index, entry) in content.entries.iter().enumerate() {
            let lines = self.fonts.wrap(&entry.description, BODY, DESCRIPTION, LINES_OF_TEXT_MAX);
            let period = entry.period.as_ref().map_or(0.0, |_| SMALL.leading());
            let height = lines.len().max(1) as f32 * BODY.leading() + period + 2.0 * PADDING;
            let row = index + 1;
            let tail = if row == content.entries.len() { below } else { 0.0 };
            if !self.sheet.has_room(height + tail) {
                self.sheet.next_page();
                self.table_head([Role::Artifact; 4]);
            }
            self.entry(
                entry,
                lines,
                height,
                Cell { table, row, column: 0, kind: CellKind::RowHead },
            );
        }
    }

    fn table_head(&mut self, roles: [Role; 4]) {
        let amount = format!("AMOUNT ({})", figures::code(self.content.invoice.currency));
        let [description, quantity, unit, sum] = roles;
        let set = |text: &str| self.fonts.line(text, LABEL);
        let (first, second) = (set("DESCRIPTION"), set("QTY"));
        let (third, fourth) = (set("UNIT PRICE"), set(&amount));
        self.sheet.text(LEFT, first, Ink::Muted, description);
        self.sheet.text_ending(QUANTITY, second, Ink::Muted, quantity);
        self.sheet.text_ending(UNIT, third, Ink::Muted, unit);
        self.sheet.text_ending(RIGHT, fourth, Ink::Muted, sum);
        self.sheet.y += LABEL.leading() + 4.0;
        self.sheet.rule(LEFT, 1.0, Ink::Text);
        self.sheet.y += 1.0;
    }

    fn entry(&mut self, entry: &Entry, lines: Vec<Line>, height: f32, cell: Cell) {
        let top = self.sheet.y;
        self.sheet.y += PADDING;
        let figure = |text: &str| self.fonts.line(text, BODY.tabular());
        let figures = [
            (1, QUANTITY, figure(&entry.quantity)),
            (2, UNIT, figure(&entry.unit)),
            (3, RIGHT, figure(&entry.amount)),
        ];
        let first = self.sheet.y;
        self.sheet.lines(LEFT, lines, BODY, Ink::Text, Role::Cell(cell));
        if let Some(period) = &entry.period {
            let period = self.fonts.line(period, SMALL);
            self.sheet.text(LEFT, period, Ink::Muted, Role::Cell(cell));
        }
        self.sheet.y = first;
        for (column, end, line) in figures {
            let role = Role::Cell(Cell { column, kind: CellKind::Data, ..cell });
            self.sheet.text_ending(end, line, Ink::Text, role);
        }
        self.sheet.y = top + height;
        self.sheet.rule(LEFT, 0.6, Ink::Hairline);
    }

    fn sums(&mut self) {
        let content = self.content;
        let table = self.sheet.element();
        self.sheet.y += SPACE_ABOVE_SUMS;
        for (row, sum) in content.sums.iter().enumerate() {
            let (style, ink) = match sum.tone {
                Tone::Plain => (BODY, Ink::Muted),
                Tone::Strong => (Style::strong(9.5), Ink::Text),
            };
            if row > 0 && sum.tone == Tone::Strong {
                self.sheet.rule(HALF, 0.6, Ink::Hairline);
            }
            let top = self.sheet.y;
            self.sheet.y += (SUM_HEIGHT - style.size) / 2.0 - 1.0;
            let cell = |column, kind| Role::Cell(Cell { table, row, column, kind });
            let amount = self.fonts.line(&sum.amount, style.tabular());
            let room = SUMS - amount.width - 12.0;
            let label = self.fonts.line_within(&sum.label, style, room);
            self.sheet.text(HALF, label, ink, cell(0, CellKind::RowHead));
            self.sheet.text_ending(RIGHT, amount, Ink::Text, cell(1, CellKind::Data));
            self.sheet.y = top + SUM_HEIGHT;
        }
    }

    fn notes(&mut self, notes: Vec<Note>) {
        self.sheet.y += SPACE_ABOVE_NOTES;
        for Note { lines, style, link } in notes {
            let role = self.sheet.paragraph();
            let ink = if link.is_some() { Ink::Accent } else { Ink::Muted };
            for line in lines {
                let (baseline, link) = (self.sheet.y + ascent(style.size), link.clone());
                self.sheet.put(Item::Text { x: LEFT, baseline, line, ink, role, link });
                self.sheet.y += style.leading();
            }
        }
    }

    /// What a reader should know or do, set.
    fn said_below(&self) -> Vec<Note> {
        let Content { invoice, mark, .. } = *self.content;
        let mut notes = Vec::new();
        let mut say = |text: &str, style: Style, link: Option<&str>| {
            let lines = self.fonts.wrap(text, style, RIGHT - LEFT, LINES_OF_TEXT_MAX);
            notes.push(Note { lines, style, link: link.map(str::to_owned) });
        };
        match mark {
            Mark::Paid | Mark::PartlyRefunded | Mark::Refunded => {}
            Mark::Void => {
                let kind = figures::kind(invoice).to_lowercase();
                say(&format!("This {kind} was withdrawn. Nothing is due."), SMALL, None);
            }
            Mark::Open | Mark::Unpaid => {
                let secure = |url: &&str| url.starts_with("https://");
                if let Some(url) = invoice.hosted_url.as_deref().filter(secure) {
                    say("Pay online", STRONG, Some(url));
                }
            }
        }
        if let (Mark::Open, Some(at)) = (mark, invoice.next_attempt_at) {
            let text = format!("The payment is tried again on {}.", figures::date(at));
            say(&text, SMALL, None);
        }
        if let Some(payment) = &invoice.payment {
            say(&format!("Payment reference {payment}."), SMALL, None);
        }
        if invoice.amount_refunded > 0 {
            let refunded = figures::money(invoice.amount_refunded, invoice.currency);
            let text = format!("{refunded} went back to the card or account it was paid from.");
            say(&text, SMALL, None);
        }
        notes
    }

    /// Height of everything below the table, in points.
    fn height_below(&self, notes: &[Note]) -> f32 {
        let lines = |note: &Note| note.lines.len() as f32 * note.style.leading();
        SPACE_ABOVE_SUMS
            + SUM_HEIGHT * self.content.sums.len() as f32
            + SPACE_ABOVE_NOTES
            + notes.iter().map(lines).sum::<f32>()
    }

    fn footers(&mut self) {
        let Content { invoice, company, .. } = *self.content;
        let count = self.sheet.pages.len();
        let from = format!("{} · {}", company.name, company.email);
        let from = self.fonts.line_within(&from, SMALL, FOOTER_HALF);
        let what = format!("{} {}", figures::kind(invoice), figures::number(invoice));
        for (index, page) in self.sheet.pages.iter_mut().enumerate() {
            let (y, ink, role, link) = (PAGE.1 - 58.0, Ink::Muted, Role::Artifact, None);
            let (width, height, radius) = (RIGHT - LEFT, 0.6, 0.0);
            page.push(Item::Area { x: LEFT, y, width, height, radius, ink: Ink::Hairline });
            let baseline = y + 17.0;
            let line = from.clone();
            page.push(Item::Text { x: LEFT, baseline, line, ink, role, link: link.clone() });
            let text = format!("{what} · Page {} of {count}", index + 1);
            let line = self.fonts.line_within(&text, SMALL, FOOTER_HALF);
            page.push(Item::Text { x: RIGHT - line.width, baseline, line, ink, role, link });
        }
    }
}
