//! Tailored models: reading and writing which creator one belongs to.

use std::collections::BTreeSet;

use domain::{
    id::ListingId,
    marketplace::{
        listing::Listing,
        model::{ModelClaim, ModelOwner},
        revision::Revision,
    },
};

use super::shelf::Shelf;
use crate::{
    error::StoreError,
    keys::Key,
    table::Store,
    transaction::{Fenced, Part, Transaction},
};

impl Store {
    /// What is known about the models of at most 100 versions, in their order (Q59). Versions
    /// without a model cost no read.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn model_claims(
        &self,
        revisions: &[&Revision],
    ) -> Result<Vec<ModelClaim>, StoreError> {
        let models: BTreeSet<&str> = revisions.iter().filter_map(|it| model_of(it)).collect();
        let keys: Vec<Key> = models.into_iter().map(Key::model).collect();
        let owners: Vec<ModelOwner> = self.get_all(&keys).await?.rest()?;
        let listings: BTreeSet<&ListingId> = owners.iter().map(|it| &it.listing_id).collect();
        let keys: Vec<Key> = listings.into_iter().map(Key::listing).collect();
        let listings: Vec<Listing> = self.get_all(&keys).await?.rest()?;
        let has_ended = |owner: &ModelOwner| {
            let listing = listings.iter().find(|it| it.id == owner.listing_id);
            listing.is_none_or(Listing::is_taken_off)
        };
        let claim = |revision: &&Revision| {
            let owner = owners.iter().find(|it| Some(&*it.model_id) == model_of(revision));
            let other = owner.filter(|owner| owner.listing_id != revision.listing_id);
            ModelClaim { owner: owner.cloned(), has_ended: other.is_some_and(has_ended) }
        };
        Ok(revisions.iter().map(claim).collect())
    }

    /// What is known about the model of one version.
    pub(super) async fn model_claim(&self, revision: &Revision) -> Result<ModelClaim, StoreError> {
        Ok(self.model_claims(&[revision]).await?.pop().unwrap_or_default())
    }

    /// The owner of a version's model, if it has one.
    pub(super) async fn model_owner(
        &self,
        revision: &Revision,
    ) -> Result<Option<ModelOwner>, StoreError> {
        match model_of(revision) {
            Some(model_id) => self.get(&Key::model(model_id)).await,
            None => Ok(None),
        }
    }
}

impl Transaction<'_> {
    /// Writes the owner of a model that was approved. Where the model has its owner already, that
    /// owner must still be the one the approval was decided on.
    pub(super) fn model(self, before: &Shelf, after: &Shelf) -> Result<Self, StoreError> {
        let (was, is) = (&before.model.owner, &after.model.owner);
        match is {
            Some(owner) if was != is => self.replace(was.as_ref(), owner),
            Some(owner) if before.listing.published != after.listing.published => {
                self.unmoved(Part::Model, &owner.key(), owner.version)
            }
            Some(_) | None => Ok(self),
        }
    }

    /// Holds while a model has the owner that a generation was decided on.
    pub(super) fn model_owned(
        self,
        revision: &Revision,
        owner: Option<&ModelOwner>,
    ) -> Result<Self, StoreError> {
        match model_of(revision) {
            Some(model_id) => {
                let version = owner.map_or(0, |owner| owner.version);
                self.unmoved(Part::Model, &Key::model(model_id), version)
            }
            None => Ok(self),
        }
    }
}

fn model_of(revision: &Revision) -> Option<&str> {
    revision.description.content.model_id.as_deref()
}
