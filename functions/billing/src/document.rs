//! Invoices and receipts as PDFs, where Stripe provides none.
//!
//! The same invoice and company give the same bytes: every date comes from the invoice.

mod error;
mod figures;
mod layout;
#[cfg(test)]
mod tests;

use clients::documents::Company;
use domain::billing::invoice::Invoice;
use pdf::{DocumentInfo, Fonts, figures::calendar};

use self::{figures::Mark, layout::Content};

pub use error::DocumentError;

/// The document of `invoice`, issued by `company`, as the bytes of a PDF.
///
/// # Errors
/// When the invoice is a draft, or its total is not its subtotal and its tax; and when the PDF
/// cannot be written, which no text of an invoice can cause.
pub fn render(invoice: &Invoice, company: &Company) -> Result<Vec<u8>, DocumentError> {
    let mark = Mark::of(invoice)?;
    let content = Content {
        invoice,
        company,
        mark,
        entries: figures::entries(invoice),
        sums: figures::sums(invoice, mark, &company.tax_label)?,
    };
    let fonts = Fonts::embedded()?;
    let letter = layout::lay_out(&content, &fonts);
    let title = format!("{} {}", figures::kind(invoice), figures::number(invoice));
    let about = DocumentInfo {
        title: title.clone(),
        author: company.name.clone(),
        id: invoice.id.to_string(),
        created: calendar(invoice.created_at),
    };
    let from = format!("{} · {}", company.name, company.email);
    Ok(letter.print((&from, &title), &about)?)
}
