//! Writes everything that differs after a listing update, in one transaction.

use std::collections::BTreeMap;

use domain::{
    Timestamp,
    erasure::{Erasure, ErasureSubject},
    marketplace::{
        creator::balance::CreatorBalance,
        listing::{Listing, card::Change, revision::Revision, similarity::Signature},
        moderation::strike::Seller,
    },
};

use super::{ListingUpdate, revision_key};
use crate::{
    condition::Condition,
    error::StoreError,
    keys::{IndexKey, Key, listed_index, on_sale_index, pending_index},
    marketplace::listing::listings::Signed,
    transaction::{ItemKind, OnlyKeys, Transaction},
    update::Writes,
};

/// Most versions that are deleted with a listing.
const FORGOTTEN_MAX: usize = 80;

impl ListingUpdate {
    /// Adds everything that changes with the listing to `writes`, with what follows from it. If
    /// nothing does, nothing is to be written.
    pub(in crate::marketplace) fn changes(
        mut self,
        before: &ListingUpdate,
        mut writes: Transaction,
        now: Timestamp,
    ) -> Result<Writes<ListingUpdate>, StoreError> {
        self.settle(before, now);
        let same_versions = (&self.newest, &self.on_sale) == (&before.newest, &before.on_sale);
        if self.listing == before.listing && same_versions {
            return Ok((Transaction::default(), self));
        }
        for subject in self.dropped(before) {
            writes = writes.erasure(&Erasure::request(subject, now))?;
        }
        Ok((writes.listing_update(before, &mut self, now)?, self))
    }

    /// What is to be erased: all pictures if they are withdrawn from the public, else the files that
    /// are no longer referred to.
    fn dropped(&self, before: &ListingUpdate) -> Vec<ErasureSubject> {
        let listing_id = &self.listing.id;
        if before.has_sold_pictures() && !self.has_pictures() {
            return vec![ErasureSubject::ListingPictures { listing_id: listing_id.clone() }];
        }
        let (old, new) = (before.uploads(), self.uploads());
        let gone = old.difference(&new).copied().cloned();
        gone.map(|upload_id| ErasureSubject::Upload { listing_id: listing_id.clone(), upload_id })
            .collect()
    }

    /// Updates everything that follows from the change: a listing put on sale by a creator who may
    /// not sell stays hidden.
    pub(in crate::marketplace) fn settle(&mut self, before: &ListingUpdate, now: Timestamp) {
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

impl Transaction {
    /// Writes a listing in place of `before`, with everything that changes with it.
    pub(in crate::marketplace) fn listing_update(
        self,
        before: &ListingUpdate,
        after: &mut ListingUpdate,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let this = self
            .put_versioned(Some(&before.listing), &after.listing)?
            .listed(Some(&before.listing), &after.listing)?
            .revisions(before, after)?
            .model(before, after)?
            .replace(Some(&before.stats), &after.stats)?;
        after.listing.version = before.listing.version + 1;
        this.news(before, after, now)
    }

    /// Places a listing in the lists of staff, if its state changed.
    pub(super) fn listed(
        self,
        before: Option<&Listing>,
        after: &Listing,
    ) -> Result<Self, StoreError> {
        let place = listed_index(after);
        match before.map(listed_index) == Some(place.clone()) {
            true => Ok(self),
            false => {
                self.fenced(ItemKind::Listing, &Key::listed(&after.id), &OnlyKeys {}, Some(place))
            }
        }
    }

    /// Deletes a listing that was never on sale, and the items that only it names, and requests the
    /// erasure of its files. If it has too many rejected versions for a transaction, the oldest
    /// stay: nothing refers to them any more.
    pub(super) fn discarded(
        self,
        listing: &Listing,
        book: &CreatorBalance,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut after = book.clone();
        after.drop_listing();
        let mut this = self.replace(Some(book), &after)?.delete_versioned(listing).delete(
            ItemKind::Stats,
            Key::stats(&listing.id),
            Condition::none(),
        );
        this = this.delete(ItemKind::Listing, Key::listed(&listing.id), Condition::none());
        for number in (1..=listing.revisions).rev().take(FORGOTTEN_MAX) {
            let key = Key::revision(&listing.id, number);
            this = this.delete(ItemKind::Revision, key, Condition::none());
        }
        let subject = ErasureSubject::Listing { listing_id: listing.id.clone() };
        this.erasure(&Erasure::request(subject, now))
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
            self = self.delete(ItemKind::Change, Key::similar(band, id), Condition::none());
        }
        let signature = is.and_then(|sold| sold.signature.clone());
        let signed = Signed { kind: after.listing.kind, signature };
        for band in new {
            self = self.fenced(ItemKind::Change, &Key::similar(&band, id), &signed, None)?;
        }
        Ok(self)
    }
}
