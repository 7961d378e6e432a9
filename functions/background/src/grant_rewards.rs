//! `background-grant-rewards`: every hour, credits for members whose links led to a sale that its
//! buyer can no longer give back by themselves.
//!
//! Changes: for each reward that is due, in one transaction the sharer's account, its ledger and the
//! reward. Running twice, late or at once grants nothing twice: a reward is granted in the write
//! that ends it. One that fails is logged and counted, and the others are granted all the same.

use std::process::ExitCode;

use domain::marketplace::share::RewardState;
use runtime::{Metrics, Task, TaskError, Worker};
use store::Store;
use tracing::{info, warn};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-grant-rewards");

/// Most rewards in one run; the longest waiting come first, the rest an hour later.
const MOST: u16 = 500;

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut granted, mut cancelled) = (0, 0);
    let mut run = Run::default();
    for (sharer, purchase) in store.due_rewards(task.now, MOST).await? {
        let done = store.grant_reward(&sharer, &purchase, task.now).await;
        match run.take("reward", &purchase, done) {
            Some(Some(reward)) => match reward.state {
                RewardState::Granted { .. } => granted += 1,
                RewardState::Cancelled { reason } => {
                    info!(actor = %sharer, %purchase, reason, "a reward is not granted");
                    cancelled += 1;
                }
                RewardState::Connected { .. } => {}
            },
            Some(None) => warn!(actor = %sharer, %purchase, "a reward that is listed is not there"),
            None => {}
        }
    }
    Metrics::at(task.now)
        .count("RewardsGranted", granted)
        .count("RewardsCancelled", cancelled)
        .emit();
    run.end(task.now)
}
