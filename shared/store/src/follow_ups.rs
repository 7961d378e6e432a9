//! Follow-ups: pending requests to Stripe. They are recorded with [`crate::BillingUpdate`] or with
//! the account, in the transaction that finds the need for them.

use std::time::Duration;

use domain::{
    Timestamp,
    billing::follow_up::{FollowUp, FollowUpTask},
    id::UserId,
};
use serde::Serialize;

use crate::{
    condition::{Condition, string},
    cursor::PageSize,
    error::StoreError,
    keys::{FOLLOW_UPS, INDEX_PK, Item, Key, PK, SK, text},
    table::{IndexPage, IndexPosition, Store, encode},
    transaction::{ItemKind, Transaction},
};

/// How long a completed follow-up is stored for support.
const DONE_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A completed follow-up, as an item: it has left the index.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(flatten)]
    follow_up: FollowUp,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

impl Store {
    /// Due follow-ups, oldest first; at most `most`, and never more than 100 (Q63).
    pub async fn due_follow_ups(
        &self,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<FollowUp>, StoreError> {
        let key = |entry: &Item| {
            let (pk, sk) = (text(entry, PK)?.to_owned(), text(entry, SK)?.to_owned());
            Some(Key { pk, sk })
        };
        let page = (after, most.min(PageSize::MAX));
        self.loaded(self.walked(FOLLOW_UPS, None, page, key).await?).await
    }

    /// A member's follow-up, unless it is completed or was never recorded (Q64).
    pub async fn follow_up(
        &self,
        user: &UserId,
        task: &FollowUpTask,
    ) -> Result<Option<FollowUp>, StoreError> {
        let found: Option<FollowUp> = self.get(&Key::follow_up(user, task)).await?;
        Ok(found.filter(|found| found.done_at.is_none()))
    }

    /// Completes a follow-up. One that was recorded again meanwhile stays due, and a completed one
    /// stays as it is.
    pub async fn follow_up_done(
        &self,
        follow_up: &FollowUp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::follow_up(&follow_up.user_id, &follow_up.task);
        let follow_up_done = FollowUp { done_at: Some(now), ..follow_up.clone() };
        let expires_at = now.plus(DONE_KEPT).as_secs();
        let done = Done { follow_up: follow_up_done, expires_at };
        let is_due = Condition::that("noted_at = :noted_at AND attribute_exists(#index)")
            .name("#index", INDEX_PK)
            .value(":noted_at", string(follow_up.noted_at));
        self.put_item(encode(&key, &done)?, is_due).await.map(drop)
    }
}

impl Transaction {
    /// Records a follow-up. Idempotent.
    pub(crate) fn follow_up(self, follow_up: &FollowUp) -> Result<Self, StoreError> {
        let FollowUp { user_id, task, noted_at, .. } = follow_up;
        let place = (FOLLOW_UPS.to_owned(), format!("{noted_at}#{user_id}"));
        self.fenced(ItemKind::FollowUp, &Key::follow_up(user_id, task), follow_up, Some(place))
    }
}
