//! `GET /api/v1/admin/generations`: a member's generations, the newest first.
//!
//! Access: admins.
//! Changes: only an audit entry for the read of the member, once an hour. Prompts and images are
//! not shown. A page costs 1 read unit for every four generations, or with a final `status` 1 for
//! each; and 1 for each listing on it.

use domain::{
    Timestamp,
    audit::{Action, Target},
    generation::{Charge, ChargeState, FailureCode, Job, Provider, Status},
    id::{JobId, ListingId, Named, PresetId, UserId},
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::{Cursor, JobFilter, Names, Page, PageSize, Store};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-list-generations", "/api/v1/admin/generations", Access::Admin)
        .with_errors(&["user_not_found"]);

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Whose generations.
    member_id: UserId,
    /// Only those with this status.
    status: Option<Status>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// A generation in a list for staff.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MadeView {
    id: JobId,
    status: Status,
    member: Named<UserId>,
    /// The member's plan at the time of the request.
    plan: Option<Plan>,
    provider: Provider,
    preset_id: Option<PresetId>,
    /// The listing it is made with.
    listing: Option<Named<ListingId>>,
    charge: ChargeView,
    /// Why it failed.
    failure: Option<FailureCode>,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChargeSummary"))]
struct ChargeView {
    status: ChargeState,
    credits: u32,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Page<MadeView>>, ApiError> {
    let Request { member_id, status, limit, cursor } = call.body.clone();
    let entry = call.audit_entry(Action::ReadMember, Target::user(&member_id))?;
    store.account(&member_id).await?;
    let wanted = JobFilter { statuses: status.into_iter().collect(), ..JobFilter::default() };
    let page = store.jobs(&member_id, &wanted, limit, cursor, call.now).await?;
    let listings = page.items.iter().filter_map(|it| Some(&it.licence.as_ref()?.listing_id));
    let names = store.names([&member_id], listings).await?;
    store.note_read(entry, call.now).await?;
    Ok(Json(page.map(|job| MadeView::of(job, &names))))
}

impl MadeView {
    fn of(job: Job, names: &Names) -> MadeView {
        let Charge { state, credits, .. } = job.charge;
        MadeView {
            member: names.member(&job.user_id),
            listing: job.licence.map(|licence| names.listing(&licence.listing_id)),
            id: job.id,
            status: job.status,
            plan: job.plan,
            provider: job.provider,
            preset_id: job.preset_id,
            charge: ChargeView { status: state, credits },
            failure: job.failure.map(|failure| failure.code),
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}
