//! Reading listings: the public page, a creator's own, pending ones, and similar ones.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    account::Account,
    id::{ListingId, UserId},
    marketplace::{
        Kind,
        community::listing_stats::ListingStats,
        listing::{
            Listing,
            revision::Revision,
            similarity::{Signature, Similar, nearest},
        },
        moderation::strike::Seller,
        purchase::entitlement::Entitlement,
    },
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{
        INDEX, INDEX_SK, Item, Key, LISTING, PENDING, creator_pk, listing_of, similar_pk, text,
    },
    marketplace::sums_of,
    table::{Readable, Store, decode, decode_image},
};

/// The public page of a listing on sale.
#[derive(Debug, Clone)]
pub struct ListingPage {
    /// The listing.
    pub listing: Listing,
    /// The version on sale.
    pub revision: Revision,
    /// Its statistics.
    pub stats: ListingStats,
    /// Its creator.
    pub creator: Account,
}

/// What is stored of a listing in each band.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) kind: Kind,
    pub(crate) signature: Option<Signature>,
}

/// Most candidates read per band.
const CANDIDATES_MAX: i32 = 20;

impl Store {
    /// The page of a listing on sale (Q21). It is not found if its creator may not sell.
    ///
    /// # Errors
    /// [`NotFound::Listing`].
    pub async fn listing_page(
        &self,
        id: &ListingId,
        now: domain::Timestamp,
    ) -> Result<ListingPage, StoreError> {
        let missing = || StoreError::refused(NotFound::Listing);
        let mut found = self.get_all(&[Key::listing(id), Key::stats(id)]).await?;
        let listing: Listing = found.next()?.ok_or_else(missing)?;
        let stats: Option<ListingStats> = found.next()?;
        let number = listing.on_sale().ok_or_else(missing)?.number;
        let keys = [Key::revision(id, number), Key::account(&listing.creator_id)];
        let mut found = self.get_all(&keys).await?;
        let revision: Revision = found.next()?.ok_or_else(missing)?;
        let creator: Account = found.next()?.ok_or_else(missing)?;
        if !Seller::from(&creator).may_sell(now) {
            return Err(missing());
        }
        let stats = sums_of(&listing, stats);
        Ok(ListingPage { listing, revision, stats, creator })
    }

    /// A version of a listing, without an access check.
    ///
    /// # Errors
    /// [`NotFound::Listing`].
    pub async fn revision(&self, id: &ListingId, number: u32) -> Result<Revision, StoreError> {
        let found = self.get(&Key::revision(id, number)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Listing))
    }

    /// A member's entitlement to a listing.
    pub async fn entitlement(
        &self,
        buyer: &UserId,
        listing: &ListingId,
    ) -> Result<Option<Entitlement>, StoreError> {
        self.get(&Key::entitlement(buyer, listing)).await
    }

    /// A page of a creator's listings with newest versions and statistics, newest first (Q22).
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn own_listings(
        &self,
        creator: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<(Listing, Revision, ListingStats)>, StoreError> {
        let ids = self.ids_of(creator, size.and_one(), after).await?;
        let page = Page::cut(ids, size, ListingId::to_string);
        let listings = self.each_listing(&page.items).await?;
        Ok(Page { items: listings, next_cursor: page.next_cursor })
    }

    /// All listings of a creator (Q22): at most [`domain::marketplace::listing::LISTINGS_MAX`].
    pub async fn whole_shelf(&self, creator: &UserId) -> Result<Vec<Listing>, StoreError> {
        let Readable { items, unreadable } = self.readable_listings(creator).await?;
        unreadable.first().map_or(Ok(items), |key| Err(StoreError::corrupt(key.clone())))
    }

    /// The same, apart from those that cannot be read.
    pub(in crate::marketplace) async fn readable_listings(
        &self,
        creator: &UserId,
    ) -> Result<Readable<Listing>, StoreError> {
        let most = i32::from(domain::marketplace::listing::LISTINGS_MAX);
        let ids = self.ids_of(creator, most, None).await?;
        let mut listings = Readable::default();
        for some in ids.chunks(usize::from(PageSize::MAX)) {
            let keys: Vec<Key> = some.iter().map(Key::listing).collect();
            listings.extend(self.get_all(&keys).await?.readable());
        }
        Ok(listings)
    }

    pub(crate) async fn ids_of(
        &self,
        creator: &UserId,
        most: i32,
        after: Option<Cursor>,
    ) -> Result<Vec<ListingId>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .expression_attribute_values(":pk", AttributeValue::S(creator_pk(creator)))
            .scan_index_forward(false)
            .limit(most);
        let query = match Cursor::parsed(after, ListingId::parse)? {
            Some(id) => query
                .key_condition_expression("gsi1pk = :pk AND gsi1sk < :after")
                .expression_attribute_values(":after", AttributeValue::S(id.to_string())),
            None => query.key_condition_expression("gsi1pk = :pk"),
        };
        let answer = query.send().await.map_err(StoreError::unavailable)?;
        Ok(answer.items.unwrap_or_default().iter().filter_map(listing_of).collect())
    }

    /// Listings with newest versions and statistics, in the order of `ids`.
    async fn each_listing(
        &self,
        ids: &[ListingId],
    ) -> Result<Vec<(Listing, Revision, ListingStats)>, StoreError> {
        let mut all = Vec::with_capacity(ids.len());
        // Two, then one item each: what one BatchGetItem can fetch.
        for some in ids.chunks(usize::from(PageSize::MAX / 2)) {
            let heads = self.heads(some).await?;
            let keys: Vec<Key> =
                heads.iter().map(|(it, _)| Key::revision(&it.id, it.newest())).collect();
            let mut found = self.get_all(&keys).await?;
            for (listing, stats) in heads {
                let Some(revision) = found.next()? else { continue };
                all.push((listing, revision, stats));
            }
        }
        Ok(all)
    }

    /// Listings with statistics, in the order of `ids`, at most 50.
    pub(in crate::marketplace) async fn heads(
        &self,
        ids: &[ListingId],
    ) -> Result<Vec<(Listing, ListingStats)>, StoreError> {
        let keys = ids.iter().flat_map(|id| [Key::listing(id), Key::stats(id)]);
        let mut found = self.get_all(&keys.collect::<Vec<_>>()).await?;
        let mut heads = Vec::with_capacity(ids.len());
        for _ in ids {
            let (listing, stats): (Option<Listing>, _) = (found.next()?, found.next()?);
            heads.extend(listing.map(|listing| {
                let stats = sums_of(&listing, stats);
                (listing, stats)
            }));
        }
        Ok(heads)
    }

    /// A page of listings pending moderation, oldest first, at most 50 (Q23). A cursor holds since
    /// when its last item waits, not a position: a decision made meanwhile neither hides nor
    /// repeats another item.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn pending_listings(
        &self,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<(Listing, Revision, ListingStats)>, StoreError> {
        let page = self.waiting(PENDING, size, after).await?;
        let listings = self.each_listing(&page.items).await?;
        Ok(Page { items: listings, next_cursor: page.next_cursor })
    }

    /// A page of an index partition that is sorted by waiting time, at most 50.
    pub(in crate::marketplace) async fn waiting(
        &self,
        partition: &str,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<ListingId>, StoreError> {
        let size = size.at_most(PageSize::MAX / 2);
        let after = after.map(since_and_listing).transpose()?;
        let entries = self.listed_after(partition, after.as_deref(), size.one_more()).await?;
        let place = |item: &Item| text(item, INDEX_SK).unwrap_or_default().to_owned();
        let Page { items, next_cursor } = Page::cut(entries, size, place);
        Ok(Page { items: items.iter().filter_map(listing_of).collect(), next_cursor })
    }

    /// Listings on sale that are similar to `signature`, nearest first (Q31).
    pub async fn similar_listings(
        &self,
        own: &ListingId,
        kind: Kind,
        signature: &Signature,
    ) -> Result<Vec<Similar>, StoreError> {
        let bands = signature.bands();
        let found = try_join_all(bands.iter().map(|band| self.in_band(band))).await?;
        let mut candidates: Vec<(ListingId, Signature)> = found
            .into_iter()
            .flatten()
            .filter(|(id, signed)| id != own && signed.kind == kind)
            .filter_map(|(id, signed)| Some((id, signed.signature?)))
            .collect();
        candidates.sort_by(|a, b| a.0.cmp(&b.0));
        candidates.dedup_by(|a, b| a.0 == b.0);
        Ok(nearest(signature, candidates))
    }

    async fn in_band(&self, band: &str) -> Result<Vec<(ListingId, Signed)>, StoreError> {
        let answer = self
            .partition(similar_pk(band))
            .limit(CANDIDATES_MAX)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let named = |item: Item| {
            let id = text(&item, crate::keys::SK).map(ListingId::parse);
            Some((id?.ok()?, decode::<Signed>(item).ok()?))
        };
        Ok(answer.items.unwrap_or_default().into_iter().filter_map(named).collect())
    }
}

/// The submission to be prepared in a stream image: its creator, listing and version; `None` if the
/// change is about something else.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has a listing's key and is none.
pub fn changed_submission(
    image: &serde_json::Map<String, serde_json::Value>,
) -> Result<Option<(UserId, ListingId, u32)>, StoreError> {
    let changed: Option<Listing> = decode_image(image, |sk| sk == LISTING)?;
    let submitted = changed.filter(|listing| listing.preparing().is_some());
    Ok(submitted.map(|listing| {
        let number = listing.newest();
        (listing.creator_id, listing.id, number)
    }))
}

/// The index sort key in a cursor of waiting listings.
fn since_and_listing(Cursor(place): Cursor) -> Result<String, StoreError> {
    let listing = place.split_once('#').map(|(_, listing)| ListingId::parse(listing));
    match listing {
        Some(Ok(_)) => Ok(place),
        Some(Err(_)) | None => Err(StoreError::refused(InvalidCursor::new())),
    }
}
