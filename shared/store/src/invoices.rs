//! Reading invoices and receipts. [`crate::BillingUpdate`] writes those of plans and packs; those of
//! purchases are derived from the purchase.

use domain::{
    account::Account,
    billing::invoice::Invoice,
    id::{InvoiceId, PurchaseId, UserId},
    marketplace::purchase::Purchase,
};
use futures_util::future::try_join3;

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{INVOICE_PREFIX, Key},
    table::Store,
};

/// Most pages of a member's purchases that are read for one page of receipts: unpaid and free ones
/// have none. Then the page ends there, even without an item.
const TRIPS_MAX: u32 = 50;

impl Store {
    /// One invoice or receipt of the member's (Q15).
    ///
    /// # Errors
    /// [`NotFound::Invoice`].
    pub async fn invoice(&self, user: &UserId, id: &InvoiceId) -> Result<Invoice, StoreError> {
        let keys =
            [Key::invoice(user, id), Key::purchase(user, &id.as_purchase()), Key::account(user)];
        let mut found = self.get_all(&keys).await?;
        if let Some(invoice) = found.next()? {
            return Ok(invoice);
        }
        let (purchase, account): (Option<Purchase>, Option<Account>) =
            (found.next()?, found.next()?);
        let email = account.and_then(|account| account.email);
        let receipt = purchase.and_then(|purchase| purchase.invoice(email.as_deref()));
        receipt.ok_or_else(|| StoreError::refused(NotFound::Invoice))
    }

    /// A page of a member's invoices and receipts, newest first (Q16).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn invoices(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Invoice>, StoreError> {
        self.invoices_within(user, size, after, TRIPS_MAX).await
    }

    pub(crate) async fn invoices_within(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
        trips: u32,
    ) -> Result<Page<Invoice>, StoreError> {
        let after = Cursor::parsed(after, InvoiceId::parse)?;
        let start = after.as_ref().map(|id| Key::invoice(user, id));
        let invoices = self.query_desc::<Invoice>(user, INVOICE_PREFIX, start, size);
        let receipts = self.receipts(user, size, after.as_ref(), trips);
        let (mut all, (receipts, stopped_at), email) =
            try_join3(invoices, receipts, self.email_of(user)).await?;
        all.extend(receipts.iter().filter_map(|it| it.invoice(email.as_deref())));
        // What is older than the last purchase that was looked at is for the next page.
        all.retain(|invoice| stopped_at.as_ref().is_none_or(|at| *at <= invoice.id));
        all.sort_by(|a, b| b.id.cmp(&a.id));
        let page = Page::cut(all, size, |invoice: &Invoice| invoice.id.to_string());
        let stopped_at = stopped_at.map(|at| Cursor(at.to_string()));
        Ok(Page { next_cursor: page.next_cursor.or(stopped_at), ..page })
    }

    /// A page of a member's purchases that have a receipt and one more, newest first; and where the
    /// look ended, if that was before the page is full and before the end.
    async fn receipts(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<&InvoiceId>,
        trips: u32,
    ) -> Result<(Vec<Purchase>, Option<InvoiceId>), StoreError> {
        let mut after = after.map(|id| Cursor(id.as_purchase().to_string()));
        let mut found = Vec::new();
        for _ in 0..trips {
            let page = self.purchases(user, PageSize::WHOLE, after).await?;
            found.extend(page.items.into_iter().filter(|it| it.invoice_id().is_some()));
            after = page.next_cursor;
            if after.is_none() || found.len() > size.get() {
                break;
            }
        }
        let stopped_at = after.filter(|_| found.len() <= size.get());
        let stopped_at = Cursor::parsed(stopped_at, PurchaseId::parse)?;
        found.truncate(size.get() + 1);
        Ok((found, stopped_at.map(|at| InvoiceId::of_purchase(&at))))
    }
}
