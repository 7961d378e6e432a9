//! Facts: the events from which metrics are computed.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{Movement, cost_micros};
use crate::{
    generation::{FailureCode, Job, Provider, Status},
    id::{ListingId, PresetId, UserId},
    marketplace::creator::{
        cause::Cause,
        journal::{Entry, Role},
    },
    plan::Plan,
    time::{Day, Timestamp},
};

/// An event. Facts with the same id are the same fact and have the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Derived from the business object.
    pub id: String,
    /// When it happened, or was processed.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: FactKind,
}

/// What a payment was for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Source {
    /// A month of Pro.
    Pro,
    /// A month of Enterprise.
    Enterprise,
    /// A pack of credits.
    Packs,
    /// A subscription invoice without one of our plans.
    Other,
    /// A listing.
    Marketplace,
}

/// The kind of an event. Amounts are in cents, tax excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum FactKind {
    /// The monthly value of a customer's subscription changed.
    Moved(Movement),
    /// A payment succeeded.
    Sold {
        /// What it was for.
        source: Source,
        /// The amount, after discounts.
        amount: i64,
    },
    /// Money was taken back or, if negative, returned.
    Returned {
        /// What it was paid for.
        source: Source,
        /// The amount.
        amount: i64,
    },
    /// Stripe charged a fee.
    Kept {
        /// What the payment was for.
        source: Source,
        /// The amount.
        amount: i64,
    },
    /// Payment attempts failed.
    Declined {
        /// What they were for.
        source: Source,
        /// How many since the last report.
        times: u32,
    },
    /// A posting of a marketplace sale.
    Market(LegMoved),
    /// A job became final.
    Finished(FinishedJob),
    /// A member signed up.
    Joined,
    /// A member requested an image within a span of time; the fact is dated on its last day.
    Active {
        /// The span.
        within: WithinSpan,
    },
}

/// The part of a posting that is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegMoved {
    /// The creator of the listing.
    pub creator_id: UserId,
    /// The platform's commission; negative when it is taken back.
    pub commission: i64,
    /// The creator's share; negative when it is taken back.
    pub share: i64,
    /// Whether it belongs to the sale itself, not to a later change of it.
    pub of_sale: bool,
}

/// A job whose status is final.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedJob {
    /// Its final status.
    pub status: Status,
    /// Whether moderation refused it.
    pub blocked: bool,
    /// The member's plan at the time of the request; Free if it was not recorded.
    pub plan: Plan,
    /// The renderer.
    pub provider: Provider,
    /// The member who requested it; absent in facts from before this was recorded.
    pub user_id: Option<UserId>,
    /// The preset it was made from.
    pub preset_id: Option<PresetId>,
    /// The listing it was made with.
    pub listing_id: Option<ListingId>,
    /// Time in the queue in milliseconds, if it was begun.
    pub queue_ms: Option<u64>,
    /// Time from its start to its end in milliseconds.
    pub run_ms: Option<u64>,
    /// The provider's price in millionths of a dollar.
    pub cost_micros: i64,
}

/// A span of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithinSpan {
    /// A day.
    Day,
    /// A week, starting on Monday.
    Week,
    /// A calendar month.
    Month,
}

impl Source {
    /// Every source.
    pub const ALL: [Source; 5] =
        [Source::Pro, Source::Enterprise, Source::Packs, Source::Other, Source::Marketplace];

    /// The source of a plan's revenue.
    pub const fn of_plan(plan: Option<Plan>) -> Source {
        match plan {
            Some(Plan::Pro) => Source::Pro,
            Some(Plan::Enterprise) => Source::Enterprise,
            Some(Plan::Free) | None => Source::Other,
        }
    }
}

impl Fact {
    /// A fact dated `at`.
    pub fn new(id: String, at: Timestamp, what: FactKind) -> Fact {
        Fact { id, at, what }
    }

    /// The day on which it counts.
    pub fn day(&self) -> Day {
        Day::of(self.at)
    }

    /// The facts of a final job: its outcome, and the member's activity on the day of the request.
    /// Empty if the job is not final.
    pub fn of_job(job: &Job) -> Vec<Fact> {
        let Some(at) = job.finished_at.filter(|_| job.status.is_final()) else { return Vec::new() };
        let filtered = [FailureCode::ContentBlocked, FailureCode::ResultBlack];
        let blocked = job.failure.as_ref().is_some_and(|it| filtered.contains(&it.code));
        let begun = job.started_at;
        let ms =
            |from: Timestamp, to| u64::try_from(from.until(to).as_millis()).unwrap_or(u64::MAX);
        let finished = FinishedJob {
            status: job.status,
            blocked,
            plan: job.plan.unwrap_or(Plan::Free),
            provider: job.provider,
            user_id: Some(job.user_id.clone()),
            preset_id: job.preset_id.clone(),
            listing_id: job.licence.as_ref().map(|licence| licence.listing_id.clone()),
            queue_ms: begun.map(|begun| ms(job.created_at, begun)),
            run_ms: begun.map(|begun| ms(begun, at)),
            cost_micros: cost_micros(job),
        };
        let mut facts =
            vec![Fact::new(format!("job:{}", job.id), at, FactKind::Finished(finished))];
        facts.extend(Fact::of_activity(&job.user_id, Day::of(job.created_at)));
        facts
    }

    /// The activity of a member on a day, in its week and in its month: each counts once.
    fn of_activity(user: &UserId, day: Day) -> [Fact; 3] {
        let spans = [
            (WithinSpan::Day, "day", day),
            (WithinSpan::Week, "week", day.end_of_week()),
            (WithinSpan::Month, "month", day.end_of_month()),
        ];
        spans.map(|(within, name, last)| {
            let id = format!("active:{name}:{last}:{user}");
            Fact::new(id, last.period().starts_at, FactKind::Active { within })
        })
    }

    /// The sign-up of a member.
    pub fn of_member(user: &UserId, at: Timestamp) -> Fact {
        Fact::new(format!("member:{user}"), at, FactKind::Joined)
    }

    /// The fact of a posting; `None` unless it belongs to a sale.
    pub fn of_leg(creator: &UserId, entry: &Entry) -> Option<Fact> {
        let amount = -entry.leg.amount;
        let leg = |commission, share| {
            let (creator_id, of_sale) = (creator.clone(), matches!(entry.cause, Cause::Payment(_)));
            FactKind::Market(LegMoved { creator_id, commission, share, of_sale })
        };
        let what = match entry.leg.role {
            Role::PlatformFee => leg(amount, 0),
            Role::CreatorShare => leg(0, amount),
            Role::ProcessorFee => {
                FactKind::Kept { source: Source::Marketplace, amount: entry.leg.amount }
            }
            Role::BuyerCharge
            | Role::Tax
            | Role::Return
            | Role::PaidOutside
            | Role::ProcessorCash
            | Role::DisputeExcess
            | Role::DisputeCash
            | Role::DisputeLoss
            | Role::Released
            | Role::Held
            | Role::Collected
            | Role::InPayout
            | Role::DebtSettled
            | Role::Paid
            | Role::Transfer
            | Role::TransferCash
            | Role::Reward
            | Role::RewardCredits => return None,
        };
        let id = format!("leg:{creator}:{}:{}", entry.cause, entry.leg.role.into_str());
        Some(Fact::new(id, entry.at, what))
    }
}
