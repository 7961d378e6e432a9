//! Using a listing for an image: what of it a member has.

use domain::{
    Timestamp,
    generation::{Licence, Named},
    id::{ListingId, UserId},
    marketplace::{listing::Listing, purchase::Entitlement, revision::Revision},
};

use crate::{
    error::StoreError,
    keys::Key,
    table::Store,
    transaction::{Fenced, Part, Transaction},
};

impl Store {
    /// What a listing names in a generation: the version that was bought, or the newest of one's
    /// own; `None` if the member has neither. With it, the entitlement it stands on.
    pub(crate) async fn licensed(
        &self,
        user: &UserId,
        id: &ListingId,
        (listing, owned): (Option<Listing>, Option<Entitlement>),
    ) -> Result<(Option<Named>, Option<Entitlement>), StoreError> {
        let own = listing.filter(|listing| listing.creator_id == *user);
        let owned = owned.filter(|owned| own.is_none() && owned.is_active());
        let number = match (&own, &owned) {
            (Some(own), _) => own.newest(),
            (None, Some(owned)) => owned.revision,
            (None, None) => return Ok((None, None)),
        };
        let revision: Option<Revision> = self.get(&Key::revision(id, number)).await?;
        let revision = revision
            .ok_or_else(|| StoreError::corrupt(format!("{id} lacks its version {number}")))?;
        let licence = Licence {
            listing_id: id.clone(),
            revision: number,
            creator_id: revision.creator_id,
            attribution: revision.description.attribution,
        };
        Ok((Some(Named::licensed(licence, revision.description.content)), owned))
    }
}

impl Transaction<'_> {
    /// Notes that something bought is used, the first time; afterwards it must only still be what
    /// it was, so that what was paid back is not used in the same moment.
    pub(crate) fn used(self, owned: &Entitlement, now: Timestamp) -> Result<Self, StoreError> {
        match owned.used_at {
            Some(_) => self.unmoved(Part::Entitlement, &owned.key(), owned.version),
            None => {
                let after = Entitlement { used_at: Some(now), ..owned.clone() };
                self.replace(Some(owned), &after)
            }
        }
    }
}
