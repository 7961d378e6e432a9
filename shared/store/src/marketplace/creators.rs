//! Creator balances.

use domain::{id::UserId, marketplace::listing_stats::CreatorBalance};

use super::book_of;
use crate::{error::StoreError, keys::Key, table::Store};

impl Store {
    /// A creator's balance; [`CreatorBalance::new`] before the first change.
    pub async fn creator_book(&self, creator: &UserId) -> Result<CreatorBalance, StoreError> {
        Ok(book_of(creator, self.get(&Key::creator(creator)).await?))
    }
}
