//! The image provider: the part of Bria's API v2 that turns prompts into pictures.
//!
//! Written against Bria's public documentation (docs.bria.ai: image generation, status, webhooks,
//! async requests, rate limits) and as strict: unknown fields, illegal combinations and fields of
//! another endpoint are refused with 400. A finished picture has its own URL on another host
//! (`localhost`, where the API is `127.0.0.1`), which is not part of the API: a request there with
//! the API token is a credential leak and is refused.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

mod answers;
mod jobs;
mod pictures;
mod request;
mod results;
mod webhook;

pub(crate) use answers::router;
pub use webhook::{DELIVERY_ATTEMPTS_MAX, sign};

use crate::{app_state::locked, route::Route};
use jobs::{Job, Jobs};
use pictures::ImageQueue;

/// The default API token.
pub const API_TOKEN: &str = "sandbox-bria-token";
/// Default calls per minute and endpoint: the provider's pay-as-you-go plan.
pub const CALLS_PER_MINUTE: u32 = 60;
/// Longest job duration that can be set, in milliseconds.
pub const COMPLETES_AFTER_MS_MAX: u64 = 600_000;

/// Window of the rate limit.
const MINUTE: Duration = Duration::from_secs(60);

/// Settings of the image provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Value of the `api_token` header; the key that signs webhooks is derived from it.
    pub api_token: String,
    /// Job duration.
    pub completes_after_ms: u64,
    /// Calls accepted per minute on each endpoint, polls included.
    pub calls_per_minute: u32,
    /// Pauses between webhook delivery attempts, in milliseconds; the last one repeats.
    pub webhook_pauses_ms: Vec<u64>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            api_token: API_TOKEN.to_owned(),
            completes_after_ms: 1_000,
            calls_per_minute: CALLS_PER_MINUTE,
            webhook_pauses_ms: vec![200, 500, 1_000, 2_000],
        }
    }
}

/// New values for some of the settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    api_token: Option<String>,
    completes_after_ms: Option<u64>,
    calls_per_minute: Option<u32>,
    webhook_pauses_ms: Option<Vec<u64>>,
}

/// A setting outside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The token is empty or not valid in a header.
    #[error("`api_token` must be 1 to 200 visible ASCII characters")]
    ApiToken,
    /// The job duration is too long.
    #[error("`completes_after_ms` is at most {COMPLETES_AFTER_MS_MAX}")]
    CompletesAfter,
    /// The rate limit is zero or too high.
    #[error("`calls_per_minute` must be 1 to 100000")]
    CallsPerMinute,
    /// There are no pauses, too many, or too long ones.
    #[error("`webhook_pauses_ms` must be 1 to 4 pauses of at most 60000")]
    WebhookPauses,
}

/// A refused request, in the provider's wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    status: StatusCode,
    message: &'static str,
    details: String,
    retry_after_s: Option<u32>,
}

impl Refused {
    pub(crate) fn too_many(retry_after_s: Option<u32>) -> Refused {
        let details = "calls per minute on this endpoint".to_owned();
        let status = StatusCode::TOO_MANY_REQUESTS;
        Refused { status, message: "Rate limit exceeded", details, retry_after_s }
    }

    pub(crate) fn blocked() -> Refused {
        let details = "prompt content moderation".to_owned();
        Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "Content moderation failed", details)
    }

    /// The provider's framework answers this to a body that it cannot parse.
    pub(crate) fn not_understood() -> Refused {
        let details = "body.seed: Input should be a valid integer".to_owned();
        Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "Unprocessable Entity", details)
    }

    pub(crate) fn server_error() -> Refused {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", String::new())
    }

    fn invalid(details: impl Into<String>) -> Refused {
        Refused::new(StatusCode::BAD_REQUEST, "Invalid request", details.into())
    }

    fn not_found(details: &str) -> Refused {
        Refused::new(StatusCode::NOT_FOUND, "Not found", details.to_owned())
    }

    fn new(status: StatusCode, message: &'static str, details: String) -> Refused {
        Refused { status, message, details, retry_after_s: None }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": {
            "code": self.status.as_u16(),
            "message": self.message,
            "details": self.details,
        }});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The webhook that reports the end of a job, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where the submission asked for it.
    pub url: String,
    /// The job.
    pub request_id: String,
    /// The exact body.
    pub body: String,
}

/// State of the image provider.
#[derive(Debug)]
pub(crate) struct Bria {
    settings: Mutex<Settings>,
    calls: Mutex<HashMap<Route, VecDeque<Instant>>>,
    jobs: Mutex<Jobs>,
    queue: ImageQueue,
}

impl Bria {
    pub(crate) fn new(settings: Settings) -> Bria {
        Bria {
            settings: Mutex::new(settings),
            calls: Mutex::default(),
            jobs: Mutex::default(),
            queue: ImageQueue::default(),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        locked(&self.settings).clone()
    }

    /// Changes settings, all or none.
    pub(crate) fn change_settings(&self, change: SettingsChange) -> Result<Settings, SettingError> {
        let mut settings = locked(&self.settings);
        let next = change.applied_to(&settings)?;
        settings.clone_from(&next);
        Ok(next)
    }

    /// The body that submitted the job named by a path.
    pub(crate) fn submitted_text(&self, path: &str) -> Option<String> {
        let id = path.rsplit('/').next()?;
        let id = id.split('.').next()?;
        self.job(id).map(|job| job.text.clone())
    }

    /// The webhooks of the jobs that have ended, oldest job first; results are at `origin`.
    pub(crate) fn webhooks(&self, origin: &str) -> Vec<Webhook> {
        let (now, jobs) = (Instant::now(), locked(&self.jobs).all());
        let ended = jobs.iter().filter(|job| job.ends_at.is_some_and(|ends_at| ends_at <= now));
        let webhook = |job: &Arc<Job>| {
            let body = serde_json::to_string(&job.report(origin, now)?).ok()?;
            Some(Webhook { url: job.webhook_url.clone()?, request_id: job.id.clone(), body })
        };
        ended.filter_map(webhook).collect()
    }

    fn job(&self, id: &str) -> Option<Arc<Job>> {
        locked(&self.jobs).get(id)
    }

    /// Admits a call or refuses it: checks the token, then the calls of the last minute.
    fn admit(&self, route: Route, headers: &HeaderMap) -> Result<Settings, Refused> {
        let settings = self.settings();
        let token = headers.get("api_token").map(|value| value.as_bytes());
        if token != Some(settings.api_token.as_bytes()) {
            let details = "the api_token header is missing or wrong".to_owned();
            return Err(Refused::new(StatusCode::UNAUTHORIZED, "Unauthorized", details));
        }
        let mut calls = locked(&self.calls);
        let calls = calls.entry(route).or_default();
        let now = Instant::now();
        while calls.front().is_some_and(|first| MINUTE <= now.duration_since(*first)) {
            calls.pop_front();
        }
        let limit = usize::try_from(settings.calls_per_minute).unwrap_or(usize::MAX);
        match calls.front() {
            Some(first) if limit <= calls.len() => {
                let wait = MINUTE.saturating_sub(now.duration_since(*first));
                let wait_s = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
                Err(Refused::too_many(Some(wait_s)))
            }
            Some(_) | None => {
                calls.push_back(now);
                Ok(settings)
            }
        }
    }
}

impl SettingsChange {
    fn applied_to(self, now: &Settings) -> Result<Settings, SettingError> {
        let next = Settings {
            api_token: self.api_token.unwrap_or_else(|| now.api_token.clone()),
            completes_after_ms: self.completes_after_ms.unwrap_or(now.completes_after_ms),
            calls_per_minute: self.calls_per_minute.unwrap_or(now.calls_per_minute),
            webhook_pauses_ms: self
                .webhook_pauses_ms
                .unwrap_or_else(|| now.webhook_pauses_ms.clone()),
        };
        let token = &next.api_token;
        if !(1..=200).contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SettingError::ApiToken);
        }
        if COMPLETES_AFTER_MS_MAX < next.completes_after_ms {
            return Err(SettingError::CompletesAfter);
        }
        if !(1..=100_000).contains(&next.calls_per_minute) {
            return Err(SettingError::CallsPerMinute);
        }
        let pauses = &next.webhook_pauses_ms;
        if !(1..=4).contains(&pauses.len()) || pauses.iter().any(|pause| 60_000 < *pause) {
            return Err(SettingError::WebhookPauses);
        }
        Ok(next)
    }
}
