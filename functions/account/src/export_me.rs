//! `GET /api/v1/me/export`: all data held about the caller, as JSON and files.
//!
//! Access: any member, suspended and deleted ones too: the data belongs to them.
//! Changes: nothing. All pages together are complete; links to files are valid for ten minutes.

use clients::{ImageLinks, Previews, Uploads, uploads::asset_key};
use domain::{Timestamp, id::UserId, image::link_works_until};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, NoStore};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Cursor, Exported, Rate, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("account-export-me", "/api/v1/me/export", Access::Member)
        .with_rate(Rate::a_minute(60));

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The `next_cursor` of the previous page.
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    items: Vec<Exported>,
    files: Vec<File>,
    /// When the links of this page expire.
    links_expire_at: Timestamp,
    next_cursor: Option<Cursor>,
}

/// A file that belongs to an item of the page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ExportFile"))]
struct File {
    /// A path, unique within the export.
    name: String,
    url: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    images: ImageLinks,
    uploads: Uploads,
    previews: Previews,
}

async fn handle(
    Deps { store, images, uploads, previews }: &Deps,
    call: Call<Request>,
) -> Result<NoStore<Response>, ApiError> {
    let user = &call.member()?.user_id;
    let page = store.export(user, call.body.cursor.clone()).await?;
    let mut files = Vec::new();
    for item in &page.items {
        match item.kind.as_str() {
            "job" => files.extend(image_of((images, user), &item.data, call.now).await?),
            "revision" => {
                files.extend(files_of((uploads, previews), &item.data, call.now).await?);
            }
            _ => {}
        }
    }
    let (items, next_cursor) = (page.items, page.next_cursor);
    Ok(NoStore(Response { items, files, links_expire_at: link_works_until(call.now), next_cursor }))
}

async fn image_of(
    (images, owner): (&ImageLinks, &UserId),
    job: &Value,
    now: Timestamp,
) -> Result<Option<File>, ApiError> {
    let (Some(id), Some(key)) = (job["id"].as_str(), job["image"]["key"].as_str()) else {
        return Ok(None);
    };
    let url = images.link(owner, key, now).await?;
    Ok(Some(File { name: format!("generations/{id}.png"), url }))
}

async fn files_of(
    (uploads, previews): (&Uploads, &Previews),
    revision: &Value,
    now: Timestamp,
) -> Result<Vec<File>, ApiError> {
    let list = |name: &str| revision[name].as_array().map_or(&[][..], Vec::as_slice);
    let (Some(listing), number) = (revision["listing_id"].as_str(), &revision["number"]) else {
        return Ok(Vec::new());
    };
    let folder = format!("listings/{listing}/{number}");
    let mut files = Vec::new();
    for (position, asset) in list("assets").iter().enumerate() {
        let (Some(upload), Some(file_name)) =
            (asset["upload_id"].as_str(), asset["file_name"].as_str())
        else {
            continue;
        };
        let url = uploads.link(&asset_key(listing, upload), file_name, now).await?;
        files.push(File { name: format!("{folder}/assets/{position}-{file_name}"), url });
    }
    for preview in list("previews") {
        let Some(upload) = preview["upload_id"].as_str() else { continue };
        let url = previews.urls(listing, upload).large;
        files.push(File { name: format!("{folder}/pictures/{upload}.jpg"), url });
    }
    Ok(files)
}
