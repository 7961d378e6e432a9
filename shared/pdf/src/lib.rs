//! Produces PDF documents: callers supply the content, this crate sets and draws it.
//!
//! A4, archivable and accessible, with embedded fonts. The same texts give the same bytes: nothing
//! reads a clock.

mod builder;
pub mod cells;
mod chart;
pub mod figures;
mod page;
mod paint;
mod shapes;
mod typeset;

use std::error::Error;

pub use builder::{
    Badge, Column, DocumentBuilder, Emphasis, KpiCard, Note, Row, Sum, Table, TableFooter, Text,
};
pub use chart::{Chart, Hue, Series, Shape};
pub use page::{LEFT, RIGHT};
pub use paint::DocumentInfo;
pub use typeset::Fonts;

/// Why there is no document: our fault, which no text can cause.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// An embedded font cannot be read.
    #[error("an embedded font cannot be read")]
    Font,
    /// Something does not fit on a page.
    #[error("the page's geometry is impossible")]
    Geometry,
    /// It does not conform to its declared standard.
    #[error("the PDF could not be written")]
    Pdf(#[source] Box<dyn Error + Send + Sync>),
}

domain::domain_error!(PdfError => Internal, "document_failed");
