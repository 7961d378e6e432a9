//! `GET /api/v1/admin/users/{id}`: a member's whole record: credits, limits, subscription, strikes,
//! open appeals, counts, and the newest records of each kind.
//!
//! It costs about 60 read units, however much the member has: lists have at most ten entries,
//! generations are counted among the last hundred.
//!
//! Access: admins.
//! Changes: nothing of the member's; even expired credits are shown as stored. An audit entry
//! records the read, once an hour for each staff member and member.

use std::collections::BTreeMap;

use domain::{
    Timestamp,
    account::Account,
    audit::{Action, Target},
    billing::{
        invoice::{Invoice, InvoiceStatus},
        subscription::SubscriptionStatus,
    },
    credits::Lot,
    generation::{Job, Status},
    id::{InvoiceId, JobId, ListingId, Named, PurchaseId, UserId},
    marketplace::{
        listing::{Listing, State},
        moderation::strike::Strike,
        purchase::Purchase,
    },
    money::Money,
    plan::{Allowance, Plan},
    time::Period,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::{Deserialize, Serialize};
use store::{AuditFilter, JobFilter, PageSize, Store};

use crate::{list_appeals::OpenAppealView, list_audit::RowView, member::MemberView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-get-user", "/api/v1/admin/users/{id}", Access::Admin)
        .with_errors(&["user_not_found"]);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    id: PathId<UserId>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    profile: MemberView,
    bio: Option<String>,
    /// Their credits, lot by lot.
    lots: Vec<Lot>,
    /// `null` if the member never had one.
    subscription: Option<SubscriptionView>,
    /// Their limits, set by staff or else the plan's.
    limits: LimitsView,
    counts: CountsView,
    /// All strikes that are stored, expired ones included, the latest first.
    strikes: Vec<StrikeView>,
    /// Their appeals that wait for staff.
    appeals: Vec<OpenAppealView>,
    invoices: Vec<InvoiceView>,
    orders: Vec<OrderView>,
    listings: Vec<ListingView>,
    jobs: Vec<JobView>,
    audit: Vec<RowView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "MemberSubscription")
)]
struct SubscriptionView {
    plan: Plan,
    status: SubscriptionStatus,
    cancel_at_period_end: bool,
    current_period: Period,
}

/// The limits that apply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LimitsInEffect"))]
struct LimitsView {
    /// Credits per month; `null` if unlimited.
    monthly_allowance: Option<u32>,
    /// Generations open at once.
    concurrency: u32,
}

/// How much they have.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MemberCounts"))]
struct CountsView {
    /// Listings in any state.
    listings: u32,
    presets: u32,
    open_generations: u32,
    /// Their last hundred generations, by status.
    recent_generations: BTreeMap<&'static str, u32>,
}

/// A strike.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MemberStrike"))]
struct StrikeView {
    listing: Named<ListingId>,
    /// The reason, as shown to the creator.
    reason: String,
    /// Who gave it.
    by: Named<UserId>,
    created_at: Timestamp,
    /// When it stops counting.
    expires_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MemberInvoice"))]
struct InvoiceView {
    id: InvoiceId,
    status: InvoiceStatus,
    total: Money,
    amount_refunded: Money,
    created_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct OrderView {
    id: PurchaseId,
    listing_id: ListingId,
    title: String,
    price: Money,
    paid_at: Option<Timestamp>,
    refunded: i64,
    created_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MemberListing"))]
struct ListingView {
    id: ListingId,
    title: String,
    status: State,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MemberGeneration"))]
struct JobView {
    id: JobId,
    status: Status,
    created_at: Timestamp,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
    let user = call.body.id.get()?;
    let (few, any) = (PageSize::FEW, JobFilter::default());
    let about = AuditFilter { target: Some(Target::user(user)), ..AuditFilter::default() };
    let (account, billing, invoices, orders, listings, jobs, audit) = tokio::try_join!(
        store.account(user),
        store.billing(user),
        store.invoices(user, few, None),
        store.purchases(user, few, None),
        store.own_listings(user, few, None),
        store.jobs(user, &any, PageSize::WHOLE, None, call.now),
        store.audit_log(&about, PageSize::default(), None),
    )?;
    let (book, strikes, appeals) = tokio::try_join!(
        store.creator_book(user),
        store.strikes(user),
        store.open_appeals_of(user),
    )?;
    store.note_read(call.audit_entry(Action::ReadMember, Target::user(user))?, call.now).await?;
    let listings = listings.items.into_iter();
    let counts = CountsView {
        listings: book.listings.into(),
        presets: account.presets,
        open_generations: account.open_jobs,
        recent_generations: by_status(&jobs.items),
    };
    Ok(Json(Response {
        limits: LimitsView::of(&account),
        counts,
        strikes: StrikeView::named(store, strikes.strikes).await?,
        appeals: OpenAppealView::named(store, appeals).await?,
        profile: MemberView::of(&account, call.now),
        bio: account.profile.bio,
        lots: account.credits.lots,
        subscription: billing.subscription.map(|it| SubscriptionView {
            plan: it.plan,
            status: it.status,
            cancel_at_period_end: it.cancel_at_period_end,
            current_period: it.period,
        }),
        invoices: invoices.items.into_iter().map(InvoiceView::from).collect(),
        orders: orders.items.into_iter().map(OrderView::from).collect(),
        listings: listings
            .map(|(listing, newest, _)| ListingView::of(&listing, newest.description.title))
            .collect(),
        jobs: jobs.items.into_iter().take(few.get()).map(JobView::from).collect(),
        audit: RowView::named(store, audit.items).await?,
    }))
}

/// The number of jobs by status.
fn by_status(jobs: &[Job]) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.status.into_str()).or_default() += 1;
    }
    counts
}

impl LimitsView {
    fn of(account: &Account) -> LimitsView {
        let monthly_allowance = match account.allowance(account.plan) {
            Allowance::Credits(credits) => Some(credits),
            Allowance::Unlimited => None,
        };
        LimitsView { monthly_allowance, concurrency: account.concurrency_max() }
    }
}

impl StrikeView {
    async fn named(store: &Store, strikes: Vec<Strike>) -> Result<Vec<StrikeView>, ApiError> {
        let (by, of) = (strikes.iter().map(|it| &it.by), strikes.iter().map(|it| &it.listing_id));
        let names = store.names(by, of).await?;
        let view = |it: Strike| StrikeView {
            expires_at: it.expires_at(),
            listing: names.listing(&it.listing_id),
            by: names.member(&it.by),
            reason: it.reason,
            created_at: it.at,
        };
        Ok(strikes.into_iter().rev().map(view).collect())
    }
}

impl From<Invoice> for InvoiceView {
    fn from(it: Invoice) -> InvoiceView {
        let money = |amount| Money { amount, currency: it.currency };
        InvoiceView {
            total: money(it.total),
            amount_refunded: money(it.amount_refunded),
            id: it.id,
            status: it.status,
            created_at: it.created_at,
        }
    }
}

impl From<Purchase> for OrderView {
    fn from(it: Purchase) -> OrderView {
        OrderView {
            id: it.id,
            listing_id: it.listing_id,
            title: it.title,
            price: it.price,
            paid_at: it.paid_at,
            refunded: it.refunded,
            created_at: it.created_at,
        }
    }
}

impl ListingView {
    fn of(listing: &Listing, title: String) -> ListingView {
        ListingView { id: listing.id.clone(), title, status: listing.state() }
    }
}

impl From<Job> for JobView {
    fn from(it: Job) -> JobView {
        JobView { id: it.id, status: it.status, created_at: it.created_at }
    }
}
