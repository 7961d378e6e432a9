//! `POST /api/v1/admin/marketplace/listings/{id}/delist`: take a listing off sale.
//!
//! Access: moderators and admins, except for their own listings.
//! Changes: the listing, and the search index. Buyers keep it; its creator is shown the reason, and
//! only another decision of a moderator puts it on sale again. With `"pictures": "remove"` its
//! images and those of its live demo are deleted as well: within five minutes they are no longer
//! served, and the creator has to upload others.
//! Retry: a repeat changes nothing.

use domain::{
    audit::{Action, Target, TargetKind},
    id::ListingId,
    marketplace::listing::{DelistedBy, ListingError, checked_reason},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore, PathId};
use serde::Deserialize;
use store::Store;

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-delist-listing",
    "/api/v1/admin/marketplace/listings/{id}/delist",
    Access::Moderator,
)
.ignores_key()
.with_errors(&["listing_not_found", "not_on_sale", "own_listing", "own_purchase", "own_report"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    /// The reason, shown to the creator.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::REASON_CHARS_MAX)))]
    reason: String,
    /// Whether its images stay.
    #[serde(default)]
    pictures: Pictures,
}

/// Whether a listing's images stay.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Pictures {
    /// The images stay.
    #[default]
    Keep,
    /// The images are deleted.
    Remove,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<JudgedView>, ApiError> {
    let id = call.body.id.get()?;
    let reason = checked_reason(&call.body.reason)?;
    let target = Target::of(TargetKind::Listing, id);
    let action = match call.body.pictures {
        Pictures::Keep => Action::DelistListing,
        Pictures::Remove => Action::RemovePictures,
    };
    let entry = call.audit_entry(action, target)?.with_reason(&reason);
    let judged =
        store.moderate_listing(&entry, id, call.now, |update| -> Result<(), ListingError> {
            update.listing.delist(DelistedBy::Staff, Some(reason.clone()), call.now)?;
            if let Pictures::Remove = call.body.pictures {
                update.remove_pictures();
            }
            Ok(())
        });
    let listing = judged.await?.listing;
    let version = listing.published.as_ref().map_or_else(|| listing.newest(), |it| it.number);
    Ok(NoStore(JudgedView::of(&listing, version)))
}
