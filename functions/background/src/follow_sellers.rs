//! `background-follow-sellers`: every minute, hides the listings of creators whose strikes suspend
//! selling, and shows them again when the suspension is over. It also cancels the waiting jobs of
//! suspended members, and lifts suspensions that have ended.
//!
//! A suspension takes effect in the account at once; this function updates search, popular lists
//! and waiting jobs to match. Usually `admin-resolve-flags` or `admin-ban-user` has done so
//! already. Each listing or job is one transaction, and a member stays due until all are done, so a
//! run may be interrupted. If a member fails, this is logged and counted, and the run continues
//! with the others.

use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::Store;

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-follow-sellers");

/// Most members of each kind in one run; the rest follow a minute later.
const AT_ONCE: u16 = 20;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut moved, mut run) = (0, Run::default());
    for creator in store.due_sellers(task.now, AT_ONCE).await? {
        let done = store.sync_visibility(&creator, task.now).await;
        moved += run.take("creator", &creator, done).unwrap_or_default();
    }
    for member in store.due_standings(task.now, AT_ONCE).await? {
        run.take("member", &member, store.apply_suspension(&member, task.now).await);
    }
    Metrics::new().count("ListingsFollowed", moved).emit();
    run.end()
}
