//! Creators' connected accounts at Stripe.

use domain::{
    billing::external::ConnectedAccountId, id::UserId, marketplace::creator::payee::Payee,
};

use crate::{
    error::StoreError,
    keys::Key,
    table::Store,
    transaction::{Committed, ItemKind, OwnerRef, Transaction},
};

impl Store {
    /// A creator's connected account, if they have one (Q41).
    pub async fn payee(&self, creator: &UserId) -> Result<Option<Payee>, StoreError> {
        self.get(&Key::payee(creator)).await
    }

    /// The creator of a connected account (Q41).
    pub async fn creator_of_account(
        &self,
        account: &ConnectedAccountId,
    ) -> Result<Option<UserId>, StoreError> {
        let found: Option<OwnerRef> = self.get(&Key::connected(account)).await?;
        Ok(found.map(|whose| whose.user_id))
    }

    /// Writes a creator's connected account in place of `read`, with its owner. `false` on a write
    /// conflict: ask Stripe again.
    pub async fn put_payee(&self, read: Option<&Payee>, after: &Payee) -> Result<bool, StoreError> {
        // Unchanged: there is nothing to write, and a transaction must not be empty.
        if read == Some(after) {
            return Ok(true);
        }
        let mut writes = Transaction::default().replace(read, after)?;
        if read.is_none_or(|read| read.account_id != after.account_id) {
            let whose = OwnerRef { user_id: after.user_id.clone() };
            writes =
                writes.fenced(ItemKind::Payee, &Key::connected(&after.account_id), &whose, None)?;
        }
        Ok(self.commit(writes).await? == Committed::Yes)
    }
}
