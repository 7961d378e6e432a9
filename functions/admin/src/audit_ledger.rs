//! `GET /api/v1/admin/ledger/audit`: whether creators' stored balances equal the sums of their
//! journals.
//!
//! Access: admins.
//! Changes: only an audit entry for a read of a named creator, once an hour. Each creator's journal
//! is read from its beginning and summed, some creators per page; `next_cursor` continues. An
//! account that differs is named with both amounts.

use domain::{
    audit::{Action, Target},
    id::{Named, UserId},
    marketplace::creator::journal::{Balances, LedgerAccount},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Audited, Cursor, Names, Page, PageSize, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-audit-ledger", "/api/v1/admin/ledger/audit", Access::Admin);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only this creator.
    creator_id: Option<UserId>,
    /// Creators per page.
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// Whether all balances on this page are equal.
    equal: bool,
    items: Vec<AuditView>,
    /// The totals of this page, by account.
    totals: Balances,
    next_cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AuditView {
    creator: Named<UserId>,
    equal: bool,
    entries: u64,
    balances: Balances,
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Difference {
    account: LedgerAccount,
    kept: i64,
    folded: i64,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
    let Request { creator_id, limit, cursor } = &call.body;
    if let Some(creator) = creator_id {
        store
            .note_read(call.audit_entry(Action::ReadMember, Target::user(creator))?, call.now)
            .await?;
    }
    let Page { items: creators, next_cursor } = match creator_id {
        Some(creator) => Page { items: vec![creator.clone()], next_cursor: None },
        None => store.creators(*limit, cursor.as_ref()).await?,
    };
    let names = store.names(&creators, []).await?;
    let mut items = Vec::with_capacity(creators.len());
    let mut totals = Balances::default();
    for creator in &creators {
        let audited = store.audit(creator).await?;
        totals.merge(&audited.folded);
        items.push(AuditView::of(audited, &names));
    }
    let equal = items.iter().all(|item| item.equal);
    Ok(Json(Response { equal, items, totals, next_cursor }))
}

impl AuditView {
    fn of(audited: Audited, names: &Names) -> AuditView {
        let differences = audited.kept.differences(&audited.folded);
        let balanced = audited.folded.sum() == 0;
        AuditView {
            equal: differences.is_empty() && balanced,
            creator: names.member(&audited.creator_id),
            entries: audited.entries,
            balances: audited.kept,
            differences: differences
                .into_iter()
                .map(|(account, kept, folded)| Difference { account, kept, folded })
                .collect(),
        }
    }
}
