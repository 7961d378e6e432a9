//! Metrics for staff.
//!
//! A [`Fact`] records one event with a date, under an id derived from its business object, and
//! never changes. Every metric is a sum over facts ([`Counters`]), so the stored sums equal a fold
//! of the facts, in whatever order and however often the facts were processed. The definitions:
//!
//! * MRR is the monthly value of the subscriptions that count: price times quantity less permanent
//!   discounts, a year divided by twelve, tax excluded. Active ones count, and past due ones until
//!   their grace ends; trials do not. Prorations, packs and the marketplace never do.
//! * Committed MRR excludes subscriptions that cancel at the end of their period. ARR is twelve
//!   times MRR.
//! * A customer's MRR moves by new, expansion, contraction, churned or reactivation; MRR at the end
//!   of a period is MRR at its start plus its movements.
//! * Revenue is what was paid, less discounts and tax. Refunds and disputes are booked in the
//!   period in which Stripe reports them.
//! * Churn is the share of customers who left in the period, of those at its start; and, by
//!   Stripe's definition, of those at its start plus the new ones.

mod cost;
mod counters;
mod fact;
mod generations;
mod latency;
mod movement;
mod report;
mod reported;
mod span;
#[cfg(test)]
mod tests;

pub use cost::{FIBO_MICROS, cost_micros};
pub use counters::Counters;
pub use fact::{Fact, FactKind, FinishedJob, LegMoved, Source, WithinSpan};
pub use generations::{
    ActiveMembers, GenerationDay, GenerationFigures, GenerationGroup, GenerationReport, Percentiles,
};
pub use latency::{bucket_of, upper_bound_ms};
pub use movement::{Movement, MovementKind, MrrState, Recurring};
pub use report::{
    Churn, CreatorRank, Margin, MarketFigures, MovementSum, Movements, PeriodMetrics, PlanFigures,
    RevenueDay, RevenueReport, RevenueSum, StandingMetrics, TopCreators,
};
pub use reported::{PaymentSums, Reported};
pub use span::{Metrics, Ranked, Span, SpanRefused, TOP};

/// Goes up whenever the definition of a metric changes.
pub const DEFINITION_VERSION: u32 = 1;
