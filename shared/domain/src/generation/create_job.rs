//! From a request to a queued job: the decision behind `POST /generations`.

use std::fmt;

use super::{GenerationRequest, Input, Job, NewJob, ResolvedSource};
use crate::{
    account::{AccountError, AccountUpdate},
    error::{FieldError, InvalidFields},
    id::{JobId, UserId},
};

/// Why a generation request is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrderError {
    /// The request is invalid, or names a preset that the member does not have.
    #[error(transparent)]
    Input(#[from] InvalidFields),
    /// It names a listing that the member neither created nor bought.
    #[error("You have not bought this listing.")]
    NotLicensed,
    /// The account may not start a generation.
    #[error(transparent)]
    Account(#[from] AccountError),
}

crate::domain_error! {
    OrderError wraps [Input, Account] {
        NotLicensed => Forbidden, "listing_not_licensed";
    }
}

/// Creates a job from a request: resolves it, holds its credit and queues the job.
///
/// `named` is the preset or listing that the request refers to; `None` if the member has none such.
///
/// # Errors
/// See [`OrderError`]; discard the account update after an error.
pub fn create_job(
    update: &mut AccountUpdate,
    order: &GenerationRequest,
    named: Option<ResolvedSource>,
    names: &NewJob,
) -> Result<(Job, Input), OrderError> {
    update.require_active()?;
    let licensed = named.as_ref().is_some_and(|named| named.licensed.is_some());
    if order.listing_id.is_some() && !licensed {
        return Err(OrderError::NotLicensed);
    }
    if order.preset_id.is_some() && named.is_none() {
        let detail = "none of your presets has this id";
        let unknown = FieldError::new("/preset_id", "unknown_preset", detail);
        return Err(InvalidFields(vec![unknown]).into());
    }
    let input = Input::resolve(order, named.unwrap_or_default(), names.seed)?;
    let job = Job::place(update, &input, names)?;
    Ok((job, input))
}

/// The job for which a webhook's URL was made. The provider signs its webhooks but not their URL,
/// so the URL carries the job's own token; together they identify a request even if the answer to
/// its submit was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRef {
    /// The member who requested the job.
    pub user_id: UserId,
    /// The job's id.
    pub job_id: JobId,
    /// The job's token.
    pub token: String,
}

impl WebhookRef {
    /// The reference to a job.
    pub fn of(job: &Job) -> WebhookRef {
        WebhookRef {
            user_id: job.user_id.clone(),
            job_id: job.id.clone(),
            token: job.webhook_token.clone(),
        }
    }

    /// Parses what `Display` writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<WebhookRef> {
        let mut parts = text.splitn(3, '.');
        let job_id = JobId::parse(parts.next()?).ok()?;
        let token = parts.next()?.to_owned();
        Some(WebhookRef { user_id: UserId::parse(parts.next()?).ok()?, job_id, token })
    }
}

/// `<job>.<token>.<user>`: neither of the first two contains a dot.
impl fmt::Display for WebhookRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.job_id, self.token, self.user_id)
    }
}
