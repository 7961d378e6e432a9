//! The numbers for staff, and what they are made of.
//!
//! A [`Fact`] says that something happened: once, dated, under an id made of the business it is
//! about, and never changed. Every number is a sum over facts ([`Counters`]), so the sums that are
//! kept, in whatever order and however often the facts were heard of, are what a fold of the facts
//! comes to. The definitions:
//!
//! * MRR is what the subscriptions that count are worth a month: price times quantity, discounts
//!   that go on taken off, a year divided by twelve, tax excluded. Active ones count, and past due
//!   ones until their grace ends; trials do not. Prorations, packs and the marketplace never do.
//! * Committed MRR leaves out what ends with its period. ARR is twelve times MRR.
//! * A customer's MRR moves by new, expansion, contraction, churned or reactivation; MRR at the end
//!   of a period is MRR at its start and the sum of its movements.
//! * Revenue is what was paid, discounts and tax taken off. What goes back, by refund or dispute,
//!   counts in the period it was heard of.
//! * Churn is the customers that ended in the period, of those at its start; and, as Stripe has it,
//!   of those at its start and the new ones.

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

/// Goes up whenever a number begins to mean something else.
pub const DEFINITION_VERSION: u32 = 1;
