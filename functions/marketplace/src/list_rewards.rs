//! `GET /api/v1/marketplace/rewards`: the member's rewards for sales through their shared links,
//! newest first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing. A held reward is granted by `background-pay-creators`.

use domain::{
    Timestamp,
    marketplace::community::reward::{Reward, RewardCancellation, RewardState, RewardStatus},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use serde::Serialize;
use store::{Page, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("marketplace-list-rewards", "/api/v1/marketplace/rewards", Access::Member);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RewardView {
    /// The link that led to the sale.
    share_id: String,
    credits: u32,
    status: RewardStatus,
    /// Why it was cancelled.
    reason: Option<RewardCancellation>,
    /// When the sale was paid; `null` for sales before December 2026.
    earned_at: Option<Timestamp>,
    /// When a held reward is granted: the buyer can ask for a refund until then.
    due_at: Option<Timestamp>,
    /// When it was granted or cancelled.
    decided_at: Option<Timestamp>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<RewardView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.rewards(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(RewardView::from)))
}

impl From<Reward> for RewardView {
    fn from(reward: Reward) -> RewardView {
        RewardView {
            due_at: reward.due_at(),
            status: RewardStatus::from(&reward.state),
            reason: match reward.state {
                RewardState::Cancelled { reason } => Some(reason),
                RewardState::Held { .. } | RewardState::Granted { .. } => None,
            },
            share_id: reward.code,
            credits: reward.credits,
            earned_at: reward.earned_at,
            decided_at: reward.decided_at,
        }
    }
}
