//! A member's billing: reading it, and changing it on their request. The state at Stripe is applied
//! with [`crate::BillingUpdate`].

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Timestamp,
    account::{Account, EmailClaim},
    billing::{
        Billing,
        external::{CustomerId, EventId},
    },
    id::UserId,
};

use crate::{
    accounts::{begin_update, change_of},
    condition::{Condition, string},
    error::StoreError,
    events::is_applied,
    idempotency::{Idempotency, Outcome, outcome},
    keys::Key,
    table::{BatchItems, Store, encode},
    transaction::{ItemKind, OwnerRef, Transaction},
    update::Decided,
};

impl Store {
    /// A member's billing; [`Billing::new`] if there is none (Q1).
    pub async fn billing(&self, user: &UserId) -> Result<Billing, StoreError> {
        let found = self.get(&Key::billing(user)).await?;
        Ok(found.unwrap_or_else(|| Billing::new(user.clone())))
    }

    /// The billings of some members, at most 100 (Q1). Those that do not exist or cannot be read are
    /// left out.
    pub async fn billings(
        &self,
        users: &BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, Billing>, StoreError> {
        let keys: Vec<Key> = users.iter().map(Key::billing).collect();
        let found = self.get_all(&keys).await?.readable::<Billing>();
        Ok(found.items.into_iter().map(|billing| (billing.user_id.clone(), billing)).collect())
    }

    /// A member's billing, and whether `event` was already applied to it (Q11).
    pub async fn billing_of_event(
        &self,
        user: &UserId,
        event: &EventId,
    ) -> Result<(Billing, bool), StoreError> {
        let keys = [Key::billing(user), Key::event(event.as_str())];
        let mut found = self.get_all(&keys).await?;
        let billing = found.next()?.unwrap_or_else(|| Billing::new(user.clone()));
        Ok((billing, is_applied(found.next()?.as_ref())))
    }

    /// The account as [`Store::get_or_create_account`] returns it, and the billing (Q12).
    pub async fn account_and_billing(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
    ) -> Result<(Account, Billing), StoreError> {
        let keys = [Key::account(user), Key::billing(user)];
        self.update_items(&keys, |mut found| {
            let (writes, account) = change_of(begin_update(found.next()?, user, email, now)?)?;
            let billing = found.next()?.unwrap_or_else(|| Billing::new(user.clone()));
            Ok((writes, (account, billing)))
        })
        .await
    }

    /// Changes a member's billing, if `change` accepts the current account, and records the
    /// request's key: a repeat with the same key runs `change` again. If nothing changes and there
    /// is no key to record, nothing is written.
    ///
    /// # Errors
    /// What `change` refuses or [`crate::KeyError::Reused`].
    pub async fn change_billing<D: Decided>(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        request: Option<&Idempotency>,
        now: Timestamp,
        change: impl Fn(&Account, &mut Billing) -> D,
    ) -> Result<(Billing, D::Value), StoreError> {
        let mut keys = vec![Key::account(user), Key::billing(user)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        let decide = |mut found: BatchItems| {
            let update = begin_update(found.next()?, user, email, now)?;
            let read = found.next()?.unwrap_or_else(|| Billing::new(user.clone()));
            let noted = outcome(found.next()?, request, now)?;
            let mut billing = read.clone();
            let value = change(update.account(), &mut billing).decided()?;
            let mut writes = Transaction::default().account_update(update)?;
            if billing != read {
                billing.version = read.version + 1;
                writes = writes.billing(&read, &billing)?;
            }
            let to_note = request.filter(|_| noted.is_none());
            Ok((writes.remember(user, to_note, Outcome::Noted, now)?, (billing, value)))
        };
        let read = async || self.get_all(&keys).await;
        Ok(self.update_unless(&[ItemKind::Customer], read, decide).await?)
    }

    /// The member of a Stripe customer; `None` if it is unknown (Q14).
    pub async fn user_of_customer(
        &self,
        customer: &CustomerId,
    ) -> Result<Option<UserId>, StoreError> {
        let found: Option<OwnerRef> = self.get(&Key::customer(customer)).await?;
        Ok(found.map(|owner| owner.user_id))
    }
}

impl Transaction {
    /// Writes a member's billing in place of `read`, and the owner of a new customer.
    pub(crate) fn billing(self, read: &Billing, after: &Billing) -> Result<Self, StoreError> {
        let this = self.put_versioned(Some(read), after)?;
        match after.customer.as_ref().filter(|customer| read.customer.as_ref() != Some(customer)) {
            Some(customer) => this.customer(customer, &after.user_id),
            None => Ok(this),
        }
    }

    fn customer(self, customer: &CustomerId, user: &UserId) -> Result<Self, StoreError> {
        let item = encode(&Key::customer(customer), &OwnerRef { user_id: user.clone() })?;
        let unowned = Condition::that("attribute_not_exists(pk) OR user_id = :user");
        Ok(self.put(ItemKind::Customer, item, unowned.value(":user", string(user))))
    }
}
