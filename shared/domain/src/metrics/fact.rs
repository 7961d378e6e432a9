//! Facts: what happened.

use serde::{Deserialize, Serialize};

use super::{Movement, cost_micros};
use crate::{
    generation::{FailureCode, Job, Provider, Status},
    id::{ListingId, PresetId, UserId},
    marketplace::journal::{Entry, Role},
    plan::Plan,
    time::{Day, Timestamp},
};

/// Something that happened. Two with one id are the same one, and say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Made of the business it is about.
    pub id: String,
    /// When it happened, or was heard of.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: FactKind,
}

/// What a payment was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A month of Pro.
    Pro,
    /// A month of Enterprise.
    Enterprise,
    /// A pack of credits.
    Packs,
    /// A subscription's invoice that names none of our plans.
    Other,
    /// A listing.
    Marketplace,
}

/// What happened. Amounts are in cents, tax excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum FactKind {
    /// A customer's subscription came to be worth something else.
    Moved(Movement),
    /// Money came.
    Sold {
        /// For what.
        source: Source,
        /// Discounts taken off.
        amount: i64,
    },
    /// Money went back, or, below zero, came again.
    Returned {
        /// Of what.
        source: Source,
        /// How much.
        amount: i64,
    },
    /// Stripe kept something.
    Kept {
        /// Of what.
        source: Source,
        /// How much.
        amount: i64,
    },
    /// Payments failed.
    Declined {
        /// Of what.
        source: Source,
        /// How many since it was stated last.
        times: u32,
    },
    /// Money moved for a creator's listing.
    Market(LegMoved),
    /// A job is over.
    Finished(FinishedJob),
    /// A member came for the first time.
    Joined,
    /// A member asked for a picture within a span of time, of which this is the last day.
    Active {
        /// What span.
        within: WithinSpan,
    },
}

/// A leg of a journal, as far as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegMoved {
    /// OwnerRef listing.
    pub creator_id: UserId,
    /// Ours of it; below zero it goes back.
    pub commission: i64,
    /// The creator's of it, likewise.
    pub share: i64,
    /// Whether it is of the sale itself; else some of it goes back, or comes again.
    pub of_sale: bool,
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedJob {
    /// How it ended.
    pub status: Status,
    /// Whether moderation refused it.
    pub blocked: bool,
    /// The member's plan when it was asked for, where that was noted.
    pub plan: Plan,
    /// Who made it.
    pub provider: Provider,
    /// The preset it was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset_id: Option<PresetId>,
    /// The listing it was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing_id: Option<ListingId>,
    /// How long it waited, if it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<u64>,
    /// How long it took from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ms: Option<u64>,
    /// What its provider asks for it, in millionths of a dollar.
    pub cost_micros: i64,
}

/// A span a member is active in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithinSpan {
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A calendar month.
    Month,
}

impl Source {
    /// Every source.
    pub const ALL: [Source; 5] =
        [Source::Pro, Source::Enterprise, Source::Packs, Source::Other, Source::Marketplace];

    /// Where a plan's money counts.
    pub const fn of_plan(plan: Option<Plan>) -> Source {
        match plan {
            Some(Plan::Pro) => Source::Pro,
            Some(Plan::Enterprise) => Source::Enterprise,
            Some(Plan::Free) | None => Source::Other,
        }
    }

    /// As on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Pro => "pro",
            Source::Enterprise => "enterprise",
            Source::Packs => "packs",
            Source::Other => "other",
            Source::Marketplace => "marketplace",
        }
    }
}

impl Fact {
    /// Something that happened.
    pub fn new(id: String, at: Timestamp, what: FactKind) -> Fact {
        Fact { id, at, what }
    }

    /// The day it counts on.
    pub fn day(&self) -> Day {
        Day::of(self.at)
    }

    /// What a job says once it is over: how it went, and that its member was active when they asked
    /// for it.
    pub fn of_job(job: &Job) -> Vec<Fact> {
        let Some(at) = job.finished_at.filter(|_| job.status.is_final()) else { return Vec::new() };
        let blocked = job.failure.as_ref().is_some_and(|it| it.code == FailureCode::ContentBlocked);
        let begun = job.submit_began_at;
        let ms =
            |from: Timestamp, to| u64::try_from(from.until(to).as_millis()).unwrap_or(u64::MAX);
        let finished = FinishedJob {
            status: job.status,
            blocked,
            plan: job.plan.unwrap_or(Plan::Free),
            provider: job.provider,
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

    /// That a member was active on a day, in its week and in its month: each once.
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

    /// That a member came, and when.
    pub fn of_member(user: &UserId, at: Timestamp) -> Fact {
        Fact::new(format!("member:{user}"), at, FactKind::Joined)
    }

    /// What a leg of a creator's journal says; nothing, unless it is about a sale.
    pub fn of_leg(creator: &UserId, entry: &Entry) -> Option<Fact> {
        let amount = -entry.leg.amount;
        let leg = |commission, share| {
            let (creator_id, of_sale) = (creator.clone(), is_first(&entry.cause));
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
            | Role::ProcessorCash
            | Role::DisputeExcess
            | Role::DisputeCash
            | Role::DisputeLoss
            | Role::Released
            | Role::Connected
            | Role::Collected
            | Role::InPayout
            | Role::DebtSettled
            | Role::Paid
            | Role::Transfer
            | Role::TransferCash
            | Role::Reward
            | Role::RewardCredits => return None,
        };
        let id = format!("leg:{creator}:{}:{}", entry.cause, entry.leg.role.as_str());
        Some(Fact::new(id, entry.at, what))
    }
}

/// Whether a cause is the first of a payment's; later ones carry a number.
fn is_first(cause: &str) -> bool {
    cause.strip_prefix("payment:").is_some_and(|payment| !payment.contains(':'))
}
