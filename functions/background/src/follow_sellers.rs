//! `background-follow-sellers`: every minute, hides the listings of creators whose strikes began to
//! suspend selling, and shows those again whose suspension is over. Of members who were suspended it
//! calls off what waits to be generated, and it lifts suspensions whose date has come.
//!
//! What a member may do stands in their account and holds at once; this makes what is found, popular
//! and waiting match. Usually `admin-resolve-flags` or `admin-ban-user` has done so already. One
//! listing or job is one transaction, and a member is due until all are done: so a run may be cut off
//! anywhere. A member for whom it fails is logged and counted, and the others are seen to all the same.

use std::process::ExitCode;

use runtime::{Metrics, Task, TaskError, Worker};
use store::Store;

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-follow-sellers");

/// Most members of each kind in one run; the others come a minute later.
const AT_ONCE: u16 = 20;

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut moved, mut run) = (0, Run::default());
    for creator in store.due_sellers(task.now, AT_ONCE).await? {
        let done = store.sync_visibility(&creator, task.now).await;
        moved += run.take("creator", &creator, done).unwrap_or_default();
    }
    for member in store.due_standings(task.now, AT_ONCE).await? {
        run.take("member", &member, store.apply_suspension(&member, task.now).await);
    }
    Metrics::at(task.now).count("ListingsFollowed", moved).emit();
    run.end(task.now)
}
