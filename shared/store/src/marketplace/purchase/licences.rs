//! Licences: a member's right to use a listing for a generation.

use domain::{
    Timestamp,
    generation::{Licence, ResolvedSource},
    id::{ListingId, UserId},
    marketplace::{
        listing::{
            Listing,
            model::{ModelOwner, check_use},
            revision::Revision,
        },
        purchase::entitlement::Entitlement,
    },
};

use crate::{
    error::StoreError, keys::Key, table::Store, transaction::Transaction, versioned::Versioned,
};

/// What a generation with a listing was decided on: it must still hold when it is written.
#[derive(Debug)]
pub(crate) struct Licensed {
    /// The version.
    revision: Revision,
    /// The buyer's entitlement; a creator needs none.
    entitlement: Option<Entitlement>,
    /// The owner of its model.
    model: Option<ModelOwner>,
}

impl Store {
    /// The version of a listing that a member may use: the one they bought, or the newest of their
    /// own; `None` if they have neither. Also returns what that depends on.
    ///
    /// # Errors
    /// [`domain::marketplace::listing::model::ModelNotProven`].
    pub(crate) async fn licensed(
        &self,
        user: &UserId,
        id: &ListingId,
        (listing, owned): (Option<Listing>, Option<Entitlement>),
    ) -> Result<Option<(ResolvedSource, Licensed)>, StoreError> {
        let own = listing.as_ref().filter(|listing| listing.creator_id == *user);
        let entitlement = owned.filter(|owned| own.is_none() && owned.is_active());
        let number = match (own, &entitlement) {
            (Some(own), _) => own.newest(),
            (None, Some(owned)) => owned.revision,
            (None, None) => return Ok(None),
        };
        let revision: Option<Revision> = self.get(&Key::revision(id, number)).await?;
        let revision = revision
            .ok_or_else(|| StoreError::corrupt(format!("{id} lacks its version {number}")))?;
        let model = self.model_owner(&revision).await?;
        let made_with = (listing.as_ref(), &revision);
        check_use(user, made_with, model.as_ref()).map_err(StoreError::refused)?;
        let licence = Licence {
            listing_id: id.clone(),
            revision: number,
            creator_id: revision.creator_id.clone(),
            attribution: revision.description.attribution.clone(),
        };
        let named = ResolvedSource::licensed(licence, revision.description.content.clone());
        Ok(Some((named, Licensed { revision, entitlement, model })))
    }
}

impl Transaction {
    /// Checks that what a generation with a listing was decided on still holds; a generation
    /// without one depends on nothing.
    pub(crate) fn made_with(
        self,
        licensed: Option<&Licensed>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let Some(licensed) = licensed else { return Ok(self) };
        let this = self.model_owned(&licensed.revision, licensed.model.as_ref());
        match &licensed.entitlement {
            Some(owned) => this.used(owned, now),
            None => Ok(this),
        }
    }

    /// Records the first use of an entitlement; later uses only check that it is unchanged, so that
    /// what is being refunded cannot be used.
    fn used(self, owned: &Entitlement, now: Timestamp) -> Result<Self, StoreError> {
        match owned.used_at {
            Some(_) => Ok(self.check_version(owned.key(), Some(owned))),
            None => {
                let after = Entitlement { used_at: Some(now), ..owned.clone() };
                self.replace(Some(owned), &after)
            }
        }
    }
}
