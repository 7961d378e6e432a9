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
        purchase::{
            Purchase,
            entitlement::{Entitlement, NoSuchVersion},
        },
    },
};

use super::purchases::PurchaseRecord;
use crate::{
    condition::string,
    cursor::PageSize,
    error::{NotFound, StoreError},
    keys::{Key, listing_pk},
    table::{Store, decode},
    transaction::Transaction,
    versioned::Versioned,
};

/// The largest number that the key of a version holds.
const VERSION_MAX: u32 = 999_999;

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
    /// The version of a listing that a member may use, `wanted` or by default the newest: of an
    /// entitlement's, or of their own listing's; `None` if they have neither. Also returns what
    /// that depends on.
    ///
    /// # Errors
    /// [`NoSuchVersion`], [`domain::marketplace::listing::model::ModelNotProven`].
    pub(crate) async fn licensed(
        &self,
        user: &UserId,
        (id, wanted): (&ListingId, Option<u32>),
        (listing, owned): (Option<Listing>, Option<Entitlement>),
    ) -> Result<Option<(ResolvedSource, Licensed)>, StoreError> {
        let own = listing.as_ref().filter(|listing| listing.creator_id == *user);
        let entitlement = owned.filter(|owned| own.is_none() && owned.is_active());
        let revision = match (own, &entitlement) {
            (Some(own), _) => {
                let number = wanted.unwrap_or_else(|| own.newest());
                let found = self.get(&Key::revision(id, number)).await?;
                found.ok_or_else(|| StoreError::refused(NoSuchVersion))?
            }
            (None, Some(owned)) => self.entitled(owned, listing.as_ref(), wanted).await?,
            (None, None) => return Ok(None),
        };
        let model = self.model_owner(&revision).await?;
        let made_with = (listing.as_ref(), &revision);
        check_use(user, made_with, model.as_ref()).map_err(StoreError::refused)?;
        let licence = Licence {
            listing_id: id.clone(),
            revision: revision.number,
            creator_id: revision.creator_id.clone(),
            attribution: revision.description.attribution.clone(),
        };
        let named = ResolvedSource::licensed(licence, revision.description.content.clone());
        Ok(Some((named, Licensed { revision, entitlement, model })))
    }

    /// The version that a purchase entitles its buyer to: `wanted`, or by default the newest.
    ///
    /// # Errors
    /// [`NotFound::Purchase`] when the purchase grants no usable entitlement; [`NoSuchVersion`].
    pub async fn entitled_version(
        &self,
        purchase: &Purchase,
        wanted: Option<u32>,
    ) -> Result<Revision, StoreError> {
        let PurchaseRecord { entitlement, listing, .. } =
            self.purchase_record(purchase.clone()).await?;
        let owned = entitlement.filter(Entitlement::is_active);
        let owned = owned.ok_or_else(|| StoreError::refused(NotFound::Purchase))?;
        self.entitled(&owned, listing.as_ref(), wanted).await
    }

    /// The versions that an entitlement includes, newest first, at most [`PageSize::FEW`] later
    /// ones and the one that was bought.
    pub async fn versions_of(&self, owned: &Entitlement) -> Result<Vec<Revision>, StoreError> {
        let (id, bought) = (&owned.listing_id, owned.revision);
        let found = self
            .partition(listing_pk(id))
            .key_condition_expression("pk = :pk AND sk BETWEEN :bought AND :last")
            .expression_attribute_values(":bought", string(&Key::revision(id, bought).sk))
            .expression_attribute_values(":last", string(&Key::revision(id, VERSION_MAX).sk))
            .scan_index_forward(false)
            .limit(PageSize::FEW.and_one())
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let found = found.items.unwrap_or_default().into_iter().map(decode);
        let mut versions: Vec<Revision> = found.collect::<Result<_, _>>()?;
        if versions.last().is_none_or(|last| last.number != bought) {
            let first: Option<Revision> = self.get(&Key::revision(id, bought)).await?;
            versions.extend(first);
        }
        versions.retain(|version| owned.includes(version));
        Ok(versions)
    }

    async fn entitled(
        &self,
        owned: &Entitlement,
        listing: Option<&Listing>,
        wanted: Option<u32>,
    ) -> Result<Revision, StoreError> {
        let number = wanted.unwrap_or_else(|| owned.newest_version(listing));
        let found: Option<Revision> = self.get(&Key::revision(&owned.listing_id, number)).await?;
        let found = found.filter(|version| owned.includes(version));
        found.ok_or_else(|| StoreError::refused(NoSuchVersion))
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
