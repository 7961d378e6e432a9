//! Why a document could not be produced.

use domain::{DomainError, ErrorKind};
use pdf::PdfError;

/// Why a document could not be produced.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A draft may still change.
    #[error("This invoice is a draft: it has a PDF once it is final.")]
    NotFinal,
    /// Its amounts contradict each other: no document is issued that does not add up.
    #[error("the invoice's amounts do not add up")]
    Unbalanced,
    /// The PDF could not be rendered.
    #[error(transparent)]
    Paper(#[from] PdfError),
}

impl DomainError for DocumentError {
    fn kind(&self) -> ErrorKind {
        match self {
            DocumentError::NotFinal => ErrorKind::Conflict,
            DocumentError::Unbalanced => ErrorKind::Internal,
            DocumentError::Paper(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            DocumentError::NotFinal => "invoice_not_final",
            DocumentError::Unbalanced => "invoice_unbalanced",
            DocumentError::Paper(error) => error.code(),
        }
    }
}
