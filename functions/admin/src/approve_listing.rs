//! `POST /api/v1/admin/marketplace/listings/{id}/approve`: put the version that waits on sale.
//!
//! Access: moderators and admins, except for their own listings. Changes: the listing and the
//! version, and with them what can be found and what is near to it; a tailored model belongs to the
//! listing's creator from now on. Where a scanner looks at files, all of them must have been found
//! clean. Retry: the same `Idempotency-Key` returns the same answer; without one a version that was
//! decided on does not wait any more.

use std::process::ExitCode;

use clients::{AssetScan, uploads::asset_key};
use domain::{
    audit::{Action, Target, TargetKind},
    id::ListingId,
};
use runtime::{Access, ApiError, Call, Endpoint, NoStore, once};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{ListingUpdate, NotFound, Store, StoreError};

use crate::view::JudgedView;

pub const ENDPOINT: Endpoint = Endpoint::post(
    "admin-approve-listing",
    "/api/v1/admin/marketplace/listings/{id}/approve",
    Access::Moderator,
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: String,
    /// The `content_hash` of the version that the moderator was shown. Anything else that waits by
    /// now is a conflict.
    content_hash: String,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(
    (store, scan): &(Store, AssetScan),
    call: Call<Request>,
) -> Result<NoStore<Box<RawValue>>, ApiError> {
    let id = ListingId::parse(&call.body.id).map_err(|_| NotFound::Listing)?;
    let (shown, target) = (&call.body.content_hash, Target::of(TargetKind::Listing, &id));
    let deed = call.deed(Action::ApproveListing, target)?;
    let answer = once(store, &call, async || {
        // The hash names the files, so those that are asked about are those that are approved.
        if scan.is_on() {
            let waits = store.any_listing(&id).await?;
            waits.listing.check_shown(&waits.newest, shown)?;
            for asset in &waits.newest.assets {
                scan.require_clean(&asset_key(&id, &asset.upload_id), &asset.file_name).await?;
            }
        }
        let judged = store.moderate_listing(&deed, &id, call.now, async |shelf| {
            let is_shown = shelf.listing.check_shown(&shelf.newest, shown);
            is_shown.map_err(StoreError::refused)?;
            store.read_model(shelf).await?;
            let approved = shelf.listing.approve(&mut shelf.newest, &mut shelf.model, call.now);
            approved.map_err(StoreError::refused)
        });
        let ListingUpdate { listing, newest, .. } = judged.await?;
        Ok(JudgedView::of(&listing, newest.number))
    });
    Ok(NoStore(answer.await?))
}
