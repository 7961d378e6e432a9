//! Bria's FIBO API, version 2: submit a generation, ask how it is doing, structure a prompt.
//!
//! Bria knows no idempotency key and no cancelling, and every image is paid for. So
//! [`Bria::submit`] sends exactly one request, and its error says whether that request may have been
//! accepted: after [`SubmitError::Ambiguous`] nobody may submit the same job again. Polls are free
//! of that danger, but they count towards the same limit per minute.
//!
//! Wire facts: <https://docs.bria.ai/image-generation>, <https://docs.bria.ai/status/endpoints>.

mod answer;
#[cfg(test)]
mod tests;
pub mod webhook;

use std::{fmt, time::Duration};

use domain::{camera::AspectRatio, generation::Quality};
use reqwest::header::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::{
    http::{Answer, BaseUrl, CallError, Http, InvalidConfig, call, secret_header},
    secrets::Secret,
    structure::StructureError,
};
use answer::{Report, State, is_moderation, message};

const SUBMIT_TIMEOUT: Duration = Duration::from_secs(20);
const STATUS_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest time for a structured prompt, polls included; an API Gateway integration has 29 s.
const STRUCTURE_TIMEOUT: Duration = Duration::from_secs(20);
/// Between polls for a structured prompt. They count towards the limit, so they are few.
const STRUCTURE_POLL_PAUSE: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Not `Authorization`: Bria has a header of its own.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("api_token");

/// A client of Bria's API.
#[derive(Debug, Clone)]
pub struct Bria {
    http: Http,
    base: BaseUrl,
    token: HeaderValue,
}

/// What is to be generated. Bria wants a prompt, a structured prompt, or both (a refinement).
#[derive(Debug, Clone, PartialEq)]
pub struct SubmitRequest {
    /// Free text.
    pub prompt: Option<String>,
    /// A structured prompt, as the JSON text it was handed out in.
    pub structured_prompt: Option<String>,
    /// What must not be in the picture. The lite model does not know it, so it is not sent there.
    pub negative_prompt: Option<String>,
    /// For the same picture again; Bria draws one if there is none.
    pub seed: Option<u32>,
    /// Shape of the picture.
    pub aspect_ratio: AspectRatio,
    /// Which model draws it, unless a tailored one does.
    pub quality: Quality,
    /// The tailored model that draws it: Bria's name for it.
    pub model_id: Option<String>,
    /// Where Bria announces the result; `https`.
    pub webhook_url: Option<String>,
}

/// Bria's name of a request: 1 to 128 of `A-Z a-z 0-9 - _ .`, so that it can stand in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

/// Why a generation was not submitted, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The limit per minute is reached (429). Nothing was accepted; it burns no attempt.
    #[error("the image provider is busy")]
    Busy {
        /// Seconds the provider asked for.
        retry_after_s: Option<u32>,
    },
    /// Moderation does not accept the prompt (a 422 that says so). The same prompt never will be.
    #[error("the image provider blocked the prompt: {message}")]
    Blocked {
        /// What the provider said, for people.
        message: String,
    },
    /// The provider does not understand the request (400, or a 422 that is not about moderation).
    /// Nothing was accepted. That is our fault, and never the member's.
    #[error("the image provider did not understand the request ({status}): {message}")]
    Invalid {
        /// The HTTP status.
        status: u16,
        /// What the provider said, for the log.
        message: String,
    },
    /// Any other clean refusal (4xx). Nothing was accepted, and the same request never will be.
    #[error("the image provider rejected the request with {status}: {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the provider said, for the log.
        message: String,
    },
    /// The request never left: no connection was made. It may be sent again.
    #[error("the image provider was not reached: {detail}")]
    Refused {
        /// What happened.
        detail: String,
    },
    /// The provider may have accepted the job. It must never be submitted again.
    #[error("the image provider may have accepted the request: {detail}")]
    Ambiguous {
        /// What happened.
        detail: String,
    },
}

/// How a request is doing, as the provider says.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderStatus {
    /// Not yet done.
    InProgress,
    /// Done.
    Completed {
        /// Where the picture is, for a while. Hostile until fetched by [`crate::ImageFetcher`].
        image_url: String,
        /// The seed it was drawn with.
        seed: Option<u32>,
        /// The structured prompt it was drawn from: Bria's own JSON text, byte for byte.
        structured_prompt: Option<String>,
    },
    /// Moderation stopped the picture while or after it was drawn.
    Blocked {
        /// What the provider said, for people.
        message: String,
    },
    /// It failed because the provider did not understand the request: our fault.
    Invalid {
        /// What the provider said, for the log.
        message: String,
    },
    /// It failed for good. Bria's API says `ERROR`, some of its own clients expect `FAILED`.
    Failed {
        /// What the provider said, for the log.
        message: String,
    },
    /// The provider has lost track. It may recover: ask again, but not for ever.
    Unknown,
    /// No such request, or no longer (404).
    Expired,
}

/// Why the provider did not say how a request is doing. Asking again later is always right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The limit per minute is reached.
    #[error("the image provider is busy")]
    Busy {
        /// Seconds the provider asked for.
        retry_after_s: Option<u32>,
    },
    /// No usable answer.
    #[error("the image provider did not say: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
}

impl Bria {
    /// A client of the API at `base_url` (`https://engine.prod.bria-api.com/v2`) with its token.
    ///
    /// # Errors
    /// When the base is not an HTTP URL, or the token cannot stand in a header.
    pub fn new(http: Http, base_url: &str, token: &Secret) -> Result<Bria, InvalidConfig> {
        Ok(Bria { http, base: BaseUrl::parse(base_url)?, token: secret_header(token)? })
    }

    /// Submits one generation with one request, in at most 20 seconds.
    ///
    /// # Errors
    /// See [`SubmitError`]: only `Busy` and `Refused` may be followed by another submit.
    pub async fn submit(&self, request: &SubmitRequest) -> Result<RequestId, SubmitError> {
        let path = match (&request.model_id, request.quality) {
            (Some(_), _) => "/image/generate/tailored",
            (None, Quality::Lite) => "/image/generate/lite",
            (None, Quality::Standard) => "/image/generate",
        };
        let answer = self.post(path, &GenerateBody::from(request), SUBMIT_TIMEOUT).await?;
        accepted_id(&answer)
    }

    /// Asks how a request is doing, in at most 8 seconds.
    ///
    /// # Errors
    /// See [`PollError`].
    pub async fn status(&self, id: &RequestId) -> Result<ProviderStatus, PollError> {
        let report = self.report(id).await?;
        Ok(report.map_or(ProviderStatus::Expired, |report| report.image_status()))
    }

    /// Turns a prompt into a structured prompt, in at most 20 seconds.
    ///
    /// Returns Bria's JSON text byte for byte: given back unchanged it recreates the same picture.
    ///
    /// # Errors
    /// See [`StructureError`]. Nothing was kept, so the same prompt may be sent again.
    pub async fn structure_prompt(&self, prompt: &str) -> Result<String, StructureError> {
        match tokio::time::timeout(STRUCTURE_TIMEOUT, self.structure(prompt)).await {
            Ok(result) => result,
            Err(_) => Err(StructureError::unavailable("no structured prompt in time")),
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

    /// The report on a request, or `None` when there is none (any more).
    ///
    /// The URL is made from the id: a URL from an answer would be told the token.
    async fn report(&self, id: &RequestId) -> Result<Option<Report>, PollError> {
        let url = self.base.at(&format!("/status/{id}")).map_err(PollError::unavailable)?;
        let request = self.http.get(url).header(TOKEN_HEADER, self.token.clone());
        let answer = call(request, STATUS_TIMEOUT, ANSWER_BYTES_MAX)
            .await
            .map_err(PollError::unavailable)?;
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
        call(request, timeout, ANSWER_BYTES_MAX).await
    }
}

impl RequestId {
    /// Reads an id as the provider spells it; `None` when it could not stand in a URL.
    pub fn parse(text: &str) -> Option<RequestId> {
        let fits = (1..=128).contains(&text.len()) && !matches!(text, "." | "..");
        let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (fits && safe).then(|| RequestId(text.to_owned()))
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

/// The one place that decides whether an unanswered submit may have been accepted.
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

/// An answer that says for certain that nothing was accepted.
enum CleanRefusal {
    Busy { retry_after_s: Option<u32> },
    Blocked { message: String },
    Invalid { status: u16, message: String },
    Rejected { status: u16, message: String },
}

/// A 408 is not among them: what stood between us and Bria may have said it after Bria began.
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
    format!("unusable answer, status {}: {}", answer.status.as_u16(), message(&answer.body))
}

/// `num_results`, `guidance_scale` and `steps_num` are left out: the present API refuses them or
/// has the right default.
#[derive(Serialize)]
struct GenerateBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    /// A string that holds JSON, not an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    negative_prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    aspect_ratio: AspectRatio,
    /// The name as documented (<https://docs.bria.ai/tailored-generation>), which has not been
    /// proven with a tailored model of ours; Bria's skill for agents says `model_id`. This is the
    /// only place that names it.
    #[serde(rename = "tailored_model_id", skip_serializing_if = "Option::is_none")]
    model_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
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
