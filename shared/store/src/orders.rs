//! Pack orders: creating them, and finding those that are due. They are settled with
//! [`crate::BillingUpdate`].

use domain::{
    DomainError, Timestamp,
    account::{Account, AccountUpdate, EmailClaim},
    billing::{
        external::SessionId,
        order::PackOrder,
        top_up::{TopUp, TopUpState},
    },
    id::{OrderId, UserId},
};
use serde::Deserialize;

use crate::{
    accounts::draft_of,
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::{Key, OPEN_ORDERS, TOP_UPS, due_bound, is_account, order_of, user_of},
    table::{Attempt, IndexPage, IndexPosition, Store, decode_image},
};

impl Store {
    /// Creates an order: one read (Q2) and one transaction of order and idempotency record, on the
    /// condition that the account is unchanged. The same key returns the order it created before,
    /// in its current state.
    ///
    /// # Errors
    /// What `place` refuses, [`crate::KeyError`], or when DynamoDB is unavailable.
    pub async fn place_order<R: DomainError>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        request: &Idempotency,
        now: Timestamp,
        place: impl Fn(&AccountUpdate) -> Result<PackOrder, R>,
    ) -> Result<PackOrder, StoreError> {
        let keys = [Key::account(user), Key::idempotency(user, &request.key)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            // A repeat is answered before any rule runs.
            if let Some(Outcome::Order(id)) = outcome(found.next()?, Some(request), now)? {
                return self.order(user, &id).await.map(Attempt::Done);
            }
            let draft = draft_of(account, user, email, now)?;
            let order = first_version(place(&draft).map_err(StoreError::refused)?);
            let record = Record::new(request, Outcome::Order(order.id.clone()), now);
            let writes =
                self.transaction().draft(draft)?.order(&order, 0)?.record(user, &record)?;
            Ok(writes.commit().await?.done(order))
        })
        .await
    }

    /// Starts buying the pack that is due: account and order in one transaction. `None` if `begin`
    /// finds nothing to buy.
    ///
    /// # Errors
    /// What `begin` refuses, or when DynamoDB is unavailable.
    pub async fn begin_top_up<R: DomainError>(
        &self,
        user: &UserId,
        now: Timestamp,
        begin: impl Fn(&mut AccountUpdate) -> Result<Option<PackOrder>, R>,
    ) -> Result<Option<PackOrder>, StoreError> {
        self.retry_on_conflict(async || {
            // A member without an account has allowed no purchase.
            let Some(account) = self.get::<Account>(&Key::account(user)).await? else {
                return Ok(Attempt::Done(None));
            };
            let mut draft = draft_of(Some(account), user, None, now)?;
            let order = begin(&mut draft).map_err(StoreError::refused)?.map(first_version);
            if order.is_none() && !draft.is_changed() {
                return Ok(Attempt::Done(None));
            }
            let mut writes = self.transaction().draft(draft)?;
            if let Some(order) = &order {
                writes = writes.order(order, 0)?;
            }
            Ok(writes.commit().await?.done(order))
        })
        .await
    }

    /// One order of the member's (Q15).
    ///
    /// # Errors
    /// [`NotFound::Order`], or when DynamoDB is unavailable.
    pub async fn order(&self, user: &UserId, id: &OrderId) -> Result<PackOrder, StoreError> {
        let found = self.get(&Key::order(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Order))
    }

    /// Sets the checkout session of an order, unless it has one, and returns the updated order.
    /// Other changes made meanwhile stay.
    ///
    /// # Errors
    /// [`NotFound::Order`], or when DynamoDB is unavailable.
    pub async fn order_opened(
        &self,
        user: &UserId,
        id: &OrderId,
        session: &SessionId,
        url: &str,
    ) -> Result<PackOrder, StoreError> {
        match self.opened(&Key::order(user, id), (session, url)).await? {
            Some(order) => Ok(order),
            None => self.order(user, id).await,
        }
    }

    /// Orders that Stripe must be asked about, oldest first (Q17).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn due_orders(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, OrderId)>, StoreError> {
        self.walked(OPEN_ORDERS, Some(due_bound(now)), (after, most), order_of).await
    }

    /// Members whose pack is due, oldest first, then those whose pack is being charged (Q18).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn due_top_ups(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<UserId>, StoreError> {
        self.walked(TOP_UPS, None, (after, most), user_of).await
    }
}

/// The member whose pack is due in a stream image; `None` if the change is about something else.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has an account's key and is none.
pub fn changed_top_up(
    image: &serde_json::Map<String, serde_json::Value>,
) -> Result<Option<UserId>, StoreError> {
    let changed: Option<Watched> = decode_image(image, is_account)?;
    Ok(changed.and_then(|Watched { user_id, top_up }| match top_up?.state {
        TopUpState::Due { .. } => Some(user_id),
        TopUpState::Armed | TopUpState::Charging { .. } | TopUpState::Paused { .. } => None,
    }))
}

/// The part of an account that tells whether a pack is due.
#[derive(Debug, Deserialize)]
struct Watched {
    user_id: UserId,
    #[serde(default)]
    top_up: Option<TopUp>,
}

fn first_version(order: PackOrder) -> PackOrder {
    PackOrder { version: 1, ..order }
}
