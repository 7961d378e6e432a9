//! Applying the state at Stripe: account, billing, order, invoices and the event's mark in one
//! transaction.
//!
//! A caller reads the billing, then asks Stripe, then writes on the condition that the billing's
//! version is unchanged. So an answer of Stripe is written only if no other was written since
//! before it was requested, and older state never overwrites newer state.

use std::collections::BTreeSet;

use domain::{
    DomainError, Timestamp,
    account::AccountUpdate,
    billing::{
        Billing,
        follow_up::{FollowUp, FollowUpTask},
        invoice::Invoice,
        order::PackOrder,
    },
    id::{InvoiceId, OrderId},
    metrics::Fact,
};

use crate::{
    accounts::draft_of,
    billing::others_customer,
    error::StoreError,
    events::AppliedEvent,
    keys::Key,
    table::{Attempt, Store},
    transaction::{Committed, ItemKind, Transaction},
};

/// What is read besides account and billing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The order.
    pub order: Option<OrderId>,
    /// The invoices; at most 90.
    pub invoices: Vec<InvoiceId>,
}

/// What `decide` changes; everything that differs afterwards is written.
#[derive(Debug, Clone)]
pub struct BillingUpdate {
    /// The account, brought up to date.
    pub draft: AccountUpdate,
    /// The billing as it was read before Stripe was asked.
    pub billing: Billing,
    /// The wanted order, if it exists.
    pub order: Option<PackOrder>,
    /// The wanted invoices that are stored, unordered; new ones are added.
    pub invoices: Vec<Invoice>,
    /// Requests to Stripe that follow from this; recorded in the same transaction.
    pub follow_ups: BTreeSet<FollowUpTask>,
}

/// The outcome of applying an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The stored state is up to date.
    Now,
    /// The event was already applied; nothing was written.
    Already,
    /// The billing changed since it was read; nothing was written. Read it again, ask Stripe again,
    /// and decide on that.
    Stale,
}

impl Store {
    /// Applies a member's state at Stripe: `decide` changes the [`BillingUpdate`], and everything
    /// that differs is written at once, under the version of `read` (Q13). If account or order
    /// change meanwhile, they are read and decided on again. A missing account is created.
    ///
    /// An event increments the billing's version even if it changes nothing. Another caller may be
    /// about to write an answer of Stripe that is older than this one; with the event marked as
    /// applied, nothing would correct that.
    ///
    /// # Errors
    /// What `decide` refuses, or when DynamoDB is unavailable.
    pub async fn apply_billing<R: DomainError>(
        &self,
        read: &Billing,
        wanted: &Wanted,
        event: Option<&AppliedEvent>,
        now: Timestamp,
        decide: impl Fn(&mut BillingUpdate) -> Result<(), R>,
    ) -> Result<Applied, StoreError> {
        self.retry_on_conflict(async || {
            let before = self.books(read, wanted, now).await?;
            let mut after = before.clone();
            decide(&mut after).map_err(StoreError::refused)?;
            if event.is_none() && !after.differ_from(&before) {
                return Ok(Attempt::Done(Applied::Now));
            }
            let mut writes = self.transaction().books(&before, after)?;
            if let Some(event) = event {
                writes = writes.event(event, now)?;
            }
            match writes.commit().await? {
                Committed::Yes => Ok(Attempt::Done(Applied::Now)),
                Committed::Conflict(parts) if parts.contains(&ItemKind::Event) => {
                    Ok(Attempt::Done(Applied::Already))
                }
                Committed::Conflict(parts) if parts.contains(&ItemKind::Billing) => {
                    Ok(Attempt::Done(Applied::Stale))
                }
                Committed::Conflict(parts) => others_customer(&parts).map(|()| Attempt::Conflict),
            }
        })
        .await
    }

    async fn books(
        &self,
        read: &Billing,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<BillingUpdate, StoreError> {
        let user = &read.user_id;
        let invoices: BTreeSet<&InvoiceId> = wanted.invoices.iter().collect();
        let mut keys = vec![Key::account(user)];
        keys.extend(wanted.order.iter().map(|order| Key::order(user, order)));
        keys.extend(invoices.into_iter().map(|invoice| Key::invoice(user, invoice)));
        let mut found = self.get_all(&keys).await?;
        let draft = draft_of(found.next()?, user, None, now)?;
        let order = if wanted.order.is_some() { found.next()? } else { None };
        let (billing, invoices) = (read.clone(), found.rest()?);
        Ok(BillingUpdate { draft, billing, order, invoices, follow_ups: BTreeSet::new() })
    }
}

impl BillingUpdate {
    fn differ_from(&self, before: &BillingUpdate) -> bool {
        self.draft.is_changed()
            || self.billing != before.billing
            || self.order != before.order
            || self.invoices != before.invoices
            || !self.follow_ups.is_empty()
    }
}

impl BillingUpdate {
    /// The new facts for staff metrics: they are written with the update.
    fn state(&mut self) -> Vec<Fact> {
        let now = self.draft.now();
        let paid_until = self.draft.account().paid_period.map(|period| period.ends_at);
        let mut facts: Vec<Fact> = self.billing.state(paid_until, now).into_iter().collect();
        facts.extend(self.order.iter_mut().flat_map(|order| order.state(now)));
        facts.extend(self.invoices.iter_mut().flat_map(|invoice| invoice.state(now)));
        facts
    }
}

impl Transaction<'_> {
    /// Writes the billing, its facts, and everything else that differs.
    fn books(
        mut self,
        before: &BillingUpdate,
        mut after: BillingUpdate,
    ) -> Result<Self, StoreError> {
        after.billing.version = before.billing.version + 1;
        self = self.facts(&after.state())?;
        let (user, now) = (after.billing.user_id.clone(), after.draft.now());
        for task in std::mem::take(&mut after.follow_ups) {
            self = self.follow_up(&FollowUp::new(user.clone(), task, now))?;
        }
        if after.draft.is_changed() {
            self = self.account(&after.draft.finish())?;
        }
        self = self.billing(&before.billing, &after.billing)?;
        if let Some(order) = after.order.filter(|order| before.order.as_ref() != Some(order)) {
            let expected = before.order.as_ref().map_or(0, |order| order.version);
            self = self.order(&PackOrder { version: expected + 1, ..order }, expected)?;
        }
        let mut news = after.invoices.iter().filter(|invoice| !before.invoices.contains(invoice));
        news.try_fold(self, Transaction::invoice)
    }
}
