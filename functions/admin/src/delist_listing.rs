//! `POST /api/v1/admin/marketplace/listings/{id}/delist`: take a listing off sale.
//!
//! Access: moderators and admins, except for their own listings.
//! Changes: the listing, and what can be found. Who bought it keeps it; its creator is told the
//! reason, and only another decision of a moderator's puts it on sale again. With
//! `"pictures": "remove"` its pictures and those of its live demo are deleted as well: within five
//! minutes nobody has them from us, and the creator has to send others.
//! Retry: taken off again it is off sale.

use std::process::ExitCode;

use domain::{
    audit::{Action, Target, TargetKind},
    id::ListingId,
    marketplace::listing::{DelistedBy, ListingError, checked_reason},
};
use runtime::{Access, ApiError, Call, Endpoint, NoStore};
use serde::Deserialize;
use store::{NotFound, Store};

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-delist-listing",
    "/api/v1/admin/marketplace/listings/{id}/delist",
    Access::Moderator,
)
.ignores_key();

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// What its creator is told.
    reason: String,
    /// What becomes of its pictures.
    #[serde(default)]
    pictures: Pictures,
}

/// What becomes of a listing's pictures.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pictures {
    /// They stay where they are.
    #[default]
    Keep,
    /// They must not be seen by anybody.
    Remove,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<JudgedView>, ApiError> {
    let id = ListingId::parse(&call.body.id).map_err(|_| NotFound::Listing)?;
    let reason = checked_reason(&call.body.reason)?;
    let target = Target::of(TargetKind::Listing, &id);
    let action = match call.body.pictures {
        Pictures::Keep => Action::DelistListing,
        Pictures::Remove => Action::RemovePictures,
    };
    let deed = call.deed(action, target)?.with_reason(&reason);
    let judged = store.moderate_listing(&deed, &id, call.now, async |shelf| {
        shelf.listing.delist(DelistedBy::Staff, Some(reason.clone()), call.now)?;
        if let Pictures::Remove = call.body.pictures {
            shelf.remove_pictures();
        }
        Ok::<(), ListingError>(())
    });
    let listing = judged.await?.listing;
    let version = listing.published.as_ref().map_or_else(|| listing.newest(), |it| it.number);
    Ok(NoStore(JudgedView::of(&listing, version)))
}
