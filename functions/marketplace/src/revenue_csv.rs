//! A creator's revenue as CSV.

use csv::{Terminator, WriterBuilder};
use domain::marketplace::{creator::revenue::Revenue, purchase::FoundBy};
use pdf::cells::escape_formula;

use crate::statement::{StatementError, decimal};

const HEADS: [&str; 12] = [
    "date", "listing", "title", "sales", "gross", "fee", "net", "refunded", "direct", "search",
    "share", "currency",
];

/// Revenue as CSV (RFC 4180), in UTF-8 with a header row. Amounts are plain decimals.
///
/// # Errors
/// Never: it is written to memory.
pub(crate) fn to_csv(revenue: &[Revenue]) -> Result<Vec<u8>, StatementError> {
    let mut rows = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    rows.write_record(HEADS)?;
    for row in revenue {
        rows.write_record(cells(row))?;
    }
    rows.into_inner().map_err(|error| ::csv::Error::from(error.into_error()).into())
}

fn cells(row: &Revenue) -> [String; HEADS.len()] {
    let figure = |amount| decimal(row.currency, amount).0;
    let found = |by: FoundBy| row.found_by.get(&by).copied().unwrap_or_default().to_string();
    let (gross, currency) = decimal(row.currency, row.gross);
    [
        row.date.to_string(),
        row.listing_id.to_string(),
        escape_formula(&row.title),
        row.sales.to_string(),
        gross,
        figure(row.kept.fee),
        figure(row.kept.net),
        figure(row.refunded),
        found(FoundBy::Direct),
        found(FoundBy::Search),
        found(FoundBy::Share),
        currency,
    ]
}
