//! A creator's statement as JSON, CSV and PDF.

mod context;
mod csv;
mod format;
mod layout;
#[cfg(test)]
pub(crate) mod tests;

use clients::documents::{Company, FileKind};
use domain::{
    Timestamp,
    id::{PayoutId, PurchaseId},
    marketplace::creator::{
        sale::Split,
        statement::{Line, LineKind, Total},
    },
    money::Money,
    time::Month,
};
use runtime::{Link, Links};
use serde::Serialize;

pub(crate) use self::csv::decimal;
pub(crate) use context::StatementContext;
pub(crate) use format::{Format, StatementError};

impl StatementContext {
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
            FileKind::Pdf => layout::to_pdf(self, company),
        }
    }
}

/// A statement in its creator's view.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StatementView {
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct TotalView {
    kind: LineKind,
    count: u32,
    #[serde(flatten)]
    moved: MovedView,
}

#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StatementLine"))]
struct LineView {
    posted_at: Timestamp,
    kind: LineKind,
    purchase_id: Option<PurchaseId>,
    payout_id: Option<PayoutId>,
    title: Option<String>,
    #[serde(flatten)]
    moved: MovedView,
}

/// A line; gross and fee only for sales and refunds.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct MovedView {
    gross: Option<Money>,
    fee: Option<Money>,
    net: Money,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
            posted_at: line.at,
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
