//! Invoices and receipts as PDFs, for the documents Stripe does not print for us.
//!
//! A4, archivable and accessible, with its fonts inside. The same invoice and company give the
//! same bytes: every date is the invoice's, and nothing reads a clock.

mod figures;
mod layout;
mod paint;
mod sheet;
#[cfg(test)]
mod tests;
mod typeset;

use std::error::Error;

use clients::documents::Company;
use domain::{Refusal, RefusalKind, billing::invoice::Invoice};

use self::{
    figures::Mark,
    layout::Content,
    paint::{About, paint},
    typeset::Fonts,
};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It may still change in every line.
    #[error("This invoice is a draft: it has a PDF once it is final.")]
    NotFinal,
    /// Its amounts contradict each other. Nobody gets a document that does not add up.
    #[error("the invoice's amounts do not add up")]
    Unbalanced,
    /// An embedded font cannot be read.
    #[error("an embedded font cannot be read")]
    Font,
    /// Something has no place on a page.
    #[error("the page's geometry is impossible")]
    Geometry,
    /// It would not be the PDF it declares to be.
    #[error("the PDF could not be written")]
    Pdf(#[source] Box<dyn Error + Send + Sync>),
}

impl Refusal for DocumentError {
    fn kind(&self) -> RefusalKind {
        match self {
            DocumentError::NotFinal => RefusalKind::Conflict,
            DocumentError::Unbalanced
            | DocumentError::Font
            | DocumentError::Geometry
            | DocumentError::Pdf(_) => RefusalKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            DocumentError::NotFinal => "invoice_not_final",
            DocumentError::Unbalanced => "invoice_unbalanced",
            DocumentError::Font | DocumentError::Geometry | DocumentError::Pdf(_) => {
                "document_failed"
            }
        }
    }
}

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
    let pages = layout::lay_out(&content, &Fonts::embedded()?);
    let about = About {
        title: format!("{} {}", figures::kind(invoice), figures::number(invoice)),
        author: company.name.clone(),
        id: invoice.id.to_string(),
        created: figures::calendar(invoice.created_at),
    };
    paint(&pages, &about)
}
