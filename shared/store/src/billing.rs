//! What a member has with Stripe: reading it, and changing it for a request of theirs. What Stripe
//! itself says is applied with the books ([`crate::Books`]).

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
    /// What a member has with Stripe; [`Billing::new`] if nothing (Q1).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn billing(&self, user: &UserId) -> Result<Billing, StoreError> {
        let found = self.get(&Key::billing(user)).await?;
        Ok(found.unwrap_or_else(|| Billing::new(user.clone())))
    }

    /// What a member has with Stripe, and whether `event` was applied to it before (Q11).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
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

    /// A member as [`Store::visit`] leaves them, and what they have with Stripe (Q12).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
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

    /// Changes what a member has with Stripe, if `change` agrees with the account as it is, and
    /// notes the request's key: the same request may be made again under it, and `change` is asked
    /// again then. Where nothing changes and there is no key to note, nothing is written.
    ///
    /// # Errors
    /// What `change` refuses, [`crate::KeyError::Reused`], or when DynamoDB cannot be asked.
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

    /// OwnerRef a customer of Stripe's is; `None` for one we do not know (Q14).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn user_of_customer(
        &self,
        customer: &CustomerId,
    ) -> Result<Option<UserId>, StoreError> {
        let found: Option<OwnerRef> = self.get(&Key::customer(customer)).await?;
        Ok(found.map(|whose| whose.user_id))
    }
}

/// A customer that stays another member's, however often it is decided anew.
///
/// # Errors
/// When that is what kept a transaction from being written.
pub(crate) fn others_customer(moved: &[ItemKind]) -> Result<(), StoreError> {
    match moved.contains(&ItemKind::Customer) {
        true => Err(StoreError::corrupt("the customer is another member's")),
        false => Ok(()),
    }
}
