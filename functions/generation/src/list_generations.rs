//! `GET /api/v1/generations`: the member's generations, newest first, optionally by status.
//!
//! Access: any member, for their own.
//! Changes: nothing.

use clients::Images;
use domain::generation::Status;
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, Store};

use crate::view::JobView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-list-generations", "/api/v1/generations", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    status: Option<Status>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    images: Images,
}

async fn handle(
    Deps { store, images }: &Deps,
    call: Call<Request>,
) -> Result<Json<Page<JobView>>, ApiError> {
    let Request { status, limit, cursor } = &call.body;
    let user = &call.member()?.user_id;
    let page = store.jobs(user, *status, *limit, cursor.clone(), call.now).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for job in page.items {
        items.push(JobView::linked(job, &call.links, images, call.now).await?);
    }
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}
