//! Documents as PDFs: what is on them is their makers', how it is set and drawn is said here.
//!
//! A4, archivable and accessible, with its fonts inside. The same texts give the same bytes: nothing
//! reads a clock.

mod chart;
pub mod figures;
mod letter;
mod paint;
mod sheet;
mod typeset;

use std::error::Error;

use domain::{Refusal, RefusalKind};

pub use chart::{Chart, Hue, Series, Shape};
pub use letter::{Column, Ending, Letter, Note, Row, Signal, Sum, Table, Text, Tile, Tone};
pub use paint::About;
pub use sheet::{LEFT, RIGHT};
pub use typeset::Fonts;

/// Why there is no document: faults of ours, which no text can cause.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
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

impl Refusal for PaperError {
    fn kind(&self) -> RefusalKind {
        RefusalKind::Internal
    }
    fn code(&self) -> &'static str {
        "document_failed"
    }
}
