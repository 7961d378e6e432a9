//! Flags: what members report of a listing.

use domain::{
    Timestamp,
    id::{ListingId, UserId},
    marketplace::flag::{Flag, FlagReason, Flags},
};

use super::on_sale;
use crate::{
    accounts::active_draft_of,
    error::StoreError,
    keys::Key,
    table::{Attempt, Store},
    transaction::Committed,
};

impl Store {
    /// Adds a member's report of a listing on sale, in place of an earlier one of theirs.
    ///
    /// # Errors
    /// [`crate::Missing::Listing`], when the member is suspended, or when DynamoDB cannot be asked.
    pub async fn flag_listing(
        &self,
        (user, email): (&UserId, Option<&str>),
        listing: &ListingId,
        reason: FlagReason,
        now: Timestamp,
    ) -> Result<Flags, StoreError> {
        let keys = [Key::account(user), Key::listing(listing), Key::flags(listing)];
        self.decide(async || {
            let mut found = self.get_all(&keys).await?;
            let draft = active_draft_of(found.take()?, user, email, now)?;
            on_sale(found.take()?)?;
            let before: Option<Flags> = found.take()?;
            let mut after = before.clone().unwrap_or_else(|| Flags::none(listing.clone()));
            after.add(Flag { user_id: user.clone(), reason, at: now });
            if before.as_ref() == Some(&after) {
                return Ok(Attempt::Done(after));
            }
            let writes = self.transaction().draft(draft)?.replace(before.as_ref(), &after)?;
            match writes.commit().await? {
                Committed::Yes => Ok(Attempt::Done(after)),
                Committed::Moved(_) => Ok(Attempt::Moved),
            }
        })
        .await
    }
}
