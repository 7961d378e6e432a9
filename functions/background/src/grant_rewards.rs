//! `background-grant-rewards`: every hour, grants credits to members whose shared links led to a
//! sale, once the buyer can no longer refund it themselves.
//!
//! Changes: for each due reward, in one transaction the sharer's account, its ledger and the
//! reward. Repeated, late or concurrent runs grant nothing twice: the write that grants a reward
//! also ends it. One that fails is logged and counted, and the others are granted: a run goes
//! through all that are due, and after an interrupted one the next continues (`walk`).

use domain::{
    id::{PurchaseId, UserId},
    marketplace::community::reward::RewardState,
};
use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::{IndexPosition, Store, StoreError};
use tracing::{info, warn};

use crate::{run::Run, walk::Walk};

pub const WORKER: Worker = Worker::new("background-grant-rewards");

/// Rewards of a page, oldest first.
const PAGE: u16 = 25;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut granted, mut cancelled, mut run) = (0, 0, Run::default());
    let (mut walk, legs) = Walk::begin((store, &task), WORKER.name, &["rewards"]).await?;
    for leg in &legs {
        let page =
            async |after: Option<&IndexPosition>| store.due_rewards(task.now, after, PAGE).await;
        let grant = async |due: Vec<(UserId, PurchaseId)>| {
            for (sharer, purchase) in &due {
                let done = store.grant_reward(sharer, purchase, task.now).await;
                let Some(reward) = run.take("reward", purchase, done) else { continue };
                match reward.map(|reward| reward.state) {
                    Some(RewardState::Granted { .. }) => granted += 1,
                    Some(RewardState::Cancelled { reason }) => {
                        info!(actor = %sharer, %purchase, ?reason, "reward ended without a grant");
                        cancelled += 1;
                    }
                    Some(RewardState::Held { .. }) => {}
                    None => {
                        warn!(actor = %sharer, %purchase, "indexed reward does not exist, skipped")
                    }
                }
            }
            Ok::<(), StoreError>(())
        };
        walk.pages(leg, page, grant).await?;
    }
    Metrics::new().count("RewardsGranted", granted).count("RewardsCancelled", cancelled).emit();
    run.end_walk(walk).await
}
