//! Purchases: creating and reading them, and recording the use of what was bought.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    DomainError, Timestamp,
    account::{Account, EmailClaim},
    billing::external::SessionId,
    id::{ListingId, PurchaseId, UserId},
    marketplace::{
        listing::Listing,
        listing_stats::{CreatorBalance, ListingStats},
        purchase::{Entitlement, Offer, Purchase},
        purchase_update::PurchaseUpdate,
        sale::Sale,
        strike::Seller,
    },
};

use super::{book_of, sums_of};
use crate::{
    accounts::draft_of,
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::{Key, OPEN_PURCHASES, PURCHASE_PREFIX, SALE_PREFIX, due_bound, purchase_of},
    table::{Attempt, IndexPage, IndexPosition, Store},
    transaction::ItemKind,
};

/// The limit of one BatchGetItem:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>.
const KEYS_AT_ONCE: usize = 100;

impl Store {
    /// Creates a purchase: two reads (Q26) and one transaction, which also grants what is free. The
    /// same key returns the purchase it created before, in its current state.
    ///
    /// # Errors
    /// [`NotFound::Listing`], what `place` refuses, [`crate::KeyError`], or when DynamoDB is
    /// unavailable.
    pub async fn place_purchase<R: DomainError>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        request: &Idempotency,
        now: Timestamp,
        place: impl Fn(Offer<'_>) -> Result<Purchase, R>,
    ) -> Result<Purchase, StoreError> {
        let keys = [
            Key::account(user),
            Key::idempotency(user, &request.key),
            Key::listing(listing),
            Key::entitlement(user, listing),
        ];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let draft = draft_of(found.next()?, user, email, now)?;
            // A repeat is answered before any rule runs.
            if let Some(Outcome::Purchase(id)) = outcome(found.next()?, Some(request), now)? {
                return self.purchase(user, &id).await.map(Attempt::Done);
            }
            draft.require_active().map_err(StoreError::refused)?;
            let listing: Option<Listing> = found.next()?;
            let listing = listing.filter(|it| it.published.is_some());
            let listing = listing.ok_or_else(|| StoreError::refused(NotFound::Listing))?;
            let owned: Option<Entitlement> = found.next()?;
            let (seller, stats, book) = self.other_side(&listing).await?;
            let offer = Offer { listing: &listing, seller: &seller, owned: owned.as_ref() };
            let purchase = place(offer).map_err(StoreError::refused)?;
            let record = Record::new(request, Outcome::Purchase(purchase.id.clone()), now);
            let buyer_email = draft.account().email.clone();
            let writes = self.transaction().draft(draft)?.record(user, &record)?;
            let before = PurchaseUpdate {
                entitlement: owned,
                buyer_email,
                ..PurchaseUpdate::new(purchase, (listing, seller), (stats, book))
            };
            let mut after = before.clone();
            let writes = if after.purchase.is_free() {
                after.grant_free(now);
                writes
            } else {
                let version = before.listing.version;
                writes.check_version(
                    ItemKind::Listing,
                    &Key::listing(&before.listing.id),
                    version,
                )?
            };
            let purchase = Purchase { version: 1, ..after.purchase.clone() };
            Ok(writes.deal(&before, after, now)?.commit().await?.done(purchase))
        })
        .await
    }

    /// The creator's side of a purchase: whether they may sell, and their balance.
    async fn other_side(
        &self,
        listing: &Listing,
    ) -> Result<(Seller, ListingStats, CreatorBalance), StoreError> {
        let creator = &listing.creator_id;
        let keys = [Key::account(creator), Key::stats(&listing.id), Key::creator(creator)];
        let mut found = self.get_all(&keys).await?;
        let account: Account = found
            .next()?
            .ok_or_else(|| StoreError::corrupt(format!("{} has no creator", listing.id)))?;
        let (stats, book) = (found.next()?, found.next()?);
        Ok((Seller::from(&account), sums_of(listing, stats), book_of(creator, book)))
    }

    /// Sets the checkout session of a purchase, unless it has one, and returns the updated
    /// purchase.
    ///
    /// # Errors
    /// [`NotFound::Purchase`], or when DynamoDB is unavailable.
    pub async fn purchase_opened(
        &self,
        user: &UserId,
        id: &PurchaseId,
        page: (&SessionId, &str),
    ) -> Result<Purchase, StoreError> {
        match self.opened(&Key::purchase(user, id), page).await? {
            Some(purchase) => Ok(purchase),
            None => self.purchase(user, id).await,
        }
    }

    /// A page of a member's purchases, newest first (Q28).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn purchases(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Purchase>, StoreError> {
        let start = after.map(|cursor| purchase_id(&cursor)).transpose()?;
        let start = start.map(|id| Key::purchase(user, &id));
        let purchases = self.query_desc(user, PURCHASE_PREFIX, start, size).await?;
        Ok(Page::cut(purchases, size, |it: &Purchase| it.id.to_string()))
    }

    /// The purchase behind a member's entitlement to a listing, if there is one.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn purchase_of_listing(
        &self,
        user: &UserId,
        listing: &ListingId,
    ) -> Result<Page<Purchase>, StoreError> {
        let items = match self.entitlement(user, listing).await? {
            Some(owned) => vec![self.purchase(user, &owned.purchase_id).await?],
            None => Vec::new(),
        };
        Ok(Page { items, next_cursor: None })
    }

    /// A member's entitlements by at most 100 of their purchases (Q35).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn entitlements_by(
        &self,
        user: &UserId,
        purchases: &[Purchase],
    ) -> Result<BTreeMap<PurchaseId, Entitlement>, StoreError> {
        let listings: BTreeSet<&ListingId> = purchases.iter().map(|it| &it.listing_id).collect();
        let keys: Vec<Key> = listings.into_iter().map(|it| Key::entitlement(user, it)).collect();
        let found: Vec<Entitlement> = self.get_all(&keys).await?.rest()?;
        Ok(found.into_iter().map(|owned| (owned.purchase_id.clone(), owned)).collect())
    }

    /// A page of a creator's sales, newest first (Q28).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn sales(
        &self,
        creator: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Sale>, StoreError> {
        let start = after.map(|cursor| purchase_id(&cursor)).transpose()?;
        let start = start.map(|id| Key::sale(creator, &id));
        let sales = self.query_desc(creator, SALE_PREFIX, start, size).await?;
        Ok(Page::cut(sales, size, |it: &Sale| it.purchase_id.to_string()))
    }

    /// The titles of some of a creator's sales, 100 in a trip (Q42).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn sale_titles(
        &self,
        creator: &UserId,
        purchases: &BTreeSet<PurchaseId>,
    ) -> Result<BTreeMap<PurchaseId, String>, StoreError> {
        let keys: Vec<Key> = purchases.iter().map(|id| Key::sale(creator, id)).collect();
        let mut titles = BTreeMap::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let found: Vec<Sale> = self.get_all(keys).await?.rest()?;
            titles.extend(found.into_iter().map(|sale| (sale.purchase_id, sale.title)));
        }
        Ok(titles)
    }

    /// Purchases that Stripe must be asked about, oldest first (Q29).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn due_purchases(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<(UserId, PurchaseId)>, StoreError> {
        self.walked(OPEN_PURCHASES, Some(due_bound(now)), (after, most), purchase_of).await
    }

    /// Records when a purchase was first downloaded or used; later times change nothing. The same
    /// write checks that it may still be used.
    ///
    /// # Errors
    /// [`NotFound::Purchase`] when the purchase grants no usable entitlement, or when DynamoDB is
    /// unavailable.
    pub async fn mark_downloaded(
        &self,
        purchase: &Purchase,
        now: Timestamp,
    ) -> Result<Entitlement, StoreError> {
        let (buyer, listing) = (&purchase.buyer_id, &purchase.listing_id);
        self.retry_on_conflict(async || {
            let owned = self.entitlement(buyer, listing).await?;
            let owned = owned.filter(|it| it.purchase_id == purchase.id && it.is_active());
            let owned = owned.ok_or_else(|| StoreError::refused(NotFound::Purchase))?;
            if owned.downloaded_at.is_some() {
                return Ok(Attempt::Done(owned));
            }
            let after = Entitlement { downloaded_at: Some(now), ..owned.clone() };
            Ok(self.transaction().replace(Some(&owned), &after)?.commit().await?.done(after))
        })
        .await
    }
}

fn purchase_id(cursor: &Cursor) -> Result<PurchaseId, StoreError> {
    PurchaseId::parse(&cursor.0).map_err(|_| StoreError::refused(InvalidCursor::new()))
}
