//! Listing updates: everything that changes with a listing, read and decided on at once.

mod write;

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    account::{Account, EmailClaim},
    erasure::{Erasure, ErasureSubject},
    id::{ListingId, UploadId, UserId},
    marketplace::{
        community::listing_stats::ListingStats,
        creator::balance::CreatorBalance,
        listing::{
            DelistedBy, Listing,
            card::Entry,
            model::ModelClaim,
            revision::Revision,
            similarity::{Signature, Similar},
        },
        moderation::strike::Seller,
    },
};

use crate::{
    accounts::begin_update,
    error::{NotFound, StoreError},
    idempotency::{Created, Idempotency, Outcome, outcome},
    keys::Key,
    marketplace::{book_of, sums_of},
    table::{BatchItems, Store},
    transaction::{ItemKind, Transaction},
    update::{Aggregate, Decided, Writes},
};

/// A listing, with what a change of it is decided on.
#[derive(Debug, Clone)]
pub struct ListingUpdate {
    /// The listing.
    pub listing: Listing,
    /// The version its creator last edited; one with another number is written beside it.
    pub newest: Revision,
    /// The version on sale, or the last one that was, if it is not `newest`.
    pub on_sale: Option<Revision>,
    /// What is known about the model of its newest version, if a submission or an approval depends
    /// on it.
    pub model: ModelClaim,
    /// Its statistics.
    pub stats: ListingStats,
    /// Its creator.
    pub creator: Account,
}

/// Who reads the listing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    Creator(&'a UserId),
    Staff,
}

/// What a listing is read by.
pub(crate) struct ListingKey<'a> {
    by: By<'a>,
    id: &'a ListingId,
    now: Timestamp,
}

impl Aggregate for ListingUpdate {
    type Key<'a> = ListingKey<'a>;
    type Written = ListingUpdate;

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        store.listing_update(key.by, key.id).await
    }

    /// On the condition that the creator's right to sell is unchanged.
    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<Self>, StoreError> {
        let seller = Seller::from(&before.creator);
        let writes = Transaction::default().seller(&before.listing.creator_id, &seller)?;
        self.changes(&before, writes, key.now)
    }
}

/// A listing that is submitted, with what is known about its model.
#[derive(Clone)]
struct Submission(ListingUpdate);

impl Aggregate for Submission {
    type Key<'a> = ListingKey<'a>;
    type Written = ListingUpdate;

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let mut update = ListingUpdate::load(store, key).await?;
        update.model = store.model_claim(&update.newest).await?;
        Ok(Submission(update))
    }

    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<ListingUpdate>, StoreError> {
        self.0.diff(before.0, key)
    }
}

/// A listing that is prepared for review, with what that depends on.
#[derive(Clone)]
struct Preparation {
    update: ListingUpdate,
    signature: Signature,
    similar: Vec<Similar>,
}

impl Aggregate for Preparation {
    type Key<'a> = ListingKey<'a>;
    type Written = ListingUpdate;

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let Submission(update) = Submission::load(store, key).await?;
        let kind = update.listing.kind;
        let signature = Signature::of(kind, &update.newest.description.content);
        let similar = store.similar_listings(key.id, kind, &signature).await?;
        Ok(Preparation { update, signature, similar })
    }

    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<ListingUpdate>, StoreError> {
        let Preparation { mut update, signature, similar } = self;
        if update.listing != before.update.listing {
            (update.newest.signature, update.newest.similar) = (Some(signature), similar);
        }
        update.diff(before.update, key)
    }
}

impl Store {
    /// Creates a listing: one read (Q2) and one transaction of listing, version, creator balance
    /// and idempotency record. The same key returns the listing it created before.
    ///
    /// # Errors
    /// When the member is suspended or has too many, what `make` refuses or [`crate::KeyError`].
    pub async fn create_listing<D: Decided<Value = (Listing, Revision)>>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        request: Option<&Idempotency>,
        now: Timestamp,
        make: impl Fn() -> D,
    ) -> Result<ListingUpdate, StoreError> {
        let mut keys = vec![Key::account(user), Key::creator(user)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        let create = |mut found: BatchItems| {
            let mut account = begin_update(found.next()?, user, email, now)?;
            let book: Option<CreatorBalance> = found.next()?;
            if let Some(Outcome::Listing(id)) = outcome(found.next()?, request, now)? {
                return Ok((Transaction::default(), Created::Before(id)));
            }
            account.require_active().map_err(StoreError::refused)?;
            let mut after = book_of(user, book.clone());
            after.add_listing().map_err(StoreError::refused)?;
            let (listing, newest) = make().decided()?;
            account.creates();
            let creator = account.account().clone();
            let writes = Transaction::default()
                .account_update(account)?
                .replace(book.as_ref(), &after)?
                .put_versioned(None, &listing)?
                .listed(None, &listing)?
                .new_item(ItemKind::Revision, &revision_key(&newest), &newest)?
                .remember(user, request, Outcome::Listing(listing.id.clone()), now)?;
            let stats = sums_of(&listing, None);
            let (listing, model) = (Listing { version: 1, ..listing }, ModelClaim::default());
            let made = ListingUpdate { listing, newest, on_sale: None, model, stats, creator };
            Ok((writes, Created::New(made)))
        };
        match self.update_items(&keys, create).await? {
            Created::New(made) => Ok(made),
            Created::Before(id) => self.listing_update(By::Creator(user), &id).await,
        }
    }

    /// Changes a creator's listing, on the condition that their right to sell is unchanged, so that
    /// a ban takes effect (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`], when the member is suspended or what `change` refuses.
    pub async fn change_listing<D: Decided<Value = ()>>(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
        change: impl Fn(&mut ListingUpdate) -> D,
    ) -> Result<ListingUpdate, StoreError> {
        let key = ListingKey { by: By::Creator(creator), id, now };
        let changed = self.update(key, |update: &mut ListingUpdate| {
            update.creator.require_active(now).map_err(StoreError::refused)?;
            change(update).decided()
        });
        Ok(changed.await?.0)
    }

    /// Submits a creator's listing, under the same conditions, with what is known about its model
    /// (Q62).
    ///
    /// # Errors
    /// As [`Store::change_listing`].
    pub async fn submit_listing<D: Decided<Value = ()>>(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
        submit: impl Fn(&mut ListingUpdate) -> D,
    ) -> Result<ListingUpdate, StoreError> {
        let key = ListingKey { by: By::Creator(creator), id, now };
        let submitted = self.update(key, |it: &mut Submission| {
            it.0.creator.require_active(now).map_err(StoreError::refused)?;
            submit(&mut it.0).decided()
        });
        Ok(submitted.await?.0)
    }

    /// Ends the preparation of a submitted listing, with what is known about its model (Q62), and
    /// with its signature and similar listings (Q31).
    ///
    /// # Errors
    /// [`NotFound::Listing`] or what `end` refuses.
    pub async fn end_preparation<D: Decided<Value = ()>>(
        &self,
        id: &ListingId,
        now: Timestamp,
        end: impl Fn(&mut ListingUpdate) -> D,
    ) -> Result<ListingUpdate, StoreError> {
        let key = ListingKey { by: By::Staff, id, now };
        let ended = self.update(key, |it: &mut Preparation| end(&mut it.update));
        Ok(ended.await?.0)
    }

    /// Takes a creator's listing off sale, or deletes one that was never on sale, with its versions
    /// (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`] or when the member is suspended.
    pub async fn retire_listing(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let admit = |creator: &Account| creator.require_active(now).map_err(StoreError::refused);
        self.end_listing((creator, id), now, admit, |_| None).await
    }

    /// The same for a creator whom `admit` accepts; `also` may change what was on sale further, and
    /// name what else is to be erased.
    pub(crate) async fn end_listing(
        &self,
        (creator, id): (&UserId, &ListingId),
        now: Timestamp,
        admit: impl Fn(&Account) -> Result<(), StoreError>,
        also: impl Fn(&mut ListingUpdate) -> Option<ErasureSubject>,
    ) -> Result<(), StoreError> {
        let read = async || {
            let update = self.listing_update(By::Creator(creator), id).await?;
            admit(&update.creator)?;
            let book = match update.listing.was_on_sale() {
                true => None,
                false => Some(self.creator_book(creator).await?),
            };
            Ok((update, book))
        };
        let end = |(before, book): (ListingUpdate, Option<CreatorBalance>)| {
            let writes = Transaction::default().seller(creator, &Seller::from(&before.creator))?;
            if let Some(book) = book {
                return Ok((writes.discarded(&before.listing, &book, now)?, ()));
            }
            let mut after = before.clone();
            let retired = after.listing.delist(DelistedBy::Creator, None, now);
            retired.map_err(StoreError::refused)?;
            let writes = match also(&mut after) {
                Some(subject) => writes.erasure(&Erasure::request(subject, now))?,
                None => writes,
            };
            Ok((after.changes(&before, writes, now)?.0, ()))
        };
        self.update_loaded(read, end).await
    }

    /// Shows or hides a listing, by whether its creator may sell (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`].
    pub(in crate::marketplace) async fn follow_listing(
        &self,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = ListingKey { by: By::Staff, id, now };
        self.update(key, |_: &mut ListingUpdate| ()).await?;
        Ok(())
    }

    /// A listing as its creator sees it (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`].
    pub async fn own_listing(
        &self,
        creator: &UserId,
        id: &ListingId,
    ) -> Result<ListingUpdate, StoreError> {
        self.listing_update(By::Creator(creator), id).await
    }

    /// A listing as staff see it (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`].
    pub async fn any_listing(&self, id: &ListingId) -> Result<ListingUpdate, StoreError> {
        self.listing_update(By::Staff, id).await
    }

    pub(in crate::marketplace) async fn listing_update(
        &self,
        by: By<'_>,
        id: &ListingId,
    ) -> Result<ListingUpdate, StoreError> {
        let mut found = self.get_all(&[Key::listing(id), Key::stats(id)]).await?;
        let listing: Option<Listing> = found.next()?;
        let listing = listing.filter(|listing| match by {
            By::Creator(creator) => listing.creator_id == *creator,
            By::Staff => true,
        });
        let listing = listing.ok_or_else(|| StoreError::refused(NotFound::Listing))?;
        let stats = sums_of(&listing, found.next()?);
        let newest = listing.newest();
        let sold = listing.published.as_ref().map(|published| published.number);
        let sold = sold.filter(|sold| *sold != newest);
        let mut keys = vec![Key::account(&listing.creator_id), Key::revision(id, newest)];
        keys.extend(sold.map(|sold| Key::revision(id, sold)));
        let mut found = self.get_all(&keys).await?;
        let (creator, newest) = (found.next()?, found.next()?);
        let missing = || StoreError::corrupt(format!("{id} has no version or no creator"));
        let (creator, newest) = creator.zip(newest).ok_or_else(missing)?;
        let (on_sale, model) = (found.next()?, ModelClaim::default());
        Ok(ListingUpdate { listing, newest, on_sale, model, stats, creator })
    }
}

impl ListingUpdate {
    /// Removes the pictures of every version that others may still see; their files are erased
    /// later.
    pub fn remove_pictures(&mut self) {
        let versions = std::iter::once(&mut self.newest).chain(&mut self.on_sale);
        versions.for_each(|version| version.previews.clear());
    }

    fn versions(&self) -> impl Iterator<Item = &Revision> {
        std::iter::once(&self.newest).chain(&self.on_sale)
    }

    /// Whether a version that others may still see has pictures.
    pub(crate) fn has_pictures(&self) -> bool {
        self.versions().any(|it| !it.previews.is_empty())
    }

    /// Whether the version that is or was on sale has pictures.
    fn has_sold_pictures(&self) -> bool {
        let sold = self.listing.published.as_ref().map(|published| published.number);
        self.versions().any(|it| Some(it.number) == sold && !it.previews.is_empty())
    }

    /// The pictures and files that it refers to, and the one that is being drawn.
    fn uploads(&self) -> BTreeSet<&UploadId> {
        let lacks_one = self.newest.previews.is_empty();
        let drawn = self.listing.preparing().filter(|_| lacks_one).map(|(_, name)| name);
        self.versions().flat_map(Revision::uploads).chain(drawn).collect()
    }

    /// The version on sale, if it is visible.
    pub fn sold(&self) -> Option<&Revision> {
        let number = self.listing.shown()?.number;
        self.versions().find(|it| it.number == number)
    }

    /// The search entry, if the listing is on sale and visible.
    pub fn entry(&self) -> Option<Entry> {
        let name = self.creator.profile.display_name.clone();
        Entry::of(&self.listing, self.sold()?, &self.stats, name)
    }
}

/// The key of a version.
pub(crate) fn revision_key(revision: &Revision) -> Key {
    Key::revision(&revision.listing_id, revision.number)
}
