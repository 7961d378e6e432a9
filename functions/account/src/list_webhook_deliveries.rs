//! `GET /api/v1/me/webhooks/{id}/deliveries`: a webhook's deliveries of the last 30 days, newest
//! first.
//!
//! Access: its member, suspended ones too; for all other callers it does not exist (404).
//! Changes: nothing.

use domain::id::WebhookId;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::Deserialize;
use store::{Cursor, Page, PageSize, Store};

use crate::webhook_view::DeliveryView;

pub const ENDPOINT: Endpoint = Endpoint::get(
    "account-list-webhook-deliveries",
    "/api/v1/me/webhooks/{id}/deliveries",
    Access::Member,
)
.with_errors(&["webhook_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<WebhookId>,
    /// The size of a page.
    #[serde(default)]
    limit: PageSize,
    /// The `next_cursor` of the previous page.
    cursor: Option<Cursor>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<DeliveryView>>, ApiError> {
    let which = (&call.member()?.user_id, call.body.id.get()?);
    let page = store.deliveries(which, call.body.limit, call.body.cursor.clone()).await?;
    Ok(Json(page.map(DeliveryView::from)))
}
