//! The unit of work: everything that a decision changes, in one transaction.
//!
//! 1. *Load* reads what the decision is about, with the versions it was read with. Before the
//!    write, a round does no other IO.
//! 2. *Decide* is pure. It changes what was loaded, and returns its own result.
//! 3. *Diff* puts what differs into a [`Transaction`], each item under the version it was read with
//!    or guarded by another one. A transaction that would only check is not sent.
//! 4. On a write conflict the next round starts with the load, after a random wait. Some conflicts
//!    are final ([`Aggregate::FINAL`]): another round could not write either.
//!
//! [`Store::update`] does this for an [`Aggregate`], a group of items that several decisions
//! change; [`Store::update_items`] and [`Store::update_loaded`] for a decision that is the only one
//! about its items.

use domain::DomainError;

use crate::{
    error::StoreError,
    keys::Key,
    table::{BatchItems, Store, backoff},
    transaction::{Committed, ItemKind, Transaction},
};

/// How often a decision is repeated because of a write conflict.
const ROUNDS_MAX: u32 = 24;

/// Items that are read, decided on and written together.
pub(crate) trait Aggregate: Clone {
    /// What it is read by, and what its writes depend on.
    type Key<'a>;
    /// What a caller gets back.
    type Written;
    /// The kinds of items whose conflict is final, the first of them first.
    const FINAL: &'static [ItemKind] = &[];

    /// Reads it.
    ///
    /// # Errors
    /// When it does not exist or may not be changed.
    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError>;

    /// Writes what differs from `before`, and returns the state that is stored after that.
    ///
    /// # Errors
    /// When a rule refuses the change, or an item cannot be encoded.
    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<Self::Written>, StoreError>;
}

/// A transaction, and what a caller gets back once it is written.
pub(crate) type Writes<T> = (Transaction, T);

/// The result of a decision: whatever a closure returns that can be written, with its own value.
pub trait Decided {
    /// The value.
    type Value;
    /// The value, or the refusal as an error of the store.
    ///
    /// # Errors
    /// What the decision refused.
    fn decided(self) -> Result<Self::Value, StoreError>;
}

impl Decided for () {
    type Value = ();
    fn decided(self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<T, R: DomainError> Decided for Result<T, R> {
    type Value = T;
    fn decided(self) -> Result<T, StoreError> {
        self.map_err(StoreError::refused)
    }
}

/// Why an update wrote nothing.
#[derive(Debug)]
pub(crate) enum UpdateError {
    /// A final conflict, with an item of this kind.
    Conflict(ItemKind),
    /// Any other error.
    Store(StoreError),
}

impl From<StoreError> for UpdateError {
    fn from(error: StoreError) -> UpdateError {
        UpdateError::Store(error)
    }
}

impl From<UpdateError> for StoreError {
    fn from(error: UpdateError) -> StoreError {
        match error {
            UpdateError::Store(error) => error,
            UpdateError::Conflict(ItemKind::Customer) => {
                StoreError::corrupt("the Stripe customer belongs to another member")
            }
            UpdateError::Conflict(_) => StoreError::Busy,
        }
    }
}

impl Store {
    /// Updates an aggregate by a decision. Returns the state that is stored now, and the decision's
    /// value.
    pub(crate) async fn update<A: Aggregate, D: Decided>(
        &self,
        key: A::Key<'_>,
        decide: impl Fn(&mut A) -> D,
    ) -> Result<(A::Written, D::Value), UpdateError> {
        let change = |before: A| {
            let mut after = before.clone();
            let value = decide(&mut after).decided()?;
            let (writes, written) = after.diff(before, &key)?;
            Ok((writes, (written, value)))
        };
        self.update_unless(A::FINAL, async || A::load(self, &key).await, change).await
    }

    /// Decides on the items at some keys, which are read in one trip.
    pub(crate) async fn update_items<T>(
        &self,
        keys: &[Key],
        decide: impl Fn(BatchItems) -> Result<Writes<T>, StoreError>,
    ) -> Result<T, StoreError> {
        self.update_loaded(async || self.get_all(keys).await, decide).await
    }

    /// Decides on what `load` reads.
    pub(crate) async fn update_loaded<S, T>(
        &self,
        load: impl AsyncFn() -> Result<S, StoreError>,
        decide: impl Fn(S) -> Result<Writes<T>, StoreError>,
    ) -> Result<T, StoreError> {
        Ok(self.update_unless(&[], load, decide).await?)
    }

    /// The same, unless an item of one of the kinds `last` conflicts. This is the only loop over
    /// decisions.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when every round conflicted; nothing was written then.
    pub(crate) async fn update_unless<S, T>(
        &self,
        last: &[ItemKind],
        load: impl AsyncFn() -> Result<S, StoreError>,
        decide: impl Fn(S) -> Result<Writes<T>, StoreError>,
    ) -> Result<T, UpdateError> {
        for round in 0..ROUNDS_MAX {
            backoff(round).await;
            let (writes, value) = decide(load().await?)?;
            if writes.only_checks() {
                return Ok(value);
            }
            match self.commit(writes).await? {
                Committed::Yes => return Ok(value),
                Committed::Conflict(parts) => {
                    if let Some(kind) = last.iter().find(|kind| parts.contains(kind)) {
                        return Err(UpdateError::Conflict(*kind));
                    }
                    tracing::debug!(round, "write conflict, retrying");
                }
            }
        }
        Err(StoreError::Busy.into())
    }
}
