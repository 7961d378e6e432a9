//! From a hint to the job it is about.

use clients::queue::JobMessage;
use domain::{DomainError, ErrorKind};
use store::{JobAndInput, Store, StoreError};

/// The job of a hint; `None`, and a line in the log, if there is none: a hint is never the truth.
pub(crate) async fn find(
    store: &Store,
    hint: &JobMessage,
) -> Result<Option<JobAndInput>, StoreError> {
    match store.job_and_input(&hint.user_id, &hint.job_id).await {
        Ok(found) => Ok(Some(found)),
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            tracing::error!("a hint names a job that does not exist");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
