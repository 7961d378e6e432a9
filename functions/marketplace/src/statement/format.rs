//! The formats of a statement, and how many lines each takes.

use clients::documents::FileKind;
use domain::marketplace::creator::statement::Statement;
use pdf::PdfError;
use serde::Deserialize;

/// The requested format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StatementFormat"))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// The default.
    #[default]
    Json,
    /// RFC 4180, for spreadsheets.
    Csv,
    /// For printing.
    Pdf,
}

/// Why the statement is not available in this format.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatementError {
    /// It has too many lines for the format or for a response.
    #[error(
        "There are {lines} lines in this month, more than the {most} of this format. \
             Ask for it as CSV, which has at most {CSV_LINES_MAX}."
    )]
    TooLong {
        /// Lines in the month.
        lines: usize,
        /// Most lines of the format.
        most: usize,
    },
    /// The PDF could not be rendered.
    #[error(transparent)]
    Paper(#[from] PdfError),
    /// The CSV could not be written.
    #[error("the CSV could not be written")]
    Csv(#[from] ::csv::Error),
    /// The JSON could not be written.
    #[error("the JSON could not be written")]
    Json(#[from] serde_json::Error),
}

domain::domain_error! {
    StatementError wraps [Paper] {
        TooLong => Conflict, "statement_too_long";
        Csv => Internal, "document_failed";
        Json => Internal, "document_failed";
    }
}

/// A Lambda response has at most 6 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const JSON_LINES_MAX: usize = 5_000;
/// A hundred pages, rendered in two seconds.
const PDF_LINES_MAX: usize = 2_000;
const CSV_LINES_MAX: usize = 50_000;

impl Format {
    /// # Errors
    /// When the statement has too many lines for the format.
    pub(crate) fn check(self, statement: &Statement) -> Result<(), StatementError> {
        let most = match self {
            Format::Json => JSON_LINES_MAX,
            Format::Csv => CSV_LINES_MAX,
            Format::Pdf => PDF_LINES_MAX,
        };
        let lines = statement.lines.len();
        if lines > most { Err(StatementError::TooLong { lines, most }) } else { Ok(()) }
    }

    /// The kind of file; `None` for JSON.
    pub(crate) fn file(self) -> Option<FileKind> {
        match self {
            Format::Json => None,
            Format::Csv => Some(FileKind::Csv),
            Format::Pdf => Some(FileKind::Pdf),
        }
    }
}
