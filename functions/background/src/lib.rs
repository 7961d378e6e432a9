//! Work nobody waits for: what the queue, the table's stream and the clock start.

mod draw;
pub mod fail_dead_letters;
mod lookup;
pub mod relay_outbox;
pub mod run_generation;
mod settle;
pub mod sweep_generations;

use runtime::Worker;

/// Every worker of this crate.
pub const WORKERS: &[Worker] = &[
    relay_outbox::WORKER,
    run_generation::WORKER,
    fail_dead_letters::WORKER,
    sweep_generations::WORKER,
];

#[cfg(test)]
mod tests;
