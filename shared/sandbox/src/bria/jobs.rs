//! The provider's jobs. A job's outcome is decided when the job is accepted and revealed by time,
//! so a job never changes and needs no worker.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::fibo::StructuredPrompt;
use serde::Serialize;
use serde_json::json;

use super::request::{Asked, Canvas};
use crate::{
    faults::{OutcomeFault, PictureFault},
    route::RESULTS_PATH,
};

/// Most jobs stored; older ones expire.
const JOBS_MAX: usize = 4_096;
/// Most bytes of a submission stored for markers.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// An accepted job.
#[derive(Debug)]
pub(super) struct Job {
    /// 32 hex digits, not guessable.
    pub(super) id: String,
    /// The body that submitted it.
    pub(super) text: String,
    /// What to draw; `None` for a structured prompt alone.
    pub(super) canvas: Option<Canvas>,
    pub(super) prompt: String,
    pub(super) seed: i64,
    pub(super) webhook_url: Option<String>,
    /// When it ends; `None` if it never does.
    pub(super) ends_at: Option<Instant>,
    pub(super) picture_fault: Option<PictureFault>,
    structured_prompt: String,
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Completed,
    Error(u16),
    Failed,
    Unknown,
    Expired,
}

/// A job as the provider reports it: the body of a status answer and of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    request_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<ResultBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

/// The result of a completed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ResultBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    structured_prompt: String,
    seed: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ErrorBody {
    code: u16,
    message: &'static str,
    details: String,
}

impl Job {
    /// A job accepted at `now`; it takes `usual` unless a fault changes the duration.
    pub(super) fn new(
        asked: Asked,
        body: &[u8],
        now: Instant,
        usual: Duration,
        outcome: Option<&OutcomeFault>,
        picture_fault: Option<PictureFault>,
    ) -> Job {
        let takes = match outcome {
            Some(OutcomeFault::Stuck) => None,
            Some(OutcomeFault::Slow { completes_after_ms }) => {
                Some(Duration::from_millis(*completes_after_ms))
            }
            Some(
                OutcomeFault::Error { .. }
                | OutcomeFault::Failed
                | OutcomeFault::Unknown
                | OutcomeFault::Expired,
            )
            | None => Some(usual),
        };
        let text = body.get(..TEXT_BYTES_MAX).unwrap_or(body);
        Job {
            id: format!("{:032x}", rand::random::<u128>()),
            text: String::from_utf8_lossy(text).into_owned(),
            structured_prompt: structured(&asked),
            seed: asked.seed.unwrap_or_else(|| i64::from(rand::random::<u32>() >> 1)),
            prompt: asked.prompt.or(asked.structured_prompt).unwrap_or_default(),
            canvas: asked.canvas,
            webhook_url: asked.webhook_url,
            ends_at: takes.map(|takes| now + takes),
            ending: Ending::of(outcome),
            picture_fault,
        }
    }

    /// Its report at `now`, with results at `origin`; `None` once it has expired.
    pub(super) fn report(&self, origin: &str, now: Instant) -> Option<Report> {
        if self.ends_at.is_none_or(|ends_at| now < ends_at) {
            return Some(Report::plain(&self.id, "IN_PROGRESS"));
        }
        match self.ending {
            Ending::Completed => Some(Report {
                result: Some(self.result(origin)),
                ..Report::plain(&self.id, "COMPLETED")
            }),
            Ending::Error(code) => Some(Report::failed(&self.id, "ERROR", code)),
            Ending::Failed => Some(Report::failed(&self.id, "FAILED", 500)),
            Ending::Unknown => Some(Report::plain(&self.id, "UNKNOWN")),
            Ending::Expired => None,
        }
    }

    /// What to draw, once finished.
    pub(super) fn drawable(&self, now: Instant) -> Option<Canvas> {
        let finished = self.ends_at.is_some_and(|ends_at| ends_at <= now);
        self.canvas.filter(|_| finished && self.ending == Ending::Completed)
    }

    fn result(&self, origin: &str) -> ResultBody {
        let address = |canvas: Canvas| {
            format!("{origin}{RESULTS_PATH}/{}.{}", self.id, canvas.format.extension())
        };
        ResultBody {
            image_url: self.canvas.map(address),
            structured_prompt: self.structured_prompt.clone(),
            seed: self.seed,
        }
    }
}

impl Ending {
    fn of(outcome: Option<&OutcomeFault>) -> Ending {
        match outcome {
            None | Some(OutcomeFault::Stuck | OutcomeFault::Slow { .. }) => Ending::Completed,
            Some(OutcomeFault::Error { code }) => Ending::Error(code.unwrap_or(500)),
            Some(OutcomeFault::Failed) => Ending::Failed,
            Some(OutcomeFault::Unknown) => Ending::Unknown,
            Some(OutcomeFault::Expired) => Ending::Expired,
        }
    }
}

impl Report {
    /// Report of a failed job.
    pub(super) fn failed(id: &str, status: &'static str, code: u16) -> Report {
        let message = match code {
            422 => "Content moderation failed",
            400..=499 => "Invalid request",
            _ => "Generation failed",
        };
        let error = Some(ErrorBody { code, message, details: String::new() });
        Report { error, ..Report::plain(id, status) }
    }

    fn plain(id: &str, status: &'static str) -> Report {
        Report { request_id: id.to_owned(), status, result: None, error: None }
    }
}

/// The stored jobs, oldest first.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    by_id: HashMap<String, Arc<Job>>,
    order: VecDeque<String>,
}

impl Jobs {
    /// Stores a job and evicts the oldest one above the limit.
    pub(super) fn insert(&mut self, job: Arc<Job>) {
        if JOBS_MAX <= self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.order.push_back(job.id.clone());
        self.by_id.insert(job.id.clone(), job);
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Job>> {
        self.by_id.get(id).cloned()
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Job>> {
        self.order.iter().filter_map(|id| self.get(id)).collect()
    }
}

/// The structured prompt of a job: the given one byte for byte, a template filled from the prompt,
/// or the given one refined by the prompt. The provider adds its scores to those that it writes.
fn structured(asked: &Asked) -> String {
    let given = asked.structured_prompt.as_deref();
    let mut prompt = match (given, &asked.prompt) {
        (Some(given), None) => return given.to_owned(),
        (None, prompt) => {
            let prompt = prompt.as_deref().unwrap_or("the subject of the reference image");
            StructuredPrompt::from_prompt(prompt, None, None)
        }
        (Some(given), Some(refinement)) => match serde_json::from_str::<StructuredPrompt>(given) {
            Ok(mut prompt) => {
                prompt.short_description = format!("{} {refinement}", prompt.short_description);
                prompt
            }
            Err(_) => StructuredPrompt::from_prompt(refinement, None, None),
        },
    };
    for score in ["preference_score", "aesthetic_score"] {
        prompt.aesthetics.extra.insert(score.to_owned(), json!("very high"));
    }
    prompt.canonical_json()
}
