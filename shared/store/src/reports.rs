//! Daily reports, each written once.

use domain::{Timestamp, time::Day};
use serde::{Deserialize, Serialize};

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{Key, REPORTS},
    table::{Store, decode, encode, written},
};

/// The report of a day that is over. It is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReport {
    /// The day.
    pub day: Day,
    /// When it was made.
    pub made_at: Timestamp,
    /// The numbers, as JSON.
    pub json: String,
    /// S3 key of the JSON file.
    pub json_key: String,
    /// S3 key of the CSV file.
    pub csv_key: String,
    /// S3 key of the PDF file.
    pub pdf_key: String,
}

impl Store {
    /// Stores a report, unless its day has one. Returns whether it was stored.
    pub async fn keep_report(&self, report: &StoredReport) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&Key::report(report.day), report)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        Ok(written(put)?.is_some())
    }

    /// The report of a day (Q57).
    ///
    /// # Errors
    /// [`NotFound::Report`].
    pub async fn report(&self, day: Day) -> Result<StoredReport, StoreError> {
        let found = self.get(&Key::report(day)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Report))
    }

    /// A page of reports, newest first (Q58).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn reports(
        &self,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<StoredReport>, StoreError> {
        let start = Cursor::parsed(after, Day::parse)?.map(|day| Key::report(day).item());
        let answer = self
            .partition(REPORTS.to_owned())
            .scan_index_forward(false)
            .limit(size.and_one())
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let found = answer.items.unwrap_or_default().into_iter().map(decode);
        let found: Vec<StoredReport> = found.collect::<Result<_, _>>()?;
        Ok(Page::cut(found, size, |report: &StoredReport| report.day.to_string()))
    }
}
