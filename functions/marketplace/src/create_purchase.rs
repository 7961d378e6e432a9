//! `POST /api/v1/marketplace/purchases`: buy a listing, or get a free one.
//!
//! Access: any member who is not suspended, except the listing's creator, at most 30 an hour.
//! Changes: one purchase. A free one is fulfilled in the same transaction; any other gets a
//! Checkout session. No money moves here: `edge-webhook-stripe` settles the purchase once Stripe
//! reports the payment.
//! Retry: the same `Idempotency-Key` returns the same purchase and session, also after a crash
//! between any two steps: Stripe's idempotency key is derived from the purchase.

use clients::{ShareLinks, Stripe};
use domain::{
    Timestamp,
    id::{ListingId, PurchaseId},
    marketplace::{
        community::share::Referral,
        purchase::{FoundBy, Purchase},
    },
    money::Money,
};
use runtime::{Access, ApiError, Call, Connect, Created, Endpoint, Frontend, Function};
use serde::Deserialize;
use store::{Rate, Store};

use crate::{
    purchase_page::with_page,
    purchase_view::{PurchaseView, location_of},
};

pub const ENDPOINT: Endpoint =
    Endpoint::post("marketplace-create-purchase", "/api/v1/marketplace/purchases", Access::Member)
        .requires_key()
        .with_rate(Rate::an_hour(30))
        .with_errors(&[
            "already_owned",
            "cannot_buy_own_listing",
            "listing_not_found",
            "listing_unlisted",
            "price_changed",
            "seller_suspended",
        ]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    listing_id: ListingId,
    /// The price the buyer was shown. A mismatch is a conflict, never a silent charge.
    expected_price: Money,
    /// The token of a shared link, from the buyer's browser. An invalid one is ignored.
    referral: Option<String>,
    /// Where the buyer found the listing, for its creator: `direct` (the default) or `search`. A
    /// valid `referral` makes it `share`.
    found_by: Option<FoundBy>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
    frontend: Frontend,
    links: ShareLinks,
}

async fn handle(
    Deps { store, stripe, frontend, links }: &Deps,
    call: Call<Request>,
) -> Result<Created<PurchaseView>, ApiError> {
    let member = call.member()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let Request { listing_id, expected_price, .. } = &call.body;
    let referral = call.body.referral((store, links), call.now).await?;
    let id = PurchaseId::new(call.now, call.random());
    let key = call.idempotency_key()?;
    let placed = store.place_purchase((user, email), listing_id, key, call.now, |offer| {
        let referral = referral.clone();
        let (id, user) = (id.clone(), user.clone());
        let placed = Purchase::place(id, user, offer, *expected_price, referral, call.now);
        placed.map(|purchase| purchase.said_found_by(call.body.found_by))
    });
    let placed = placed.await?;
    let purchase = with_page((store, stripe, frontend), placed, email, call.now).await?;
    let location = location_of(&purchase.id, &call.links);
    Ok(Created { location, body: PurchaseView::read(store, purchase, &call).await? })
}

impl Request {
    /// The referral, if its token is valid.
    async fn referral(
        &self,
        (store, links): (&Store, &ShareLinks),
        now: Timestamp,
    ) -> Result<Option<Referral>, ApiError> {
        let click = self.referral.as_deref().and_then(|token| links.read_click(token));
        let click = click.filter(|(_, clicked_at)| Referral::counts(*clicked_at, now));
        match click {
            Some((code, at)) => Ok(store.referral((&code, at), &self.listing_id).await?),
            None => Ok(None),
        }
    }
}
