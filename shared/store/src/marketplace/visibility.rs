//! Creators as sellers: what staff should know of them, and listings that follow whether they may
//! sell.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Timestamp,
    account::Account,
    id::UserId,
    marketplace::{
        listing_stats::CreatorBalance,
        strike::{Seller, Strikes},
    },
};

use super::{book_of, strikes_of};
use crate::{
    cursor::PageSize,
    error::StoreError,
    keys::{DUE_SELLERS, Key, due_bound, user_of},
    table::Store,
    transaction::Committed,
};

/// What staff should know of a creator.
#[derive(Debug, Clone)]
pub struct SellerRecord {
    /// Who they are.
    pub account: Account,
    /// What they sold, and what moderators made of their listings.
    pub book: CreatorBalance,
    /// What moderators held against them.
    pub strikes: Strikes,
}

impl Store {
    /// What staff should know of some creators (Q44).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
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
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn strikes(&self, creator: &UserId) -> Result<Strikes, StoreError> {
        Ok(strikes_of(creator, self.get(&Key::strikes(creator)).await?))
    }

    /// Creators whose strikes began or ceased to suspend selling, and whose listings have to follow
    /// (Q45).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn due_sellers(&self, now: Timestamp, most: u16) -> Result<Vec<UserId>, StoreError> {
        let due = self.query_index(DUE_SELLERS, Some(due_bound(now)), most).await?;
        Ok(due.iter().filter_map(user_of).collect())
    }

    /// Makes a creator's listings match whether they may sell at `now`: those on sale are taken out of
    /// what is found, popular and near, or put back. The listings' own state stays what it is.
    /// Returns how many were moved.
    ///
    /// Each listing is a transaction of its own, on the account as it was decided on, and one that
    /// matches is not written: so this may be cut off anywhere and run twice or at once. Whoever
    /// changes a creator's standing or strikes calls it afterwards, and again when that ends.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked, or one of the listings cannot be moved: all others are then.
    pub async fn sync_visibility(
        &self,
        creator: &UserId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut found = self.get_all(&[Key::account(creator), Key::strikes(creator)]).await?;
        let Some(account): Option<Account> = found.next()? else { return Ok(0) };
        let strikes: Option<Strikes> = found.next()?;
        let hidden = !Seller::from(&account).may_sell(now);
        let mut shelf = self.whole_shelf(creator).await?;
        shelf.retain(|listing| listing.on_sale().is_some() && listing.hidden != hidden);
        let (mut moved, mut failed) = (0, None);
        for listing in &shelf {
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
                // Strikes that moved meanwhile are due again by themselves.
                let (Committed::Yes | Committed::Conflict(_)) =
                    self.transaction().replace(Some(&before), &after)?.commit().await?;
            }
        }
        Ok(moved)
    }
}
