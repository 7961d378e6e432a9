//! The ownership of tailored models.
//!
//! The provider identifies a model by an id that anybody can type into a draft, so an id proves
//! nothing. A model belongs to the creator whose listing of it staff approved first. Only that
//! creator, and buyers of that creator's listing, make images with it.
//!
//! A claim ends when staff take the approved listing off sale: the next approval may then assign
//! the model to another creator. Until then, members who bought a version keep using it.

mod usage;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ListingError, revision::Revision};
use crate::{
    id::{ListingId, UserId},
    time::Timestamp,
};

pub use usage::{ModelNotProven, check_use};

/// The owner of a model id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelOwner {
    /// The provider's id of the model.
    pub model_id: String,
    /// The creator who owns it.
    pub creator_id: UserId,
    /// The listing that staff approved.
    pub listing_id: ListingId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// When staff approved it.
    pub approved_at: Timestamp,
}

/// The ownership of a version's model, when the version is decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelClaim {
    /// Its owner, if it has one.
    pub owner: Option<ModelOwner>,
    /// Whether staff took the owner's listing off sale.
    pub has_ended: bool,
    /// The new owner that an approval sets, if it changes.
    pub proven: Option<ModelOwner>,
}

/// How a model relates to the creator of a version, as shown to a moderator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelOwnership {
    /// It has no owner: an approval assigns it to the creator.
    Unclaimed,
    /// The creator owns it.
    Owned,
    /// Another creator owns it: an approval is refused.
    Taken,
}

impl ModelClaim {
    /// The relation of the model to `creator`.
    pub fn ownership(&self, creator: &UserId) -> ModelOwnership {
        match &self.owner {
            Some(owner) if owner.creator_id == *creator => ModelOwnership::Owned,
            Some(_) if !self.has_ended => ModelOwnership::Taken,
            Some(_) | None => ModelOwnership::Unclaimed,
        }
    }

    /// Whether a version of `creator` with this model may be put on sale.
    ///
    /// # Errors
    /// [`ListingError::ModelTaken`] when another creator owns it.
    pub fn check(&self, creator: &UserId) -> Result<(), ListingError> {
        match self.ownership(creator) {
            ModelOwnership::Unclaimed | ModelOwnership::Owned => Ok(()),
            ModelOwnership::Taken => Err(ListingError::ModelTaken),
        }
    }

    /// Makes the creator of an approved version the owner of its model, if it has one.
    ///
    /// # Errors
    /// As [`ModelClaim::check`].
    pub(super) fn prove(
        &mut self,
        revision: &Revision,
        now: Timestamp,
    ) -> Result<(), ListingError> {
        let Some(model_id) = &revision.description.content.model_id else { return Ok(()) };
        self.check(&revision.creator_id)?;
        if self.owner.is_some() && !self.has_ended {
            return Ok(());
        }
        self.proven = Some(ModelOwner {
            model_id: model_id.clone(),
            creator_id: revision.creator_id.clone(),
            listing_id: revision.listing_id.clone(),
            version: self.owner.as_ref().map_or(0, |before| before.version),
            approved_at: now,
        });
        Ok(())
    }
}

/// What moderators compare model ids by: SHA-256 of the id, in lower-case hex. The id itself is
/// shown only to its creator.
pub fn fingerprint(model_id: &str) -> String {
    hex::encode(Sha256::digest(model_id))
}
