//! Tailored models: reading and writing their owners.

use std::collections::BTreeSet;

use domain::{
    id::ListingId,
    marketplace::listing::{
        Listing,
        model::{ModelClaim, ModelOwner},
        revision::Revision,
    },
};

use super::update::ListingUpdate;
use crate::{
    error::StoreError, keys::Key, table::Store, transaction::Transaction, versioned::Versioned,
};

impl Store {
    /// What is known about the models of at most 100 versions, in their order (Q62). Versions
    /// without a model cost no read.
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
            let has_ended = other.is_some_and(has_ended);
            ModelClaim { owner: owner.cloned(), has_ended, proven: None }
        };
        Ok(revisions.iter().map(claim).collect())
    }

    /// What is known about the model of one version.
    pub(in crate::marketplace) async fn model_claim(
        &self,
        revision: &Revision,
    ) -> Result<ModelClaim, StoreError> {
        Ok(self.model_claims(&[revision]).await?.pop().unwrap_or_default())
    }

    /// The owner of a version's model, if it has one.
    pub(in crate::marketplace) async fn model_owner(
        &self,
        revision: &Revision,
    ) -> Result<Option<ModelOwner>, StoreError> {
        match model_of(revision) {
            Some(model_id) => self.get(&Key::model(model_id)).await,
            None => Ok(None),
        }
    }
}

impl Transaction {
    /// Writes the owner of an approved model. If the model has an owner already, that owner must be
    /// the one the approval was decided on.
    pub(in crate::marketplace) fn model(
        self,
        before: &ListingUpdate,
        after: &ListingUpdate,
    ) -> Result<Self, StoreError> {
        let ModelClaim { owner, proven, .. } = &after.model;
        let is_approved = before.listing.published != after.listing.published;
        match (proven, owner) {
            (Some(proven), owner) => self.replace(owner.as_ref(), proven),
            (None, Some(owner)) if is_approved => Ok(self.check_version(owner.key(), Some(owner))),
            (None, _) => Ok(self),
        }
    }

    /// Checks that a model still has the owner that a generation was decided on.
    pub(in crate::marketplace) fn model_owned(
        self,
        revision: &Revision,
        owner: Option<&ModelOwner>,
    ) -> Self {
        match model_of(revision) {
            Some(model_id) => self.check_version(Key::model(model_id), owner),
            None => self,
        }
    }
}

fn model_of(revision: &Revision) -> Option<&str> {
    revision.description.content.model_id.as_deref()
}
