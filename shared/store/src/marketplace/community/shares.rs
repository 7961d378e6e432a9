//! Shares: a member's code for a listing, and its clicks.

use std::time::Duration;

use domain::{
    Timestamp,
    account::EmailClaim,
    id::{ListingId, UserId},
    marketplace::{
        community::share::{Referral, Share},
        listing::Listing,
    },
    time::DAY,
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    accounts::begin_active_update,
    condition::{Condition, number, string},
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    keys::{Key, SHARED_PREFIX},
    marketplace::on_sale,
    rates::Rate,
    table::{Store, encode, written},
    transaction::{ItemKind, Transaction},
};

/// How long a click is stored: a visitor is counted once a day.
const CLICK_KEPT: Duration = DAY.saturating_mul(2);

/// A member's share of a listing.
#[derive(Debug, Clone)]
pub struct SharedListing {
    /// The share.
    pub share: Share,
    /// The listing as it is now.
    pub listing: Option<Listing>,
}

/// Where to find a member's share of a listing.
#[derive(Serialize, Deserialize)]
struct Shared {
    listing_id: ListingId,
    code: String,
}

#[derive(Serialize)]
struct Click {
    at: Timestamp,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Store {
    /// A member's code for a listing on sale; created once, and stable.
    ///
    /// # Errors
    /// [`NotFound::Listing`] or when the member is suspended.
    pub async fn share_listing(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        code: &str,
        now: Timestamp,
    ) -> Result<Share, StoreError> {
        let place = Key::shared(user, listing);
        let keys = [Key::account(user), Key::listing(listing), Key::share(code), place.clone()];
        self.update_items(&keys, |mut found| {
            let account = begin_active_update(found.next()?, user, email, now)?;
            on_sale(found.next()?)?;
            let (share, known): (Option<Share>, Option<Shared>) = (found.next()?, found.next()?);
            let shared = Shared { listing_id: listing.clone(), code: code.to_owned() };
            let list = |writes: Transaction| match known {
                Some(_) => Ok(writes),
                None => writes.new_item(ItemKind::Share, &place, &shared),
            };
            if let Some(share) = share {
                // A share from before members could list theirs.
                return Ok((list(Transaction::default())?, share));
            }
            let share = Share {
                code: code.to_owned(),
                listing_id: listing.clone(),
                sharer_id: user.clone(),
                created_at: now,
                clicks: 0,
                clicked_at: None,
            };
            let writes = Transaction::default().account_update(account)?;
            let writes = writes.new_item(ItemKind::Share, &Key::share(code), &share)?;
            Ok((list(writes)?, share))
        })
        .await
    }

    /// A page of a member's shares, those of the newest listings first (Q68).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn shares(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<SharedListing>, StoreError> {
        let start = Cursor::parsed(after, ListingId::parse)?.map(|id| Key::shared(user, &id));
        let shared: Vec<Shared> = self.query_desc(user, SHARED_PREFIX, start, size).await?;
        let page = Page::cut(shared, size, |it: &Shared| it.listing_id.to_string());
        let shares: Vec<Key> = page.items.iter().map(|it| Key::share(&it.code)).collect();
        let listings: Vec<Key> = page.items.iter().map(|it| Key::listing(&it.listing_id)).collect();
        let (mut shares, mut listings) =
            try_join(self.get_all(&shares), self.get_all(&listings)).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for _ in &page.items {
            let (share, listing) = (shares.next()?, listings.next()?);
            items.extend(share.map(|share| SharedListing { share, listing }));
        }
        Ok(Page { items, next_cursor: page.next_cursor })
    }

    /// The share behind a code (Q34).
    ///
    /// # Errors
    /// [`NotFound::Share`].
    pub async fn share(&self, code: &str) -> Result<Share, StoreError> {
        let found = self.get(&Key::share(code)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Share))
    }

    /// The referral of a code that was followed at `clicked_at` (Q34, Q1); `None` if there is no
    /// such code, or it is for another listing.
    pub async fn referral(
        &self,
        (code, clicked_at): (&str, Timestamp),
        listing: &ListingId,
    ) -> Result<Option<Referral>, StoreError> {
        let share: Option<Share> = self.get(&Key::share(code)).await?;
        let Some(share) = share.filter(|share| share.listing_id == *listing) else {
            return Ok(None);
        };
        let sharer_email = self.email_of(&share.sharer_id).await?;
        let Share { code, sharer_id, .. } = share;
        Ok(Some(Referral { code, sharer_id, sharer_email, clicked_at }))
    }

    /// Counts a visitor once a day, and at most `rate` visitors of all shares of a listing. Returns
    /// whether this one was counted.
    pub async fn count_click(
        &self,
        share: &Share,
        visitor: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let code = &share.code;
        let key = Key::click(code, &now.date(), visitor);
        let click = Click { at: now, expires_at: now.plus(CLICK_KEPT).as_secs() };
        if !self.put_item(encode(&key, &click)?, Condition::expired(now)).await? {
            return Ok(false);
        }
        let clicks = format!("clicks#{}", share.listing_id);
        if self.take_some(&clicks, 1, rate, now).await?.is_none() {
            return Ok(false);
        }
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::share(code).item()))
            .update_expression("ADD clicks :one SET clicked_at = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", string(now))
            .send()
            .await;
        written(update).map(|done| done.is_some())
    }
}
