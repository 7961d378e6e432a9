//! Creators' accounts at Stripe.

use domain::{billing::external::ConnectedAccountId, id::UserId, marketplace::payee::Payee};

use crate::{
    error::StoreError,
    keys::Key,
    table::Store,
    transaction::{Committed, ItemKind, OwnerRef},
};

impl Store {
    /// A creator's account at Stripe, if they have one (Q41).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn payee(&self, creator: &UserId) -> Result<Option<Payee>, StoreError> {
        self.get(&Key::payee(creator)).await
    }

    /// OwnerRef a connected account is (Q41).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn creator_of_account(
        &self,
        account: &ConnectedAccountId,
    ) -> Result<Option<UserId>, StoreError> {
        let found: Option<OwnerRef> = self.get(&Key::connected(account)).await?;
        Ok(found.map(|whose| whose.user_id))
    }

    /// Writes what Stripe says of a creator's account in place of `read`, with whose it is. `false`
    /// if that has moved meanwhile: ask Stripe again.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn keep_payee(
        &self,
        read: Option<&Payee>,
        after: &Payee,
    ) -> Result<bool, StoreError> {
        // Looked at twice in one moment: there is nothing to write, and that is no transaction.
        if read == Some(after) {
            return Ok(true);
        }
        let mut writes = self.transaction().replace(read, after)?;
        if read.is_none_or(|read| read.account_id != after.account_id) {
            let whose = OwnerRef { user_id: after.user_id.clone() };
            writes =
                writes.fenced(ItemKind::Payee, &Key::connected(&after.account_id), &whose, None)?;
        }
        Ok(writes.commit().await? == Committed::Yes)
    }
}
