//! Lists for staff: listings, purchases and payouts with filters, the newest first.
//!
//! A list walks the index partitions that contain all wanted entries, merged by id. What a key
//! tells is filtered before items are read, the rest after that; so a page may be short, or empty,
//! before the end.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    id::{ListingId, UserId},
    marketplace::{
        Kind,
        creator::payout::{Payout, PayoutStatus},
        listing::{Listing, State},
        purchase::{Purchase, PurchaseStatus},
    },
};
use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;
use strum::VariantArray;

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{
        INDEX, INDEX_SK, Item, Key, PAYOUT_PARTITIONS, bought_key, bought_pk, creator_pk,
        listed_pk, listing_of, payout_of, payout_pk, sold_key, sold_pk, text,
    },
    table::Store,
};

/// Most pages that are read for one page of a list.
const LOOKS_MAX: u32 = 5;

/// A filter on listings; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListingFilter {
    /// The state.
    pub state: Option<State>,
    /// The kind.
    pub kind: Option<Kind>,
    /// The creator.
    pub creator: Option<UserId>,
}

/// A filter on purchases; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurchaseFilter {
    /// The state.
    pub status: Option<PurchaseStatus>,
    /// The buyer.
    pub buyer: Option<UserId>,
    /// The creator who sells it.
    pub creator: Option<UserId>,
    /// The listing.
    pub listing: Option<ListingId>,
}

/// A filter on payouts; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutFilter {
    /// The state.
    pub status: Option<PayoutStatus>,
    /// The creator.
    pub creator: Option<UserId>,
}

impl ListingFilter {
    fn takes(&self, listing: &Listing) -> bool {
        self.state.is_none_or(|state| state == listing.state())
            && self.kind.is_none_or(|kind| kind == listing.kind)
            && self.creator.as_ref().is_none_or(|creator| *creator == listing.creator_id)
    }

    /// The listing of an index entry, unless its key tells that it is not wanted.
    fn key(&self, entry: &Item) -> Option<Key> {
        let kind = text(entry, INDEX_SK)?.split_once('#').map(|(_, kind)| kind);
        let fits = self.kind.zip(kind).is_none_or(|(wanted, kind)| wanted.terms().name == kind);
        listing_of(entry).filter(|_| fits).map(|id| Key::listing(&id))
    }
}

impl PurchaseFilter {
    fn takes(&self, it: &Purchase) -> bool {
        self.status.is_none_or(|status| status == it.state.status())
            && self.buyer.as_ref().is_none_or(|buyer| *buyer == it.buyer_id)
            && self.creator.as_ref().is_none_or(|creator| *creator == it.creator_id)
            && self.listing.as_ref().is_none_or(|listing| *listing == it.listing_id)
    }
}

impl PayoutFilter {
    fn takes(&self, it: &Payout) -> bool {
        self.status.is_none_or(|status| status == it.state.status())
            && self.creator.as_ref().is_none_or(|creator| *creator == it.creator_id)
    }
}

impl Store {
    /// A page of listings for staff (Q69).
    pub async fn listings(
        &self,
        wanted: &ListingFilter,
        place: (PageSize, Option<Cursor>),
    ) -> Result<Page<Listing>, StoreError> {
        let partitions = match (&wanted.creator, wanted.state) {
            (Some(creator), _) => vec![creator_pk(creator)],
            (None, Some(state)) => vec![listed_pk(state)],
            (None, None) => State::VARIANTS.iter().copied().map(listed_pk).collect(),
        };
        let takes = |it: &Listing| wanted.takes(it);
        self.newest(&partitions, place, |it| wanted.key(it), takes).await
    }

    /// A page of purchases for staff (Q70): a buyer's, else those of a creator's listings, else all
    /// by state.
    ///
    /// # Errors
    /// [`NotFound::Listing`].
    pub async fn all_purchases(
        &self,
        wanted: &PurchaseFilter,
        (size, after): (PageSize, Option<Cursor>),
    ) -> Result<Page<Purchase>, StoreError> {
        let takes = |it: &Purchase| wanted.takes(it);
        if let Some(buyer) = &wanted.buyer {
            let read = async |after| self.purchases(buyer, size, after).await;
            return filled((size, after), read, takes, |it| it.id.to_string()).await;
        }
        let creator = match (&wanted.creator, &wanted.listing) {
            (None, Some(id)) => {
                let listing: Option<Listing> = self.get(&Key::listing(id)).await?;
                let missing = || StoreError::refused(NotFound::Listing);
                Some(listing.ok_or_else(missing)?.creator_id)
            }
            (creator, _) => creator.clone(),
        };
        if let Some(creator) = creator {
            let key = |entry: &Item| sold_key(entry, wanted.listing.as_ref());
            return self.newest(&[sold_pk(&creator)], (size, after), key, takes).await;
        }
        let states = wanted.status.as_ref().map_or(PurchaseStatus::VARIANTS, std::slice::from_ref);
        let partitions: Vec<String> = states.iter().copied().map(bought_pk).collect();
        self.newest(&partitions, (size, after), bought_key, takes).await
    }

    /// A page of payouts for staff (Q71): a creator's, else all by state.
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn all_payouts(
        &self,
        wanted: &PayoutFilter,
        (size, after): (PageSize, Option<Cursor>),
    ) -> Result<Page<Payout>, StoreError> {
        let takes = |it: &Payout| wanted.takes(it);
        if let Some(creator) = &wanted.creator {
            let read = async |after| self.payouts(creator, size, after).await;
            return filled((size, after), read, takes, |it| it.id.to_string()).await;
        }
        let partitions: Vec<String> = match wanted.status {
            Some(status) => vec![payout_pk(status).to_owned()],
            None => PAYOUT_PARTITIONS.map(str::to_owned).to_vec(),
        };
        let key = |entry: &Item| {
            let (creator, id) = payout_of(entry)?;
            Some(Key::payout(&creator, &id))
        };
        self.newest(&partitions, (size, after), key, takes).await
    }

    /// A page of the items that some index partitions name, by `key`, and that `takes` accepts.
    async fn newest<T: DeserializeOwned>(
        &self,
        partitions: &[String],
        (size, after): (PageSize, Option<Cursor>),
        key: impl Fn(&Item) -> Option<Key>,
        takes: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, StoreError> {
        let mut after = after.map(|cursor| cursor.0);
        let mut items = Vec::new();
        for _ in 0..LOOKS_MAX {
            let entries = self.entries_below(partitions, after.as_deref(), size).await?;
            let is_last = entries.len() < size.get();
            let place = |it: &Item| text(it, INDEX_SK).map(str::to_owned);
            let found: Vec<(String, Key)> =
                entries.iter().filter_map(|it| Some((place(it)?, key(it)?))).collect();
            let keys: Vec<Key> = found.iter().map(|(_, key)| key.clone()).collect();
            let mut read = self.get_all(&keys).await?;
            for (place, _) in found {
                let item: Option<T> = read.next()?;
                items.extend(item.filter(&takes));
                if items.len() == size.get() {
                    return Ok(Page { items, next_cursor: Some(Cursor(place)) });
                }
            }
            after = entries.last().and_then(place);
            if is_last {
                return Ok(Page { items, next_cursor: None });
            }
        }
        Ok(Page { items, next_cursor: after.map(Cursor) })
    }

    /// The entries of some index partitions together, in descending order, below `after`: as many
    /// as fit on a page. One that moves between the partitions meanwhile is there once.
    async fn entries_below(
        &self,
        partitions: &[String],
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Vec<Item>, StoreError> {
        let most = size.and_one() - 1;
        let one = async |partition: &String| {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(INDEX)
                .expression_attribute_values(":pk", text(partition))
                .scan_index_forward(false)
                .limit(most);
            let query = match after {
                Some(after) => query
                    .key_condition_expression("gsi1pk = :pk AND gsi1sk < :after")
                    .expression_attribute_values(":after", text(after)),
                None => query.key_condition_expression("gsi1pk = :pk"),
            };
            let answer = query.send().await.map_err(StoreError::unavailable)?;
            Ok::<_, StoreError>(answer.items.unwrap_or_default())
        };
        let mut found: Vec<Item> =
            try_join_all(partitions.iter().map(one)).await?.into_iter().flatten().collect();
        let place = |it: &Item| text(it, INDEX_SK).unwrap_or_default().to_owned();
        found.sort_by_key(|it| std::cmp::Reverse(place(it)));
        found.dedup_by_key(|it| place(it));
        found.truncate(size.get());
        Ok(found)
    }
}

/// A page of what `takes` accepts, from the pages that `read` returns.
async fn filled<T>(
    (size, mut after): (PageSize, Option<Cursor>),
    read: impl AsyncFn(Option<Cursor>) -> Result<Page<T>, StoreError>,
    takes: impl Fn(&T) -> bool,
    name: impl Fn(&T) -> String,
) -> Result<Page<T>, StoreError> {
    let mut items: Vec<T> = Vec::new();
    for _ in 0..LOOKS_MAX {
        let page = read(after.take()).await?;
        after = page.next_cursor;
        let mut rest = page.items.into_iter().filter(&takes).peekable();
        while items.len() < size.get()
            && let Some(item) = rest.next()
        {
            items.push(item);
        }
        let is_cut = rest.peek().is_some();
        if is_cut {
            after = items.last().map(|last| Cursor(name(last)));
        }
        if is_cut || after.is_none() || items.len() == size.get() {
            break;
        }
    }
    Ok(Page { items, next_cursor: after })
}
