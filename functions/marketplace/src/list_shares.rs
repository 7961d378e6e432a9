//! `GET /api/v1/marketplace/shares`: the member's shared links, with what came of them.
//!
//! Links to the newest listings are first. A link from before December 2026 is listed once it is
//! asked for again: `POST /api/v1/marketplace/listings/{id}/share`.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.
//! Cost: the member's rewards are counted: one request per MB, which is some 2,500 rewards.

use std::collections::HashMap;

use domain::{
    Timestamp,
    id::ListingId,
    marketplace::community::reward::{Reward, RewardState},
};
use futures_util::future::try_join;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, Link, Links, PageRequest};
use serde::Serialize;
use store::{Page, SharedListing, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("marketplace-list-shares", "/api/v1/marketplace/shares", Access::Member);

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareView {
    /// The code in the link.
    id: String,
    url: Link,
    listing_id: ListingId,
    /// The listing's title while it is on sale.
    title: Option<String>,
    /// Visitors so far, each counted once a day.
    views: u32,
    /// Paid sales through the link, without fully refunded ones.
    sales: u32,
    credits: Credits,
    created_at: Timestamp,
    last_viewed_at: Option<Timestamp>,
}

/// The credits of a link's rewards.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ShareCredits"))]
struct Credits {
    /// Held until the buyers can no longer ask for a refund.
    held: u32,
    granted: u32,
    /// Not granted or taken back: `GET /api/v1/marketplace/rewards` says why.
    cancelled: u32,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<PageRequest>) -> Result<Json<Page<ShareView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let sharer = &call.member()?.user_id;
    let shares = store.shares(sharer, *limit, cursor.clone());
    let (page, rewards) = try_join(shares, store.all_rewards(sharer)).await?;
    let mut tallies: HashMap<&str, Tally> = HashMap::new();
    for reward in &rewards {
        tallies.entry(&reward.code).or_default().add(reward);
    }
    Ok(Json(page.map(|shared| {
        let tally = tallies.get(shared.share.code.as_str()).copied().unwrap_or_default();
        ShareView::new(shared, tally, &call.links)
    })))
}

/// What came of a link.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    sales: u32,
    credits: Credits,
}

impl Tally {
    fn add(&mut self, reward: &Reward) {
        self.sales += u32::from(!reward.is_refunded());
        let credits = match &reward.state {
            RewardState::Held { .. } => &mut self.credits.held,
            RewardState::Granted { .. } => &mut self.credits.granted,
            RewardState::Cancelled { .. } => &mut self.credits.cancelled,
        };
        *credits += reward.credits;
    }
}

impl ShareView {
    fn new(SharedListing { share, listing }: SharedListing, of: Tally, links: &Links) -> ShareView {
        ShareView {
            url: links.to(format_args!("/s/{}", share.code)),
            title: listing.as_ref().and_then(|it| it.shown()).map(|it| it.title.clone()),
            id: share.code,
            listing_id: share.listing_id,
            views: share.clicks,
            sales: of.sales,
            credits: of.credits,
            created_at: share.created_at,
            last_viewed_at: share.clicked_at,
        }
    }
}
