//! Shares: a member's code for a listing, and its clicks.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::EmailClaim,
    id::{ListingId, UserId},
    marketplace::share::{Referral, Share},
    time::DAY,
};
use serde::Serialize;

use super::on_sale;
use crate::{
    accounts::active_draft_of,
    error::{NotFound, StoreError},
    keys::{Key, TTL},
    rates::Rate,
    table::{Attempt, Store, encode, written},
    transaction::{ItemKind, number},
};

/// How long a click is stored: a visitor is counted once a day.
const CLICK_KEPT: Duration = DAY.saturating_mul(2);

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
    /// [`NotFound::Listing`], when the member is suspended, or when DynamoDB is unavailable.
    pub async fn share_listing(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        listing: &ListingId,
        code: &str,
        now: Timestamp,
    ) -> Result<Share, StoreError> {
        let keys = [Key::account(user), Key::listing(listing), Key::share(code)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let draft = active_draft_of(found.next()?, user, email, now)?;
            on_sale(found.next()?)?;
            if let Some(share) = found.next()? {
                return Ok(Attempt::Done(share));
            }
            let share = Share {
                code: code.to_owned(),
                listing_id: listing.clone(),
                sharer_id: user.clone(),
                created_at: now,
                clicks: 0,
                clicked_at: None,
            };
            let writes = self.transaction().draft(draft)?;
            let writes = writes.new_item(ItemKind::Share, &Key::share(code), &share)?;
            Ok(writes.commit().await?.done(share))
        })
        .await
    }

    /// The share behind a code (Q34).
    ///
    /// # Errors
    /// [`NotFound::Share`], or when DynamoDB is unavailable.
    pub async fn share(&self, code: &str) -> Result<Share, StoreError> {
        let found = self.get(&Key::share(code)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Share))
    }

    /// The referral of a code that was followed at `clicked_at` (Q34, Q1); `None` if there is no
    /// such code, or it is for another listing.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
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
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(&key, &click)?))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":now", number(now.as_secs()))
            .send()
            .await;
        if written(put)?.is_none() {
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
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .send()
            .await;
        written(update).map(|done| done.is_some())
    }
}
