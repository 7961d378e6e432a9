//! Decisions on the reports of images, reviews and members, and the removal of reviews.

use domain::{
    Timestamp,
    account::Account,
    audit::AuditEntry,
    id::{ListingId, ReviewId, UserId},
    marketplace::{
        community::{listing_stats::ListingStats, review::Review, review_removal::ReviewRemoval},
        listing::Listing,
        moderation::flag::{Decision, FlagSubject, Flags},
        purchase::entitlement::Entitlement,
    },
};
use serde_json::{Value, json};

use super::flags::review_key;
use crate::{
    error::{NotFound, StoreError},
    keys::Key,
    marketplace::{book_of, sums_of},
    table::Store,
    transaction::{ItemKind, Transaction},
};

impl Store {
    /// Resolves the flags of an image, a review or a member by the decision of a moderator, who saw
    /// version `seen` of them. Nothing else changes.
    ///
    /// # Errors
    /// When the moderator has a part in it or is suspended, or
    /// [`domain::marketplace::moderation::flag::FlagsError`].
    pub async fn resolve_subject(
        &self,
        (entry, subject): (&AuditEntry, &FlagSubject),
        (decision, seen): (Decision, u64),
        now: Timestamp,
    ) -> Result<Flags, StoreError> {
        let moderator = moderator_of(entry)?;
        let mut keys = vec![Key::account(moderator), Key::flags(subject)];
        let listing_key = subject.listing_id().map(Key::listing);
        let (has_listing, review_key) = (listing_key.is_some(), review_key(subject));
        let has_review = review_key.is_some();
        keys.extend(listing_key);
        keys.extend(review_key);
        self.update_items(&keys, |mut found| {
            let acting = active(found.next()?, now)?;
            let before: Option<Flags> = found.next()?;
            let before = before.unwrap_or_else(|| Flags::none(subject.clone()));
            let listing: Option<Listing> = if has_listing { found.next()? } else { None };
            let review: Option<Review> = if has_review { found.next()? } else { None };
            before
                .check_impartial(moderator, listing.as_ref(), review.as_ref())
                .map_err(StoreError::refused)?;
            before.check_decision(decision).map_err(StoreError::refused)?;
            before.check_seen(seen).map_err(StoreError::refused)?;
            let mut after = before.clone();
            match decision {
                Decision::Dismiss => after.dismiss(0),
                Decision::Uphold | Decision::Delist | Decision::Strike => after.clear(),
            }
            let flags =
                |it: &Flags| json!({ "subject": subject.to_string(), "flags": it.flags.len() });
            let entry = entry.clone().with_diff(&flags(&before), &flags(&after));
            let writes = Transaction::default()
                .acting(moderator, acting.as_ref())?
                .replace(Some(&before), &after)?
                .audit(entry, now);
            Ok((writes, after))
        })
        .await
    }

    /// Removes a review by a decision of staff: the review, the totals of the listing and of its
    /// creator, what its author is told, its reports and the audit in one transaction. A repeat
    /// changes nothing.
    ///
    /// # Errors
    /// [`NotFound::Review`], or when the moderator has a part in it or is suspended.
    pub async fn remove_review(
        &self,
        entry: &AuditEntry,
        (id, review_id): (&ListingId, &ReviewId),
        reason: &str,
        now: Timestamp,
    ) -> Result<Review, StoreError> {
        let moderator = moderator_of(entry)?;
        let subject = FlagSubject::Review { listing_id: id.clone(), review_id: review_id.clone() };
        let missing = || StoreError::refused(NotFound::Review);
        let read = async || {
            let keys = [
                Key::account(moderator),
                Key::listing(id),
                Key::review(id, review_id),
                Key::stats(id),
                Key::flags(&subject),
            ];
            let mut found = self.get_all(&keys).await?;
            let acting = active(found.next()?, now)?;
            let listing: Listing = found.next()?.ok_or_else(missing)?;
            let review: Review = found.next()?.ok_or_else(missing)?;
            let stats = sums_of(&listing, found.next()?);
            let flags: Option<Flags> = found.next()?;
            let keys = [Key::creator(&listing.creator_id), Key::entitlement(&review.buyer_id, id)];
            let found = self.get_all(&keys).await?;
            Ok((acting, (listing, review), stats, flags, found))
        };
        let remove = |(acting, (listing, before), stats, flags, mut found): Removal| {
            let reports = flags.clone().unwrap_or_else(|| Flags::none(subject.clone()));
            let parties = (Some(&listing), Some(&before));
            let impartial = reports.check_impartial(moderator, parties.0, parties.1);
            impartial.map_err(StoreError::refused)?;
            if before.removed.is_some() {
                return Ok((Transaction::default(), before));
            }
            let (mut after, mut sums) = (before.clone(), stats.clone());
            let removal = ReviewRemoval { reason: reason.to_owned(), at: now };
            after.remove(removal.clone(), &mut sums);
            let book = book_of(&listing.creator_id, found.next()?);
            let mut rated = book.clone();
            rated.follow_ratings(&stats, &sums);
            let owned: Option<Entitlement> = found.next()?;
            let told = owned.clone().map(|it| Entitlement { review_removed: Some(removal), ..it });
            // The version of the statistics guards the review, also if it was not counted.
            let mut writes = Transaction::default()
                .acting(moderator, acting.as_ref())?
                .fenced(ItemKind::Review, &Key::review(id, review_id), &after, None)?
                .put_versioned(Some(&stats), &sums)?
                .replace(Some(&book), &rated)?
                .touched(id, now)?;
            if let Some(told) = told {
                writes = writes.replace(owned.as_ref(), &told)?;
            }
            if let Some(flags) = flags.filter(|it| !it.flags.is_empty()) {
                writes = writes.cleared(&flags)?;
            }
            let entry = entry.clone().with_diff(&shown(&before), &shown(&after));
            Ok((writes.audit(entry, now), after))
        };
        self.update_loaded(read, remove).await
    }
}

/// What the removal of a review is decided on.
type Removal =
    (Option<Account>, (Listing, Review), ListingStats, Option<Flags>, crate::table::BatchItems);

/// The audit snapshot of a review: not its text, which is its author's.
fn shown(review: &Review) -> Value {
    let Review { listing_id, buyer_id, rating, .. } = review;
    json!({
        "listing_id": listing_id, "author_id": buyer_id, "rating": rating, "shown": review.counts(),
    })
}

/// The staff member of an entry.
fn moderator_of(entry: &AuditEntry) -> Result<&UserId, StoreError> {
    entry.staff().ok_or_else(|| StoreError::corrupt("a job cannot moderate"))
}

/// The account of a staff member who may act.
fn active(account: Option<Account>, now: Timestamp) -> Result<Option<Account>, StoreError> {
    if let Some(account) = &account {
        account.require_active(now).map_err(StoreError::refused)?;
    }
    Ok(account)
}
