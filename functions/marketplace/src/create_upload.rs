//! `POST /api/v1/marketplace/listings/{id}/uploads`: a presigned form to upload an image or a file.
//!
//! Access: the listing's creator, unless suspended; for all other callers it does not exist (404).
//! A creator may request at most 8 GiB a day.
//! Changes: a pending upload. The form is valid for five minutes, one key, one type and the
//! declared size; the file goes into quarantine, and `background-render-preview` checks it.
//! Retry: each request creates another upload; one that is never sent expires.

use clients::{
    Uploads,
    uploads::{NewUpload, UploadForm, quarantine_key},
};
use domain::{
    id::{ListingId, UploadId},
    marketplace::listing::upload::{Purpose, Upload, UploadRequest},
};
use runtime::{Access, ApiError, Call, Connect, Created, Endpoint, Function, Link, PathId};
use serde::{Deserialize, Serialize};
use store::{Rate, Store, StoreError};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-create-upload",
    "/api/v1/marketplace/listings/{id}/uploads",
    Access::Member,
)
.ignores_key()
.with_rate(Rate::an_hour(300))
.with_errors(&[
    "listing_in_review",
    "listing_not_found",
    "no_draft",
    "too_many_uploads",
    "uploads_used_up",
]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    purpose: Purpose,
    /// One that the purpose accepts: `image/png`, `image/jpeg` or `image/webp` for a preview,
    /// `application/zip`, `application/octet-stream` or `text/plain` for an asset; only
    /// `application/octet-stream` for a fine-tune. What a file is shows in its bytes: an asset is a
    /// ZIP archive, weights as safetensors or a table of colours as `.cube`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = domain::marketplace::listing::upload::CONTENT_TYPES)))]
    content_type: String,
    /// The file's size in bytes; a larger file is refused. A preview has at most
    /// `PREVIEW_BYTES_MAX`.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = domain::marketplace::listing::upload::ASSET_BYTES_MAX)))]
    bytes: u64,
    /// What buyers download an asset as.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::upload::FILE_NAME_CHARS_MAX)))]
    file_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    id: UploadId,
    method: &'static str,
    /// Where to post the form, its `fields` first and the `file` last.
    #[serde(flatten)]
    form: UploadForm,
    links: ResponseLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "UploadLinks"))]
struct ResponseLinks {
    /// The status of the upload.
    #[serde(rename = "self")]
    this: Link,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    uploads: Uploads,
}

async fn handle(
    Deps { store, uploads }: &Deps,
    call: Call<Request>,
) -> Result<Created<Response>, ApiError> {
    let id = call.body.id.get()?;
    let creator = &call.member()?.user_id;
    let upload = UploadId::new(call.now, call.random());
    let opened = store.open_upload(creator, id, call.now, |listing| {
        let owner = (id.clone(), creator.clone(), listing.kind);
        let opened = Upload::open(upload.clone(), owner, call.body.upload_request(), call.now);
        listing.begin_upload(call.now).map_err(StoreError::refused)?;
        opened.map_err(StoreError::refused)
    });
    let opened = opened.await?;
    let new = NewUpload {
        key: &quarantine_key(id, &opened.id),
        owner: creator.as_str(),
        content_type: &opened.content_type,
        bytes_max: opened.bytes_max,
    };
    let form = uploads.presign(&new, call.now).await?;
    let path = format!("/api/v1/marketplace/listings/{id}/uploads/{}", opened.id);
    let location = call.links.to(path);
    let links = ResponseLinks { this: location.clone() };
    let body = Response { id: opened.id, method: "POST", form, links };
    Ok(Created { location, body })
}

impl Request {
    fn upload_request(&self) -> UploadRequest {
        UploadRequest {
            purpose: self.purpose,
            content_type: self.content_type.clone(),
            bytes: self.bytes,
            file_name: self.file_name.clone(),
        }
    }
}
