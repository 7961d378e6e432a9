//! Creators' balances, journals and payouts.

mod journals;
mod payees;
mod payouts;

pub use journals::Audited;
pub(crate) use journals::entry_of;
pub use payouts::{Begun, SALES_AT_ONCE, payout_id};

use domain::{id::UserId, marketplace::creator::balance::CreatorBalance};

use super::book_of;
use crate::{error::StoreError, keys::Key, table::Store};

impl Store {
    /// A creator's balance; [`CreatorBalance::new`] before the first change.
    pub async fn creator_book(&self, creator: &UserId) -> Result<CreatorBalance, StoreError> {
        Ok(book_of(creator, self.get(&Key::creator(creator)).await?))
    }
}
