//! Reading invoices and receipts. [`crate::BillingUpdate`] writes them.

use domain::{
    billing::invoice::Invoice,
    id::{InvoiceId, UserId},
};

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{INVOICE_PREFIX, Key},
    table::Store,
};

impl Store {
    /// One invoice of the member's (Q15).
    ///
    /// # Errors
    /// [`NotFound::Invoice`], or when DynamoDB is unavailable.
    pub async fn invoice(&self, user: &UserId, id: &InvoiceId) -> Result<Invoice, StoreError> {
        let found = self.get(&Key::invoice(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Invoice))
    }

    /// A page of a member's invoices, newest first (Q16).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn invoices(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Invoice>, StoreError> {
        let after = after
            .map(|Cursor(id)| InvoiceId::parse(&id))
            .transpose()
            .map_err(|_| StoreError::refused(InvalidCursor::new()))?
            .map(|id| Key::invoice(user, &id));
        let invoices = self.query_desc(user, INVOICE_PREFIX, after, size).await?;
        Ok(Page::cut(invoices, size, |invoice: &Invoice| invoice.id.to_string()))
    }
}
