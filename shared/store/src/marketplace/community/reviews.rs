//! Reviews, and the statistics that change with them.

use domain::{
    Timestamp,
    account::{AccountUpdate, EmailClaim},
    id::{ListingId, ReviewId, UserId},
    marketplace::{
        community::{
            listing_stats::ListingStats,
            review::{Opinion, Review, ReviewError},
        },
        creator::balance::CreatorBalance,
        purchase::entitlement::Entitlement,
    },
};

use crate::{
    accounts::begin_active_update,
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{Key, REVIEW_PREFIX, listing_pk},
    marketplace::{book_of, own},
    table::{Store, decode},
    transaction::{ItemKind, Transaction},
    update::Decided,
};

/// What a review is decided on.
struct Reviewed {
    account: AccountUpdate,
    /// The buyer's entitlement.
    owned: Entitlement,
    stats: ListingStats,
    /// The review they wrote before.
    review: Option<Review>,
    /// The creator's balance, with their ratings.
    book: CreatorBalance,
}

impl Store {
    /// Writes a buyer's review, or changes the one they wrote: review, entitlement and statistics
    /// in one transaction.
    ///
    /// # Errors
    /// When the member is suspended or has not bought the listing.
    pub async fn write_review(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        (id, opinion): (&ReviewId, &Opinion),
        now: Timestamp,
    ) -> Result<Review, StoreError> {
        let read = async || self.reviewed((user, email), listing, now).await;
        let write = |Reviewed { account, owned, stats, review, book }: Reviewed| {
            let (mut after, mut sums) = (owned.clone(), stats.clone());
            let name = account.account().profile.display_name.clone();
            let said = (name, opinion.clone());
            let review = Review::write(id.clone(), Some(&mut after), review, said, &mut sums, now)
                .map_err(StoreError::refused)?;
            let mut sold = book.clone();
            sold.follow_ratings(&stats, &sums);
            let writes = Transaction::default()
                .standing(user, &account.account().standing)?
                .fenced(ItemKind::Review, &Key::review(listing, &review.id), &review, None)?
                .put_versioned(Some(&owned), &after)?
                .replace(Some(&stats), &sums)?
                .replace(Some(&book), &sold)?
                .touched(listing, now)?;
            Ok((writes, review))
        };
        self.update_loaded(read, write).await
    }

    async fn reviewed(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        now: Timestamp,
    ) -> Result<Reviewed, StoreError> {
        let keys = [Key::account(user), Key::entitlement(user, listing), Key::stats(listing)];
        let mut found = self.get_all(&keys).await?;
        let account = begin_active_update(found.next()?, user, email, now)?;
        let owned: Option<Entitlement> = found.next()?;
        let owned = owned.ok_or_else(|| StoreError::refused(ReviewError::NotABuyer))?;
        let stats: Option<ListingStats> = found.next()?;
        let creator = &owned.creator_id;
        let stats = stats.unwrap_or_else(|| ListingStats::new(listing.clone(), creator.clone()));
        let mut keys = vec![Key::creator(creator)];
        keys.extend(owned.review_id.as_ref().map(|review| Key::review(listing, review)));
        let mut found = self.get_all(&keys).await?;
        let (book, review) = (book_of(creator, found.next()?), found.next()?);
        Ok(Reviewed { account, owned, stats, review, book })
    }

    /// The creator's reply to a review of their listing.
    ///
    /// # Errors
    /// [`NotFound::Listing`], [`NotFound::Review`], when the creator is suspended, or what `answer`
    /// refuses.
    pub async fn reply_to_review<D: Decided<Value = ()>>(
        &self,
        creator: &UserId,
        (listing, id): (&ListingId, &ReviewId),
        now: Timestamp,
        answer: impl Fn(&mut Review) -> D,
    ) -> Result<Review, StoreError> {
        let keys = [
            Key::account(creator),
            Key::listing(listing),
            Key::review(listing, id),
            Key::stats(listing),
        ];
        self.update_items(&keys, |mut found| {
            let (account, _) = own(creator, (found.next()?, found.next()?), now)?;
            let review: Option<Review> = found.next()?;
            let review = review.filter(Review::counts);
            let mut review = review.ok_or_else(|| StoreError::refused(NotFound::Review))?;
            let stats: Option<ListingStats> = found.next()?;
            answer(&mut review).decided()?;
            // Every change of a review increments the version of the statistics: it guards the
            // review too.
            let writes = Transaction::default()
                .standing(creator, &account.standing)?
                .check_version(Key::stats(listing), stats.as_ref())
                .fenced(ItemKind::Review, &Key::review(listing, id), &review, None)?;
            Ok((writes, review))
        })
        .await
    }

    /// A page of a listing's reviews, newest first, and its statistics (Q30). Withdrawn and
    /// removed reviews are left out, so a page may be short.
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn reviews(
        &self,
        listing: &ListingId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Review>, StoreError> {
        let start = Cursor::parsed(after, ReviewId::parse)?;
        let start = start.map(|id| Key::review(listing, &id).item());
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
        page.items.retain(Review::counts);
        Ok(page)
    }

    /// One review that is shown.
    ///
    /// # Errors
    /// [`NotFound::Review`].
    pub async fn review(&self, listing: &ListingId, id: &ReviewId) -> Result<Review, StoreError> {
        let found: Option<Review> = self.get(&Key::review(listing, id)).await?;
        found.filter(Review::counts).ok_or_else(|| StoreError::refused(NotFound::Review))
    }

    /// A listing's statistics; `None` before the first change.
    pub async fn stats(&self, listing: &ListingId) -> Result<Option<ListingStats>, StoreError> {
        self.get(&Key::stats(listing)).await
    }
}
