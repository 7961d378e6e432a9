//! `GET /api/v1/presets`: the member's presets, newest first.
//!
//! Access: any member, for their own.
//! Changes: nothing.

use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::view::PresetView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-list-presets", "/api/v1/presets", Access::Member);

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<PresetView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.presets(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(PresetView::from)))
}
