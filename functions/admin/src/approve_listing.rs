//! `POST /api/v1/admin/marketplace/listings/{id}/approve`: publish the version in review.
//!
//! Access: moderators and admins, except for their own listings. Changes: the listing and the
//! version, and with them the search and similarity indexes; a tailored model now belongs to the
//! listing's creator. If a malware scanner is enabled, it must have found all files clean. Retry:
//! the same `Idempotency-Key` returns the same answer; without one, a version already decided on is
//! a 409.

use clients::{AssetScan, uploads::asset_key};
use domain::{
    audit::{Action, Target, TargetKind},
    id::ListingId,
};
use runtime::{
    Access, ApiError, Call, Connect, Endpoint, Function, NoStore, PathId, Recorded, once,
};
use serde::Deserialize;
use store::{ListingUpdate, Store};

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-approve-listing",
    "/api/v1/admin/marketplace/listings/{id}/approve",
    Access::Moderator,
)
.with_errors(&[
    "asset_not_clean",
    "asset_not_scanned",
    "idempotency_key_in_flight",
    "listing_not_found",
    "model_taken",
    "not_pending",
    "own_listing",
    "own_purchase",
    "own_report",
    "version_changed",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    /// The `content_hash` of the version that the moderator was shown. If another version is in
    /// review by now, this is a conflict.
    content_hash: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    scan: AssetScan,
}

async fn handle(
    Deps { store, scan }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Recorded<JudgedView>>, ApiError> {
    let id = call.body.id.get()?;
    let (shown, target) = (&call.body.content_hash, Target::of(TargetKind::Listing, id));
    let entry = call.audit_entry(Action::ApproveListing, target)?;
    let answer = once(store, &call, async || {
        // The hash covers the files, so the scanned files are the approved ones.
        if scan.is_on() {
            let waits = store.any_listing(id).await?;
            waits.listing.check_shown(&waits.newest, shown)?;
            for asset in &waits.newest.assets {
                scan.require_clean(&asset_key(id, &asset.upload_id), &asset.file_name).await?;
            }
        }
        let judged = store.approve_listing(&entry, id, call.now, |update| {
            update.listing.check_shown(&update.newest, shown)?;
            update.listing.approve(&mut update.newest, &mut update.model, call.now)
        });
        let ListingUpdate { listing, newest, .. } = judged.await?;
        Ok(JudgedView::of(&listing, newest.number))
    });
    Ok(NoStore(answer.await?))
}
