//! `background-follow-sellers`: every minute, hides the listings of creators whose strikes suspend
//! selling, and shows them again when the suspension is over. It also cancels the waiting jobs of
//! suspended members, and lifts suspensions that have ended.
//!
//! A suspension takes effect in the account at once; this function updates search, popular lists
//! and waiting jobs to match. Usually `admin-resolve-flags` or `admin-ban-user` has done so
//! already. Each listing or job is one transaction, and a member stays due until all are done, so a
//! run may be interrupted: the next one continues behind it (`walk`). If a member fails, this is
//! logged and counted, and the run continues with the others.

use domain::id::UserId;
use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::{IndexPosition, Store, StoreError};

use crate::{run::Run, walk::Walk};

pub const WORKER: Worker = Worker::new("background-follow-sellers");

/// One member at a time: a member may have thousands of listings.
const ONE: u16 = 1;

/// Creators whose listings are to be shown or hidden.
const SELLERS: &str = "sellers";
/// Members whose status changed.
const STANDINGS: &str = "standings";

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut moved, mut run, now) = (0, Run::default(), task.now);
    let (mut walk, legs) = Walk::begin((store, &task), WORKER.name, &[SELLERS, STANDINGS]).await?;
    for leg in &legs {
        let page = async |after: Option<&IndexPosition>| match leg.list {
            SELLERS => store.due_sellers(now, after, ONE).await,
            _ => store.due_standings(now, after, ONE).await,
        };
        let follow = async |due: Vec<UserId>| {
            for member in &due {
                if leg.list == SELLERS {
                    let done = store.sync_visibility(member, now).await;
                    moved += run.take("creator", member, done).unwrap_or_default();
                } else {
                    run.take("member", member, store.apply_suspension(member, now).await);
                }
            }
            Ok::<(), StoreError>(())
        };
        walk.pages(leg, page, follow).await?;
    }
    Metrics::new().count("ListingsFollowed", moved).emit();
    run.end_walk(walk).await
}
