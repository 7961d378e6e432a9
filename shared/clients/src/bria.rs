//! Bria's FIBO API, version 2: submit a generation, poll its status, structure a prompt.
//!
//! Bria has no idempotency keys and no cancellation, and every image is billed. So [`Bria::submit`]
//! sends exactly one request, and its error says whether that request may have been accepted: after
//! [`SubmitError::Ambiguous`] the same job must not be submitted again. Polls carry no such risk,
//! but count towards the same limit per minute.
//!
//! Wire facts: <https://docs.bria.ai/image-generation>, <https://docs.bria.ai/status/endpoints>.

mod answer;
mod status;
#[cfg(test)]
mod tests;
pub mod webhook;

use std::time::Duration;

use connect::SecretDoubt;
use domain::{camera::AspectRatio, generation::Quality};
use reqwest::header::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::{
    http::{Answer, BaseUrl, CallError, Http, InvalidConfig, call, secret_header},
    secrets::Secret,
    structure::StructureError,
};
use answer::{Report, State, is_moderation, message};
pub use status::{ProviderStatus, RequestId};

const SUBMIT_TIMEOUT: Duration = Duration::from_secs(20);
const STATUS_TIMEOUT: Duration = Duration::from_secs(8);
/// Timeout of a structured prompt, polls included; an API Gateway integration has 29 s.
const STRUCTURE_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause between polls for a structured prompt: long, because polls count towards the limit.
const STRUCTURE_POLL_PAUSE: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Bria's own header, instead of `Authorization`.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("api_token");

/// A client of Bria's API.
#[derive(Debug, Clone)]
pub struct Bria {
    http: Http,
    base: BaseUrl,
    token: HeaderValue,
    doubt: SecretDoubt,
}

/// A generation to submit. Bria requires a prompt, a structured prompt, or both (a refinement).
#[derive(Debug, Clone, PartialEq)]
pub struct SubmitRequest {
    /// Free text.
    pub prompt: Option<String>,
    /// A structured prompt, as the JSON text Bria returned it in.
    pub structured_prompt: Option<String>,
    /// What to exclude from the picture. The lite model does not support it, so it is not sent
    /// there.
    pub negative_prompt: Option<String>,
    /// Set it to get the same picture again; Bria picks one otherwise.
    pub seed: Option<u32>,
    /// Aspect ratio of the picture.
    pub aspect_ratio: AspectRatio,
    /// The model, unless a tailored one is named.
    pub quality: Quality,
    /// Bria's id of a tailored model.
    pub model_id: Option<String>,
    /// The webhook for the result; `https`.
    pub webhook_url: Option<String>,
}

/// Why a generation was not, or may not have been, submitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The limit per minute is reached (429). Nothing was accepted; it does not count as an
    /// attempt.
    #[error("the image provider is busy")]
    Busy {
        /// Seconds until a retry, as the provider asks.
        retry_after_s: Option<u32>,
    },
    /// Moderation refuses the prompt (a 422 that says so). A retry gets the same result.
    #[error("the image provider blocked the prompt: {message}")]
    Blocked {
        /// The provider's message, for people.
        message: String,
    },
    /// The provider cannot read the request (400, or a 422 that is not about moderation). Nothing
    /// was accepted. It is our error, never the member's.
    #[error("the image provider cannot read the request ({status}): {message}")]
    Invalid {
        /// The HTTP status.
        status: u16,
        /// The provider's message, for the log.
        message: String,
    },
    /// Any other refusal (4xx). Nothing was accepted, and a retry gets the same result.
    #[error("the image provider rejected the request with {status}: {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The provider's message, for the log.
        message: String,
    },
    /// No connection was made, so nothing was sent. It may be retried.
    #[error("the image provider is unreachable: {detail}")]
    Refused {
        /// The cause.
        detail: String,
    },
    /// The provider may have accepted the job. It must never be submitted again.
    #[error("the image provider may have accepted the request: {detail}")]
    Ambiguous {
        /// The cause.
        detail: String,
    },
}

/// Why the provider returned no status. A later poll is always safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The limit per minute is reached.
    #[error("the image provider is busy")]
    Busy {
        /// Seconds until a retry, as the provider asks.
        retry_after_s: Option<u32>,
    },
    /// No usable response.
    #[error("the image provider returned no status: {detail}")]
    Unavailable {
        /// The cause.
        detail: String,
    },
}

impl Bria {
    /// A client of the API at `base_url` (`https://engine.prod.bria-api.com/v2`) with its token.
    ///
    /// # Errors
    /// When the base is not an HTTP URL, or the token is no valid header value.
    pub fn new(http: Http, base_url: &str, token: &Secret) -> Result<Bria, InvalidConfig> {
        let (base, token) = (BaseUrl::parse(base_url)?, secret_header(token)?);
        Ok(Bria { http, base, token, doubt: SecretDoubt::default() })
    }

    /// The same, saying there that Bria refused the token.
    pub(crate) fn doubting(self, doubt: &SecretDoubt) -> Bria {
        Bria { doubt: doubt.clone(), ..self }
    }

    /// Submits one generation with one request, in at most 20 seconds.
    ///
    /// # Errors
    /// See [`SubmitError`]: only `Busy` and `Refused` may be retried.
    pub async fn submit(&self, request: &SubmitRequest) -> Result<RequestId, SubmitError> {
        let path = match (&request.model_id, request.quality) {
            (Some(_), _) => "/image/generate/tailored",
            (None, Quality::Lite) => "/image/generate/lite",
            (None, Quality::Standard) => "/image/generate",
        };
        let answer = self.post(path, &GenerateBody::from(request), SUBMIT_TIMEOUT).await?;
        accepted_id(&answer)
    }

    /// Polls the status of a request, in at most 8 seconds.
    ///
    /// # Errors
    /// See [`PollError`].
    pub async fn status(&self, id: &RequestId) -> Result<ProviderStatus, PollError> {
        let report = self.report(id).await?;
        Ok(report.map_or(ProviderStatus::Expired, |report| report.image_status()))
    }

    /// Turns a prompt into a structured prompt, in at most 20 seconds.
    ///
    /// Returns Bria's JSON text byte for byte: sent back unchanged, it recreates the same picture.
    ///
    /// # Errors
    /// See [`StructureError`]. Nothing was stored, so the same prompt may be sent again.
    pub async fn structure_prompt(&self, prompt: &str) -> Result<String, StructureError> {
        match tokio::time::timeout(STRUCTURE_TIMEOUT, self.structure(prompt)).await {
            Ok(result) => result,
            Err(_) => Err(StructureError::unavailable("structured prompt timed out")),
        }
    }

    async fn structure(&self, prompt: &str) -> Result<String, StructureError> {
        let body = StructureBody { prompt, sync: true };
        let answer = self
            .post("/structured_prompt/generate", &body, STRUCTURE_TIMEOUT)
            .await
            .map_err(StructureError::unavailable)?;
        if let Some(refused) = clean_refusal(&answer) {
            return Err(refused.into());
        }
        let mut report = Report::parse(&answer.body)
            .ok_or_else(|| StructureError::unavailable(unreadable(&answer)))?;
        let id = report.request_id();
        loop {
            match report.state() {
                State::Completed => return report.into_structured_prompt(),
                State::Failed => return Err(report.into_structure_refused()),
                State::InProgress | State::Unknown => (),
            }
            let id = id.as_ref().ok_or_else(|| StructureError::unavailable("no request id"))?;
            tokio::time::sleep(STRUCTURE_POLL_PAUSE).await;
            report = self
                .report(id)
                .await?
                .ok_or_else(|| StructureError::unavailable("the request expired"))?;
        }
    }

    /// The report on a request, or `None` when it does not exist (any more).
    ///
    /// The URL is built from the id: a URL from a response would receive the token.
    async fn report(&self, id: &RequestId) -> Result<Option<Report>, PollError> {
        let url = self.base.at(&format!("/status/{id}")).map_err(PollError::unavailable)?;
        let request = self.http.get(url).header(TOKEN_HEADER, self.token.clone());
        let answer = call(request, STATUS_TIMEOUT, ANSWER_BYTES_MAX)
            .await
            .map_err(PollError::unavailable)?;
        self.doubt.of_status(answer.status.as_u16());
        match answer.status.as_u16() {
            200..=299 => Report::parse(&answer.body)
                .map(Some)
                .ok_or_else(|| PollError::unavailable(unreadable(&answer))),
            404 => Ok(None),
            429 => Err(PollError::Busy { retry_after_s: answer.retry_after_s }),
            _ => Err(PollError::unavailable(unreadable(&answer))),
        }
    }

    async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let url = self.base.at(path)?;
        let request = self.http.post(url).header(TOKEN_HEADER, self.token.clone()).json(body);
        let answer = call(request, timeout, ANSWER_BYTES_MAX).await?;
        self.doubt.of_status(answer.status.as_u16());
        Ok(answer)
    }
}

impl PollError {
    fn unavailable(detail: impl ToString) -> PollError {
        PollError::Unavailable { detail: detail.to_string() }
    }
}

impl From<PollError> for StructureError {
    fn from(error: PollError) -> StructureError {
        match error {
            PollError::Busy { retry_after_s } => StructureError::Busy { retry_after_s },
            PollError::Unavailable { detail } => StructureError::Unavailable { detail },
        }
    }
}

/// The only place that decides whether an unanswered submit may have been accepted.
impl From<CallError> for SubmitError {
    fn from(error: CallError) -> SubmitError {
        match error {
            CallError::NotSent(detail) => SubmitError::Refused { detail },
            CallError::Broken(_) | CallError::TooLarge(_) => ambiguous(error),
        }
    }
}

impl From<CleanRefusal> for SubmitError {
    fn from(refusal: CleanRefusal) -> SubmitError {
        match refusal {
            CleanRefusal::Busy { retry_after_s } => SubmitError::Busy { retry_after_s },
            CleanRefusal::Blocked { message } => SubmitError::Blocked { message },
            CleanRefusal::Invalid { status, message } => SubmitError::Invalid { status, message },
            CleanRefusal::Rejected { status, message } => SubmitError::Rejected { status, message },
        }
    }
}

impl From<CleanRefusal> for StructureError {
    fn from(refusal: CleanRefusal) -> StructureError {
        match refusal {
            CleanRefusal::Busy { retry_after_s } => StructureError::Busy { retry_after_s },
            CleanRefusal::Blocked { message } => StructureError::Blocked { message },
            CleanRefusal::Invalid { status, message } => {
                StructureError::not_understood(format!("{status}: {message}"))
            }
            CleanRefusal::Rejected { status, message } => {
                StructureError::unavailable(format!("rejected with {status}: {message}"))
            }
        }
    }
}

/// A response that proves that nothing was accepted.
enum CleanRefusal {
    Busy { retry_after_s: Option<u32> },
    Blocked { message: String },
    Invalid { status: u16, message: String },
    Rejected { status: u16, message: String },
}

/// 408 is excluded: a proxy between us and Bria may have sent it after Bria began.
fn clean_refusal(answer: &Answer) -> Option<CleanRefusal> {
    match answer.status.as_u16() {
        408 => None,
        429 => Some(CleanRefusal::Busy { retry_after_s: answer.retry_after_s }),
        422 if is_moderation(&answer.body) => {
            Some(CleanRefusal::Blocked { message: message(&answer.body) })
        }
        status @ (400 | 422) => {
            Some(CleanRefusal::Invalid { status, message: message(&answer.body) })
        }
        status @ 400..=499 => {
            Some(CleanRefusal::Rejected { status, message: message(&answer.body) })
        }
        _ => None,
    }
}

fn accepted_id(answer: &Answer) -> Result<RequestId, SubmitError> {
    if let Some(refusal) = clean_refusal(answer) {
        return Err(refusal.into());
    }
    Report::parse(&answer.body)
        .filter(|_| answer.status.is_success())
        .and_then(|report| report.request_id())
        .ok_or_else(|| ambiguous(unreadable(answer)))
}

fn ambiguous(detail: impl ToString) -> SubmitError {
    SubmitError::Ambiguous { detail: detail.to_string() }
}

fn unreadable(answer: &Answer) -> String {
    format!("unusable response, status {}: {}", answer.status.as_u16(), message(&answer.body))
}

/// `num_results`, `guidance_scale` and `steps_num` are left out: the current API refuses them or
/// has the right default.
#[serde_with::skip_serializing_none]
#[derive(Serialize)]
struct GenerateBody<'a> {
    prompt: Option<&'a str>,
    /// A string that holds JSON, not an object.
    structured_prompt: Option<&'a str>,
    negative_prompt: Option<&'a str>,
    seed: Option<u32>,
    aspect_ratio: AspectRatio,
    /// The documented name (<https://docs.bria.ai/tailored-generation>), not yet tested with a
    /// tailored model of ours; Bria's skill for agents says `model_id`. This is the only place that
    /// names it.
    #[serde(rename = "tailored_model_id")]
    model_id: Option<&'a str>,
    webhook_url: Option<&'a str>,
    sync: bool,
}

impl<'a> From<&'a SubmitRequest> for GenerateBody<'a> {
    fn from(request: &'a SubmitRequest) -> GenerateBody<'a> {
        GenerateBody {
            prompt: request.prompt.as_deref(),
            structured_prompt: request.structured_prompt.as_deref(),
            negative_prompt: match request.quality {
                Quality::Lite => None,
                Quality::Standard => request.negative_prompt.as_deref(),
            },
            seed: request.seed,
            aspect_ratio: request.aspect_ratio,
            model_id: request.model_id.as_deref(),
            webhook_url: request.webhook_url.as_deref(),
            sync: false,
        }
    }
}

#[derive(Serialize)]
struct StructureBody<'a> {
    prompt: &'a str,
    sync: bool,
}
