//! `GET /api/v1/admin/audit`: decisions of staff and jobs, newest first, or the verification of the
//! hash chain.
//!
//! Access: admins.
//! Changes: nothing. `verify=true` follows the chain from its beginning, some thousand records per
//! page, and names the first altered record; `next_cursor` continues.

use domain::{
    Timestamp,
    audit::{Action, Actor, Anchors, AuditRecord, ChainBreak, Origin, Target},
    error::{FieldError, InvalidFields},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AuditFilter, Cursor, Page, PageSize, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-audit", "/api/v1/admin/audit", Access::Admin);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The id of a staff member, or the name of a job.
    actor: Option<String>,
    action: Option<Action>,
    /// Such as `user:user_1`: a user, listing, purchase or payout, or `directory:members`.
    target: Option<String>,
    /// Inclusive.
    from: Option<Timestamp>,
    /// Exclusive.
    to: Option<Timestamp>,
    /// Verify the chain instead of listing it.
    #[serde(default)]
    verify: bool,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Response {
    Rows(Page<RowView>),
    Verified {
        /// Sequence number of the last intact record.
        verified: u64,
        /// The first altered record.
        broken: Option<ChainBreak>,
        next_cursor: Option<Cursor>,
    },
}

/// A record of the audit log.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RowView {
    seq: u64,
    at: Timestamp,
    actor: Actor,
    action: Action,
    target: Target,
    /// The changed fields of the target before the change; `null` if not recorded.
    before: Option<Value>,
    after: Option<Value>,
    reason: Option<String>,
    origin: Option<Origin>,
    hash: String,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
    let Request { actor, action, target, from, to, verify, limit, cursor } = call.body;
    if verify {
        let chain = store.verify_audit(cursor, &Anchors::default()).await?;
        let (verified, broken, next_cursor) = (chain.verified, chain.broken, chain.next_cursor);
        return Ok(Json(Response::Verified { verified, broken, next_cursor }));
    }
    let target = target.as_deref().map(checked_target).transpose()?;
    let wanted = AuditFilter { actor, action, target, from, until: to };
    let Page { items, next_cursor } = store.audit_log(&wanted, limit, cursor).await?;
    let items = items.into_iter().map(RowView::from).collect();
    Ok(Json(Response::Rows(Page { items, next_cursor })))
}

fn checked_target(text: &str) -> Result<Target, InvalidFields> {
    let kinds =
        "user:<id>, listing:<id>, purchase:<id>, payout:<id> or directory:members".to_owned();
    let refused = || InvalidFields(vec![FieldError::new("/target", "format", kinds)]);
    Target::parse(text).ok_or_else(refused)
}

impl From<AuditRecord> for RowView {
    fn from(row: AuditRecord) -> RowView {
        // Written values are JSON; an altered record may contain anything.
        let parsed = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        RowView {
            seq: row.seq,
            at: row.at,
            actor: row.deed.actor,
            action: row.deed.action,
            target: row.deed.target,
            before: parsed(row.deed.before),
            after: parsed(row.deed.after),
            reason: row.deed.reason,
            origin: row.deed.origin,
            hash: row.hash,
        }
    }
}
