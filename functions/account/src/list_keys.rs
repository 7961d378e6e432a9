//! `GET /api/v1/me/keys`: the member's API keys, newest first, without the keys themselves.
//!
//! Access: any member, suspended ones too; never by an API key.
//! Changes: nothing.

use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use store::{Page, Store};

use crate::view::KeyView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("account-list-keys", "/api/v1/me/keys", Access::Member).never_by_api_key();

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<PageRequest>) -> Result<Json<Page<KeyView>>, ApiError> {
    let PageRequest { limit, cursor } = &call.body;
    let page = store.api_keys(&call.member()?.user_id, *limit, cursor.clone()).await?;
    Ok(Json(page.map(KeyView::from)))
}
