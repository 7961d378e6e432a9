//! The revenue report: a period compared with the one before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Counters, DEFINITION_VERSION, Metrics, MovementKind, Ranked, Source, Span,
    counters::{level, of_source},
};
use crate::{
    money::Currency,
    plan::Plan,
    ratio::{bps, half_up},
    time::{Day, Month, Timestamp},
};

/// The revenue report. Amounts are in minor units of `currency`, tax excluded; rates are in basis
/// points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevenueReport {
    /// The version of the definitions: [`DEFINITION_VERSION`].
    pub definition_version: u32,
    /// When the report was computed.
    pub as_of: Timestamp,
    /// The currency of every amount.
    pub currency: Currency,
    /// The time zone of every day: `UTC`.
    pub timezone: String,
    /// The period.
    pub period: PeriodMetrics,
    /// The same number of days before it.
    pub previous: PeriodMetrics,
    /// The days of the period.
    pub days: Vec<RevenueDay>,
    /// The best-selling creators.
    pub top_creators: TopCreators,
}

/// The metrics of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeriodMetrics {
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub to: Day,
    /// At the start of its first day.
    pub start: StandingMetrics,
    /// At the end of its last day, or now if that has not ended.
    pub end: StandingMetrics,
    /// The movements from start to end.
    pub movements: Movements,
    /// The customers who left.
    pub churn: Churn,
    /// Revenue of subscriptions and packs, and the marketplace's commission.
    pub revenue: RevenueSum,
    /// Revenue by source.
    pub by_source: BTreeMap<Source, RevenueSum>,
    /// The marketplace's sales.
    pub marketplace: MarketFigures,
    /// Failed payment attempts.
    pub failed_payments: i64,
    /// New members.
    pub new_members: i64,
    /// The gross margin of each plan.
    pub margins: Vec<Margin>,
}

/// Recurring revenue at one point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StandingMetrics {
    /// Monthly recurring revenue.
    pub mrr: i64,
    /// MRR without subscriptions that cancel at the end of their period.
    pub committed_mrr: i64,
    /// Twelve times MRR.
    pub arr: i64,
    /// Number of paying customers.
    pub customers: i64,
    /// Each plan that is sold.
    pub plans: Vec<PlanFigures>,
}

/// Recurring revenue of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanFigures {
    /// The plan.
    pub plan: Plan,
    /// Number of paying customers.
    pub customers: i64,
    /// Their MRR.
    pub mrr: i64,
    /// Their committed MRR.
    pub committed_mrr: i64,
}

/// Movements of MRR: `new + reactivation + expansion + contraction + churned = net`, and MRR at the
/// start plus `net` is MRR at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Movements {
    /// First-time customers.
    pub new: MovementSum,
    /// Customers who returned.
    pub reactivation: MovementSum,
    /// Customers who pay more than before.
    pub expansion: MovementSum,
    /// Customers who pay less than before: negative.
    pub contraction: MovementSum,
    /// Customers who left: negative.
    pub churned: MovementSum,
    /// The sum of all movements.
    pub net: i64,
}

/// Movements of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MovementSum {
    /// Number of movements.
    pub count: i64,
    /// Change of MRR.
    pub mrr: i64,
}

/// Churn, by both published definitions. A rate without a base is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Churn {
    /// Customers whose subscription ended in the period; a scheduled cancellation does not count.
    pub ended: i64,
    /// Share of the customers at the start.
    pub of_start_bps: Option<i64>,
    /// Share of those plus the new ones, as Stripe counts.
    pub of_start_and_new_bps: Option<i64>,
    /// Churned MRR as a share of MRR at the start.
    pub mrr_of_start_bps: Option<i64>,
}

/// Revenue of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevenueSum {
    /// The amount paid in the period.
    pub paid: i64,
    /// The amount taken back in the period, whenever it was paid.
    pub returned: i64,
    /// The difference.
    pub net: i64,
}

/// Marketplace figures. None of it is MRR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MarketFigures {
    /// Number of sales.
    pub sales: i64,
    /// The sum of their prices.
    pub gross: i64,
    /// The platform's commission.
    pub commission: i64,
    /// Prices taken back.
    pub returned_gross: i64,
    /// Commission taken back.
    pub returned_commission: i64,
}

/// The gross margin of a plan. Images of Free members have a cost, too. Packs are excluded, because
/// members of every plan spend their credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Margin {
    /// The plan.
    pub plan: Plan,
    /// Net revenue of the plan.
    pub revenue: i64,
    /// Provider cost of its members' images, rounded to a cent.
    pub generation_cost: i64,
    /// Stripe's fees for its payments, as far as known.
    pub processor_fees: i64,
    /// Revenue less costs.
    pub gross_margin: i64,
    /// The margin as a share of revenue.
    pub gross_margin_bps: Option<i64>,
}

/// One day of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevenueDay {
    /// The day. Reports from before it had this name are still read.
    #[serde(rename = "date", alias = "day")]
    pub day: Day,
    /// MRR at its end.
    pub mrr: i64,
    /// Customers at its end.
    pub customers: i64,
    /// Revenue of the day.
    pub revenue: RevenueSum,
    /// Revenue by source; sources without revenue are absent.
    pub by_source: BTreeMap<Source, RevenueSum>,
    /// Prices of marketplace sales of the day.
    pub marketplace_gross: i64,
}

/// The best-selling creators of a calendar month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopCreators {
    /// The month in which the period ends, whatever day it begins.
    pub month: Month,
    /// The creators, best first.
    pub items: Vec<CreatorRank>,
}

/// A creator's rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreatorRank {
    /// The creator's id.
    pub creator_id: String,
    /// The creator's display name, if set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Prices of their sales, less what was taken back.
    pub gross: i64,
}

impl RevenueReport {
    /// Computes the report. `metrics` must begin with the first day of the previous period and
    /// reach until now: a past state is the current state without later movements.
    pub fn of(span: Span, metrics: &Metrics, as_of: Timestamp) -> RevenueReport {
        let rank = |it: &Ranked| CreatorRank {
            creator_id: it.id.clone(),
            display_name: None,
            gross: it.amount,
        };
        RevenueReport {
            definition_version: DEFINITION_VERSION,
            as_of,
            currency: Currency::USD,
            timezone: "UTC".to_owned(),
            period: PeriodMetrics::of(span, metrics),
            previous: PeriodMetrics::of(span.before(), metrics),
            days: days(span, metrics),
            top_creators: TopCreators {
                month: span.to.month(),
                items: metrics.creators.iter().map(rank).collect(),
            },
        }
    }
}

impl RevenueDay {
    /// Revenue from a source.
    pub fn by_source(&self, source: Source) -> RevenueSum {
        self.by_source.get(&source).copied().unwrap_or_default()
    }
}

impl PeriodMetrics {
    /// The metrics of a period.
    pub fn of(span: Span, metrics: &Metrics) -> PeriodMetrics {
        let sums = metrics.of(span);
        let start = StandingMetrics::of(&metrics.standing(span.from.minus(1)));
        let end = StandingMetrics::of(&metrics.standing(span.to));
        let by_source: BTreeMap<Source, RevenueSum> =
            Source::ALL.map(|source| (source, RevenueSum::of(&sums, source))).into();
        let movements = Movements::of(&sums);
        PeriodMetrics {
            from: span.from,
            to: span.to,
            churn: Churn::of(&start, &movements),
            start,
            end,
            movements,
            revenue: by_source.values().copied().fold(RevenueSum::default(), RevenueSum::plus),
            by_source,
            marketplace: MarketFigures::of(&sums),
            failed_payments: Source::ALL
                .map(|it| sums.get(&of_source("declined", it)))
                .iter()
                .sum(),
            new_members: sums.get("joined"),
            margins: Plan::ALL.map(|plan| Margin::of(plan, &sums)).into(),
        }
    }
}

impl StandingMetrics {
    fn of(levels: &Counters) -> StandingMetrics {
        let sold = Plan::ALL.into_iter().filter(|plan| plan.terms().lookup_key.is_some());
        let plans: Vec<PlanFigures> = sold
            .map(|plan| PlanFigures {
                plan,
                customers: levels.get(&level("customers", plan)),
                mrr: levels.get(&level("mrr", plan)),
                committed_mrr: levels.get(&level("committed", plan)),
            })
            .collect();
        let sum = |of: fn(&PlanFigures) -> i64| plans.iter().map(of).sum::<i64>();
        let mrr = sum(|it| it.mrr);
        StandingMetrics {
            mrr,
            committed_mrr: sum(|it| it.committed_mrr),
            arr: 12 * mrr,
            customers: sum(|it| it.customers),
            plans,
        }
    }
}

impl Movements {
    fn of(sums: &Counters) -> Movements {
        let of = |kind: MovementKind| MovementSum {
            count: sums.get(&format!("moves.{}", kind.into_str())),
            mrr: sums.get(&format!("moved.{}", kind.into_str())),
        };
        Movements {
            new: of(MovementKind::New),
            reactivation: of(MovementKind::Reactivation),
            expansion: of(MovementKind::Expansion),
            contraction: of(MovementKind::Contraction),
            churned: of(MovementKind::Churned),
            net: MovementKind::MOVING.iter().map(|kind| of(*kind).mrr).sum(),
        }
    }
}

impl Churn {
    fn of(start: &StandingMetrics, moved: &Movements) -> Churn {
        let ended = moved.churned.count;
        Churn {
            ended,
            of_start_bps: bps(ended, start.customers),
            of_start_and_new_bps: bps(ended, start.customers + moved.new.count),
            mrr_of_start_bps: bps(-moved.churned.mrr, start.mrr),
        }
    }
}

impl RevenueSum {
    fn of(sums: &Counters, source: Source) -> RevenueSum {
        let (paid, returned) = match source {
            Source::Marketplace => {
                (sums.get("market.commission"), sums.get("market.returned_commission"))
            }
            Source::Pro | Source::Enterprise | Source::Packs | Source::Other => {
                (sums.get(&of_source("sold", source)), sums.get(&of_source("returned", source)))
            }
        };
        RevenueSum { paid, returned, net: paid - returned }
    }

    fn plus(self, other: RevenueSum) -> RevenueSum {
        RevenueSum {
            paid: self.paid + other.paid,
            returned: self.returned + other.returned,
            net: self.net + other.net,
        }
    }
}

impl MarketFigures {
    fn of(sums: &Counters) -> MarketFigures {
        MarketFigures {
            sales: sums.get("market.sales"),
            gross: sums.get("market.gross"),
            commission: sums.get("market.commission"),
            returned_gross: sums.get("market.returned_gross"),
            returned_commission: sums.get("market.returned_commission"),
        }
    }
}

impl Margin {
    fn of(plan: Plan, sums: &Counters) -> Margin {
        let source = Source::of_plan(Some(plan));
        let (revenue, processor_fees) = match plan {
            Plan::Free => (0, 0),
            Plan::Pro | Plan::Enterprise => {
                (RevenueSum::of(sums, source).net, sums.get(&of_source("fees", source)))
            }
        };
        let micros = sums.get(&format!("jobs.plan.{}.cost", plan.into_str()));
        // 10,000 millionths of a dollar are a cent.
        let cents = half_up(i128::from(micros), 10_000).unwrap_or_default();
        let generation_cost = i64::try_from(cents).unwrap_or(i64::MAX);
        let gross_margin = revenue - generation_cost - processor_fees;
        let gross_margin_bps = bps(gross_margin, revenue);
        Margin { plan, revenue, generation_cost, processor_fees, gross_margin, gross_margin_bps }
    }
}

fn days(span: Span, metrics: &Metrics) -> Vec<RevenueDay> {
    let mut standing = metrics.standing(span.from.minus(1));
    let nothing = Counters::default();
    span.days()
        .map(|day| {
            let sums = metrics.days.get(&day).unwrap_or(&nothing);
            standing.merge(&sums.levels());
            let state = StandingMetrics::of(&standing);
            let sources = Source::ALL.map(|source| (source, RevenueSum::of(sums, source)));
            let brought = sources.into_iter().filter(|(_, sum)| *sum != RevenueSum::default());
            RevenueDay {
                day,
                mrr: state.mrr,
                customers: state.customers,
                revenue: sources
                    .iter()
                    .map(|(_, sum)| *sum)
                    .fold(RevenueSum::default(), RevenueSum::plus),
                by_source: brought.collect(),
                marketplace_gross: sums.get("market.gross"),
            }
        })
        .collect()
}
