//! `GET /api/v1/marketplace/purchases/{id}`: one purchase, with the versions that its buyer has.
//!
//! Access: the buyer, suspended ones too; for all other callers it does not exist (404).
//! Changes: nothing. `Retry-After` says when to ask again, while its payment is awaited.

use domain::{
    Timestamp,
    id::{PurchaseId, UploadId},
    marketplace::{
        listing::{revision::Revision, upload::Asset},
        purchase::PurchaseStatus,
    },
};
use runtime::{Access, ApiError, Call, Endpoint, Function, PathId, Polled};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::purchase_view::PurchaseView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("marketplace-get-purchase", "/api/v1/marketplace/purchases/{id}", Access::Member)
        .with_errors(&["purchase_not_found"]);

/// Seconds between two questions of a page that waits for a payment.
const POLL_S: u32 = 2;
/// The same where a bank takes days.
const PROCESSING_POLL_S: u32 = 60;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    #[serde(flatten)]
    purchase: PurchaseView,
    /// The versions that the buyer may download and use, newest first: the ten newest, and the one
    /// that was bought. Empty without an active entitlement.
    versions: Vec<VersionView>,
}

/// A version of the listing.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PurchasedVersion"))]
struct VersionView {
    version: u32,
    published_at: Option<Timestamp>,
    /// What it changed, in its creator's words.
    changes: Option<String>,
    /// Its files, beside its content.
    files: Vec<FileName>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "VersionFile"))]
struct FileName {
    /// What to ask for as `file_id` of a download.
    id: UploadId,
    name: String,
    bytes: u64,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Polled<Response>, ApiError> {
    let purchase = store.purchase(&call.member()?.user_id, call.body.id.get()?).await?;
    let record = store.purchase_record(purchase).await?;
    let versions = match record.entitlement.as_ref().filter(|it| it.is_active()) {
        Some(owned) => store.versions_of(owned).await?,
        None => Vec::new(),
    };
    let retry_after_s = match record.purchase.status() {
        PurchaseStatus::Pending => Some(POLL_S),
        PurchaseStatus::Processing => Some(PROCESSING_POLL_S),
        PurchaseStatus::Paid
        | PurchaseStatus::Expired
        | PurchaseStatus::Failed
        | PurchaseStatus::Returned
        | PurchaseStatus::Refunded => None,
    };
    let body = Response {
        purchase: PurchaseView::new(record, &call.links, call.now),
        versions: versions.into_iter().map(VersionView::from).collect(),
    };
    Ok(Polled { body, retry_after_s })
}

impl From<Revision> for VersionView {
    fn from(version: Revision) -> VersionView {
        let name = |asset: Asset| FileName {
            id: asset.upload_id,
            name: asset.file_name,
            bytes: asset.bytes,
        };
        VersionView {
            version: version.number,
            published_at: version.published_at,
            changes: version.description.changes,
            files: version.assets.into_iter().map(name).collect(),
        }
    }
}
