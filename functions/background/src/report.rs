//! The revenue report as files: JSON, CSV and PDF.

mod csv;
mod layout;
#[cfg(test)]
mod tests;

use clients::StorageUnavailable;
use pdf::PdfError;

pub(crate) use csv::to_csv;
pub(crate) use layout::to_pdf;

/// Why a report could not be produced: faults of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportFailed {
    /// The PDF could not be rendered.
    #[error(transparent)]
    Paper(#[from] PdfError),
    /// The CSV could not be written.
    #[error("the CSV could not be written")]
    Csv(#[from] ::csv::Error),
    /// The JSON could not be written.
    #[error("the JSON could not be written")]
    Json(#[from] serde_json::Error),
    /// The files could not be stored.
    #[error(transparent)]
    Documents(#[from] StorageUnavailable),
}

domain::domain_error! {
    ReportFailed wraps [Paper, Documents] {
        Csv => Internal, "document_failed";
        Json => Internal, "document_failed";
    }
}
