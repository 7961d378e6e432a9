//! The generation report: a period compared with the one before.

use serde::{Deserialize, Serialize};

use super::{
    Counters, DEFINITION_VERSION, Metrics, Ranked, Span, WithinSpan, counters::active,
    latency::percentile,
};
use crate::{
    generation::{Provider, Status},
    money::Currency,
    plan::Plan,
    ratio::bps,
    time::{Day, Month, Timestamp},
};

/// The generation report. Rates are in basis points, times in milliseconds and at most an eighth
/// too high, costs in millionths of a dollar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationReport {
    /// The version of the definitions: [`DEFINITION_VERSION`].
    pub definition_version: u32,
    /// When the report was computed.
    pub as_of: Timestamp,
    /// The currency of every cost.
    pub currency: Currency,
    /// The time zone of every day: `UTC`.
    pub timezone: String,
    /// The period.
    pub period: GenerationFigures,
    /// The same number of days before it.
    pub previous: GenerationFigures,
    /// The days of the period.
    pub days: Vec<GenerationDay>,
    /// Members who requested images.
    pub active_members: ActiveMembers,
    /// The calendar month of the two rankings: the one in which the period ends.
    pub popular_month: Month,
    /// Members' presets by finished generations.
    pub popular_presets: Vec<Ranked>,
    /// Listings by finished generations.
    pub popular_listings: Vec<Ranked>,
}

/// The metrics of a period. A generation counts on the day it became final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationFigures {
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub to: Day,
    /// All generations.
    pub all: GenerationGroup,
    /// By the member's plan.
    pub by_plan: Vec<GenerationGroup>,
    /// By renderer.
    pub by_provider: Vec<GenerationGroup>,
    /// Time from the request to the start.
    pub queue_ms: Percentiles,
    /// Time from the start to the end.
    pub run_ms: Percentiles,
}

/// A group of generations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationGroup {
    /// The group's name.
    pub name: String,
    /// Number of final generations.
    pub finished: i64,
    /// Number with an image.
    pub succeeded: i64,
    /// Number that failed, blocked ones included.
    pub failed: i64,
    /// Number cancelled by their member.
    pub cancelled: i64,
    /// Number refused by moderation.
    pub blocked: i64,
    /// Succeeded, as a share of succeeded and failed.
    pub success_bps: Option<i64>,
    /// Blocked, as a share of the same.
    pub blocked_bps: Option<i64>,
    /// The providers' price.
    pub cost_micros: i64,
}

/// Two percentiles; `None` without data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Percentiles {
    /// The median.
    pub p50: Option<u64>,
    /// The 95th percentile.
    pub p95: Option<u64>,
}

/// One day of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerationDay {
    /// The day. Reports from before it had this name are still read.
    #[serde(rename = "date", alias = "day")]
    pub day: Day,
    /// Number with an image.
    pub succeeded: i64,
    /// Number that failed.
    pub failed: i64,
    /// Number cancelled.
    pub cancelled: i64,
    /// Number refused by moderation.
    pub blocked: i64,
    /// The providers' price.
    pub cost_micros: i64,
    /// Members who requested an image.
    pub active_members: i64,
}

/// Members who requested images that are final by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActiveMembers {
    /// On the last day of the period.
    pub day: i64,
    /// In the week of that day, starting on Monday.
    pub week: i64,
    /// In its calendar month.
    pub month: i64,
}

impl GenerationReport {
    /// Computes the report; `metrics` as for [`super::RevenueReport::of`].
    pub fn of(span: Span, metrics: &Metrics, as_of: Timestamp) -> GenerationReport {
        GenerationReport {
            definition_version: DEFINITION_VERSION,
            as_of,
            currency: Currency::USD,
            timezone: "UTC".to_owned(),
            period: GenerationFigures::of(span, metrics),
            previous: GenerationFigures::of(span.before(), metrics),
            days: span.days().map(|day| GenerationDay::of(day, metrics)).collect(),
            active_members: ActiveMembers::of(span.to, metrics),
            popular_month: span.to.month(),
            popular_presets: metrics.presets.clone(),
            popular_listings: metrics.listings.clone(),
        }
    }
}

impl GenerationFigures {
    fn of(span: Span, metrics: &Metrics) -> GenerationFigures {
        let sums = metrics.of(span);
        let plan = |plan: Plan| GenerationGroup::of("jobs.plan.", plan.into_str(), &sums);
        let provider = |it: Provider| GenerationGroup::of("jobs.provider.", it.into_str(), &sums);
        GenerationFigures {
            from: span.from,
            to: span.to,
            all: GenerationGroup::of("", "jobs", &sums),
            by_plan: Plan::ALL.map(plan).into(),
            by_provider: [Provider::Studio, Provider::Bria].map(provider).into(),
            queue_ms: Percentiles::of("queue.", &sums),
            run_ms: Percentiles::of("run.", &sums),
        }
    }
}

impl GenerationGroup {
    fn of(prefix: &str, name: &str, sums: &Counters) -> GenerationGroup {
        let get = |what: &str| sums.get(&format!("{prefix}{name}.{what}"));
        let [succeeded, failed, cancelled] =
            [Status::Succeeded, Status::Failed, Status::Cancelled].map(|it| get(it.into_str()));
        let blocked = get("blocked");
        GenerationGroup {
            name: if prefix.is_empty() { "all" } else { name }.to_owned(),
            finished: succeeded + failed + cancelled,
            succeeded,
            failed,
            cancelled,
            blocked,
            success_bps: bps(succeeded, succeeded + failed),
            blocked_bps: bps(blocked, succeeded + failed),
            cost_micros: get("cost"),
        }
    }
}

impl Percentiles {
    fn of(prefix: &str, sums: &Counters) -> Percentiles {
        let buckets = sums.numbered(prefix);
        Percentiles { p50: percentile(&buckets, 50), p95: percentile(&buckets, 95) }
    }
}

impl GenerationDay {
    fn of(day: Day, metrics: &Metrics) -> GenerationDay {
        let sums = metrics.of(Span::day(day));
        let all = GenerationGroup::of("", "jobs", &sums);
        GenerationDay {
            day,
            succeeded: all.succeeded,
            failed: all.failed,
            cancelled: all.cancelled,
            blocked: all.blocked,
            cost_micros: all.cost_micros,
            active_members: sums.get(active(WithinSpan::Day)),
        }
    }
}

impl ActiveMembers {
    fn of(day: Day, metrics: &Metrics) -> ActiveMembers {
        let on = |day, within| metrics.of(Span::day(day)).get(active(within));
        ActiveMembers {
            day: on(day, WithinSpan::Day),
            week: on(day.end_of_week(), WithinSpan::Week),
            month: on(day.end_of_month(), WithinSpan::Month),
        }
    }
}
