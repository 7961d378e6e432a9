//! `GET /api/v1/me/appeals`: the member's appeals with what staff decided, the latest decision
//! first.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing.

use domain::{
    Timestamp,
    appeal::{Appeal, AppealStatus, Appealed},
    id::AppealId,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PageRequest};
use serde::Serialize;
use store::{Page, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("account-list-appeals", "/api/v1/me/appeals", Access::Member);

/// An appeal as its member sees it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppealView {
    id: AppealId,
    status: AppealStatus,
    /// The decision that is appealed.
    #[serde(flatten)]
    decision: Appealed,
    /// The reason of that decision.
    reason: String,
    /// What the member says against it.
    text: String,
    created_at: Timestamp,
    /// When staff decided on the appeal.
    ruled_at: Option<Timestamp>,
    /// Why, in their words.
    ruling: Option<String>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<PageRequest>,
) -> Result<Json<Page<AppealView>>, ApiError> {
    let PageRequest { limit, cursor } = call.body.clone();
    let page = store.appeals(&call.member()?.user_id, limit, cursor).await?;
    Ok(Json(page.map(AppealView::from)))
}

impl From<Appeal> for AppealView {
    fn from(appeal: Appeal) -> AppealView {
        let status = appeal.status();
        let (ruled_at, ruling) = appeal.ruling.map(|it| (it.at, it.reason)).unzip();
        AppealView {
            id: appeal.id,
            status,
            decision: appeal.decision,
            reason: appeal.reason,
            text: appeal.text,
            created_at: appeal.created_at,
            ruled_at,
            ruling,
        }
    }
}
