//! A moderator's decisions on a listing.

mod appeals;
mod flags;
mod subjects;
mod visibility;

pub use flags::{Flagged, FlaggedListing, FlaggedThing, NewFlag, Resolved};
pub use visibility::SellerRecord;

use domain::{
    Timestamp,
    account::Account,
    audit::AuditEntry,
    id::{ListingId, UserId},
    marketplace::{
        creator::balance::CreatorBalance,
        listing::Listing,
        moderation::{
            flag::{FlagSubject, Flags},
            strike::{Seller, Strikes},
        },
        purchase::entitlement::Entitlement,
    },
};

use super::{
    book_of,
    listing::update::{By, ListingUpdate},
};
use crate::{
    error::StoreError,
    keys::Key,
    table::Store,
    transaction::Transaction,
    update::{Aggregate, Decided, Writes},
};

/// A listing that a moderator decides on, with what the decision depends on and changes.
#[derive(Clone)]
pub(super) struct Moderation {
    pub(super) update: ListingUpdate,
    /// The moderator's account, if they have one.
    pub(super) acting: Option<Account>,
    pub(super) book: CreatorBalance,
    pub(super) flags: Option<Flags>,
    /// The creator's strikes, if they were to be read and there are any.
    pub(super) strikes: Option<Strikes>,
}

/// What a decision also depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    Listing,
    Model,
    Strikes,
}

/// What a moderation is read by.
pub(super) struct ModerationKey<'a> {
    pub(super) entry: &'a AuditEntry,
    pub(super) id: &'a ListingId,
    pub(super) basis: Basis,
    pub(super) now: Timestamp,
}

impl ModerationKey<'_> {
    /// The moderator.
    pub(super) fn moderator(&self) -> Result<&UserId, StoreError> {
        self.entry.staff().ok_or_else(|| StoreError::corrupt("a job cannot moderate"))
    }
}

impl Aggregate for Moderation {
    type Key<'a> = ModerationKey<'a>;
    type Written = ListingUpdate;

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let (moderator, id) = (key.moderator()?, key.id);
        let mut update = store.listing_update(By::Staff, id).await?;
        let creator = &update.listing.creator_id;
        let mut keys = vec![
            Key::account(moderator),
            Key::creator(creator),
            Key::flags(&FlagSubject::listing(id)),
            Key::entitlement(moderator, id),
        ];
        keys.extend((key.basis == Basis::Strikes).then(|| Key::strikes(creator)));
        let mut found = store.get_all(&keys).await?;
        let acting: Option<Account> = found.next()?;
        if let Some(account) = &acting {
            account.require_active(key.now).map_err(StoreError::refused)?;
        }
        let book = book_of(creator, found.next()?);
        let flags: Option<Flags> = found.next()?;
        let owned: Option<Entitlement> = found.next()?;
        let impartial = update.listing.check_impartial(moderator, flags.as_ref(), owned.as_ref());
        impartial.map_err(StoreError::refused)?;
        if key.basis == Basis::Model {
            update.model = store.model_claim(&update.newest).await?;
        }
        Ok(Moderation { update, acting, book, flags, strikes: found.next()? })
    }

    /// On the condition that the moderator's status and the creator's right to sell are unchanged.
    fn diff(self, before: Self, key: &Self::Key<'_>) -> Result<Writes<ListingUpdate>, StoreError> {
        let (was, is) = (&before.update.listing, &self.update.listing);
        let entry = key.entry.clone().with_diff(&was.audited(), &is.audited());
        let mut writes = Transaction::default()
            .acting(key.moderator()?, before.acting.as_ref())?
            .seller(&was.creator_id, &Seller::from(&before.update.creator))?
            .judged(&before.book, was, is)?
            .audit(entry, key.now);
        if let Some(flags) = before.flags.as_ref().filter(|_| is.is_taken_off()) {
            writes = writes.cleared(flags)?;
        }
        self.update.changes(&before.update, writes, key.now)
    }
}

impl Store {
    /// Changes a listing by a moderator's decision, on the condition that the moderator's status is
    /// unchanged, so that a ban takes effect (Q21). Moderators cannot decide on what they sell,
    /// bought or reported. The decision is counted in the creator's balance, and the flags of a
    /// listing that staff take off sale are cleared.
    ///
    /// # Errors
    /// [`crate::NotFound::Listing`], when the moderator has a part in it or is suspended, or what
    /// `change` refuses.
    pub async fn moderate_listing<D: Decided<Value = ()>>(
        &self,
        entry: &AuditEntry,
        id: &ListingId,
        now: Timestamp,
        change: impl Fn(&mut ListingUpdate) -> D,
    ) -> Result<ListingUpdate, StoreError> {
        self.moderate(ModerationKey { entry, id, basis: Basis::Listing, now }, change).await
    }

    /// The same with what is known about the model of the newest version (Q62), on which an
    /// approval depends.
    ///
    /// # Errors
    /// As [`Store::moderate_listing`].
    pub async fn approve_listing<D: Decided<Value = ()>>(
        &self,
        entry: &AuditEntry,
        id: &ListingId,
        now: Timestamp,
        approve: impl Fn(&mut ListingUpdate) -> D,
    ) -> Result<ListingUpdate, StoreError> {
        self.moderate(ModerationKey { entry, id, basis: Basis::Model, now }, approve).await
    }

    async fn moderate<D: Decided<Value = ()>>(
        &self,
        key: ModerationKey<'_>,
        change: impl Fn(&mut ListingUpdate) -> D,
    ) -> Result<ListingUpdate, StoreError> {
        let moderated = self.update(key, |it: &mut Moderation| change(&mut it.update));
        Ok(moderated.await?.0)
    }
}

impl Transaction {
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
}
