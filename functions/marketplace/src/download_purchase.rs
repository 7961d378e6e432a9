//! `POST /api/v1/marketplace/purchases/{id}/downloads`: a link to a file of a purchased listing.
//!
//! Without `file_id` the file is the content itself, as JSON, which is also in the response. With a
//! `file_id` of `GET /api/v1/marketplace/purchases/{id}` it is that file. Both are of the newest
//! approved version, or of `version`: the one that was bought or a later one.
//! A tailored model is used by naming the listing in a generation: its id is never included.
//!
//! Access: the buyer, suspended ones too; for all other callers it does not exist (404), nor for
//! the buyer while a dispute is open or after a full refund.
//! Changes: records the first download, after which only staff refund the purchase. A request that
//! is refused records nothing. The link is valid for ten minutes.
//! Retry: a repeat returns a link to the same file.

use clients::{
    Uploads,
    uploads::{asset_key, content_key},
};
use domain::{
    Timestamp,
    account::api_key::Scope,
    id::{ListingId, PurchaseId, UploadId},
    image::link_works_until,
    marketplace::{
        Kind,
        listing::{content::Content, revision::Revision, upload::Asset},
    },
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Link, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::{NotFound, Store};

pub const ENDPOINT: Endpoint = Endpoint::post(
    "marketplace-download-purchase",
    "/api/v1/marketplace/purchases/{id}/downloads",
    Access::Member,
)
.ignores_key()
.for_suspended()
// It is the use of what was bought, as a generation with it is.
.with_scope(Scope::Generate)
.with_errors(&["file_not_found", "purchase_not_found", "version_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
    /// The version; by default the newest approved one.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    version: Option<u32>,
    /// The file; by default the content of the version.
    file_id: Option<UploadId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// Where to get the file.
    url: String,
    /// When that link expires.
    expires_at: Timestamp,
    file: FileView,
    #[serde(flatten)]
    listing: Handed,
    links: ResponseLinks,
}

/// What was handed out, also the content of the JSON file.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Handed {
    listing_id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    title: String,
    content: Content,
    /// The attribution that must accompany images made with it.
    attribution: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DownloadLinks"))]
struct ResponseLinks {
    /// Where to generate images with it: a POST with `listing_id`.
    generate: Link,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PurchasedFile"))]
struct FileView {
    /// `null` for the content itself.
    id: Option<UploadId>,
    name: String,
    bytes: u64,
    sha256: String,
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
) -> Result<NoStore<Response>, ApiError> {
    let Request { id, version, file_id } = &call.body;
    let purchase = store.purchase(&call.member()?.user_id, id.get()?).await?;
    let bought = store.entitled_version(&purchase, *version).await?;
    let asset = match file_id {
        Some(file) => Some(asset_of(&bought, file)?),
        None => None,
    };
    let listing = Handed::from(bought);
    let (key, file) = match asset {
        Some(asset) => (asset_key(&listing.listing_id, &asset.upload_id), FileView::from(asset)),
        None => listing.stored(uploads).await?,
    };
    store.mark_downloaded(&purchase, call.now).await?;
    Ok(NoStore(Response {
        url: uploads.link(&key, &file.name, call.now).await?,
        expires_at: link_works_until(call.now),
        file,
        listing,
        links: ResponseLinks { generate: call.links.to("/api/v1/generations") },
    }))
}

fn asset_of(version: &Revision, file: &UploadId) -> Result<Asset, NotFound> {
    version.assets.iter().find(|it| it.upload_id == *file).cloned().ok_or(NotFound::File)
}

impl Handed {
    /// Stores it as a file, once for each version. Returns the key of the file.
    async fn stored(&self, uploads: &Uploads) -> Result<(String, FileView), ApiError> {
        let key = content_key(&self.listing_id, self.version);
        let (bytes, sha256) = uploads.store_content(&key, self).await?;
        let name = format!("{}-v{}.json", self.listing_id, self.version);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok((key, FileView { id: None, name, bytes, sha256 }))
    }
}

impl From<Revision> for Handed {
    fn from(version: Revision) -> Handed {
        Handed {
            listing_id: version.listing_id,
            kind: version.kind,
            version: version.number,
            title: version.description.title,
            content: version.description.content.disclosed(),
            attribution: version.description.attribution,
        }
    }
}

impl From<Asset> for FileView {
    fn from(asset: Asset) -> FileView {
        FileView {
            id: Some(asset.upload_id),
            name: asset.file_name,
            bytes: asset.bytes,
            sha256: asset.sha256,
        }
    }
}
