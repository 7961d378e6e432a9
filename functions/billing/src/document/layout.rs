//! The layout of an invoice.

use clients::documents::Company;
use domain::billing::invoice::Invoice;
use pdf::{
    Badge, Column, DocumentBuilder, Fonts, LEFT, Note, RIGHT, Row, Sum, Table, TableFooter, Text,
    figures::{code, date, money, span},
};

use super::figures::{self, Entry, Mark};

/// Right edges of the columns of figures, in points.
const QUANTITY: f32 = RIGHT - 168.0;
const UNIT: f32 = RIGHT - 84.0;
/// Width of the description, in points.
const DESCRIPTION: f32 = QUANTITY - 48.0 - LEFT;

/// The content of a document.
pub(super) struct Content<'a> {
    pub(super) invoice: &'a Invoice,
    pub(super) company: &'a Company,
    pub(super) mark: Mark,
    pub(super) entries: Vec<Entry>,
    pub(super) sums: Vec<Sum>,
}

/// The document without its footers.
pub(super) fn lay_out<'a>(content: &Content<'_>, fonts: &'a Fonts) -> DocumentBuilder<'a> {
    let Content { invoice, company, mark, .. } = *content;
    let mut document = DocumentBuilder::new(fonts, figures::kind(invoice), &company.name);
    document.badge(mark.word(), badge(mark));
    document.fact("Number", figures::number(invoice));
    document.fact("Issued", &date(invoice.created_at));
    if let Some(at) = invoice.paid_at {
        document.fact("Paid", &date(at));
    }
    if let Some(period) = invoice.period {
        document.fact("Period", &span(period));
    }
    parties(&mut document, content);
    document.headline(&figures::headline(invoice, mark));
    let footer = TableFooter { sums: content.sums.clone(), notes: said_below(content) };
    document.table(&table(content), &footer);
    document
}

fn badge(mark: Mark) -> Badge {
    match mark {
        Mark::Paid => Badge::Good,
        Mark::Open | Mark::Unpaid => Badge::Alert,
        Mark::PartlyRefunded | Mark::Refunded | Mark::Void => Badge::Quiet,
    }
}

fn parties(document: &mut DocumentBuilder<'_>, Content { invoice, company, .. }: &Content<'_>) {
    let mut from: Vec<&str> = vec![&company.name];
    from.extend(company.address_lines.iter().map(String::as_str));
    from.push(&company.email);
    let tax_id = company.tax_id.as_ref().map(|id| format!("Tax ID {id}"));
    from.extend(tax_id.as_deref());
    let bill_to = invoice.bill_to.as_deref().unwrap_or_default();
    let bill_to: Vec<&str> = match bill_to.trim() {
        "" => vec![invoice.user_id.as_str()],
        text => text.lines().collect(),
    };
    document.parties(("FROM", &from), ("BILL TO", &bill_to));
}

fn table(content: &Content<'_>) -> Table {
    let amount = format!("AMOUNT ({})", code(content.invoice.currency));
    let figures = |head: &str, x| Column::Figures { head: head.to_owned(), x };
    let columns = vec![
        Column::Words { head: "DESCRIPTION".to_owned(), x: LEFT, width: DESCRIPTION },
        figures("QTY", QUANTITY),
        figures("UNIT PRICE", UNIT),
        figures(&amount, RIGHT),
    ];
    Table { columns, rows: content.entries.iter().map(row).collect() }
}

fn row(entry: &Entry) -> Row {
    let description = Text::Whole(entry.description.clone());
    let period = entry.period.clone().map(Text::Aside);
    let figure = |text: &String| vec![Text::Figure(text.clone())];
    vec![
        [description].into_iter().chain(period).collect(),
        figure(&entry.quantity),
        figure(&entry.unit),
        figure(&entry.amount),
    ]
}

/// The notes below the table.
fn said_below(Content { invoice, mark, .. }: &Content<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    match mark {
        Mark::Paid | Mark::PartlyRefunded | Mark::Refunded => {}
        Mark::Void => {
            let kind = figures::kind(invoice).to_lowercase();
            notes.push(Note::Aside(format!("This {kind} was withdrawn. Nothing is due.")));
        }
        Mark::Open | Mark::Unpaid => {
            let url = invoice.hosted_url.clone().filter(|url| url.starts_with("https://"));
            notes.extend(url.map(|url| Note::Link { text: "Pay online".to_owned(), url }));
        }
    }
    if let (Mark::Open, Some(at)) = (mark, invoice.next_attempt_at) {
        notes.push(Note::Aside(format!("The payment is tried again on {}.", date(at))));
    }
    if let Some(payment) = &invoice.payment {
        notes.push(Note::Aside(format!("Payment reference {payment}.")));
    }
    if invoice.amount_refunded > 0 {
        let refunded = money(invoice.amount_refunded, invoice.currency);
        let text = format!("{refunded} went back to the card or account it was paid from.");
        notes.push(Note::Aside(text));
    }
    notes
}
