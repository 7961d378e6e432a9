//! Members in the view of staff.

use domain::{
    Timestamp,
    account::{Account, Limits, MemberStatus, Role, Suspension},
    billing::{Billing, external::SubscriptionId, subscription::SubscriptionStatus},
    id::UserId,
    plan::Plan,
    time::Period,
};
use serde::Serialize;

/// A member in a list, and after a decision about them.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct MemberView {
    id: UserId,
    email: Option<String>,
    display_name: Option<String>,
    plan: Plan,
    /// Their staff role, from their last token.
    role: Option<Role>,
    status: MemberStatus,
    /// `null` while the member is not suspended.
    suspension: Option<Suspension>,
    /// Until when strikes suspend selling.
    selling_suspended_until: Option<Timestamp>,
    /// Whether they have a listing.
    creator: bool,
    credits: CreditsView,
    limits: LimitsView,
    created_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CreditsView {
    available: u32,
    held: u32,
    spent: u32,
    debt: u32,
}

/// Limits set by staff; `null` means the plan's limit.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct LimitsView {
    monthly_allowance: Option<u32>,
    concurrency: Option<u32>,
}

/// A member after a suspension or its end, with their subscription.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct DecidedView {
    #[serde(flatten)]
    member: MemberView,
    /// The live subscription; `null` if there is none.
    subscription: Option<SubscriptionView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SubscriptionSummary")
)]
struct SubscriptionView {
    id: SubscriptionId,
    plan: Plan,
    status: SubscriptionStatus,
    /// Whether it ends with its period. A permanent ban sets this; lifting the ban does not undo
    /// it.
    cancel_at_period_end: bool,
    current_period: Period,
}

impl DecidedView {
    pub(crate) fn of(account: &Account, billing: &Billing, now: Timestamp) -> DecidedView {
        let stops = billing.renewal_to_stop(&account.standing).is_some();
        let subscription = billing.live_subscription().ok().map(|theirs| SubscriptionView {
            id: theirs.id.clone(),
            plan: theirs.plan,
            status: theirs.status,
            cancel_at_period_end: stops || theirs.cancel_at_period_end,
            current_period: theirs.period,
        });
        DecidedView { member: MemberView::of(account, now), subscription }
    }
}

impl MemberView {
    pub(crate) fn of(account: &Account, now: Timestamp) -> MemberView {
        let totals = account.credits.totals();
        let Limits { monthly_allowance, concurrency } = account.limits;
        MemberView {
            id: account.user_id.clone(),
            email: account.email.clone(),
            display_name: account.profile.display_name.clone(),
            plan: account.plan,
            role: account.role,
            status: account.status(now),
            suspension: account.standing.suspension(now),
            selling_suspended_until: account.selling_suspended_until,
            creator: account.creates,
            credits: CreditsView {
                available: totals.available,
                held: totals.held,
                spent: totals.spent,
                debt: account.credits.debt,
            },
            limits: LimitsView { monthly_allowance, concurrency },
            created_at: account.created_at,
        }
    }
}
