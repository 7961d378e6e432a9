//! Reading invoices and receipts. [`crate::BillingUpdate`] writes them.

use domain::{
    billing::invoice::Invoice,
    id::{InvoiceId, UserId},
};

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{INVOICE_PREFIX, Key},
    table::Store,
};

impl Store {
    /// One invoice of the member's (Q15).
    ///
    /// # Errors
    /// [`NotFound::Invoice`].
    pub async fn invoice(&self, user: &UserId, id: &InvoiceId) -> Result<Invoice, StoreError> {
        let found = self.get(&Key::invoice(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Invoice))
    }

    /// A page of a member's invoices, newest first (Q16).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn invoices(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Invoice>, StoreError> {
        let after = Cursor::parsed(after, InvoiceId::parse)?.map(|id| Key::invoice(user, &id));
        let invoices = self.query_desc(user, INVOICE_PREFIX, after, size).await?;
        Ok(Page::cut(invoices, size, |invoice: &Invoice| invoice.id.to_string()))
    }
}
