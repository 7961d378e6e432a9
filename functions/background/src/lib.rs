//! Background work, started by queues, the table's stream and schedules.

pub mod buy_top_ups;
mod draw;
pub mod erase_data;
pub mod fail_dead_letters;
pub mod follow_sellers;
pub mod grant_rewards;
pub mod index_listings;
mod lookup;
pub mod pay_creators;
pub mod project_metrics;
pub mod rank_popular;
pub mod reconcile_stripe;
pub mod relay_outbox;
pub mod render_preview;
mod report;
pub mod report_revenue;
mod run;
pub mod run_generation;
mod settle;
pub mod sweep_generations;
pub mod verify_audit;

use runtime::Function;

/// All functions of this crate, by name.
pub const FUNCTIONS: &[Function] = &[
    Function::stream(relay_outbox::WORKER, &relay_outbox::handle),
    Function::queue(run_generation::WORKER, &run_generation::handle),
    Function::queue(fail_dead_letters::WORKER, &fail_dead_letters::handle),
    Function::schedule(sweep_generations::WORKER, &sweep_generations::handle),
    Function::queue(buy_top_ups::WORKER, &buy_top_ups::handle),
    Function::schedule(reconcile_stripe::WORKER, &reconcile_stripe::handle),
    Function::queue(render_preview::WORKER, &render_preview::handle),
    Function::schedule(index_listings::WORKER, &index_listings::handle),
    Function::schedule(rank_popular::WORKER, &rank_popular::handle),
    Function::schedule(follow_sellers::WORKER, &follow_sellers::handle),
    Function::schedule(erase_data::WORKER, &erase_data::handle),
    Function::schedule(grant_rewards::WORKER, &grant_rewards::handle),
    Function::schedule(pay_creators::WORKER, &pay_creators::handle),
    Function::stream(project_metrics::WORKER, &project_metrics::handle),
    Function::schedule(report_revenue::WORKER, &report_revenue::handle),
    Function::schedule(verify_audit::WORKER, &verify_audit::handle),
];

#[cfg(test)]
mod tests;
