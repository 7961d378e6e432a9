//! Background work, started by queues, the table's stream and schedules.

pub mod buy_top_ups;
mod day;
pub mod deliver_webhooks;
mod draw;
pub mod erase_data;
pub mod fail_dead_letters;
pub mod follow_sellers;
pub mod grant_rewards;
pub mod index_listings;
mod lookup;
pub mod pay_creators;
mod prepare;
pub mod project_metrics;
pub mod rank_popular;
pub mod reconcile_stripe;
pub mod relay_outbox;
pub mod render_preview;
mod report;
pub mod report_revenue;
pub mod retry_webhooks;
mod run;
pub mod run_generation;
mod settle;
pub mod sweep_generations;
mod turns;
pub mod verify_audit;
mod walk;

use runtime::Function;

/// All functions of this crate, by name.
pub fn functions() -> Vec<Function> {
    vec![
        relay_outbox::function(),
        run_generation::function(),
        fail_dead_letters::function(),
        sweep_generations::function(),
        buy_top_ups::function(),
        deliver_webhooks::function(),
        retry_webhooks::function(),
        reconcile_stripe::function(),
        render_preview::function(),
        index_listings::function(),
        rank_popular::function(),
        follow_sellers::function(),
        erase_data::function(),
        grant_rewards::function(),
        pay_creators::function(),
        project_metrics::function(),
        report_revenue::function(),
        verify_audit::function(),
    ]
}

#[cfg(test)]
mod tests;
