//! Flags: members' reports of a listing, and the moderator's decision on them.

use domain::{
    Timestamp,
    account::EmailClaim,
    audit::{AuditEntry, Target},
    id::{ListingId, UserId},
    marketplace::{
        community::listing_stats::ListingStats,
        creator::balance::CreatorBalance,
        listing::{DelistedBy, Listing, revision::Revision},
        moderation::{
            flag::{Decision, Flag, FlagReason, Flags},
            strike::{Seller, Strike, Strikes},
        },
    },
};
use serde_json::{Value, json};

use super::{Basis, Moderation, ModerationKey};
use crate::{
    accounts::{begin_active_update, begin_update},
    cursor::{Cursor, Page, PageSize},
    error::StoreError,
    keys::{DUE_FLAGS, Key},
    marketplace::{listing::update::ListingUpdate, on_sale, strikes_of},
    table::Store,
    transaction::Transaction,
    update::Aggregate,
};

/// A listing with enough flags to need a moderator.
#[derive(Debug, Clone)]
pub struct Flagged {
    /// The reports.
    pub flags: Flags,
    /// The listing.
    pub listing: Listing,
    /// The version on sale, or the last one that was.
    pub revision: Revision,
    /// Its statistics.
    pub stats: ListingStats,
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
    /// Adds a member's report of a listing on sale, in place of their earlier one.
    ///
    /// # Errors
    /// [`crate::NotFound::Listing`] or when the member is suspended.
    pub async fn flag_listing(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        reason: FlagReason,
        now: Timestamp,
    ) -> Result<Flags, StoreError> {
        let keys = [Key::account(user), Key::listing(listing), Key::flags(listing)];
        self.update_items(&keys, |mut found| {
            let draft = begin_active_update(found.next()?, user, email, now)?;
            let number = on_sale(found.next()?)?.newest_sold();
            let before: Option<Flags> = found.next()?;
            let mut after = before.clone().unwrap_or_else(|| Flags::none(listing.clone()));
            after.add(Flag { user_id: user.clone(), reason, at: now }, number);
            if before.as_ref() == Some(&after) {
                return Ok((Transaction::default(), after));
            }
            let writes = Transaction::default().draft(draft)?.replace(before.as_ref(), &after)?;
            Ok((writes, after))
        })
        .await
    }

    /// A page of listings with enough flags, longest due first, at most 50 (Q43).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn due_flags(
        &self,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Flagged>, StoreError> {
        let page = self.waiting(DUE_FLAGS, size, after).await?;
        let keys: Vec<Key> = page.items.iter().map(Key::flags).collect();
        let mut found = self.get_all(&keys).await?;
        let heads = self.heads(&page.items).await?;
        let sold = |(listing, _): &(Listing, ListingStats)| {
            Key::revision(&listing.id, listing.newest_sold())
        };
        let mut revisions = self.get_all(&heads.iter().map(sold).collect::<Vec<_>>()).await?;
        let mut items = Vec::with_capacity(heads.len());
        for (listing, stats) in heads {
            let (flags, revision): (Option<Flags>, _) = (found.next()?, revisions.next()?);
            // The index may lag.
            let flags = flags.filter(|flags| flags.due_since.is_some());
            let Some((flags, revision)) = flags.zip(revision) else { continue };
            items.push(Flagged { flags, listing, revision, stats });
        }
        Ok(Page { items, next_cursor: page.next_cursor })
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
            let creator = case.shelf.listing.creator_id.clone();
            let flags = case.flags.clone().unwrap_or_else(|| Flags::none(id.clone()));
            flags.check_seen(seen).map_err(StoreError::refused)?;
            let strikes = strikes_of(&creator, case.strikes.clone());
            let before = snapshot(&case.shelf.listing, &strikes);
            let writes = Transaction::default().acting(moderator, case.acting.as_ref())?;
            let case = Case { shelf: case.shelf, flags, book: case.book, strikes };
            let (mut writes, resolved) = match decision {
                Decision::Dismiss => writes.dismissed(case)?,
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

/// What a decision on flags changes.
struct Case {
    shelf: ListingUpdate,
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
        let Case { shelf: ListingUpdate { listing, .. }, flags, book: _, strikes } = case;
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
        let Case { shelf: before, flags, book, strikes } = case;
        let seller = Seller::from(&before.creator);
        let this = self.seller(&before.listing.creator_id, &seller)?;
        let (this, after) = this.taken_off((&before, before.clone()), &book, reason, now)?;
        let resolved = Resolved { listing: after.listing, strikes };
        Ok((this.cleared(&flags)?, resolved))
    }

    fn struck(self, case: Case, strike: Strike) -> Result<(Self, Resolved), StoreError> {
        let Case { shelf: before, flags, book, strikes } = case;
        let (now, reason) = (strike.at, strike.reason.clone());
        let mut counted = strikes.clone();
        counted.add(strike);
        let creator = &before.listing.creator_id;
        let mut draft = begin_update(Some(before.creator.clone()), creator, None, now)?;
        draft.suspend_selling(counted.suspend_until(now));
        let after = ListingUpdate { creator: draft.account().clone(), ..before.clone() };
        let this = self.draft(draft)?.replace(Some(&strikes), &counted)?;
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
        Ok((this.shelf(before, &mut after, now)?, after))
    }

    /// Clears the flags of a listing that is taken off sale.
    pub(in crate::marketplace) fn cleared(self, flags: &Flags) -> Result<Self, StoreError> {
        let mut after = flags.clone();
        after.clear();
        self.replace(Some(flags), &after)
    }
}
