//! Pack orders: creating them, and finding those that are due. They are settled with
//! [`crate::BillingUpdate`].

use domain::{
    Timestamp,
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
    accounts::begin_update,
    error::{NotFound, StoreError},
    idempotency::{Created, Idempotency, Outcome, outcome},
    keys::{Key, OPEN_ORDERS, TOP_UPS, due_bound, is_account, order_of, user_of},
    table::{BatchItems, IndexPage, IndexPosition, Store, decode_image},
    transaction::Transaction,
    update::Decided,
};

impl Store {
    /// Creates an order: one read (Q2) and one transaction of order and idempotency record, on the
    /// condition that the account is unchanged. The same key returns the order it created before,
    /// in its current state.
    ///
    /// # Errors
    /// What `place` refuses or [`crate::KeyError`].
    pub async fn place_order<D: Decided<Value = PackOrder>>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        request: &Idempotency,
        now: Timestamp,
        place: impl Fn(&AccountUpdate) -> D,
    ) -> Result<PackOrder, StoreError> {
        let keys = [Key::account(user), Key::idempotency(user, &request.key)];
        let create = |mut found: BatchItems| {
            let account: Option<Account> = found.next()?;
            // A repeat is answered before any rule runs.
            if let Some(Outcome::Order(id)) = outcome(found.next()?, Some(request), now)? {
                return Ok((Transaction::default(), Created::Before(id)));
            }
            let update = begin_update(account, user, email, now)?;
            let order = first_version(place(&update).decided()?);
            let writes = Transaction::default()
                .account_update(update)?
                .put_versioned(None, &order)?
                .remember(user, Some(request), Outcome::Order(order.id.clone()), now)?;
            Ok((writes, Created::New(order)))
        };
        match self.update_items(&keys, create).await? {
            Created::New(order) => Ok(order),
            Created::Before(id) => self.order(user, &id).await,
        }
    }

    /// Starts buying the pack that is due: account and order in one transaction. `None` if `begin`
    /// finds nothing to buy.
    ///
    /// # Errors
    /// What `begin` refuses.
    pub async fn begin_top_up<D: Decided<Value = Option<PackOrder>>>(
        &self,
        user: &UserId,
        now: Timestamp,
        begin: impl Fn(&mut AccountUpdate) -> D,
    ) -> Result<Option<PackOrder>, StoreError> {
        let begin = |account: Option<Account>| {
            // A member without an account has allowed no purchase.
            let Some(account) = account else { return Ok((Transaction::default(), None)) };
            let mut update = begin_update(Some(account), user, None, now)?;
            let order = begin(&mut update).decided()?.map(first_version);
            let writes = Transaction::default().account_update(update)?;
            match order {
                Some(order) => Ok((writes.put_versioned(None, &order)?, Some(order))),
                None => Ok((writes, None)),
            }
        };
        let read = async || self.get(&Key::account(user)).await;
        self.update_loaded(read, begin).await
    }

    /// One order of the member's (Q15).
    ///
    /// # Errors
    /// [`NotFound::Order`].
    pub async fn order(&self, user: &UserId, id: &OrderId) -> Result<PackOrder, StoreError> {
        let found = self.get(&Key::order(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Order))
    }

    /// Sets the checkout session of an order, unless it has one, and returns the updated order.
    /// Other changes made meanwhile stay.
    ///
    /// # Errors
    /// [`NotFound::Order`].
    pub async fn set_order_checkout(
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
    pub async fn due_orders(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, OrderId)>, StoreError> {
        self.walked(OPEN_ORDERS, Some(due_bound(now)), (after, most), order_of).await
    }

    /// Members whose pack is due, oldest first, then those whose pack is being charged (Q18).
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
