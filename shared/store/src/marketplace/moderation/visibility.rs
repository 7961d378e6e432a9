//! Creators as sellers: what staff see of them, and the visibility of their listings.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Timestamp,
    account::Account,
    id::UserId,
    marketplace::{
        creator::balance::CreatorBalance,
        moderation::strike::{Seller, Strikes},
    },
};

use crate::{
    cursor::PageSize,
    error::StoreError,
    keys::{DUE_SELLERS, Key, due_bound, user_of},
    marketplace::{book_of, strikes_of},
    table::{IndexPage, IndexPosition, Readable, Store},
    transaction::{Committed, Transaction},
};

/// What staff see of a creator.
#[derive(Debug, Clone)]
pub struct SellerRecord {
    /// The account.
    pub account: Account,
    /// The balance, with sales and moderation counts.
    pub book: CreatorBalance,
    /// The strikes.
    pub strikes: Strikes,
}

impl Store {
    /// The seller records of some creators (Q44).
    pub async fn sellers(
        &self,
        creators: BTreeSet<&UserId>,
    ) -> Result<BTreeMap<UserId, SellerRecord>, StoreError> {
        let creators: Vec<&UserId> = creators.into_iter().collect();
        let mut records = BTreeMap::new();
        for some in creators.chunks(usize::from(PageSize::MAX / 3)) {
            let keys =
                some.iter().flat_map(|it| [Key::account(it), Key::creator(it), Key::strikes(it)]);
            let mut found = self.get_all(&keys.collect::<Vec<_>>()).await?;
            for creator in some {
                let (account, book, strikes) = (found.next()?, found.next()?, found.next()?);
                let Some(account) = account else { continue };
                let book = book_of(creator, book);
                let strikes = strikes_of(creator, strikes);
                records.insert((*creator).clone(), SellerRecord { account, book, strikes });
            }
        }
        Ok(records)
    }

    /// A creator's strikes; none before the first.
    pub async fn strikes(&self, creator: &UserId) -> Result<Strikes, StoreError> {
        Ok(strikes_of(creator, self.get(&Key::strikes(creator)).await?))
    }

    /// Creators whose selling suspension by strikes started or ended, and whose listings must be
    /// hidden or shown (Q45).
    pub async fn due_sellers(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<UserId>, StoreError> {
        self.walked(DUE_SELLERS, Some(due_bound(now)), (after, most), user_of).await
    }

    /// Hides or shows a creator's listings, by whether they may sell at `now`: those on sale are
    /// removed from search, popular lists and similarity, or added again. The listings' own state
    /// does not change. Returns how many were changed.
    ///
    /// Each listing is its own transaction, conditional on the creator's right to sell, and one
    /// that matches is not written: so a call may be interrupted, repeated or concurrent. It is
    /// called after every change of a creator's status or strikes, and again when that ends.
    ///
    /// # Errors
    /// When DynamoDB is unavailable, or one of the listings cannot be changed: all others are then.
    pub async fn sync_visibility(
        &self,
        creator: &UserId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut found = self.get_all(&[Key::account(creator), Key::strikes(creator)]).await?;
        let Some(account): Option<Account> = found.next()? else { return Ok(0) };
        let strikes: Option<Strikes> = found.next()?;
        let hidden = !Seller::from(&account).may_sell(now);
        let Readable { items: mut listings, unreadable } = self.readable_listings(creator).await?;
        listings.retain(|listing| listing.on_sale().is_some() && listing.hidden != hidden);
        let mut failed = unreadable.first().map(|key| StoreError::corrupt(key.clone()));
        let mut moved = 0;
        for listing in &listings {
            match self.follow_listing(&listing.id, now).await {
                Ok(()) => moved += 1,
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(before) = strikes {
            let mut after = before.clone();
            after.followed(now);
            if after != before {
                // Strikes that changed meanwhile are due again.
                let writes = Transaction::default().replace(Some(&before), &after)?;
                let (Committed::Yes | Committed::Conflict(_)) = self.commit(writes).await?;
            }
        }
        Ok(moved)
    }
}
