//! `GET /api/v1/admin/audit`: what staff and jobs decided, newest first, or whether the chain of it
//! is whole.
//!
//! Access: admins.
//! Changes: nothing. `verify=true` follows the chain from its beginning, some thousand rows a page, and
//! names the first row that is not what it was; `next_cursor` goes on.

use std::process::ExitCode;

use domain::{
    Timestamp,
    audit::{Action, Actor, Anchors, AuditRecord, ChainBreak, Origin, Target},
    error::{FieldError, InvalidFields},
};
use runtime::{Access, ApiError, Call, Endpoint, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AuditFilter, Cursor, Page, PageSize, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-audit", "/api/v1/admin/audit", Access::Admin);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The id of somebody of the staff, or the name of a job.
    actor: Option<String>,
    action: Option<Action>,
    /// Such as `user:user_1`: a user, listing, purchase or payout, or `directory:members`.
    target: Option<String>,
    /// Not before.
    from: Option<Timestamp>,
    /// Before.
    to: Option<Timestamp>,
    /// Follow the chain instead.
    #[serde(default)]
    verify: bool,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    Rows(Page<RowView>),
    Verified {
        /// The last row that is as it was.
        verified: u64,
        /// The first that is not.
        broken: Option<ChainBreak>,
        next_cursor: Option<Cursor>,
    },
}

/// A row of the audit.
#[derive(Debug, Serialize)]
pub struct RowView {
    seq: u64,
    at: Timestamp,
    actor: Actor,
    action: Action,
    target: Target,
    /// What changed of the target, as it was; `null` where nothing is told of it.
    before: Option<Value>,
    after: Option<Value>,
    reason: Option<String>,
    origin: Option<Origin>,
    hash: String,
}

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::http(ENDPOINT, handle)
}

pub async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
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
        // What was written is JSON; a row that was tampered with may say anything.
        let told = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        RowView {
            seq: row.seq,
            at: row.at,
            actor: row.deed.actor,
            action: row.deed.action,
            target: row.deed.target,
            before: told(row.deed.before),
            after: told(row.deed.after),
            reason: row.deed.reason,
            origin: row.deed.origin,
            hash: row.hash,
        }
    }
}
