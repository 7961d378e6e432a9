//! What a creator has in all.

use domain::{id::UserId, marketplace::tally::CreatorBook};

use crate::{error::StoreError, keys::Key, table::Store};

impl Store {
    /// A creator's sums; [`CreatorBook::new`] before anything happened.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn creator_book(&self, creator: &UserId) -> Result<CreatorBook, StoreError> {
        let found = self.get(&Key::creator(creator)).await?;
        Ok(found.unwrap_or_else(|| CreatorBook::new(creator.clone())))
    }
}
