//! `PATCH /api/v1/generations/{id}`: mark its image as a favourite, or remove the mark.
//!
//! Access: its owner, unless suspended; for all other callers it does not exist (404).
//! Changes: the job. Without an image there is nothing to mark (409).
//! Retry: a repeat changes nothing.

use clients::ImageLinks;
use domain::id::JobId;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::Store;

use crate::view::JobView;

pub const ENDPOINT: Endpoint =
    Endpoint::patch("generation-update-generation", "/api/v1/generations/{id}", Access::Member)
        .with_errors(&["generation_not_found", "generation_without_image"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<JobId>,
    /// Whether it is a favourite.
    favourite: bool,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    images: ImageLinks,
}

async fn handle(
    Deps { store, images }: &Deps,
    call: Call<Request>,
) -> Result<Json<JobView>, ApiError> {
    let id = call.body.id.get()?;
    call.log_job(id);
    let user = &call.member()?.user_id;
    let marked = store.set_favourite(user, id, call.body.favourite, call.now).await?;
    Ok(Json(JobView::whole(marked, &call.links, images, call.now).await?))
}
