//! `GET /api/v1/admin/audit`: decisions of staff and jobs, newest first, or the verification of
//! their hash chains.
//!
//! Access: admins.
//! Changes: nothing. `verify=true` follows a chain from its beginning, some thousand records per
//! page, and names the first altered record; `next_cursor` continues, with the next chain after the
//! end of one.

use domain::{
    Timestamp,
    account::Role,
    audit::{Action, Actor, AuditChains, ChainBreak, Origin, Target, TargetKind},
    error::{FieldError, InvalidFields},
    id::{ListingId, UserId},
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AuditFilter, ChainRecord, Cursor, Names, Page, PageSize, Store, StoreError};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-audit", "/api/v1/admin/audit", Access::Admin);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The chains to read. Without it that of staff; with an `actor` or a `target`, all.
    chain: Option<AuditChains>,
    /// The id of a staff member, or the name of a job.
    actor: Option<String>,
    /// Only this action.
    action: Option<Action>,
    /// Such as `user:user_1`: a user, listing, review, purchase or payout, or `directory:members`.
    target: Option<String>,
    /// Inclusive.
    from: Option<Timestamp>,
    /// Exclusive.
    to: Option<Timestamp>,
    /// Verify the chains instead of listing them.
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
        /// The chain: `staff`, or one of jobs, such as `jobs_0`.
        chain: String,
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
    /// The chain in which `seq` counts: `staff`, or one of jobs, such as `jobs_0`.
    chain: String,
    seq: u64,
    at: Timestamp,
    actor: ActorView,
    action: Action,
    target: TargetView,
    /// The changed fields of the target before the change; `null` if not recorded.
    before: Option<Value>,
    after: Option<Value>,
    reason: Option<String>,
    origin: Option<Origin>,
    hash: String,
}

/// Who took the action.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ActorView {
    /// A staff member.
    Staff {
        id: UserId,
        /// Their display name.
        name: Option<String>,
        /// Their role at the time.
        role: Role,
    },
    /// One of our functions.
    Job {
        /// Its name, or the subject it works on.
        name: String,
    },
}

/// The object of an action.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct TargetView {
    kind: TargetKind,
    id: String,
    /// A member's display name, or a listing's title.
    name: Option<String>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
    let Request { chain, actor, action, target, from, to, verify, limit, cursor } = call.body;
    if verify {
        let chains = chain.unwrap_or(AuditChains::Staff);
        let part = store.verify_audit_chains(chains, cursor).await?;
        let (verified, broken, next_cursor) = (part.verified, part.broken, part.next_cursor);
        let chain = part.chain.to_string();
        return Ok(Json(Response::Verified { chain, verified, broken, next_cursor }));
    }
    let target = target.as_deref().map(checked_target).transpose()?;
    let usual = match (&actor, &target) {
        (None, None) => AuditChains::Staff,
        (Some(_), _) | (_, Some(_)) => AuditChains::All,
    };
    let chains = chain.unwrap_or(usual);
    let wanted = AuditFilter { chains, actor, action, target, from, until: to };
    let Page { items, next_cursor } = store.audit_log(&wanted, limit, cursor).await?;
    let items = RowView::named(store, items).await?;
    Ok(Json(Response::Rows(Page { items, next_cursor })))
}

fn checked_target(text: &str) -> Result<Target, InvalidFields> {
    let kinds =
        "user:<id>, listing:<id>, review:<id>, purchase:<id>, payout:<id> or directory:members"
            .to_owned();
    let refused = || InvalidFields(vec![FieldError::new("/target", "format", kinds)]);
    Target::parse(text).ok_or_else(refused)
}

impl RowView {
    /// Records with the names of their actors and targets.
    pub(crate) async fn named(
        store: &Store,
        rows: Vec<ChainRecord>,
    ) -> Result<Vec<RowView>, StoreError> {
        let of =
            |kind| rows.iter().map(|it| &it.record.entry.target).filter(move |it| it.kind == kind);
        let users = of(TargetKind::User).filter_map(|it| UserId::parse(&it.id).ok());
        let users: Vec<UserId> = users.collect();
        let listings = of(TargetKind::Listing).filter_map(|it| ListingId::parse(&it.id).ok());
        let listings: Vec<ListingId> = listings.collect();
        let staff = rows.iter().filter_map(|it| it.record.entry.staff());
        let names = store.names(staff.chain(&users), &listings).await?;
        Ok(rows.into_iter().map(|row| RowView::of(row, &names)).collect())
    }

    fn of(ChainRecord { chain, record: row }: ChainRecord, names: &Names) -> RowView {
        // Written values are JSON; an altered record may contain anything.
        let parsed = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        RowView {
            chain: chain.to_string(),
            seq: row.seq,
            at: row.at,
            actor: ActorView::of(row.entry.actor, names),
            action: row.entry.action,
            target: TargetView::of(row.entry.target, names),
            before: parsed(row.entry.before),
            after: parsed(row.entry.after),
            reason: row.entry.reason,
            origin: row.entry.origin,
            hash: row.hash,
        }
    }
}

impl ActorView {
    fn of(actor: Actor, names: &Names) -> ActorView {
        match actor {
            Actor::Staff { user_id, role } => {
                ActorView::Staff { name: names.member(&user_id).name, id: user_id, role }
            }
            Actor::Job { name } => ActorView::Job { name },
        }
    }
}

impl TargetView {
    fn of(Target { kind, id }: Target, names: &Names) -> TargetView {
        let name = match kind {
            TargetKind::User => UserId::parse(&id).ok().and_then(|it| names.member(&it).name),
            TargetKind::Listing => {
                ListingId::parse(&id).ok().and_then(|it| names.listing(&it).name)
            }
            TargetKind::Purchase
            | TargetKind::Payout
            | TargetKind::Review
            | TargetKind::Directory => None,
        };
        TargetView { kind, id, name }
    }
}
