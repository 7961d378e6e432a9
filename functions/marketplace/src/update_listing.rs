//! `PATCH /api/v1/marketplace/listings/{id}`: change a draft, or start the next version.
//!
//! Access: the listing's creator, unless suspended; for all other callers it does not exist (404).
//! Changes: the draft; without one, the next version is started from the newest, while the version
//! on sale stays. A version in review is withdrawn. An omitted field stays; `null` removes the
//! attribution or the note on what changed, and is rejected for every other field. `remove` and
//! `preview_order` change the version's pictures and files; the files of what is removed are
//! deleted, unless a version that is or was on sale has them too.
//! Once the next version is approved, those who bought an earlier one have it too.
//! Retry: repeating a change has no further effect. `If-Match` with the tag of `GET
//! /api/v1/marketplace/creator/listings/{id}` refuses a change if the listing has changed (412).

use clients::Previews;
use domain::{
    id::{ListingId, UploadId},
    marketplace::{
        Category,
        listing::{
            content::Content,
            demo::DemoSettings,
            revision::{Edit, FilesEdit},
        },
    },
    money::Money,
};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json, PathId, patch};
use serde::Deserialize;
use store::{ListingUpdate, Store, StoreError};

use crate::{create_listing::cents, view::CreatorListingView};

pub const ENDPOINT: Endpoint = Endpoint::patch(
    "marketplace-update-listing",
    "/api/v1/marketplace/listings/{id}",
    Access::Member,
)
.with_if_match()
.with_errors(&["listing_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<ListingId>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = domain::marketplace::listing::revision::TITLE_CHARS_MAX)))]
    title: Option<String>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = domain::marketplace::listing::revision::DESCRIPTION_CHARS_MAX)))]
    description: Option<String>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "Category"))]
    category: Option<Category>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>", length(max = domain::marketplace::listing::revision::TAGS_MAX)))]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "Money"))]
    price: Option<Money>,
    #[serde(default, deserialize_with = "patch::sent_or_null")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::revision::ATTRIBUTION_CHARS_MAX)))]
    attribution: Option<Option<String>>,
    /// What this version changes, shown to those who bought an earlier one. A version that follows
    /// one on sale begins without.
    #[serde(default, deserialize_with = "patch::sent_or_null")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = domain::marketplace::listing::revision::CHANGES_CHARS_MAX)))]
    changes: Option<Option<String>>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "DemoSettings"))]
    demo: Option<DemoSettings>,
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "Content"))]
    content: Option<Content>,
    /// Ids of pictures and files to remove. One that the version does not have is ignored.
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<UploadId>"))]
    remove: Option<Vec<UploadId>>,
    /// Ids of pictures in their new order; those it does not name follow in their order.
    #[serde(default, deserialize_with = "patch::sent")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<UploadId>"))]
    preview_order: Option<Vec<UploadId>>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    previews: Previews,
}

async fn handle(
    Deps { store, previews }: &Deps,
    call: Call<Request>,
) -> Result<Json<CreatorListingView>, ApiError> {
    let id = call.body.id.get()?;
    let edit = Edit {
        title: call.body.title.clone(),
        description: call.body.description.clone(),
        category: call.body.category,
        tags: call.body.tags.clone(),
        price: call.body.price.map(cents).transpose()?,
        attribution: call.body.attribution.clone(),
        changes: call.body.changes.clone(),
        demo: call.body.demo.clone(),
        content: call.body.content.clone(),
        files: FilesEdit {
            remove: call.body.remove.clone().unwrap_or_default(),
            preview_order: call.body.preview_order.clone().unwrap_or_default(),
        },
    };
    let view =
        |update: ListingUpdate| CreatorListingView::of(update, (previews, &call.links), call.now);
    let creator = &call.member()?.user_id;
    let changed = store.change_listing(creator, id, call.now, |update| -> Result<(), StoreError> {
        call.check_if_match(&view(update.clone())).map_err(StoreError::refused)?;
        let edited = update.listing.edit(update.newest.clone(), edit.clone(), call.now);
        update.newest = edited.map_err(StoreError::refused)?;
        Ok(())
    });
    Ok(Json(view(changed.await?)))
}
