//! Reads the job that a message names.

use clients::queue::JobMessage;
use domain::{DomainError, ErrorKind};
use store::{JobAndInput, Store, StoreError};

/// The job of a message; `None`, logged, if it does not exist.
pub(crate) async fn find(
    store: &Store,
    message: &JobMessage,
) -> Result<Option<JobAndInput>, StoreError> {
    match store.job_and_input(&message.user_id, &message.job_id).await {
        Ok(found) => Ok(Some(found)),
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            tracing::error!("message names a job that does not exist, dropped");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
