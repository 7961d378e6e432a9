//! What may happen in a world.
//!
//! A step names whom it is about by a number, which the world takes modulo what exists. So a step
//! means something wherever it stands, and a program without some of its steps is a program.

use domain::{pack::Pack, plan::Plan};
use sandbox::{
    faults::{AnswerFault, Order},
    stripe::{Bank, Card},
};
use testing::{Fault, queue::Availability};

/// A step, and what goes wrong meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// What happens.
    pub step: Step,
    /// What goes wrong.
    pub mishap: Option<Mishap>,
}

/// What goes wrong during a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Mishap {
    /// At the table, with the nth request that the fault meets.
    Table(u32, Fault),
    /// In this many answers of Stripe.
    Stripe(u32, AnswerFault),
    /// At Bria.
    Bria(Order),
    /// The queues refuse messages: some, or all.
    Queues(Availability),
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Time passes, here and at Stripe.
    Hours(u32),
    /// Two steps at once: after each request to the table, dice decide who goes on.
    Both(Box<Step>, Box<Step>, u64),

    /// A member requests an image.
    Generate(usize),
    /// A member cancels one of their jobs.
    CancelJob(usize, usize),
    /// A member opens the checkout of a pack, and pays or not.
    BuyPack(usize, Pack, Option<Card>),
    /// The same for a plan.
    Subscribe(usize, Plan, Option<Card>),
    /// A member cancels their plan: at the end of the period, or now.
    CancelPlan(usize, bool),
    /// A member switches to Enterprise in the portal.
    Upgrade(usize),
    /// A member schedules a change to Pro in the portal.
    Downgrade(usize),
    /// A member turns top-ups on or off.
    TopUp(usize, bool),
    /// A member saves another card.
    SetCard(usize, Card),
    /// A member closes their account.
    DeleteMe(usize),
    /// A request is sent again under its `Idempotency-Key`; zero is the latest.
    Again(usize),
    /// A member adds a webhook for all events.
    AddWebhook(usize),
    /// A member's webhooks answer with this status from now on.
    WebhookAnswers(usize, u16),

    /// A creator puts a listing on sale at this price.
    List(usize, i64),
    /// A creator takes a listing off sale.
    Retire(usize),
    /// A member buys a listing, perhaps through another's link, and pays or not.
    Buy(usize, usize, Option<usize>, Option<Card>),
    /// A buyer asks for their money.
    AskRefund(usize),
    /// A buyer downloads.
    Download(usize),
    /// A buyer reviews what they bought, with this many stars.
    Review(usize, u8),
    /// A creator goes through onboarding, with a bank account.
    Onboard(usize, Bank),
    /// Stripe restricts a creator's account.
    Restrict(usize),

    /// Staff refund a part of a purchase in percent; all of it without one.
    StaffRefund(usize, Option<i64>),
    /// Staff ban a member, or lift the ban.
    Ban(usize, bool),
    /// Staff give or take credits.
    Adjust(usize, i64),

    /// A payment is refunded in the dashboard, in percent.
    Refund(usize, i64),
    /// A bank refuses a refund.
    FailRefund(usize),
    /// A payment is disputed, in percent of it.
    Dispute(usize, i64),
    /// A dispute ends; won or lost.
    EndDispute(usize, bool),
    /// A bank returns a payout that had arrived.
    ReturnPayout(usize),
    /// A bank debit is decided.
    Decide(usize, bool),
    /// A period of a subscription ends.
    Renew(usize),

    /// Stripe's events arrive: shuffled, twice, late or never.
    Deliver(u64),
    /// The charges of the last days reach Stripe's balance, with their fees.
    Book,
    /// The table's stream goes to the queues and to the metrics.
    Relay,
    /// A batch of jobs is worked on, the messages in this order.
    Work(u64),
    /// Webhooks of Bria arrive: any, in any order, some twice or with a wrong signature.
    DeliverBria(u64),
    /// Events are sent to members' webhooks.
    SendWebhooks,
    /// The queue of top-ups is worked on.
    BuyTopUps,
    /// A scheduled function runs.
    Run(&'static str),
    /// Lambda ends all processes.
    Restart,
}

impl Step {
    /// Whether it is a request under an `Idempotency-Key`.
    pub(crate) fn has_key(&self) -> bool {
        matches!(
            self,
            Step::Generate(..)
                | Step::BuyPack(..)
                | Step::AddWebhook(..)
                | Step::Buy(..)
                | Step::Adjust(..)
        )
    }

    /// Whether nothing but our functions acts in it, so that a mishap meets them.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Step::Both(one, other, _) => one.is_ours() && other.is_ours(),
            Step::Hours(..)
            | Step::Upgrade(..)
            | Step::Downgrade(..)
            | Step::SetCard(..)
            | Step::WebhookAnswers(..)
            | Step::List(..)
            | Step::Restrict(..)
            | Step::Refund(..)
            | Step::FailRefund(..)
            | Step::Dispute(..)
            | Step::EndDispute(..)
            | Step::ReturnPayout(..)
            | Step::Decide(..)
            | Step::Renew(..)
            | Step::Book
            | Step::Restart => false,
            Step::Generate(..)
            | Step::CancelJob(..)
            | Step::BuyPack(..)
            | Step::Subscribe(..)
            | Step::CancelPlan(..)
            | Step::TopUp(..)
            | Step::DeleteMe(..)
            | Step::Again(..)
            | Step::AddWebhook(..)
            | Step::Retire(..)
            | Step::Buy(..)
            | Step::AskRefund(..)
            | Step::Download(..)
            | Step::Review(..)
            | Step::Onboard(..)
            | Step::StaffRefund(..)
            | Step::Ban(..)
            | Step::Adjust(..)
            | Step::Deliver(..)
            | Step::Relay
            | Step::Work(..)
            | Step::DeliverBria(..)
            | Step::SendWebhooks
            | Step::BuyTopUps
            | Step::Run(..) => true,
        }
    }
}

/// The function that pays creators.
pub(crate) const PAY_CREATORS: &str = "background-pay-creators";
/// The function that sends again what a member's webhook did not take.
pub(crate) const RETRY_WEBHOOKS: &str = "background-retry-webhooks";

/// The functions that run on schedules.
pub(crate) const SCHEDULED: [&str; 10] = [
    "background-sweep-generations",
    "background-grant-rewards",
    PAY_CREATORS,
    "background-reconcile-stripe",
    "background-erase-data",
    "background-follow-sellers",
    RETRY_WEBHOOKS,
    "background-rank-popular",
    "background-report-revenue",
    "background-verify-audit",
];
