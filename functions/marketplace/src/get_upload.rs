//! `GET /api/v1/marketplace/listings/{id}/uploads/{upload_id}`: the status of an upload.
//!
//! Access: the creator who requested it; for all other callers it does not exist (404).
//! Changes: nothing.

use domain::{
    Timestamp,
    id::{ListingId, UploadId},
    marketplace::listing::upload::{Purpose, UploadState, UploadStatus},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, PathId, Polled};
use serde::{Deserialize, Serialize};
use store::{NotFound, Store};

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-get-upload",
    "/api/v1/marketplace/listings/{id}/uploads/{upload_id}",
    Access::Member,
)
.with_errors(&["upload_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    upload_id: PathId<UploadId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    id: UploadId,
    purpose: Purpose,
    status: UploadStatus,
    /// Why it was refused: a stable code in snake case, which `/docs/problems/{code}` explains.
    code: Option<String>,
    /// Why it was refused, in words.
    detail: Option<String>,
    created_at: Timestamp,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Polled<Response>, ApiError> {
    let listing = call.body.id.get().map_err(|_| NotFound::Upload)?;
    let id = call.body.upload_id.get()?;
    let upload = store.upload(listing, id).await?;
    if upload.owner_id != call.member()?.user_id {
        return Err(NotFound::Upload.into());
    }
    let retry_after_s = upload.is_waiting().then_some(1);
    let status = UploadStatus::from(&upload.state);
    let (code, detail) = match upload.state {
        UploadState::Waiting | UploadState::Taken => (None, None),
        UploadState::Refused { code, detail } => (Some(code), Some(detail)),
    };
    let body = Response {
        id: upload.id,
        purpose: upload.purpose,
        status,
        code,
        detail,
        created_at: upload.created_at,
    };
    Ok(Polled { body, retry_after_s })
}
