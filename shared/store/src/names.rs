//! Names of members and listings, for answers that would otherwise have only ids.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    account::Account,
    id::{ListingId, Named, PresetId, UserId},
    marketplace::listing::{Listing, revision::Revision},
    metrics::{GenerationReport, Ranked, RevenueReport},
    preset::Preset,
};
use serde::de::DeserializeOwned;

use crate::{cursor::PageSize, error::StoreError, keys::Key, table::Store};

/// The names of some members and listings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    members: BTreeMap<UserId, String>,
    listings: BTreeMap<ListingId, String>,
}

impl Names {
    /// A member with their display name.
    pub fn member(&self, id: &UserId) -> Named<UserId> {
        Named { id: id.clone(), name: self.members.get(id).cloned() }
    }

    /// A listing with its title.
    pub fn listing(&self, id: &ListingId) -> Named<ListingId> {
        Named { id: id.clone(), name: self.listings.get(id).cloned() }
    }
}

impl Store {
    /// The names of some members and listings, of whom most may be the same (Q68).
    pub async fn names<'a>(
        &self,
        members: impl IntoIterator<Item = &'a UserId>,
        listings: impl IntoIterator<Item = &'a ListingId>,
    ) -> Result<Names, StoreError> {
        let members: BTreeSet<&UserId> = members.into_iter().collect();
        let listings: BTreeSet<&ListingId> = listings.into_iter().collect();
        let members = self.names_of(members).await?;
        let listings: Vec<Listing> = self.each(listings.into_iter().map(Key::listing)).await?;
        self.titled(members, &listings).await
    }

    /// The names of some members, and the titles of listings that are read already.
    pub async fn titled(
        &self,
        members: BTreeMap<UserId, String>,
        read: &[Listing],
    ) -> Result<Names, StoreError> {
        let mut listings = BTreeMap::new();
        let mut never_sold = Vec::new();
        for listing in read {
            match &listing.published {
                Some(sold) => {
                    listings.insert(listing.id.clone(), sold.title.clone());
                }
                None => never_sold.push(Key::revision(&listing.id, listing.newest())),
            }
        }
        let drafts: Vec<Revision> = self.each(never_sold).await?;
        listings.extend(drafts.into_iter().map(|it| (it.listing_id, it.description.title)));
        Ok(Names { members, listings })
    }

    /// The display names of some members; those without one are left out (Q1).
    pub async fn names_of(
        &self,
        users: BTreeSet<&UserId>,
    ) -> Result<BTreeMap<UserId, String>, StoreError> {
        let accounts: Vec<Account> = self.each(users.into_iter().map(Key::account)).await?;
        let named = |it: Account| Some((it.user_id, it.profile.display_name?));
        Ok(accounts.into_iter().filter_map(named).collect())
    }

    /// The report with the display names of its creators (Q1).
    pub async fn with_names(&self, mut report: RevenueReport) -> Result<RevenueReport, StoreError> {
        let ids = report.top_creators.items.iter();
        let ids: BTreeSet<UserId> =
            ids.filter_map(|it| UserId::parse(&it.creator_id).ok()).collect();
        let names = self.names_of(ids.iter().collect()).await?;
        for rank in &mut report.top_creators.items {
            let id = UserId::parse(&rank.creator_id).ok();
            rank.display_name = id.and_then(|id| names.get(&id).cloned());
        }
        Ok(report)
    }

    /// The report with the names of its presets and listings and of their owners (Q68).
    pub async fn with_popular_names(
        &self,
        mut report: GenerationReport,
    ) -> Result<GenerationReport, StoreError> {
        let presets: BTreeSet<(UserId, PresetId)> =
            report.popular_presets.iter().filter_map(preset_of).collect();
        let keys = presets.iter().map(|(owner, id)| Key::preset(owner, id));
        let presets: Vec<Preset> = self.each(keys).await?;
        let ids = report.popular_listings.iter();
        let ids: BTreeSet<ListingId> = ids.filter_map(|it| ListingId::parse(&it.id).ok()).collect();
        let listings: Vec<Listing> = self.each(ids.iter().map(Key::listing)).await?;
        let owners = report.popular_presets.iter().filter_map(|it| Some(&it.owner.as_ref()?.id));
        let members = owners.chain(listings.iter().map(|it| &it.creator_id)).collect();
        let names = self.titled(self.names_of(members).await?, &listings).await?;
        for rank in &mut report.popular_presets {
            let preset = presets.iter().find(|it| it.id.as_str() == rank.id);
            rank.name = preset.map(|it| it.name.clone());
            rank.owner = rank.owner.take().map(|owner| names.member(&owner.id));
        }
        for rank in &mut report.popular_listings {
            let Some(listing) = listings.iter().find(|it| it.id.as_str() == rank.id) else {
                continue;
            };
            rank.name = names.listing(&listing.id).name;
            rank.owner = Some(names.member(&listing.creator_id));
        }
        Ok(report)
    }

    /// The items that exist at some different keys, 100 in a trip.
    pub(crate) async fn each<T: DeserializeOwned>(
        &self,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<Vec<T>, StoreError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let mut all = Vec::with_capacity(keys.len());
        for some in keys.chunks(usize::from(PageSize::MAX)) {
            all.extend(self.get_all(some).await?.rest::<T>()?);
        }
        Ok(all)
    }
}

/// The preset of a rank, if its owner is known.
fn preset_of(rank: &Ranked) -> Option<(UserId, PresetId)> {
    Some((rank.owner.as_ref()?.id.clone(), PresetId::parse(&rank.id).ok()?))
}
