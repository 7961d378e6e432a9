//! Reviews, and the statistics that change with them.

use domain::{
    DomainError, Timestamp,
    account::EmailClaim,
    id::{ListingId, ReviewId, UserId},
    marketplace::{
        listing_stats::{CreatorBalance, ListingStats},
        purchase::Entitlement,
        review::{Opinion, Review, ReviewError},
    },
};

use super::{book_of, own};
use crate::{
    accounts::active_draft_of,
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{Key, REVIEW_PREFIX, listing_pk},
    table::{Store, decode},
    transaction::ItemKind,
};

impl Store {
    /// Writes a buyer's review, or changes the one they wrote: review, entitlement and statistics
    /// in one transaction.
    ///
    /// # Errors
    /// When the member is suspended or has not bought the listing, or when DynamoDB is unavailable.
    pub async fn write_review(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        (id, opinion): (&ReviewId, &Opinion),
        now: Timestamp,
    ) -> Result<Review, StoreError> {
        let keys = [Key::account(user), Key::entitlement(user, listing), Key::stats(listing)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let draft = active_draft_of(found.next()?, user, email, now)?;
            let owned: Option<Entitlement> = found.next()?;
            let Some(owned) = owned else {
                return Err(StoreError::refused(ReviewError::NotABuyer));
            };
            let stats = found
                .next()?
                .unwrap_or_else(|| ListingStats::new(listing.clone(), owned.creator_id.clone()));
            let (before, book) = self.review_and_book(&owned).await?;
            let (mut after, mut sums) = (owned.clone(), stats.clone());
            let name = draft.account().profile.display_name.clone();
            let said = (name, opinion.clone());
            let review = Review::write(id.clone(), Some(&mut after), before, said, &mut sums, now)
                .map_err(StoreError::refused)?;
            let mut sold = book.clone();
            sold.follow_ratings(&stats, &sums);
            let writes = self
                .transaction()
                .standing(user, &draft.account().standing)?
                .fenced(ItemKind::Review, &Key::review(listing, &review.id), &review, None)?
                .put_versioned(owned.version, &after)?
                .replace(Some(&stats), &sums)?
                .replace(Some(&book), &sold)?
                .touched(listing, now)?;
            Ok(writes.commit().await?.done(review))
        })
        .await
    }

    async fn review_and_book(
        &self,
        owned: &Entitlement,
    ) -> Result<(Option<Review>, CreatorBalance), StoreError> {
        let mut keys = vec![Key::creator(&owned.creator_id)];
        let review = owned.review_id.as_ref();
        keys.extend(review.map(|review| Key::review(&owned.listing_id, review)));
        let mut found = self.get_all(&keys).await?;
        let book = book_of(&owned.creator_id, found.next()?);
        Ok((found.next()?, book))
    }

    /// The creator's reply to a review of their listing.
    ///
    /// # Errors
    /// [`NotFound::Listing`] or [`NotFound::Review`], when the creator is suspended, what `answer`
    /// refuses, or when DynamoDB is unavailable.
    pub async fn reply_to_review<R: DomainError>(
        &self,
        creator: &UserId,
        (listing, id): (&ListingId, &ReviewId),
        now: Timestamp,
        answer: impl Fn(&mut Review) -> Result<(), R>,
    ) -> Result<Review, StoreError> {
        let keys = [
            Key::account(creator),
            Key::listing(listing),
            Key::review(listing, id),
            Key::stats(listing),
        ];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let (account, _) = own(creator, (found.next()?, found.next()?), now)?;
            let review: Option<Review> = found.next()?;
            let review = review.filter(|it| !it.withdrawn);
            let mut review = review.ok_or_else(|| StoreError::refused(NotFound::Review))?;
            let stats: Option<ListingStats> = found.next()?;
            answer(&mut review).map_err(StoreError::refused)?;
            // Every change of a review increments the version of the statistics: it guards the
            // review too.
            let version = stats.map_or(0, |stats| stats.version);
            let writes = self
                .transaction()
                .standing(creator, &account.standing)?
                .check_version(ItemKind::Stats, &Key::stats(listing), version)?
                .fenced(ItemKind::Review, &Key::review(listing, id), &review, None)?;
            Ok(writes.commit().await?.done(review))
        })
        .await
    }

    /// A page of a listing's reviews, newest first, and its statistics (Q30). Withdrawn reviews are
    /// left out, so a page may be short.
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn reviews(
        &self,
        listing: &ListingId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Review>, StoreError> {
        let start = match after {
            Some(Cursor(id)) => {
                let id =
                    ReviewId::parse(&id).map_err(|_| StoreError::refused(InvalidCursor::new()))?;
                Some(Key::review(listing, &id).item())
            }
            None => None,
        };
        let answer = self
            .newest_first(listing_pk(listing), REVIEW_PREFIX)
            .set_exclusive_start_key(start)
            .limit(size.and_one())
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let items = answer.items.unwrap_or_default().into_iter();
        let read = items.map(decode).collect::<Result<Vec<Review>, _>>()?;
        let mut page = Page::cut(read, size, |it: &Review| it.id.to_string());
        page.items.retain(|review| !review.withdrawn);
        Ok(page)
    }

    /// A listing's statistics; `None` before the first change.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn stats(&self, listing: &ListingId) -> Result<Option<ListingStats>, StoreError> {
        self.get(&Key::stats(listing)).await
    }
}
