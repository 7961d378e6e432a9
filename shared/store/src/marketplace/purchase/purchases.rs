//! Purchases: creating and reading them, and recording the use of what was bought.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    Timestamp,
    account::{Account, AccountUpdate, EmailClaim},
    billing::external::SessionId,
    id::{ListingId, PurchaseId, UserId},
    marketplace::{
        community::listing_stats::ListingStats,
        creator::{balance::CreatorBalance, sale::Sale},
        listing::Listing,
        moderation::strike::Seller,
        purchase::{Offer, Purchase, entitlement::Entitlement, update::PurchaseUpdate},
    },
    time::{DAY, Month, Period},
};

use futures_util::future::try_join;

use crate::{
    accounts::begin_update,
    condition::string,
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::{Created, Idempotency, Outcome, outcome},
    keys::{Key, OPEN_PURCHASES, PURCHASE_PREFIX, SALE_PREFIX, due_bound, purchase_of},
    marketplace::{book_of, sums_of},
    table::{IndexPage, IndexPosition, Store, decode},
    transaction::Transaction,
    update::Decided,
    versioned::Versioned,
};

/// The limit of one BatchGetItem:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>.
const KEYS_AT_ONCE: usize = 100;

/// A purchase, and what its buyer has by it.
#[derive(Debug, Clone)]
pub struct PurchaseRecord {
    /// The purchase.
    pub purchase: Purchase,
    /// The entitlement that it granted, if it is still the buyer's.
    pub entitlement: Option<Entitlement>,
    /// The listing as it is now.
    pub listing: Option<Listing>,
}

/// A payment that takes days to process is settled within this time after the order.
const SETTLED_WITHIN: Duration = DAY.saturating_mul(21);
/// Most megabytes of a creator's sales that are read at once, each of about a thousand.
const TRIPS_MAX: u32 = 50;

/// What a new purchase is decided on.
struct Offered {
    buyer: AccountUpdate,
    listing: Listing,
    /// The buyer's entitlement to it.
    owned: Option<Entitlement>,
    /// Whether its creator may sell.
    seller: Seller,
    stats: ListingStats,
    book: CreatorBalance,
}

impl Store {
    /// Creates a purchase: two reads (Q26) and one transaction, which also grants what is free. The
    /// same key returns the purchase it created before, in its current state.
    ///
    /// # Errors
    /// [`NotFound::Listing`], what `place` refuses or [`crate::KeyError`].
    pub async fn place_purchase<D: Decided<Value = Purchase>>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        request: &Idempotency,
        now: Timestamp,
        place: impl Fn(Offer<'_>) -> D,
    ) -> Result<Purchase, StoreError> {
        let create = |read: Created<Offered, PurchaseId>| {
            let offered = match read {
                Created::New(offered) => offered,
                Created::Before(id) => return Ok((Transaction::default(), Created::Before(id))),
            };
            let Offered { buyer, listing, owned, seller, stats, book } = offered;
            let offer = Offer { listing: &listing, seller: &seller, owned: owned.as_ref() };
            let purchase = place(offer).decided()?;
            let outcome = Outcome::Purchase(purchase.id.clone());
            let buyer_email = buyer.account().email.clone();
            let writes = Transaction::default().account_update(buyer)?;
            let mut writes = writes.remember(user, Some(request), outcome, now)?;
            let before = PurchaseUpdate {
                entitlement: owned,
                buyer_email,
                ..PurchaseUpdate::new(purchase, (listing, seller), (stats, book))
            };
            let mut after = before.clone();
            match after.purchase.is_free() {
                true => after.grant_free(now),
                false => {
                    writes = writes.check_version(before.listing.key(), Some(&before.listing));
                }
            }
            let purchase = Purchase { version: 1, ..after.purchase.clone() };
            Ok((writes.purchase_update(&before, after, now)?, Created::New(purchase)))
        };
        let read = async || self.offered((user, email), listing, request, now).await;
        match self.update_loaded(read, create).await? {
            Created::New(purchase) => Ok(purchase),
            Created::Before(id) => self.purchase(user, &id).await,
        }
    }

    /// Reads what a new purchase is decided on. A repeat is answered before any rule runs.
    async fn offered(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        request: &Idempotency,
        now: Timestamp,
    ) -> Result<Created<Offered, PurchaseId>, StoreError> {
        let keys = [
            Key::account(user),
            Key::idempotency(user, &request.key),
            Key::listing(listing),
            Key::entitlement(user, listing),
        ];
        let mut found = self.get_all(&keys).await?;
        let buyer = begin_update(found.next()?, user, email, now)?;
        if let Some(Outcome::Purchase(id)) = outcome(found.next()?, Some(request), now)? {
            return Ok(Created::Before(id));
        }
        buyer.require_active().map_err(StoreError::refused)?;
        let listing: Option<Listing> = found.next()?;
        let listing = listing.filter(|it| it.published.is_some());
        let listing = listing.ok_or_else(|| StoreError::refused(NotFound::Listing))?;
        let owned = found.next()?;
        let creator = &listing.creator_id;
        let keys = [Key::account(creator), Key::stats(&listing.id), Key::creator(creator)];
        let mut found = self.get_all(&keys).await?;
        let account: Option<Account> = found.next()?;
        let account =
            account.ok_or_else(|| StoreError::corrupt(format!("{} has no creator", listing.id)))?;
        let stats = sums_of(&listing, found.next()?);
        let (seller, book) = (Seller::from(&account), book_of(creator, found.next()?));
        Ok(Created::New(Offered { buyer, listing, owned, seller, stats, book }))
    }

    /// Sets the checkout session of a purchase, unless it has one, and returns the updated
    /// purchase.
    ///
    /// # Errors
    /// [`NotFound::Purchase`].
    pub async fn set_purchase_checkout(
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
    /// [`crate::InvalidCursor`].
    pub async fn purchases(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Purchase>, StoreError> {
        let start = Cursor::parsed(after, PurchaseId::parse)?;
        let start = start.map(|id| Key::purchase(user, &id));
        let purchases = self.query_desc(user, PURCHASE_PREFIX, start, size).await?;
        Ok(Page::cut(purchases, size, |it: &Purchase| it.id.to_string()))
    }

    /// The purchase behind a member's entitlement to a listing, if there is one.
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

    /// A purchase with what its buyer has by it (Q35).
    pub async fn purchase_record(&self, purchase: Purchase) -> Result<PurchaseRecord, StoreError> {
        let (buyer, listing) = (&purchase.buyer_id, &purchase.listing_id);
        let keys = [Key::entitlement(buyer, listing), Key::listing(listing)];
        let mut found = self.get_all(&keys).await?;
        let (owned, listing): (Option<Entitlement>, _) = (found.next()?, found.next()?);
        let entitlement = owned.filter(|it| it.purchase_id == purchase.id);
        Ok(PurchaseRecord { purchase, entitlement, listing })
    }

    /// A page of a member's purchases with what they have by them (Q35): two trips.
    pub async fn purchase_records(
        &self,
        user: &UserId,
        page: Page<Purchase>,
    ) -> Result<Page<PurchaseRecord>, StoreError> {
        let listings: BTreeSet<&ListingId> = page.items.iter().map(|it| &it.listing_id).collect();
        let owned = listings.iter().map(|it| Key::entitlement(user, it)).collect::<Vec<Key>>();
        let listings = listings.into_iter().map(Key::listing).collect::<Vec<Key>>();
        let (owned, listings) = try_join(self.get_all(&owned), self.get_all(&listings)).await?;
        let owned = owned.rest::<Entitlement>()?.into_iter();
        let mut owned: BTreeMap<PurchaseId, Entitlement> =
            owned.map(|it| (it.purchase_id.clone(), it)).collect();
        let listings = listings.rest::<Listing>()?.into_iter();
        let listings: BTreeMap<ListingId, Listing> =
            listings.map(|it| (it.id.clone(), it)).collect();
        Ok(page.map(|purchase| PurchaseRecord {
            entitlement: owned.remove(&purchase.id),
            listing: listings.get(&purchase.listing_id).cloned(),
            purchase,
        }))
    }

    /// A page of a creator's sales, newest first (Q28).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn sales(
        &self,
        creator: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Sale>, StoreError> {
        let start = Cursor::parsed(after, PurchaseId::parse)?;
        let start = start.map(|id| Key::sale(creator, &id));
        let sales = self.query_desc(creator, SALE_PREFIX, start, size).await?;
        Ok(Page::cut(sales, size, |it: &Sale| it.purchase_id.to_string()))
    }

    /// A creator's sales of a month (Q70), and some before and after.
    ///
    /// # Errors
    /// When there are too many to be read at once.
    pub async fn sales_around(
        &self,
        creator: &UserId,
        month: Month,
    ) -> Result<Vec<Sale>, StoreError> {
        let Period { starts_at, ends_at } = month.period();
        let key = |at: Timestamp| Key::sale(creator, &PurchaseId::new(at, 0));
        let (first, end) = (key(starts_at.minus(SETTLED_WITHIN)), key(ends_at));
        let (mut sales, mut start) = (Vec::new(), None);
        for _ in 0..TRIPS_MAX {
            let answer = self
                .partition(first.pk.clone())
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :end")
                .expression_attribute_values(":first", string(&first.sk))
                .expression_attribute_values(":end", string(&end.sk))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            for item in answer.items.unwrap_or_default() {
                sales.push(decode(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(sales);
            }
        }
        Err(StoreError::corrupt(format!("{creator} has too many sales in {month}")))
    }

    /// The titles of some of a creator's sales, 100 in a trip (Q42).
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
    /// [`NotFound::Purchase`] when the purchase grants no usable entitlement.
    pub async fn mark_downloaded(
        &self,
        purchase: &Purchase,
        now: Timestamp,
    ) -> Result<Entitlement, StoreError> {
        let (buyer, listing) = (&purchase.buyer_id, &purchase.listing_id);
        let mark = |owned: Option<Entitlement>| {
            let owned = owned.filter(|it| it.purchase_id == purchase.id && it.is_active());
            let owned = owned.ok_or_else(|| StoreError::refused(NotFound::Purchase))?;
            let downloaded_at = Some(owned.downloaded_at.unwrap_or(now));
            let after = Entitlement { downloaded_at, ..owned.clone() };
            Ok((Transaction::default().replace(Some(&owned), &after)?, after))
        };
        self.update_loaded(async || self.entitlement(buyer, listing).await, mark).await
    }
}
