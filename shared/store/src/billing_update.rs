//! Applying the state at Stripe: account, billing, order, invoices and the event's mark in one
//! transaction.
//!
//! A caller reads the billing, then asks Stripe, then writes on the condition that the billing's
//! version is unchanged. So an answer of Stripe is written only if no other was written since
//! before it was requested, and older state never overwrites newer state.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
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
    accounts::begin_update,
    error::StoreError,
    events::AppliedEvent,
    keys::Key,
    table::Store,
    transaction::{ItemKind, Transaction},
    update::{Aggregate, Decided, UpdateError, Writes},
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
    pub account: AccountUpdate,
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
pub enum Applied<T = ()> {
    /// The stored state is up to date; with the result of the decision.
    Now(T),
    /// The event was already applied; nothing was written.
    Already,
    /// What Stripe was asked about changed since it was read; nothing was written. Read it again,
    /// ask Stripe again, and decide on that.
    Stale,
}

impl<T> Applied<T> {
    /// The outcome of an update whose event and billing, or purchase, are not read again.
    pub(crate) fn of<W>(updated: Result<(W, T), UpdateError>) -> Result<Applied<T>, StoreError> {
        match updated {
            Ok((_, value)) => Ok(Applied::Now(value)),
            Err(UpdateError::Conflict(ItemKind::Event)) => Ok(Applied::Already),
            Err(UpdateError::Conflict(ItemKind::Billing | ItemKind::Purchase)) => {
                Ok(Applied::Stale)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What a billing update is read by.
pub(crate) struct BillingKey<'a> {
    read: &'a Billing,
    wanted: &'a Wanted,
    event: Option<&'a AppliedEvent>,
    now: Timestamp,
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
    /// What `decide` refuses.
    pub async fn apply_billing<D: Decided>(
        &self,
        read: &Billing,
        wanted: &Wanted,
        event: Option<&AppliedEvent>,
        now: Timestamp,
        decide: impl Fn(&mut BillingUpdate) -> D,
    ) -> Result<Applied<D::Value>, StoreError> {
        Applied::of(self.update(BillingKey { read, wanted, event, now }, decide).await)
    }
}

impl Aggregate for BillingUpdate {
    type Key<'a> = BillingKey<'a>;
    type Written = ();
    const FINAL: &'static [ItemKind] = &[ItemKind::Event, ItemKind::Billing, ItemKind::Customer];

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let (user, wanted) = (&key.read.user_id, key.wanted);
        let invoices: BTreeSet<&InvoiceId> = wanted.invoices.iter().collect();
        let mut keys = vec![Key::account(user)];
        keys.extend(wanted.order.iter().map(|order| Key::order(user, order)));
        keys.extend(invoices.into_iter().map(|invoice| Key::invoice(user, invoice)));
        let mut found = store.get_all(&keys).await?;
        let account = begin_update(found.next()?, user, None, key.now)?;
        let order = if wanted.order.is_some() { found.next()? } else { None };
        let (billing, invoices) = (key.read.clone(), found.rest()?);
        Ok(BillingUpdate { account, billing, order, invoices, follow_ups: BTreeSet::new() })
    }

    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<()>, StoreError> {
        let writes = Transaction::default();
        let writes = match key.event {
            Some(event) => writes.billing_update(&before, self)?.event(event, key.now)?,
            None if self.differ_from(&before) => writes.billing_update(&before, self)?,
            None => writes,
        };
        Ok((writes, ()))
    }
}

impl BillingUpdate {
    fn differ_from(&self, before: &BillingUpdate) -> bool {
        self.account.is_changed()
            || self.billing != before.billing
            || self.order != before.order
            || self.invoices != before.invoices
            || !self.follow_ups.is_empty()
    }

    /// The new facts for staff metrics: they are written with the update.
    fn state(&mut self) -> Vec<Fact> {
        let now = self.account.now();
        let paid_until = self.account.account().paid_period.map(|period| period.ends_at);
        let mut facts: Vec<Fact> = self.billing.state(paid_until, now).into_iter().collect();
        facts.extend(self.order.iter_mut().flat_map(|order| order.state(now)));
        facts.extend(self.invoices.iter_mut().flat_map(|invoice| invoice.state(now)));
        facts
    }
}

impl Transaction {
    /// Writes the billing, its facts, and everything else that differs.
    fn billing_update(
        mut self,
        before: &BillingUpdate,
        mut after: BillingUpdate,
    ) -> Result<Self, StoreError> {
        after.billing.version = before.billing.version + 1;
        self = self.facts(&after.state())?;
        let (user, now) = (after.billing.user_id.clone(), after.account.now());
        for task in std::mem::take(&mut after.follow_ups) {
            self = self.follow_up(&FollowUp::new(user.clone(), task, now))?;
        }
        if after.account.is_changed() {
            self = self.account(&after.account.finish())?;
        }
        self = self.billing(&before.billing, &after.billing)?;
        if let Some(order) = &after.order {
            self = self.replace(before.order.as_ref(), order)?;
        }
        // An invoice has no version of its own: the billing is always written with it.
        let mut news = after.invoices.iter().filter(|invoice| !before.invoices.contains(invoice));
        news.try_fold(self, |this, it| {
            this.fenced(ItemKind::Invoice, &Key::invoice(&it.user_id, &it.id), it, None)
        })
    }
}
