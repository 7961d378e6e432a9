//! The image provider: the part of Bria's API v2 that turns prompts into pictures.
//!
//! Written against Bria's public documentation (docs.bria.ai: image generation, status, webhooks,
//! async requests, rate limits) and as strict as that is: unknown fields, illegal combinations and
//! fields of another endpoint are refused with 400. A finished picture lies at its own address on
//! another host (`localhost`, where the API is `127.0.0.1`), which is not part of the API: a request
//! that carries the API token there is a leak, and refused.

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

/// The API token unless another is set.
pub const API_TOKEN: &str = "sandbox-bria-token";
/// Calls per minute and endpoint unless set otherwise: the provider's pay-as-you-go plan.
pub const CALLS_PER_MINUTE: u32 = 60;
/// Longest time a job may be set to take, in milliseconds.
pub const COMPLETES_AFTER_MS_MAX: u64 = 600_000;

/// The window of the rate limit.
const MINUTE: Duration = Duration::from_secs(60);

/// How the provider behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The value of the `api_token` header; webhooks are signed with a key derived from it.
    pub api_token: String,
    /// How long a job takes.
    pub completes_after_ms: u64,
    /// Calls accepted per minute on each endpoint, polls included.
    pub calls_per_minute: u32,
    /// The pauses between the attempts to deliver a webhook; what is missing is the last one again.
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

/// A setting out of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// An empty token, or one that cannot stand in a header.
    #[error("`api_token` must be 1 to 200 visible ASCII characters")]
    ApiToken,
    /// A job that takes too long.
    #[error("`completes_after_ms` is at most {COMPLETES_AFTER_MS_MAX}")]
    CompletesAfter,
    /// A rate limit that lets nothing or everything through.
    #[error("`calls_per_minute` must be 1 to 100000")]
    CallsPerMinute,
    /// No pauses, too many, or too long ones.
    #[error("`webhook_pauses_ms` must be 1 to 4 pauses of at most 60000")]
    WebhookPauses,
}

/// A request that is not accepted, as the provider words it.
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

    /// What its framework answers to a body it cannot read, in its place.
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

/// The provider's memory.
#[derive(Debug)]
pub(crate) struct Bria {
    settings: Mutex<Settings>,
    calls: Mutex<HashMap<Route, VecDeque<Instant>>>,
    jobs: Mutex<Jobs>,
    easel: ImageQueue,
}

impl Bria {
    pub(crate) fn new(settings: Settings) -> Bria {
        Bria {
            settings: Mutex::new(settings),
            calls: Mutex::default(),
            jobs: Mutex::default(),
            easel: ImageQueue::default(),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        locked(&self.settings).clone()
    }

    /// Changes some settings, all or none.
    pub(crate) fn change_settings(&self, change: SettingsChange) -> Result<Settings, SettingError> {
        let mut settings = locked(&self.settings);
        let next = change.applied_to(&settings)?;
        settings.clone_from(&next);
        Ok(next)
    }

    /// The body that submitted the job a path speaks of.
    pub(crate) fn submitted_text(&self, path: &str) -> Option<String> {
        let id = path.rsplit('/').next()?;
        let id = id.split('.').next()?;
        self.job(id).map(|job| job.text.clone())
    }

    fn job(&self, id: &str) -> Option<Arc<Job>> {
        locked(&self.jobs).get(id)
    }

    /// Lets a call in, or says why not: the token, then the calls of the last minute.
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
