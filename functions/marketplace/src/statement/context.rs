//! A statement with the names and dates around its amounts.

use domain::{Timestamp, marketplace::creator::statement::Statement};
use serde::Serialize;

/// A statement with the names and dates around its amounts.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StatementContext {
    pub(super) statement: Statement,
    /// The creator's display name; their id if none is set.
    pub(super) creator: String,
    /// Whether the month is over.
    pub(super) complete: bool,
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
}
