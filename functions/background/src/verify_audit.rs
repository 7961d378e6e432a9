//! `background-verify-audit`: every night, verifies that the audit log is unaltered.
//!
//! Each hash chain is followed from its beginning and compared with every head of it that was
//! archived on an earlier day, in a bucket where it cannot be changed or deleted. So a chain that
//! was rewritten, hashes and head included, is found. If it is intact, its head is archived, too; if
//! not, the first record that differs is logged, an alarm goes off, and its head is not archived.
//! The other chains are verified all the same.
//!
//! A run may be interrupted and repeated: it only reads the table, and never changes an archived
//! head.

use clients::AuditAnchors;
use domain::audit::{Anchors, AuditChain, AuditChains, Chain};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use store::{Store, StoreError, Verified};
use tracing::{error, info};

pub const WORKER: Worker = Worker::new("background-verify-audit");

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    anchors: AuditAnchors,
}

async fn handle(Deps { store, anchors }: &Deps, task: Task) -> Result<(), TaskError> {
    let archived = anchors.all().await?;
    for chain in AuditChains::All.each() {
        let known = archived.get(&chain).cloned().unwrap_or_default();
        let Verified { verified, hash, broken, .. } = verify(store, chain, &known).await?;
        // At once: a chain that cannot be read must not hide one that was altered.
        Metrics::new().count("AuditBroken", u64::from(broken.is_some())).emit();
        match broken {
            Some(broken) => {
                error!(
                    %chain,
                    row = broken.seq,
                    why = ?broken.why,
                    verified,
                    "audit log was altered, records from this one on cannot be trusted"
                );
            }
            None if verified == 0 => info!(%chain, "audit log is empty, no head to archive"),
            None => {
                anchors.keep(chain, &Chain { seq: verified, hash }, task.now).await?;
                info!(%chain, verified, "audit log is intact, head archived");
            }
        }
    }
    Ok(())
}

/// Verifies a whole chain, page by page. There are as many pages as there are records to read.
async fn verify(
    store: &Store,
    chain: AuditChain,
    anchors: &Anchors,
) -> Result<Verified, StoreError> {
    let mut after = None;
    loop {
        let part = store.verify_audit(chain, after, anchors).await?;
        match part.next_cursor {
            Some(next) => after = Some(next),
            None => return Ok(part),
        }
    }
}
