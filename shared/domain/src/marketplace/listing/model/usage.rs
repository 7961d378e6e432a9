//! Who may make images with a model.

use super::ModelOwner;
use crate::{
    id::UserId,
    marketplace::listing::{Listing, revision::Revision},
};

/// A model cannot be used because its ownership is not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Staff have not confirmed that this model belongs to the listing's creator. It can be used \
     once the listing is approved."
)]
pub struct ModelNotProven;

crate::domain_error!(ModelNotProven => Forbidden, "model_not_proven");

/// Checks that `user` may make images with the model of a version that they made or bought. A
/// version without a model needs no owner.
///
/// Models of versions that were on sale before ownership was recorded have no owner; staff approved
/// them all the same.
///
/// # Errors
/// When the model was not approved as the creator's, or the user is its creator and staff took the
/// listing off sale.
pub fn check_use(
    user: &UserId,
    (listing, revision): (Option<&Listing>, &Revision),
    owner: Option<&ModelOwner>,
) -> Result<(), ModelNotProven> {
    if revision.description.content.model_id.is_none() {
        return Ok(());
    }
    let is_proven = match owner {
        Some(owner) => owner.creator_id == revision.creator_id,
        None => revision.published_at.is_some(),
    };
    let is_own = revision.creator_id == *user;
    let is_withdrawn = is_own && listing.is_some_and(Listing::is_taken_off);
    if is_proven && !is_withdrawn { Ok(()) } else { Err(ModelNotProven) }
}
