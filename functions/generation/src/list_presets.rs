//! `GET /api/v1/presets`: the member's presets, newest first.
//!
//! Access: any member; they see their own.
//! Changes: nothing.

use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, Store};

use crate::view::PresetView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-list-presets", "/api/v1/presets", Access::Member);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

pub async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<Json<Page<PresetView>>, ApiError> {
    let Request { limit, cursor } = &call.body;
    let page = store.presets(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(PresetView::from)))
}
