//! Flags: members' reports, and the moderator's decision on those of a listing.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    account::EmailClaim,
    audit::{AuditEntry, Target},
    id::{ListingId, UserId},
    marketplace::{
        community::{listing_stats::ListingStats, review::Review},
        creator::balance::CreatorBalance,
        listing::{DelistedBy, Listing, revision::Revision},
        moderation::{
            flag::{Decision, Flag, FlagReason, FlagSubject, Flags, SubjectKind},
            strike::{Seller, Strike, Strikes},
        },
    },
};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use strum::VariantArray;

use super::{Basis, Moderation, ModerationKey};
use crate::{
    accounts::{begin_active_update, begin_update},
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    keys::{INDEX_SK, Item, Key, due_flags_pk, flagged_of, text},
    marketplace::{listing::update::ListingUpdate, on_sale, strikes_of},
    table::Store,
    transaction::Transaction,
    update::Aggregate,
};

/// A subject with enough flags to need a moderator.
#[derive(Debug, Clone)]
pub struct Flagged {
    /// The reports.
    pub flags: Flags,
    /// What they are about.
    pub thing: FlaggedThing,
}

/// What reports are about, as it is now.
#[derive(Debug, Clone)]
pub enum FlaggedThing {
    /// A listing, or an image of it.
    Listing(Box<FlaggedListing>),
    /// A review.
    Review(Review),
    /// A member; see [`Store::sellers`].
    Member(UserId),
}

/// A reported listing.
#[derive(Debug, Clone)]
pub struct FlaggedListing {
    /// The listing.
    pub listing: Listing,
    /// The version on sale, or the last one that was.
    pub revision: Revision,
    /// Its statistics.
    pub stats: ListingStats,
}

impl FlaggedThing {
    /// The member it is of: the creator of the listing, the author of the review, or themselves.
    pub fn member(&self) -> &UserId {
        match self {
            FlaggedThing::Listing(it) => &it.listing.creator_id,
            FlaggedThing::Review(review) => &review.buyer_id,
            FlaggedThing::Member(member) => member,
        }
    }
}

/// A new report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFlag {
    /// What it is about.
    pub subject: FlagSubject,
    /// The reason.
    pub reason: FlagReason,
    /// In the member's words.
    pub text: Option<String>,
}

/// The result of resolving flags.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The listing as it is now.
    pub listing: Listing,
    /// The creator's strikes.
    pub strikes: Strikes,
}

impl Store {
    /// Adds a member's report of something on the page of a listing on sale, in place of their
    /// earlier one.
    ///
    /// # Errors
    /// [`crate::NotFound::Listing`] or when the member is suspended.
    pub async fn add_flag(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        new: &NewFlag,
        now: Timestamp,
    ) -> Result<Flags, StoreError> {
        let NewFlag { subject, reason, text } = new;
        let keys = [Key::account(user), Key::listing(listing), Key::flags(subject)];
        self.update_items(&keys, |mut found| {
            let account = begin_active_update(found.next()?, user, email, now)?;
            let on_sale = on_sale(found.next()?)?;
            let is_listing = subject.kind() == SubjectKind::Listing;
            let number = if is_listing { on_sale.newest_sold() } else { 0 };
            let before: Option<Flags> = found.next()?;
            let mut after = before.clone().unwrap_or_else(|| Flags::none(subject.clone()));
            let text = text.clone();
            after.add(Flag { user_id: user.clone(), reason: *reason, text, at: now }, number);
            after.creator_id = is_listing.then_some(on_sale.creator_id);
            if before.as_ref() == Some(&after) {
                return Ok((Transaction::default(), after));
            }
            let writes =
                Transaction::default().account_update(account)?.replace(before.as_ref(), &after)?;
            Ok((writes, after))
        })
        .await
    }

    /// A page of subjects with enough flags, of one kind or of all, longest due first, at most 50
    /// (Q43).
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn due_flags(
        &self,
        kind: Option<SubjectKind>,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Flagged>, StoreError> {
        let size = size.at_most(PageSize::MAX / 2);
        let kinds = kind.as_ref().map_or(SubjectKind::VARIANTS, std::slice::from_ref);
        let after = after.map(|Cursor(place)| place);
        if after.as_ref().is_some_and(|place| subject_in(place).is_none()) {
            return Err(StoreError::refused(InvalidCursor::new()));
        }
        let one = |kind: &SubjectKind| {
            self.listed_after(due_flags_pk(*kind), after.as_deref(), size.one_more())
        };
        let found = try_join_all(kinds.iter().map(one)).await?;
        let mut entries: Vec<Item> = found.into_iter().flatten().collect();
        let place = |it: &Item| text(it, INDEX_SK).unwrap_or_default().to_owned();
        entries.sort_by_key(place);
        let Page { items, next_cursor } = Page::cut(entries, size, place);
        let subjects: Vec<FlagSubject> = items.iter().filter_map(flagged_of).collect();
        Ok(Page { items: self.flagged(subjects).await?, next_cursor })
    }

    /// The flags of some subjects, with what they are about.
    async fn flagged(&self, subjects: Vec<FlagSubject>) -> Result<Vec<Flagged>, StoreError> {
        let keys: Vec<Key> = subjects.iter().map(Key::flags).collect();
        let mut found = self.get_all(&keys).await?;
        let listings: BTreeSet<&ListingId> =
            subjects.iter().filter_map(FlagSubject::listing_id).collect();
        let heads = self.heads(&listings.into_iter().cloned().collect::<Vec<_>>()).await?;
        let sold = heads.iter().map(|(it, _)| Key::revision(&it.id, it.newest_sold()));
        let revisions: Vec<Revision> = self.each(sold).await?;
        let reviews: Vec<Review> = self.each(subjects.iter().filter_map(review_key)).await?;
        let mut items = Vec::with_capacity(subjects.len());
        for subject in subjects {
            // The index may lag.
            let flags: Option<Flags> = found.next()?;
            let Some(flags) = flags.filter(|it| it.due_since.is_some()) else { continue };
            let thing = match &subject {
                FlagSubject::Member { member_id } => Some(FlaggedThing::Member(member_id.clone())),
                FlagSubject::Review { review_id, .. } => {
                    let review = reviews.iter().find(|it| it.id == *review_id);
                    review.cloned().map(FlaggedThing::Review)
                }
                FlagSubject::Listing { listing_id } | FlagSubject::Image { listing_id, .. } => {
                    let head = heads.iter().find(|(it, _)| it.id == *listing_id);
                    let revision = revisions.iter().find(|it| it.listing_id == *listing_id);
                    head.zip(revision).map(|((listing, stats), revision)| {
                        let (listing, stats) = (listing.clone(), stats.clone());
                        let revision = revision.clone();
                        FlaggedThing::Listing(Box::new(FlaggedListing { listing, revision, stats }))
                    })
                }
            };
            items.extend(thing.map(|thing| Flagged { flags, thing }));
        }
        Ok(items)
    }

    /// Resolves a listing's flags by the decision of a moderator, who saw version `seen` of them.
    /// Listing, flags, strikes and the creator's right to sell change in one transaction; money and
    /// purchases do not. If the strike suspends selling, [`Store::sync_visibility`] hides the
    /// creator's other listings.
    ///
    /// # Errors
    /// [`crate::NotFound::Listing`], when the moderator has a part in it or is suspended, or
    /// [`domain::marketplace::moderation::flag::FlagsError`].
    pub async fn resolve_flags(
        &self,
        (entry, id): (&AuditEntry, &ListingId),
        (decision, reason): (Decision, &str),
        seen: u64,
        now: Timestamp,
    ) -> Result<Resolved, StoreError> {
        let key = ModerationKey { entry, id, basis: Basis::Strikes, now };
        let moderator = key.moderator()?;
        let resolve = |case: Moderation| {
            let creator = case.update.listing.creator_id.clone();
            let subject = FlagSubject::listing(id);
            let flags = case.flags.clone().unwrap_or_else(|| Flags::none(subject));
            flags.check_decision(decision).map_err(StoreError::refused)?;
            flags.check_seen(seen).map_err(StoreError::refused)?;
            let strikes = strikes_of(&creator, case.strikes.clone());
            let before = snapshot(&case.update.listing, &strikes);
            let writes = Transaction::default().acting(moderator, case.acting.as_ref())?;
            let case = Case { update: case.update, flags, book: case.book, strikes };
            let (mut writes, resolved) = match decision {
                Decision::Dismiss | Decision::Uphold => writes.dismissed(case)?,
                Decision::Delist => writes.delisted(case, reason, now)?,
                Decision::Strike => {
                    let (reason, by) = (reason.to_owned(), moderator.clone());
                    let strike = Strike { listing_id: id.clone(), reason, at: now, by };
                    writes.struck(case, strike)?
                }
            };
            let after = snapshot(&resolved.listing, &resolved.strikes);
            let entry = entry.clone().with_diff(&before, &after);
            if decision == Decision::Strike {
                let target = Target::user(&creator);
                writes = writes.audit(AuditEntry { target, ..entry.clone() }, now);
            }
            Ok((writes.audit(entry, now), resolved))
        };
        self.update_loaded(async || Moderation::load(self, &key).await, resolve).await
    }
}

/// The subject in the place of an index entry of flags.
fn subject_in(place: &str) -> Option<FlagSubject> {
    place.split_once('#')?.1.parse().ok()
}

/// The key of the review that reports are about.
pub(super) fn review_key(subject: &FlagSubject) -> Option<Key> {
    match subject {
        FlagSubject::Review { listing_id, review_id } => Some(Key::review(listing_id, review_id)),
        FlagSubject::Listing { .. } | FlagSubject::Image { .. } | FlagSubject::Member { .. } => {
            None
        }
    }
}

/// What a decision on flags changes.
struct Case {
    update: ListingUpdate,
    flags: Flags,
    book: CreatorBalance,
    strikes: Strikes,
}

/// The audit snapshot of a listing and its creator's strikes.
fn snapshot(listing: &Listing, strikes: &Strikes) -> Value {
    json!({ "listing": listing.audited(), "strikes": strikes.strikes.len() })
}

impl Transaction {
    fn dismissed(self, case: Case) -> Result<(Self, Resolved), StoreError> {
        let Case { update: ListingUpdate { listing, .. }, flags, book: _, strikes } = case;
        let mut after = flags.clone();
        after.dismiss(listing.newest_sold());
        Ok((self.replace(Some(&flags), &after)?, Resolved { listing, strikes }))
    }

    fn delisted(
        self,
        case: Case,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Self, Resolved), StoreError> {
        let Case { update: before, flags, book, strikes } = case;
        let seller = Seller::from(&before.creator);
        let this = self.seller(&before.listing.creator_id, &seller)?;
        let (this, after) = this.taken_off((&before, before.clone()), &book, reason, now)?;
        let resolved = Resolved { listing: after.listing, strikes };
        Ok((this.cleared(&flags)?, resolved))
    }

    fn struck(self, case: Case, strike: Strike) -> Result<(Self, Resolved), StoreError> {
        let Case { update: before, flags, book, strikes } = case;
        let (now, reason) = (strike.at, strike.reason.clone());
        let mut counted = strikes.clone();
        counted.add(strike);
        let creator = &before.listing.creator_id;
        let mut account = begin_update(Some(before.creator.clone()), creator, None, now)?;
        account.suspend_selling(counted.suspend_until(now));
        let after = ListingUpdate { creator: account.account().clone(), ..before.clone() };
        let this = self.account_update(account)?.replace(Some(&strikes), &counted)?;
        let (this, after) = this.taken_off((&before, after), &book, &reason, now)?;
        let resolved = Resolved { listing: after.listing, strikes: counted };
        Ok((this.cleared(&flags)?, resolved))
    }

    /// Takes a listing off sale by a staff decision.
    fn taken_off(
        self,
        (before, mut after): (&ListingUpdate, ListingUpdate),
        book: &CreatorBalance,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Self, ListingUpdate), StoreError> {
        let delisted = after.listing.delist(DelistedBy::Staff, Some(reason.to_owned()), now);
        delisted.map_err(StoreError::refused)?;
        after.settle(before, now);
        let this = self.judged(book, &before.listing, &after.listing)?;
        Ok((this.listing_update(before, &mut after, now)?, after))
    }

    /// Clears the flags of a listing that is taken off sale.
    pub(in crate::marketplace) fn cleared(self, flags: &Flags) -> Result<Self, StoreError> {
        let mut after = flags.clone();
        after.clear();
        self.replace(Some(flags), &after)
    }
}
