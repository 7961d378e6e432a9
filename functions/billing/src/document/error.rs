//! Why a document could not be produced.

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

domain::domain_error! {
    DocumentError wraps [Paper] {
        NotFinal => Conflict, "invoice_not_final";
        Unbalanced => Internal, "invoice_unbalanced";
    }
}
