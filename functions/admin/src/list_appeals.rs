//! `GET /api/v1/admin/appeals`: the open appeals, the oldest first.
//!
//! Access: moderators and admins; appeals of suspensions are shown to admins only.
//! Changes: nothing. A page may be short before the end; `next_cursor` continues. It costs 1 read
//! unit, and 1 for each appeal and each member and listing on it.

use domain::{
    Timestamp,
    account::Role,
    appeal::{Appeal, AppealError, AppealKind, Appealed},
    id::{AppealId, ListingId, Named, UserId},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Cursor, Names, Page, PageSize, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-appeals", "/api/v1/admin/appeals", Access::Moderator)
        .with_errors(&["needs_admin"]);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only those of this kind.
    kind: Option<AppealKind>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// An open appeal.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenAppealView {
    id: AppealId,
    member: Named<UserId>,
    /// The listing that was rejected or delisted.
    listing: Option<Named<ListingId>>,
    /// The decision that is appealed.
    #[serde(flatten)]
    decision: Appealed,
    /// The reason of that decision, as the member was shown it.
    reason: String,
    /// What the member says against it.
    text: String,
    created_at: Timestamp,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(
    store: &Store,
    call: Call<Request>,
) -> Result<Json<Page<OpenAppealView>>, ApiError> {
    let Request { kind, limit, cursor } = call.body.clone();
    let is_admin = call.member()?.role == Some(Role::Admin);
    let kinds: &[AppealKind] = match (kind, is_admin) {
        (Some(AppealKind::Suspension), false) => return Err(AppealError::NeedsAdmin.into()),
        (Some(AppealKind::Suspension), true) => &[AppealKind::Suspension],
        (Some(AppealKind::Listing), _) | (None, false) => &[AppealKind::Listing],
        (None, true) => &[AppealKind::Suspension, AppealKind::Listing],
    };
    let page = store.open_appeals(kinds, limit, cursor).await?;
    let views = OpenAppealView::named(store, page.items).await?;
    Ok(Json(Page { items: views, next_cursor: page.next_cursor }))
}

impl OpenAppealView {
    /// Appeals with the names of their members and listings.
    pub(crate) async fn named(
        store: &Store,
        appeals: Vec<Appeal>,
    ) -> Result<Vec<OpenAppealView>, ApiError> {
        let listings = appeals.iter().filter_map(|it| it.decision.listing_id());
        let names = store.names(appeals.iter().map(|it| &it.member_id), listings).await?;
        Ok(appeals.into_iter().map(|it| OpenAppealView::of(it, &names)).collect())
    }

    fn of(appeal: Appeal, names: &Names) -> OpenAppealView {
        OpenAppealView {
            member: names.member(&appeal.member_id),
            listing: appeal.decision.listing_id().map(|it| names.listing(it)),
            id: appeal.id,
            decision: appeal.decision,
            reason: appeal.reason,
            text: appeal.text,
            created_at: appeal.created_at,
        }
    }
}
