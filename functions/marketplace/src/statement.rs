//! A creator's statement as JSON, CSV and PDF.

mod csv;
mod pdf;
#[cfg(test)]
pub(crate) mod tests;

use clients::documents::{Company, FileKind};
use domain::{
    DomainError, ErrorKind, Timestamp,
    id::{PayoutId, PurchaseId},
    marketplace::{
        sale::Split,
        statement::{Line, LineKind, Statement, Total},
    },
    money::Money,
    time::Month,
};
use paper::PaperError;
use runtime::{Link, Links};
use serde::{Deserialize, Serialize};

/// The requested format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
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

/// A statement with the names and dates around its amounts.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StatementContext {
    statement: Statement,
    /// The creator's display name; their id if none is set.
    creator: String,
    /// Whether the month is over.
    complete: bool,
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
    Paper(#[from] PaperError),
    /// The CSV could not be written.
    #[error("the CSV could not be written")]
    Csv(#[from] ::csv::Error),
    /// The JSON could not be written.
    #[error("the JSON could not be written")]
    Json(#[from] serde_json::Error),
}

impl DomainError for StatementError {
    fn kind(&self) -> ErrorKind {
        match self {
            StatementError::TooLong { .. } => ErrorKind::Conflict,
            StatementError::Paper(error) => error.kind(),
            StatementError::Csv(_) | StatementError::Json(_) => ErrorKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            StatementError::TooLong { .. } => "statement_too_long",
            StatementError::Paper(error) => error.code(),
            StatementError::Csv(_) | StatementError::Json(_) => "document_failed",
        }
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

impl StatementContext {
    /// A statement as of `now`.
    pub(crate) fn new(
        statement: Statement,
        name: Option<String>,
        now: Timestamp,
    ) -> StatementContext {
        let creator = name.unwrap_or_else(|| statement.creator_id.to_string());
        let complete = statement.month.is_over(now);
        StatementContext { statement, creator, complete }
    }

    /// The statement as the bytes of a file.
    ///
    /// # Errors
    /// When it cannot be rendered, which nothing in a statement can cause.
    pub(crate) fn file(
        &self,
        kind: FileKind,
        company: &Company,
    ) -> Result<Vec<u8>, StatementError> {
        match kind {
            FileKind::Csv => csv::to_csv(&self.statement),
            FileKind::Json => Ok(serde_json::to_vec(self)?),
            FileKind::Pdf => pdf::to_pdf(self, company),
        }
    }
}

/// A statement in its creator's view.
#[derive(Debug, Serialize)]
pub struct StatementView {
    month: Month,
    /// Whether the month is over, so that the statement is final.
    complete: bool,
    /// The balance owed to the creator at its start; negative if the creator owed us.
    opening: Money,
    /// The balance at its end, or now.
    closing: Money,
    totals: Vec<TotalView>,
    lines: Vec<LineView>,
    links: StatementLinks,
}

#[derive(Debug, Serialize)]
struct TotalView {
    kind: LineKind,
    count: u32,
    #[serde(flatten)]
    moved: MovedView,
}

#[derive(Debug, Serialize)]
struct LineView {
    at: Timestamp,
    kind: LineKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<PurchaseId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payout_id: Option<PayoutId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(flatten)]
    moved: MovedView,
}

/// A line; gross and fee only for sales and refunds.
#[derive(Debug, Serialize)]
struct MovedView {
    #[serde(skip_serializing_if = "Option::is_none")]
    gross: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Money>,
    net: Money,
}

#[derive(Debug, Serialize)]
struct StatementLinks {
    csv: Link,
    pdf: Link,
}

impl StatementView {
    pub(crate) fn new(context: &StatementContext, links: &Links) -> StatementView {
        let StatementContext { statement, complete, .. } = context;
        let (month, currency) = (statement.month, statement.currency);
        let money = |amount| Money { amount, currency };
        let moved = |kind: LineKind, Split { gross, fee, net }| {
            let of_a_payment = |amount| kind.is_of_a_payment().then(|| money(amount));
            MovedView { gross: of_a_payment(gross), fee: of_a_payment(fee), net: money(net) }
        };
        let total = |(kind, total): (LineKind, Total)| TotalView {
            kind,
            count: total.count,
            moved: moved(kind, total.moved),
        };
        let line = |line: &Line| LineView {
            at: line.at,
            kind: line.kind,
            purchase_id: line.purchase_id.clone(),
            payout_id: line.payout_id.clone(),
            title: line.title.clone(),
            moved: moved(line.kind, line.moved),
        };
        let file = |format: &str| {
            let path = "/api/v1/marketplace/creator/statements";
            links.to(format_args!("{path}/{month}?format={format}"))
        };
        StatementView {
            month,
            complete: *complete,
            opening: money(statement.opening),
            closing: money(statement.closing),
            totals: statement.totals().into_iter().map(total).collect(),
            lines: statement.lines.iter().map(line).collect(),
            links: StatementLinks { csv: file("csv"), pdf: file("pdf") },
        }
    }
}
