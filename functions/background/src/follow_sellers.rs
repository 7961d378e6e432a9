//! `background-follow-sellers`: every minute, hides the listings of creators whose strikes began to
//! suspend selling, and shows those again whose suspension is over.
//!
//! What a creator may do stands in their account and holds at once; this makes what is found and
//! popular match. Usually `admin-resolve-flags` has hidden the listings already. One listing is one
//! transaction, and a creator is due until all are done: so a run may be cut off anywhere.

use runtime::{Metrics, Task, TaskError, Worker};
use store::Store;

pub const WORKER: Worker = Worker::new("background-follow-sellers");

/// Most creators of one run; the others come a minute later.
const AT_ONCE: u16 = 20;

pub async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let mut moved = 0;
    for creator in store.due_sellers(task.now, AT_ONCE).await? {
        moved += store.follow_seller(&creator, task.now).await?;
    }
    Metrics::at(task.now).count("ListingsFollowed", moved).emit();
    Ok(())
}
