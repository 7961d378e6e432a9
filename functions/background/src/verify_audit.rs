//! `background-verify-audit`: every night, whether the audit is what it was.
//!
//! The chain is followed from its beginning and held against every end that was kept on a day before,
//! in a bucket where nobody can change or delete it. So a chain that somebody made anew, hashes and
//! end and all, is found. Where it is whole, its end is kept, too; where it is not, the first row that
//! differs is logged, an alarm goes off, and nothing is kept.
//!
//! A run may be cut off anywhere and come twice: it only reads, and an end that is kept stays.

use std::process::ExitCode;

use clients::AuditAnchors;
use domain::audit::{Anchors, Chain};
use runtime::{Metrics, Task, TaskError, Worker};
use store::{Store, StoreError, Verified};
use tracing::{error, info};

pub const WORKER: Worker = Worker::new("background-verify-audit");

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle((store, anchors): &(Store, AuditAnchors), task: Task) -> Result<(), TaskError> {
    let Verified { verified, hash, broken, .. } = verify(store, &anchors.all().await?).await?;
    match &broken {
        Some(broken) => error!(
            row = broken.seq,
            why = ?broken.why,
            verified,
            "the audit is not what it was; rows from this one on are not to be trusted"
        ),
        None if verified == 0 => info!("nothing was ever decided, so there is no end to keep"),
        None => {
            anchors.keep(&Chain { seq: verified, hash }, task.now).await?;
            info!(verified, "the audit is whole, and its end is kept");
        }
    }
    Metrics::at(task.now).count("AuditBroken", u64::from(broken.is_some())).emit();
    Ok(())
}

/// The whole chain. Each trip goes on behind the one before, so there are as many as there are rows to
/// read.
async fn verify(store: &Store, anchors: &Anchors) -> Result<Verified, StoreError> {
    let mut after = None;
    loop {
        let part = store.verify_audit(after, anchors).await?;
        match part.next_cursor {
            Some(next) => after = Some(next),
            None => return Ok(part),
        }
    }
}
