//! `GET /api/v1/marketplace/purchases/{id}/download`: the purchased version of a listing.
//!
//! Access: the buyer, suspended ones too; for all other callers it does not exist (404), nor for
//! the buyer while a dispute is open or after a full refund.
//! Changes: records the first download. Links to files are valid for ten minutes.
//! A tailored model is used by naming the listing in a generation: its id is not in the response.

use clients::{Uploads, uploads::asset_key};
use domain::{
    Timestamp,
    id::{ListingId, PurchaseId},
    image::link_works_until,
    marketplace::{Kind, listing::content::Content},
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Link, NoStore, PathId};
use serde::{Deserialize, Serialize};
use store::Store;

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-download-purchase",
    "/api/v1/marketplace/purchases/{id}/download",
    Access::Member,
);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<PurchaseId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    listing_id: ListingId,
    #[serde(rename = "type")]
    kind: Kind,
    version: u32,
    title: String,
    content: Content,
    assets: Vec<File>,
    /// The attribution that must accompany images made with it.
    attribution: Option<String>,
    /// When the links to files expire.
    expires_at: Timestamp,
    links: ResponseLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DownloadLinks"))]
struct ResponseLinks {
    /// Where to generate images with it: a POST with `listing_id`.
    generate: Link,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PurchasedFile"))]
struct File {
    file_name: String,
    bytes: u64,
    sha256: String,
    url: String,
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
    let id = call.body.id.get()?;
    let purchase = store.purchase(&call.member()?.user_id, id).await?;
    let owned = store.mark_downloaded(&purchase, call.now).await?;
    let bought = store.revision(&owned.listing_id, owned.revision).await?;
    let mut assets = Vec::with_capacity(bought.assets.len());
    for asset in bought.assets {
        let key = asset_key(&owned.listing_id, &asset.upload_id);
        let url = uploads.link(&key, &asset.file_name, call.now).await?;
        let (file_name, bytes, sha256) = (asset.file_name, asset.bytes, asset.sha256);
        assets.push(File { file_name, bytes, sha256, url });
    }
    Ok(NoStore(Response {
        listing_id: owned.listing_id,
        kind: bought.kind,
        version: owned.revision,
        title: bought.description.title,
        content: bought.description.content.disclosed(),
        assets,
        attribution: bought.description.attribution,
        expires_at: link_works_until(call.now),
        links: ResponseLinks { generate: call.links.to("/api/v1/generations") },
    }))
}
