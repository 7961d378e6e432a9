//! The revenue of a period, beside that of the period before.

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

/// What there is to say about revenue. Amounts are in minor units of `currency`, tax excluded;
/// rates are in basis points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevenueReport {
    /// Which definitions the numbers follow: [`DEFINITION_VERSION`].
    pub definition_version: u32,
    /// When this was put together.
    pub as_of: Timestamp,
    /// Of every amount.
    pub currency: Currency,
    /// Of every day: `UTC`.
    pub timezone: String,
    /// The period.
    pub period: PeriodMetrics,
    /// As many days before it.
    pub previous: PeriodMetrics,
    /// The days of the period.
    pub days: Vec<RevenueDay>,
    /// Who sells most.
    pub top_creators: TopCreators,
}

/// The numbers of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodMetrics {
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub to: Day,
    /// As its first day began.
    pub start: StandingMetrics,
    /// As its last day ended, or now if that is still going on.
    pub end: StandingMetrics,
    /// How one became the other.
    pub movements: Movements,
    /// Who left.
    pub churn: Churn,
    /// What subscriptions and packs brought, and the commission of the marketplace.
    pub revenue: RevenueSum,
    /// What each source of it brought.
    pub by_source: BTreeMap<Source, RevenueSum>,
    /// The marketplace.
    pub marketplace: MarketFigures,
    /// Payments that failed.
    pub failed_payments: i64,
    /// New members.
    pub new_members: i64,
    /// What is left of each plan's revenue.
    pub margins: Vec<Margin>,
}

/// What recurs, at one point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingMetrics {
    /// Monthly recurring revenue.
    pub mrr: i64,
    /// What of it does not end with its period.
    pub committed_mrr: i64,
    /// Twelve times MRR.
    pub arr: i64,
    /// How many pay.
    pub customers: i64,
    /// For each plan that is sold.
    pub plans: Vec<PlanFigures>,
}

/// What recurs of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFigures {
    /// The plan.
    pub plan: Plan,
    /// Who pays for it.
    pub customers: i64,
    /// What they are worth a month.
    pub mrr: i64,
    /// What of it does not end with its period.
    pub committed_mrr: i64,
}

/// How MRR moved: `new + reactivation + expansion + contraction + churned = net`, and MRR at the
/// start and `net` are MRR at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movements {
    /// Customers who never were any.
    pub new: MovementSum,
    /// Customers who came back.
    pub reactivation: MovementSum,
    /// More than before.
    pub expansion: MovementSum,
    /// Less than before: below zero.
    pub contraction: MovementSum,
    /// Customers who left: below zero.
    pub churned: MovementSum,
    /// All of it.
    pub net: i64,
}

/// Movements of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovementSum {
    /// How many there were.
    pub count: i64,
    /// What MRR moved by.
    pub mrr: i64,
}

/// Customers who left, by both published definitions. A rate of nothing is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Churn {
    /// OwnerRef subscription ended in the period; asking for it to end does not count.
    pub ended: i64,
    /// Of the customers at its start.
    pub of_start_bps: Option<i64>,
    /// Of those and the new ones, as Stripe counts.
    pub of_start_and_new_bps: Option<i64>,
    /// MRR that ended, of the MRR at its start.
    pub mrr_of_start_bps: Option<i64>,
}

/// Money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevenueSum {
    /// What was paid in the period.
    pub paid: i64,
    /// What went back in the period, whenever it was paid.
    pub returned: i64,
    /// What stays.
    pub net: i64,
}

/// The marketplace. None of it is MRR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketFigures {
    /// How many were sold.
    pub sales: i64,
    /// At which prices.
    pub gross: i64,
    /// Our part of that.
    pub commission: i64,
    /// What went back, of the prices.
    pub returned_gross: i64,
    /// And of our part.
    pub returned_commission: i64,
}

/// What is left of a plan's revenue. Pictures of Free members cost, too. Without packs, whose
/// credits members of every plan spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margin {
    /// The plan.
    pub plan: Plan,
    /// What stays of what was paid for it.
    pub revenue: i64,
    /// What its members' pictures cost, rounded to a cent.
    pub generation_cost: i64,
    /// What Stripe kept of its payments, as far as that is known.
    pub processor_fees: i64,
    /// What is left.
    pub gross_margin: i64,
    /// Of its revenue.
    pub gross_margin_bps: Option<i64>,
}

/// One day of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevenueDay {
    /// Which.
    pub day: Day,
    /// As it ended.
    pub mrr: i64,
    /// As it ended.
    pub customers: i64,
    /// Of that day.
    pub revenue: RevenueSum,
    /// What each source of it brought, where it brought something.
    pub by_source: BTreeMap<Source, RevenueSum>,
    /// Of that day: prices of what was sold.
    pub marketplace_gross: i64,
}

/// The creators who sold most in a calendar month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopCreators {
    /// The month that the period ends in, whatever day it begins.
    pub month: Month,
    /// The first first.
    pub items: Vec<CreatorRank>,
}

/// A creator's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatorRank {
    /// Who.
    pub creator_id: String,
    /// What they are called, if they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// At which prices they sold, what went back taken off.
    pub gross: i64,
}

impl RevenueReport {
    /// Puts it together. `metrics` begin with the first day that is compared with, and go on to
    /// now: what stood in the past is what stands without what moved since.
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
    /// What a source brought.
    pub fn by_source(&self, source: Source) -> RevenueSum {
        self.by_source.get(&source).copied().unwrap_or_default()
    }
}

impl PeriodMetrics {
    /// The numbers of a period.
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
            count: sums.get(&format!("moves.{}", kind.as_str())),
            mrr: sums.get(&format!("moved.{}", kind.as_str())),
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
        let micros = sums.get(&format!("jobs.plan.{}.cost", plan.as_str()));
        // Ten thousand millionths of a dollar are a cent.
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
            let stands = StandingMetrics::of(&standing);
            let sources = Source::ALL.map(|source| (source, RevenueSum::of(sums, source)));
            let brought = sources.into_iter().filter(|(_, sum)| *sum != RevenueSum::default());
            RevenueDay {
                day,
                mrr: stands.mrr,
                customers: stands.customers,
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
