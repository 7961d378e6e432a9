//! `GET /api/v1/admin/users/{id}`: a member with their newest records of each kind.
//!
//! Access: admins.
//! Changes: nothing of the member's; even expired credits are shown as stored. An audit entry
//! records the read, once an hour for each staff member and member.

use domain::{
    Timestamp,
    audit::{Action, Target},
    billing::{
        invoice::{Invoice, InvoiceStatus},
        subscription::SubscriptionStatus,
    },
    credits::Lot,
    generation::{Job, Status},
    id::{InvoiceId, JobId, ListingId, PurchaseId, UserId},
    marketplace::{listing::Listing, listing::State, purchase::Purchase},
    money::Money,
    plan::Plan,
};
use runtime::{Access, ApiError, Call, Endpoint, Function, Json, PathId};
use serde::{Deserialize, Serialize};
use store::{AuditFilter, JobFilter, PageSize, Store};

use crate::{list_audit::RowView, member::MemberView};

pub const ENDPOINT: Endpoint =
    Endpoint::get("admin-get-user", "/api/v1/admin/users/{id}", Access::Admin);

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
    state: State,
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
        store.jobs(user, &any, few, None, call.now),
        store.audit_log(&about, PageSize::default(), None),
    )?;
    store.note_read(call.audit_entry(Action::ReadMember, Target::user(user))?, call.now).await?;
    let listings = listings.items.into_iter();
    Ok(Json(Response {
        profile: MemberView::of(&account),
        bio: account.profile.bio,
        lots: account.credits.lots,
        subscription: billing.subscription.map(|it| SubscriptionView {
            plan: it.plan,
            status: it.status,
            cancel_at_period_end: it.cancel_at_period_end,
        }),
        invoices: invoices.items.into_iter().map(InvoiceView::from).collect(),
        orders: orders.items.into_iter().map(OrderView::from).collect(),
        listings: listings
            .map(|(listing, newest, _)| ListingView::of(&listing, newest.description.title))
            .collect(),
        jobs: jobs.items.into_iter().map(JobView::from).collect(),
        audit: audit.items.into_iter().map(RowView::from).collect(),
    }))
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
        ListingView { id: listing.id.clone(), title, state: listing.state() }
    }
}

impl From<Job> for JobView {
    fn from(it: Job) -> JobView {
        JobView { id: it.id, status: it.status, created_at: it.created_at }
    }
}
