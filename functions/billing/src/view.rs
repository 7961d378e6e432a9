//! The member's view of their billing.

use domain::{
    Timestamp,
    account::Account,
    billing::{
        Billing,
        invoice::{Invoice, InvoiceStatus, Issue},
        subscription::{ScheduledChange, Subscription, SubscriptionStatus},
        top_up::{TopUp, TopUpPause, TopUpSettings, TopUpState, TopUpStatus},
    },
    id::{CheckoutId, InvoiceId, OrderId},
    money::Money,
    pack::Pack,
    plan::Plan,
    time::Period,
};
use runtime::{Link, Links};
use serde::Serialize;

/// A member's plan and its renewal.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubscriptionView {
    plan: Plan,
    /// When the plan ends without a further payment; `null` on Free.
    plan_ends_at: Option<Timestamp>,
    /// `null` if the member never had one.
    subscription: Option<SubscriptionState>,
    /// The open Checkout session, if any.
    checkout: Option<CheckoutView>,
    top_up: Option<TopUpView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct SubscriptionState {
    plan: Plan,
    status: SubscriptionStatus,
    current_period: Period,
    /// When it renews and is charged next; `null` if it ends before.
    renews_at: Option<Timestamp>,
    /// The next change of the plan: what the member chose in the portal for the end of the period,
    /// or Free after a cancellation. `null` if it stays.
    scheduled_change: Option<ScheduledChange>,
    cancel_at_period_end: bool,
    ended_at: Option<Timestamp>,
    /// Whether the last payment failed: Stripe retries, and `pay_url` accepts another card.
    payment_due: bool,
    /// Stripe's page of the invoice to pay, while a payment is due.
    pay_url: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CheckoutView {
    id: CheckoutId,
    plan: Plan,
    checkout_url: String,
    expires_at: Timestamp,
}

/// The automatic top-up.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopUpView {
    pack: Pack,
    below: u32,
    monthly_max: u32,
    bought_this_month: u32,
    status: TopUpStatus,
    /// When it became due or paused.
    since: Option<Timestamp>,
    /// The order that is being charged.
    order_id: Option<OrderId>,
    /// Why it is paused.
    reason: Option<TopUpPause>,
}

/// An invoice or a receipt in a list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InvoiceView {
    id: InvoiceId,
    number: Option<String>,
    kind: &'static str,
    status: InvoiceStatus,
    subtotal: Money,
    tax: Money,
    total: Money,
    amount_paid: Money,
    amount_due: Money,
    amount_refunded: Money,
    period: Option<Period>,
    lines: Vec<LineView>,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
    next_attempt_at: Option<Timestamp>,
    links: InvoiceLinks,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "InvoiceLine"))]
struct LineView {
    description: String,
    quantity: u32,
    amount: Money,
    period: Option<Period>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct InvoiceLinks {
    pdf: Link,
    /// Stripe's hosted page, where an open invoice can be paid.
    hosted: Option<String>,
}

impl SubscriptionView {
    /// The view of a member's plan. `invoices` are the newest ones, needed while a payment is due.
    pub(crate) fn new(
        account: &Account,
        billing: &Billing,
        invoices: &[Invoice],
        now: Timestamp,
    ) -> SubscriptionView {
        // A paid session creates a subscription before Stripe reports the session as complete.
        let payable = billing.live_subscription().is_err();
        let open = billing.checkout.as_ref().filter(|open| payable && open.expires_at > now);
        SubscriptionView {
            plan: account.plan,
            plan_ends_at: account.plan_ends_at,
            subscription: billing
                .subscription
                .as_ref()
                .map(|theirs| SubscriptionState::new(theirs, invoices)),
            checkout: open.and_then(|open| {
                let checkout_url = open.url.clone()?;
                let (id, plan, expires_at) = (open.id(), open.plan, open.expires_at);
                Some(CheckoutView { id, plan, checkout_url, expires_at })
            }),
            top_up: account.top_up.as_ref().and_then(TopUpView::of),
        }
    }
}

impl SubscriptionState {
    fn new(theirs: &Subscription, invoices: &[Invoice]) -> SubscriptionState {
        let mut due = invoices.iter().filter(|it| theirs.payment_due() && it.is_of(&theirs.id));
        SubscriptionState {
            plan: theirs.plan,
            status: theirs.status,
            current_period: theirs.period,
            renews_at: theirs.renews_at(),
            scheduled_change: theirs.next_change(),
            cancel_at_period_end: theirs.cancel_at_period_end,
            ended_at: theirs.ended_at,
            payment_due: theirs.payment_due(),
            pay_url: due.find_map(Invoice::pay_url).map(str::to_owned),
        }
    }
}

impl TopUpView {
    /// `None` while it is off.
    pub(crate) fn of(top_up: &TopUp) -> Option<TopUpView> {
        let TopUpSettings { pack, below, monthly_max } = top_up.settings?;
        let (since, order_id, reason) = match &top_up.state {
            TopUpState::Armed => (None, None, None),
            TopUpState::Due { since } => (Some(*since), None, None),
            TopUpState::Charging { order } => (None, Some(order.clone()), None),
            TopUpState::Paused { reason, since } => (Some(*since), None, Some(*reason)),
        };
        Some(TopUpView {
            pack,
            below,
            monthly_max,
            bought_this_month: top_up.bought,
            status: TopUpStatus::from(&top_up.state),
            since,
            order_id,
            reason,
        })
    }
}

impl InvoiceView {
    pub(crate) fn new(invoice: Invoice, links: &Links) -> InvoiceView {
        let money = |amount| Money { amount, currency: invoice.currency };
        InvoiceView {
            kind: match invoice.issue {
                Issue::Subscription { .. } => "subscription",
                Issue::Pack { .. } => "pack",
                Issue::Purchase { .. } => "purchase",
            },
            number: invoice.number,
            status: invoice.status,
            subtotal: money(invoice.subtotal),
            tax: money(invoice.tax),
            total: money(invoice.total),
            amount_paid: money(invoice.amount_paid),
            amount_due: money(invoice.amount_due),
            amount_refunded: money(invoice.amount_refunded),
            period: invoice.period,
            lines: invoice
                .lines
                .into_iter()
                .map(|line| LineView {
                    description: line.description,
                    quantity: line.quantity,
                    amount: money(line.amount),
                    period: line.period,
                })
                .collect(),
            created_at: invoice.created_at,
            paid_at: invoice.paid_at,
            next_attempt_at: invoice.next_attempt_at,
            links: InvoiceLinks {
                pdf: links.to(format_args!("/api/v1/billing/invoices/{}/pdf", invoice.id)),
                hosted: invoice.hosted_url,
            },
            id: invoice.id,
        }
    }
}
