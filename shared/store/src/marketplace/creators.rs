//! What a creator has in all.

use domain::{id::UserId, marketplace::tally::CreatorBook};

use super::book_of;
use crate::{error::StoreError, keys::Key, table::Store};

impl Store {
    /// A creator's sums; [`CreatorBook::new`] before anything happened.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn creator_book(&self, creator: &UserId) -> Result<CreatorBook, StoreError> {
        Ok(book_of(creator, self.get(&Key::creator(creator)).await?))
    }
}
