//! Listing updates: everything that changes with a listing, decided and written at once.

use std::collections::BTreeMap;

use domain::{
    DomainError, Timestamp,
    account::{Account, EmailClaim},
    audit::AuditEntry,
    erasure::{Erasure, ErasureSubject},
    id::{ListingId, UserId},
    marketplace::{
        card::{Change, Entry},
        flag::Flags,
        listing::{DelistedBy, Listing},
        listing_stats::{CreatorBalance, ListingStats},
        model::ModelClaim,
        purchase::Entitlement,
        revision::Revision,
        similarity::Signature,
        strike::Seller,
    },
};

use super::{book_of, listings::Signed, sums_of};
use crate::{
    accounts::draft_of,
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::{IndexKey, Key, on_sale_index, pending_index},
    table::{Attempt, Store},
    transaction::{Committed, ItemKind, Transaction},
};

/// Most versions that are deleted with a listing.
const FORGOTTEN_MAX: usize = 80;

/// A listing, with what a change of it is decided on.
#[derive(Debug, Clone)]
pub struct ListingUpdate {
    /// The listing.
    pub listing: Listing,
    /// The version its creator last edited; one with another number is written beside it.
    pub newest: Revision,
    /// The version on sale, or the last one that was, if it is not `newest`.
    pub on_sale: Option<Revision>,
    /// What is known about the model of its newest version, once [`Store::read_model`] has read it.
    pub model: ModelClaim,
    /// Its statistics.
    pub stats: ListingStats,
    /// Its creator.
    pub creator: Account,
}

/// Who reads the listing.
#[derive(Debug, Clone, Copy)]
enum By<'a> {
    Creator(&'a UserId),
    Staff,
}

impl Store {
    /// Creates a listing: one read (Q2) and one transaction of listing, version, creator balance
    /// and idempotency record. The same key returns the listing it created before.
    ///
    /// # Errors
    /// When the member is suspended or has too many, what `make` refuses, [`crate::KeyError`], or
    /// when DynamoDB is unavailable.
    pub async fn create_listing<R: DomainError>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        request: Option<&Idempotency>,
        now: Timestamp,
        make: impl Fn() -> Result<(Listing, Revision), R>,
    ) -> Result<ListingUpdate, StoreError> {
        let mut keys = vec![Key::account(user), Key::creator(user)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let mut draft = draft_of(found.next()?, user, email, now)?;
            let book: Option<CreatorBalance> = found.next()?;
            if let Some(Outcome::Listing(id)) = outcome(found.next()?, request, now)? {
                return self.shelf(By::Creator(user), &id).await.map(Attempt::Done);
            }
            draft.require_active().map_err(StoreError::refused)?;
            let mut after = book.clone().unwrap_or_else(|| CreatorBalance::new(user.clone()));
            after.add_listing().map_err(StoreError::refused)?;
            let (listing, revision) = make().map_err(StoreError::refused)?;
            draft.creates();
            let creator = draft.account().clone();
            let mut writes = self
                .transaction()
                .draft(draft)?
                .replace(book.as_ref(), &after)?
                .put_versioned(0, &listing)?
                .new_item(ItemKind::Revision, &revision_key(&revision), &revision)?;
            if let Some(request) = request {
                let outcome = Outcome::Listing(listing.id.clone());
                writes = writes.record(user, &Record::new(request, outcome, now))?;
            }
            match writes.commit().await? {
                Committed::Yes => {
                    let stats = sums_of(&listing, None);
                    let listing = Listing { version: 1, ..listing };
                    let newest = revision;
                    let model = ModelClaim::default();
                    let made =
                        ListingUpdate { listing, newest, on_sale: None, model, stats, creator };
                    Ok(Attempt::Done(made))
                }
                Committed::Conflict(_) => Ok(Attempt::Conflict),
            }
        })
        .await
    }

    /// Changes a creator's listing, on the condition that their right to sell is unchanged, so that
    /// a ban takes effect (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`], when the member is suspended, what `change` refuses, or when DynamoDB
    /// is unavailable.
    pub async fn change_listing<R: DomainError>(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
        change: impl AsyncFn(&mut ListingUpdate) -> Result<(), R>,
    ) -> Result<ListingUpdate, StoreError> {
        self.retry_on_conflict(async || {
            let (before, writes) = self.own_shelf(creator, id, now).await?;
            let mut after = before.clone();
            change(&mut after).await.map_err(StoreError::refused)?;
            self.write_shelf(writes, before, after, now).await
        })
        .await
    }

    /// Takes a creator's listing off sale, or deletes one that was never on sale, with its versions
    /// (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`], when the member is suspended, or when DynamoDB is unavailable.
    pub async fn retire_listing(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.retry_on_conflict(async || {
            let (before, writes) = self.own_shelf(creator, id, now).await?;
            if !before.listing.was_on_sale() {
                return self.discard(writes, &before.listing, now).await;
            }
            let mut after = before.clone();
            let retired = after.listing.delist(DelistedBy::Creator, None, now);
            retired.map_err(StoreError::refused)?;
            Ok(self.write_shelf(writes, before, after, now).await?.map(drop))
        })
        .await
    }

    /// Changes a listing by a moderator's decision, on the condition that the moderator's status is
    /// unchanged, so that a ban takes effect (Q21). Moderators cannot decide on what they sell,
    /// bought or reported. The decision is counted in the creator's balance, and the flags of a
    /// listing that staff take off sale are cleared.
    ///
    /// # Errors
    /// [`NotFound::Listing`], when the moderator has a part in it or is suspended, what `change`
    /// refuses, or when DynamoDB is unavailable.
    pub async fn moderate_listing<R: DomainError>(
        &self,
        entry: &AuditEntry,
        id: &ListingId,
        now: Timestamp,
        change: impl AsyncFn(&mut ListingUpdate) -> Result<(), R>,
    ) -> Result<ListingUpdate, StoreError> {
        let moderator = acting_in(entry)?;
        self.retry_on_conflict(async || {
            let before = self.shelf(By::Staff, id).await?;
            let creator = &before.listing.creator_id;
            let keys = [
                Key::account(moderator),
                Key::creator(creator),
                Key::flags(id),
                Key::entitlement(moderator, id),
            ];
            let mut found = self.get_all(&keys).await?;
            let acting = active(found.next()?, now)?;
            let book = book_of(creator, found.next()?);
            let flags: Option<Flags> = found.next()?;
            let owned: Option<Entitlement> = found.next()?;
            let impartial =
                before.listing.check_impartial(moderator, flags.as_ref(), owned.as_ref());
            impartial.map_err(StoreError::refused)?;
            let mut after = before.clone();
            change(&mut after).await.map_err(StoreError::refused)?;
            let mut writes = self
                .transaction()
                .acting(moderator, acting.as_ref())?
                .seller(creator, &Seller::from(&before.creator))?
                .judged(&book, &before.listing, &after.listing)?
                .audit(
                    entry.clone().with_diff(&before.listing.audited(), &after.listing.audited()),
                    now,
                );
            if let Some(flags) = flags.filter(|_| after.listing.is_taken_off()) {
                writes = writes.cleared(&flags)?;
            }
            self.write_shelf(writes, before, after, now).await
        })
        .await
    }

    /// Shows or hides a listing, by whether its creator may sell (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`], or when DynamoDB is unavailable.
    pub(super) async fn follow_listing(
        &self,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let followed = self.retry_on_conflict(async || {
            let before = self.shelf(By::Staff, id).await?;
            let seller = Seller::from(&before.creator);
            let writes = self.transaction().seller(&before.listing.creator_id, &seller)?;
            self.write_shelf(writes, before.clone(), before, now).await
        });
        followed.await.map(drop)
    }

    /// A listing as its creator sees it (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`], or when DynamoDB is unavailable.
    pub async fn own_listing(
        &self,
        creator: &UserId,
        id: &ListingId,
    ) -> Result<ListingUpdate, StoreError> {
        self.shelf(By::Creator(creator), id).await
    }

    /// A listing as staff see it (Q21).
    ///
    /// # Errors
    /// [`NotFound::Listing`], or when DynamoDB is unavailable.
    pub async fn any_listing(&self, id: &ListingId) -> Result<ListingUpdate, StoreError> {
        self.shelf(By::Staff, id).await
    }

    async fn shelf(&self, by: By<'_>, id: &ListingId) -> Result<ListingUpdate, StoreError> {
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

    /// A creator's listing, and a transaction that holds while they may sell it.
    async fn own_shelf(
        &self,
        creator: &UserId,
        id: &ListingId,
        now: Timestamp,
    ) -> Result<(ListingUpdate, Transaction<'_>), StoreError> {
        let (shelf, writes) = self.shelf_of_creator(creator, id).await?;
        shelf.creator.require_active(now).map_err(StoreError::refused)?;
        Ok((shelf, writes))
    }

    /// The same, also for a creator who may not act.
    pub(crate) async fn shelf_of_creator(
        &self,
        creator: &UserId,
        id: &ListingId,
    ) -> Result<(ListingUpdate, Transaction<'_>), StoreError> {
        let shelf = self.shelf(By::Creator(creator), id).await?;
        let writes = self.transaction().seller(creator, &Seller::from(&shelf.creator))?;
        Ok((shelf, writes))
    }

    /// Deletes a listing that was never on sale, and requests the erasure of its files.
    pub(crate) async fn discard(
        &self,
        writes: Transaction<'_>,
        listing: &Listing,
        now: Timestamp,
    ) -> Result<Attempt<()>, StoreError> {
        let creator = &listing.creator_id;
        let book = book_of(creator, self.get(&Key::creator(creator)).await?);
        let subject = ErasureSubject::Listing { listing_id: listing.id.clone() };
        let writes = writes.discarded(listing, &book)?.erasure(&Erasure::request(subject, now))?;
        Ok(writes.commit().await?.done(()))
    }

    pub(crate) async fn write_shelf(
        &self,
        writes: Transaction<'_>,
        before: ListingUpdate,
        mut after: ListingUpdate,
        now: Timestamp,
    ) -> Result<Attempt<ListingUpdate>, StoreError> {
        after.settle(&before, now);
        let same_versions = (&after.newest, &after.on_sale) == (&before.newest, &before.on_sale);
        if after.listing == before.listing && same_versions {
            return Ok(Attempt::Done(after));
        }
        let writes = match before.has_pictures() && !after.has_pictures() {
            true => {
                let listing_id = after.listing.id.clone();
                let subject = ErasureSubject::ListingPictures { listing_id };
                writes.erasure(&Erasure::request(subject, now))?
            }
            false => writes,
        };
        Ok(writes.shelf(&before, &mut after, now)?.commit().await?.done(after))
    }
}

/// The staff member of an audit entry.
pub(super) fn acting_in(entry: &AuditEntry) -> Result<&UserId, StoreError> {
    entry.staff().ok_or_else(|| StoreError::corrupt("a job cannot moderate"))
}

impl ListingUpdate {
    /// Removes the pictures of every version that others may still see; their files are erased
    /// later.
    pub fn remove_pictures(&mut self) {
        let versions = std::iter::once(&mut self.newest).chain(&mut self.on_sale);
        versions.for_each(|version| version.previews.clear());
    }

    /// Whether a version that others may still see has pictures.
    pub(crate) fn has_pictures(&self) -> bool {
        std::iter::once(&self.newest).chain(&self.on_sale).any(|it| !it.previews.is_empty())
    }

    /// The version on sale, if it is visible.
    pub fn sold(&self) -> Option<&Revision> {
        let number = self.listing.shown()?.number;
        std::iter::once(&self.newest).chain(&self.on_sale).find(|it| it.number == number)
    }

    /// Updates everything that follows from the change: a listing put on sale by a creator who may
    /// not sell stays hidden.
    pub(super) fn settle(&mut self, before: &ListingUpdate, now: Timestamp) {
        self.keep_sold(before);
        self.listing.follow(&Seller::from(&self.creator), now);
        self.stats.category = self.listing.shown().map(|shown| shown.category);
    }

    /// Keeps the version on sale beside a newly started one.
    fn keep_sold(&mut self, before: &ListingUpdate) {
        let sold = self.listing.published.as_ref().map(|published| published.number);
        let is_next = self.newest.number != before.newest.number;
        if is_next && sold == Some(before.newest.number) {
            self.on_sale = Some(before.newest.clone());
        }
    }

    /// The search entry, if the listing is on sale and visible.
    pub fn entry(&self) -> Option<Entry> {
        let name = self.creator.profile.display_name.clone();
        Entry::of(&self.listing, self.sold()?, &self.stats, name)
    }

    /// Every version with its index key.
    fn placed(&self) -> BTreeMap<u32, (&Revision, Option<IndexKey>)> {
        let all = std::iter::once(&self.newest).chain(&self.on_sale);
        all.map(|it| (it.number, (it, self.place(it.number)))).collect()
    }

    /// A version is in the index while it is pending moderation, or on sale and visible.
    fn place(&self, number: u32) -> Option<IndexKey> {
        let id = &self.listing.id;
        if self.listing.shown().is_some_and(|shown| shown.number == number) {
            return Some(on_sale_index(id));
        }
        let waits = self.listing.draft.as_ref().is_some_and(|draft| draft.number == number);
        self.listing.pending_since().filter(|_| waits).map(|since| pending_index(id, since))
    }

    /// The signature bands of the version on sale, by which similar listings are found.
    fn bands(&self) -> Vec<String> {
        let signature = self.sold().and_then(|sold| sold.signature.as_ref());
        signature.map(Signature::bands).unwrap_or_default()
    }
}

impl Transaction<'_> {
    /// Writes a listing in place of `before`, with everything that changes with it.
    pub(super) fn shelf(
        self,
        before: &ListingUpdate,
        after: &mut ListingUpdate,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let this = self
            .put_versioned(before.listing.version, &after.listing)?
            .revisions(before, after)?
            .model(before, after)?
            .replace(Some(&before.stats), &after.stats)?;
        after.listing.version = before.listing.version + 1;
        this.news(before, after, now)
    }

    /// Deletes a listing that was never on sale, and the items that only it names. If it has too
    /// many rejected versions for a transaction, the oldest stay: nothing refers to them any more.
    fn discarded(self, listing: &Listing, book: &CreatorBalance) -> Result<Self, StoreError> {
        let mut after = book.clone();
        after.drop_listing();
        let mut this = self
            .replace(Some(book), &after)?
            .delete_versioned(listing)?
            .delete(ItemKind::Stats, &Key::stats(&listing.id))?;
        for number in (1..=listing.revisions).rev().take(FORGOTTEN_MAX) {
            this = this.delete(ItemKind::Revision, &Key::revision(&listing.id, number))?;
        }
        Ok(this)
    }

    /// Counts a moderator's decision in the creator's balance.
    pub(super) fn judged(
        self,
        book: &CreatorBalance,
        before: &Listing,
        after: &Listing,
    ) -> Result<Self, StoreError> {
        let mut counted = book.clone();
        counted.count_judgement(before, after);
        self.replace(Some(book), &counted)
    }

    /// Writes the versions that changed, or whose index key changed.
    fn revisions(self, before: &ListingUpdate, after: &ListingUpdate) -> Result<Self, StoreError> {
        let (old, mut new) = (before.placed(), after.placed());
        // A version that was replaced by a newer one is no longer named by the listing.
        for (number, (revision, _)) in &old {
            new.entry(*number).or_insert_with(|| (revision, after.place(*number)));
        }
        new.iter().filter(|(number, placed)| old.get(number) != Some(placed)).try_fold(
            self,
            |this, (_, (revision, place))| {
                this.fenced(ItemKind::Revision, &revision_key(revision), revision, place.clone())
            },
        )
    }

    /// Records the catalogue change for the search index, and updates the similarity bands.
    fn news(
        mut self,
        before: &ListingUpdate,
        after: &ListingUpdate,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let (was, is) = (before.sold(), after.sold());
        if was == is {
            return Ok(self);
        }
        let id = &after.listing.id;
        let change = match after.entry() {
            Some(entry) => Change::Listed(Box::new(entry)),
            None => Change::Unlisted { listing_id: id.clone(), seq: after.listing.version },
        };
        self = self.change(id, change, now)?;
        let (old, new) = (before.bands(), after.bands());
        for band in old.iter().filter(|band| !new.contains(band)) {
            self = self.delete(ItemKind::Change, &Key::similar(band, id))?;
        }
        let signature = is.and_then(|sold| sold.signature.clone());
        let signed = Signed { kind: after.listing.kind, signature };
        for band in new {
            self = self.fenced(ItemKind::Change, &Key::similar(&band, id), &signed, None)?;
        }
        Ok(self)
    }
}

/// The account of a staff member, if they have one; it must be active.
///
/// # Errors
/// When they are suspended.
pub(super) fn active(read: Option<Account>, now: Timestamp) -> Result<Option<Account>, StoreError> {
    if let Some(account) = &read {
        account.require_active(now).map_err(StoreError::refused)?;
    }
    Ok(read)
}

/// The key of a version.
pub(crate) fn revision_key(revision: &Revision) -> Key {
    Key::revision(&revision.listing_id, revision.number)
}
