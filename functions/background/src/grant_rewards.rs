//! `background-grant-rewards`: every hour, grants credits to members whose shared links led to a
//! sale, once the buyer can no longer refund it themselves.
//!
//! Changes: for each due reward, in one transaction the sharer's account, its ledger and the
//! reward. Repeated, late or concurrent runs grant nothing twice: the write that grants a reward
//! also ends it. One that fails is logged and counted, and the others are granted.

use domain::marketplace::community::reward::RewardState;
use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::Store;
use tracing::{info, warn};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-grant-rewards");

/// Most rewards in one run, oldest first; the rest follow an hour later.
const MOST: u16 = 500;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut granted, mut cancelled) = (0, 0);
    let mut run = Run::default();
    for (sharer, purchase) in store.due_rewards(task.now, MOST).await? {
        let done = store.grant_reward(&sharer, &purchase, task.now).await;
        match run.take("reward", &purchase, done) {
            Some(Some(reward)) => match reward.state {
                RewardState::Granted { .. } => granted += 1,
                RewardState::Cancelled { reason } => {
                    info!(actor = %sharer, %purchase, reason, "reward ended without a grant");
                    cancelled += 1;
                }
                RewardState::Held { .. } => {}
            },
            Some(None) => {
                warn!(actor = %sharer, %purchase, "indexed reward does not exist, skipped")
            }
            None => {}
        }
    }
    Metrics::new().count("RewardsGranted", granted).count("RewardsCancelled", cancelled).emit();
    run.end()
}
