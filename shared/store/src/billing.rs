//! A member's billing: reading it, and changing it on their request. The state at Stripe is applied
//! with [`crate::BillingUpdate`].

use domain::{
    DomainError, Timestamp,
    account::{Account, EmailClaim},
    billing::{
        Billing,
        external::{CustomerId, EventId},
    },
    id::UserId,
};

use crate::{
    accounts::draft_of,
    error::StoreError,
    events::is_applied,
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::Key,
    table::{Attempt, Store},
    transaction::{Committed, ItemKind, OwnerRef},
};

impl Store {
    /// A member's billing; [`Billing::new`] if there is none (Q1).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn billing(&self, user: &UserId) -> Result<Billing, StoreError> {
        let found = self.get(&Key::billing(user)).await?;
        Ok(found.unwrap_or_else(|| Billing::new(user.clone())))
    }

    /// A member's billing, and whether `event` was already applied to it (Q11).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn account_and_billing(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
    ) -> Result<(Account, Billing), StoreError> {
        let keys = [Key::account(user), Key::billing(user)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let draft = draft_of(found.next()?, user, email, now)?;
            let billing = found.next()?.unwrap_or_else(|| Billing::new(user.clone()));
            if !draft.is_changed() {
                return Ok(Attempt::Done((draft.account().clone(), billing)));
            }
            let change = draft.finish();
            Ok(self.transaction().account(&change)?.commit().await?.done((change.account, billing)))
        })
        .await
    }

    /// Changes a member's billing, if `change` accepts the current account, and records the
    /// request's key: a repeat with the same key runs `change` again. If nothing changes and there
    /// is no key to record, nothing is written.
    ///
    /// # Errors
    /// What `change` refuses, [`crate::KeyError::Reused`], or when DynamoDB is unavailable.
    pub async fn change_billing<T, R: DomainError>(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        request: Option<&Idempotency>,
        now: Timestamp,
        change: impl Fn(&Account, &mut Billing) -> Result<T, R>,
    ) -> Result<(Billing, T), StoreError> {
        let mut keys = vec![Key::account(user), Key::billing(user)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let draft = draft_of(found.next()?, user, email, now)?;
            let read = found.next()?.unwrap_or_else(|| Billing::new(user.clone()));
            let noted = outcome(found.next()?, request, now)?;
            let to_note = request.filter(|_| noted.is_none());

            let mut billing = read.clone();
            let answer = change(draft.account(), &mut billing).map_err(StoreError::refused)?;
            if billing == read && to_note.is_none() && !draft.is_changed() {
                return Ok(Attempt::Done((billing, answer)));
            }
            let mut writes = self.transaction().draft(draft)?;
            if billing != read {
                billing.version = read.version + 1;
                writes = writes.billing(&read, &billing)?;
            }
            if let Some(request) = to_note {
                writes = writes.record(user, &Record::new(request, Outcome::Noted, now))?;
            }
            match writes.commit().await? {
                Committed::Yes => Ok(Attempt::Done((billing, answer))),
                Committed::Conflict(parts) => others_customer(&parts).map(|()| Attempt::Conflict),
            }
        })
        .await
    }

    /// The member of a Stripe customer; `None` if it is unknown (Q14).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn user_of_customer(
        &self,
        customer: &CustomerId,
    ) -> Result<Option<UserId>, StoreError> {
        let found: Option<OwnerRef> = self.get(&Key::customer(customer)).await?;
        Ok(found.map(|owner| owner.user_id))
    }
}

/// Stops the retries of a write conflict that cannot pass: the customer is another member's.
///
/// # Errors
/// When the customer is among the conflicts.
pub(crate) fn others_customer(moved: &[ItemKind]) -> Result<(), StoreError> {
    match moved.contains(&ItemKind::Customer) {
        true => Err(StoreError::corrupt("the Stripe customer belongs to another member")),
        false => Ok(()),
    }
}
