//! A creator's statement, as it is told: as JSON, as CSV and as a PDF.

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

/// What somebody wants it as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// For programs.
    #[default]
    Json,
    /// For spreadsheets.
    Csv,
    /// For people.
    Pdf,
}

/// A statement with what stands on it beside the money.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StatementContext {
    statement: Statement,
    /// What the creator is called; their id where they do not say.
    creator: String,
    /// Whether the month is over.
    complete: bool,
}

/// Why there is no statement in this form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatementError {
    /// It would be longer than anybody reads, or than an answer may be.
    #[error(
        "There are {lines} lines in this month, more than the {most} of this format. \
             Ask for it as CSV, which has at most {CSV_LINES_MAX}."
    )]
    TooLong {
        /// How many there are.
        lines: usize,
        /// How many there may be.
        most: usize,
    },
    /// It cannot be drawn.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// It cannot be written as CSV.
    #[error("the CSV could not be written")]
    Csv(#[from] ::csv::Error),
    /// It cannot be written as JSON.
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

/// Lambda answers with at most 6 MB: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const JSON_LINES_MAX: usize = 5_000;
/// A hundred pages, drawn in two seconds.
const PDF_LINES_MAX: usize = 2_000;
const CSV_LINES_MAX: usize = 50_000;

impl Format {
    /// # Errors
    /// When the statement has too many lines for it.
    pub(crate) fn check(self, statement: &Statement) -> Result<(), StatementError> {
        let most = match self {
            Format::Json => JSON_LINES_MAX,
            Format::Csv => CSV_LINES_MAX,
            Format::Pdf => PDF_LINES_MAX,
        };
        let lines = statement.lines.len();
        if lines > most { Err(StatementError::TooLong { lines, most }) } else { Ok(()) }
    }

    /// The file it is, if it is one.
    pub(crate) fn file(self) -> Option<FileKind> {
        match self {
            Format::Json => None,
            Format::Csv => Some(FileKind::Csv),
            Format::Pdf => Some(FileKind::Pdf),
        }
    }
}

impl StatementContext {
    /// A statement as it is at `now`.
    pub(crate) fn new(
        statement: Statement,
        name: Option<String>,
        now: Timestamp,
    ) -> StatementContext {
        let creator = name.unwrap_or_else(|| statement.creator_id.to_string());
        let complete = statement.month.is_over(now);
        StatementContext { statement, creator, complete }
    }

    /// Its bytes as a file.
    ///
    /// # Errors
    /// When it cannot be made, which nothing in a statement can cause.
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

/// A statement, as its creator sees it.
#[derive(Debug, Serialize)]
pub struct StatementView {
    month: Month,
    /// Whether the month is over, so that nothing will change.
    complete: bool,
    /// What we owed when it began; negative if the creator owed us.
    opening: Money,
    /// What we owe at its end, or now.
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

/// What changed; gross and fee only where a buyer's money moved.
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
    pub(crate) fn new(told: &StatementContext, links: &Links) -> StatementView {
        let StatementContext { statement, complete, .. } = told;
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
