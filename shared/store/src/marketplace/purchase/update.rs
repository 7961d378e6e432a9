//! Applying a purchase's state at Stripe: everything that changes with it in one transaction.
//!
//! As with packs and plans, a caller reads the purchase, then asks Stripe, then writes on the
//! condition that the version is unchanged. So older state never overwrites newer state.

use domain::{
    Timestamp,
    account::Account,
    id::{ListingId, PurchaseId, UserId},
    marketplace::{
        moderation::strike::Seller,
        purchase::{
            Purchase,
            refund::ManualReview,
            update::{PaymentFollowUp, PurchaseUpdate},
        },
    },
};
use serde::Serialize;

use crate::{
    accounts::begin_update,
    billing_update::Applied,
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    events::{AppliedEvent, is_applied},
    keys::{
        Changing, INDEX_SK, Item, Key, REFUND_REQUESTS, bought_index, purchase_of, sold_index, text,
    },
    marketplace::{book_of, listing::catalogue::Touched, sums_of},
    table::{BatchItems, Store},
    transaction::{ItemKind, OnlyKeys, OwnerRef, Transaction},
    update::{Aggregate, Decided, Writes},
    versioned::Versioned,
};

/// A purchase update, and whether it completes the event that it is about.
#[derive(Clone)]
struct Settling {
    update: PurchaseUpdate,
    is_complete: bool,
}

/// What a purchase update is read by.
struct PurchaseKey<'a> {
    read: &'a Purchase,
    event: Option<&'a AppliedEvent>,
    now: Timestamp,
}

impl Aggregate for Settling {
    type Key<'a> = PurchaseKey<'a>;
    type Written = ();
    const FINAL: &'static [ItemKind] = &[ItemKind::Event, ItemKind::Purchase];

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let found = store.get_all(&purchase_keys(key.read)).await?;
        let update = read_update(found, key.read.clone())?;
        let review = update.entitlement.as_ref().and_then(|it| it.review_id.as_ref());
        // Only a granted reward touches the sharer's account.
        let granted = update.reward.as_ref().filter(|it| it.version > 0 && it.due_at().is_none());
        let sharer = granted.map(|reward| &reward.sharer_id);
        let mut keys: Vec<Key> = Vec::new();
        keys.extend(review.map(|id| Key::review(&update.purchase.listing_id, id)));
        keys.extend(sharer.map(Key::account));
        let mut found = store.get_all(&keys).await?;
        let review = if review.is_some() { found.next()? } else { None };
        let sharer = match sharer {
            Some(sharer) => Some(begin_update(found.next()?, sharer, None, key.now)?),
            None => None,
        };
        let update = PurchaseUpdate { review, sharer, ..update };
        Ok(Settling { update, is_complete: false })
    }

    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<()>, StoreError> {
        let writes = Transaction::default();
        if key.event.is_none() && !differ(&before.update, &self.update) {
            return Ok((writes, ()));
        }
        let writes = writes.purchase_update(&before.update, self.update, key.now)?;
        match key.event.filter(|_| self.is_complete) {
            Some(event) => Ok((writes.event(event, key.now)?, ())),
            None => Ok((writes, ())),
        }
    }
}

impl Store {
    /// One purchase of the member's.
    ///
    /// # Errors
    /// [`NotFound::Purchase`].
    pub async fn purchase(&self, buyer: &UserId, id: &PurchaseId) -> Result<Purchase, StoreError> {
        let found = self.get(&Key::purchase(buyer, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Purchase))
    }

    /// The buyer of a purchase (Q41).
    ///
    /// # Errors
    /// [`NotFound::Purchase`].
    pub async fn buyer_of(&self, id: &PurchaseId) -> Result<UserId, StoreError> {
        let found: Option<OwnerRef> = self.get(&Key::buyer(id)).await?;
        let found = found.ok_or_else(|| StoreError::refused(NotFound::Purchase))?;
        Ok(found.user_id)
    }

    /// A page of purchases with a refund request that staff must decide on, the longest waiting
    /// first (Q29).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn refund_requests(
        &self,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Purchase>, StoreError> {
        let after = Cursor::parsed(after, |place| {
            let (_, id) = place.split_once('#').unwrap_or_default();
            PurchaseId::parse(id).map(|_| place.to_owned())
        })?;
        let found = self.listed_after(REFUND_REQUESTS, after.as_deref(), size.one_more()).await?;
        let place = |item: &Item| text(item, INDEX_SK).unwrap_or_default().to_owned();
        let Page { items, next_cursor } = Page::cut(found, size, place);
        let keys = items.iter().filter_map(purchase_of);
        let keys: Vec<Key> = keys.map(|(buyer, id)| Key::purchase(&buyer, &id)).collect();
        let mut items: Vec<Purchase> = self.get_all(&keys).await?.rest()?;
        // The index is eventually consistent.
        items.retain(|it| it.refund_request.as_ref().is_some_and(ManualReview::is_open));
        Ok(Page { items, next_cursor })
    }

    /// A purchase, and whether `event` was already applied to it.
    ///
    /// # Errors
    /// [`NotFound::Purchase`].
    pub async fn purchase_of_event(
        &self,
        buyer: &UserId,
        id: &PurchaseId,
        event: Option<&AppliedEvent>,
    ) -> Result<(Purchase, bool), StoreError> {
        let mut keys = vec![Key::purchase(buyer, id)];
        keys.extend(event.map(|event| Key::event(event.id.as_str())));
        let mut found = self.get_all(&keys).await?;
        let purchase = found.next()?.ok_or_else(|| StoreError::refused(NotFound::Purchase))?;
        Ok((purchase, is_applied(found.next()?.as_ref())))
    }

    /// Applies a purchase's state at Stripe: `decide` changes the [`PurchaseUpdate`], and
    /// everything that differs is written at once, under the version of `read` (Q27). If listing,
    /// statistics or accounts change meanwhile, they are read and decided on again.
    ///
    /// An event increments the purchase's version even if it changes nothing, for the reason in
    /// [`Store::apply_billing`]. It is marked as applied only if nothing is left to do.
    ///
    /// # Errors
    /// What `decide` refuses.
    pub async fn apply_purchase<D: Decided<Value = PaymentFollowUp>>(
        &self,
        read: &Purchase,
        event: Option<&AppliedEvent>,
        now: Timestamp,
        decide: impl Fn(&mut PurchaseUpdate) -> D,
    ) -> Result<Applied<PaymentFollowUp>, StoreError> {
        let applied = self.update(PurchaseKey { read, event, now }, |it: &mut Settling| {
            let next = decide(&mut it.update).decided()?;
            it.is_complete = next.is_written();
            Ok::<PaymentFollowUp, StoreError>(next)
        });
        Applied::of(applied.await)
    }

    /// Changes a purchase as [`Store::apply_purchase`] does, by something that is not read from
    /// Stripe. If the purchase changes meanwhile, it is read and decided on again, too.
    ///
    /// # Errors
    /// [`NotFound::Purchase`], or what `decide` refuses.
    pub async fn change_purchase<D: Decided>(
        &self,
        (buyer, id): (&UserId, &PurchaseId),
        now: Timestamp,
        decide: impl Fn(&mut PurchaseUpdate) -> D,
    ) -> Result<D::Value, StoreError> {
        let load = async || {
            let read = self.purchase(buyer, id).await?;
            Settling::load(self, &PurchaseKey { read: &read, event: None, now }).await
        };
        let change = |before: Settling| {
            let mut after = before.clone();
            let value = decide(&mut after.update).decided()?;
            let read = before.update.purchase.clone();
            let key = PurchaseKey { read: &read, event: None, now };
            let (writes, ()) = after.diff(before, &key)?;
            Ok((writes, value))
        };
        self.update_loaded(load, change).await
    }
}

/// Whether anything that follows from a payment changed. All else changes only with it.
fn differ(before: &PurchaseUpdate, after: &PurchaseUpdate) -> bool {
    before.purchase != after.purchase
        || before.sale != after.sale
        || before.entitlement != after.entitlement
}

/// All keys of a purchase update, in the order in which [`read_update`] reads them.
fn purchase_keys(purchase: &Purchase) -> Vec<Key> {
    let (buyer, listing, seller) = (&purchase.buyer_id, &purchase.listing_id, &purchase.creator_id);
    let mut keys = vec![
        Key::listing(listing),
        Key::stats(listing),
        Key::account(seller),
        Key::creator(seller),
        Key::sale(seller, &purchase.id),
        Key::account(buyer),
        Key::entitlement(buyer, listing),
    ];
    let sharer = purchase.referral.as_ref().map(|referral| &referral.sharer_id);
    keys.extend(sharer.map(|sharer| Key::reward(sharer, &purchase.id)));
    keys
}

fn read_update(mut found: BatchItems, purchase: Purchase) -> Result<PurchaseUpdate, StoreError> {
    let missing = || StoreError::corrupt(format!("{} has no listing or no seller", purchase.id));
    let listing = found.next()?.ok_or_else(missing)?;
    let stats = sums_of(&listing, found.next()?);
    let seller: Account = found.next()?.ok_or_else(missing)?;
    let book = book_of(&purchase.creator_id, found.next()?);
    let sale = found.next()?;
    let buyer: Option<Account> = found.next()?;
    let entitlement = found.next()?;
    let reward = found.next()?;
    let buyer_email = buyer.and_then(|buyer| buyer.email);
    let update = PurchaseUpdate::new(purchase, (listing, Seller::from(&seller)), (stats, book));
    Ok(PurchaseUpdate { entitlement, buyer_email, sale, reward, ..update })
}

impl Transaction {
    /// Writes a purchase, and everything else that differs.
    pub(crate) fn purchase_update(
        self,
        before: &PurchaseUpdate,
        after: PurchaseUpdate,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut this = self.put_versioned(Some(&before.purchase), &after.purchase)?;
        this = this.parts_of(before, &after)?;
        let (purchase, buyer) = (&after.purchase, &after.purchase.buyer_id);
        if before.purchase.version == 0 {
            let owner = OwnerRef { user_id: buyer.clone() };
            let place = Some(sold_index(purchase));
            this = this.fenced(ItemKind::Purchase, &Key::buyer(&purchase.id), &owner, place)?;
        }
        if before.purchase.version == 0 || before.purchase.state.status() != purchase.state.status()
        {
            let (key, place) = (Key::bought(buyer, &purchase.id), bought_index(purchase));
            this = this.fenced(ItemKind::Purchase, &key, &OnlyKeys {}, Some(place))?;
        }
        if let Some(sale) = &after.sale {
            this = this.replace(before.sale.as_ref(), sale)?;
        }
        if let Some(review) = after.review.as_ref().filter(|_| after.review != before.review) {
            let key = Key::review(&review.listing_id, &review.id);
            this = this.fenced(ItemKind::Review, &key, review, None)?;
        }
        this = this.journals(&after.journals)?;
        this = this.audit_all(purchase.audit_entries_since(&before.purchase), now);
        if let Some(card) = &after.card {
            this = this.card(buyer, card, now)?;
        }
        if after.stats != before.stats {
            this = this.touched(&purchase.listing_id, now)?;
        }
        // What is bought must be on sale, by a creator who may sell, at the moment of the write.
        if before.purchase.paid.is_none() && after.purchase.paid.is_some() {
            this = this.check_version(after.listing.key(), Some(&before.listing));
            this = this.seller(&purchase.creator_id, &before.seller)?;
        }
        match after.sharer {
            Some(sharer) if sharer.is_changed() => this.account(&sharer.finish()),
            Some(_) | None => Ok(this),
        }
    }

    fn parts_of(self, before: &PurchaseUpdate, after: &PurchaseUpdate) -> Result<Self, StoreError> {
        let mut this = self
            .replace(Some(&before.stats), &after.stats)?
            .replace(Some(&before.book), &after.book)?;
        if let Some(entitlement) = &after.entitlement {
            this = this.replace(before.entitlement.as_ref(), entitlement)?;
        }
        match &after.reward {
            Some(reward) => this.replace(before.reward.as_ref(), reward),
            None => Ok(this),
        }
    }

    /// Records the card that a member paid with.
    pub(crate) fn card(
        self,
        user: &UserId,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        self.fenced(ItemKind::Card, &Key::card(user, fingerprint), &Paid { paid_at: now }, None)
    }

    /// Records that a listing's statistics changed, for the search index.
    pub(crate) fn touched(self, listing: &ListingId, now: Timestamp) -> Result<Self, StoreError> {
        let key = Key::change(Changing::Sums, now, listing);
        self.fenced(ItemKind::Change, &key, &Touched::at(now), None)
    }
}

#[derive(Serialize)]
struct Paid {
    paid_at: Timestamp,
}
